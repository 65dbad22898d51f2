"""Static path analysis of a mapped netlist: the worst path between registers, its levels and its estimated delay.

The netlist is Yosys's JSON. All modules are taken together, so paths across layers' borders are found; a path belongs
to the layer that it ends in. Ports of the top stand for registers outside. Nothing is placed: a net's delay follows
from the number of its pins (`timing_delays`), so the clock is an estimate.

A level is a look-up table or a whole carry chain; the multiplexers beside the tables (MUXF7) and a DSP slice that a
path goes through are none. A module may have `hw.resources.clock.logic_levels` of them beside one carry chain.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ...errors import UserError
from .timing_cells import ALONG, BESIDE, BLOCK, ENTER, FAR, LEAVE, LUT, WIRED, End
from .timing_delays import DELAYS, Delays
from .timing_parts import PORT, Cell, Find, Graph, read_parts

_NEVER = float("-inf")


@dataclass(frozen=True)
class TimedPath:
    """A path between two registers.

    Attributes:
        delay: clock to output, cells, nets, set-up and the clock's uncertainty, in nanoseconds.
        luts, chains: look-up tables and carry chains on it.
        carry_bits: bits that it goes along chains.
        fan_out: pins of its net with the most pins.
        start, end: register that it starts at, and pin of the register that it ends at.
        start_layer, end_layer: instances in the top that they stand in; "" is the top itself.
    """

    delay: float
    luts: int
    chains: int
    carry_bits: int
    fan_out: int
    start: str
    end: str
    start_layer: str
    end_layer: str

    @property
    def levels(self) -> int:
        """Logic levels, a carry chain counted as one."""
        return self.luts + self.chains


@dataclass(frozen=True)
class LayerTiming:
    """Of the paths that end in one layer.

    Attributes:
        worst: the slowest one.
        levels: the most levels that one has, a carry chain counted as one.
        beside_chain: the most levels beside one carry chain, and `deepest` says from where to where.
    """

    worst: TimedPath
    levels: int
    beside_chain: int
    deepest: str


@dataclass(frozen=True)
class Timing:
    """Of a whole netlist; `layers` by instance in the top, "" for what stands in the top itself."""

    family: str
    grade: str
    layers: dict[str, LayerTiming]

    @property
    def worst(self) -> TimedPath:
        """The slowest path of all."""
        return max((layer.worst for layer in self.layers.values()), key=lambda path: path.delay)

    @property
    def estimated_mhz(self) -> float:
        """Clock that the slowest path leaves."""
        return 1000.0 / self.worst.delay

    @property
    def levels(self) -> int:
        """Levels of the deepest path, a carry chain counted as one."""
        return max(layer.levels for layer in self.layers.values())

    @property
    def beside_chain(self) -> int:
        """Levels of the deepest path beside one carry chain."""
        return max(layer.beside_chain for layer in self.layers.values())

    def deeper_than(self, levels: int) -> list[str]:
        """Layers with a path of more levels beside one carry chain, as text that names the path."""
        return [
            f"{name}: {layer.beside_chain} levels, {layer.deepest}"
            for name, layer in self.layers.items()
            if layer.beside_chain > levels
        ]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self) | {"estimated_mhz": self.estimated_mhz, "levels": self.levels}


def worst_paths(netlist: Path | Mapping[str, Any], family: str, top: str | None = None) -> Timing:
    """Worst paths of one netlist.

    Args:
        netlist: what Yosys's write_json wrote after mapping, or its path.
        family: of `timing_delays.DELAYS`: xc7, xcu, xcup, ecp5 or gowin.
        top: top module; default the one that Yosys marked, else the only one.

    Raises:
        UserError: there is a loop without a register in it, or no path at all.
        UnknownCell: a cell without model.
    """
    content = json.loads(netlist.read_text(encoding="utf-8")) if isinstance(netlist, Path) else netlist
    modules = content["modules"]
    parts = read_parts(modules, DELAYS[family])
    marked = [name for name in parts if "top" in modules[name].get("attributes", {})]
    return analyse(lambda scope, name: (scope, parts[name]), top or (marked or list(parts))[0], family)


def analyse(find: Find, top: str, family: str) -> Timing:
    """Worst paths of the modules that ``find`` gives; see `worst_paths`."""
    delays = DELAYS[family]
    graph = Graph(find, top)
    found = _Arrivals(graph, delays).layers()
    if not found:
        raise UserError(f"{top}: no path between registers or ports")
    return Timing(family, delays.grade, found)


class _Arrivals:
    """For each net the latest arrival and the most levels up to it, and what it came from."""

    def __init__(self, graph: Graph, delays: Delays) -> None:
        self.graph, self.delays = graph, delays
        nets = len(graph.outgoing)
        self.at = [_NEVER] * nets
        #: Net and kind that the latest arrival came from; a net without one is a start.
        self.before: list[tuple[int, int] | None] = [None] * nets
        #: Most levels without a carry chain on the way, and with one; -1 for none. And the start that they have.
        self.plain, self.chained = [-1] * nets, [-1] * nets
        self.plain_from, self.chained_from = [-1] * nets, [-1] * nets
        self.cell: dict[int, tuple[Cell, int]] = {}
        for start, cell, layer in graph.starts:
            delay = start.delay or delays.clk_to_q
            if delay > self.at[start.net]:
                self.at[start.net] = delay
                self.cell[start.net] = (cell, layer)
            self.plain[start.net], self.plain_from[start.net] = 0, start.net
        self._walk()

    def _net_delay(self, net: int, near: int) -> float:
        """Delay of a net up to a pin. Out of a register or a DSP slice there is no way within the slice."""
        pins, before = self.graph.pins[net], self.before[net]
        if near == WIRED:
            return 0.0
        if near == BESIDE and pins <= 1 and net not in self.cell and before is not None and before[1] != BLOCK:
            return 0.0
        return self.delays.net_delay(pins)

    def _walk(self) -> None:
        outgoing = self.graph.outgoing
        waiting = [0] * len(outgoing)
        for arcs in outgoing:
            for arc in arcs:
                waiting[arc[0]] += 1
        ready = [net for net, number in enumerate(waiting) if not number]
        for net in ready:  # grows
            arcs = outgoing[net]
            if not arcs:
                continue
            self._relax(net, arcs)
            for arc in arcs:
                waiting[arc[0]] -= 1
                if not waiting[arc[0]]:
                    ready.append(arc[0])
        if len(ready) < len(outgoing):
            raise UserError(f"the netlist has a loop of {len(outgoing) - len(ready):,} nets without a register in it")

    def _relax(self, net: int, arcs: list[tuple[int, float, int, int]]) -> None:
        """Carry a net's arrival on to those behind it."""
        here = self.at[net]
        if here == _NEVER:
            return
        at, before, plain, chained = self.at, self.before, self.plain, self.chained
        routed, beside = here + self._net_delay(net, FAR), here + self._net_delay(net, BESIDE)
        free, used = plain[net], chained[net]
        for target, delay, kind, near in arcs:
            there = (routed if not near else beside if near == BESIDE else here) + delay
            if there > at[target]:
                at[target], before[target] = there, (net, kind)
            more = kind == LUT
            if kind == ENTER:
                most, first = (used, self.chained_from[net]) if used >= free else (free, self.plain_from[net])
                if most + 1 > chained[target]:
                    chained[target], self.chained_from[target] = most + 1, first
                continue
            if free >= 0 and free + more > plain[target]:
                plain[target], self.plain_from[target] = free + more, self.plain_from[net]
            if used >= 0 and used + more > chained[target]:
                chained[target], self.chained_from[target] = used + more, self.chained_from[net]

    def layers(self) -> dict[str, LayerTiming]:
        """By layer; those without a path are left out."""
        worst: dict[int, tuple[float, End, Cell]] = {}
        levels: dict[int, int] = {}
        beside: dict[int, tuple[int, str]] = {}
        for end, cell, layer in self.graph.ends:
            net = end.net
            if self.at[net] == _NEVER:
                continue
            setup = end.setup if cell.kind != PORT else self.delays.setup
            delay = self.at[net] + self._net_delay(net, end.near) + setup + self.delays.uncertainty
            if layer not in worst or delay > worst[layer][0]:
                worst[layer] = (delay, end, cell)
            levels[layer] = max(levels.get(layer, 0), self.plain[net], self.chained[net])
            depth = max(self.plain[net], self.chained[net] - 1)
            if layer not in beside or depth > beside[layer][0]:
                first = self.plain_from[net] if depth == self.plain[net] else self.chained_from[net]
                beside[layer] = (depth, f"{_pin(self.cell[first][0])} -> {_pin(cell, end.pin)}")
        made = {
            layer: LayerTiming(self._path(*worst[layer], layer), levels[layer], *beside[layer])
            for layer in sorted(worst)
        }
        self._insides(made)
        return {self.graph.layers[layer]: one for layer, one in made.items()}

    def _insides(self, made: dict[int, LayerTiming]) -> None:
        """Cells that need longer between their own registers than any path in their layer."""
        for time, cell, layer in self.graph.insides:
            if layer in made and time + self.delays.uncertainty > made[layer].worst.delay:
                name, text = self.graph.layers[layer], _pin(cell)
                path = TimedPath(time + self.delays.uncertainty, 0, 0, 0, 0, text, text, name, name)
                made[layer] = replace(made[layer], worst=path)

    def _path(self, delay: float, end: End, cell: Cell, layer: int) -> TimedPath:
        net, kinds, fan_out = end.net, [], self.graph.pins[end.net]
        while (step := self.before[net]) is not None:
            net, kind = step
            kinds.append(kind)
            if kind not in (ALONG, LEAVE):
                fan_out = max(fan_out, self.graph.pins[net])
        first, first_layer = self.cell[net]
        return TimedPath(
            delay=delay,
            luts=kinds.count(LUT),
            chains=kinds.count(ENTER),
            carry_bits=sum(kind in (ENTER, ALONG, LEAVE) for kind in kinds),
            fan_out=fan_out,
            start=_pin(first),
            end=_pin(cell, end.pin),
            start_layer=self.graph.layers[first_layer],
            end_layer=self.graph.layers[layer],
        )


def _pin(cell: Cell, pin: str = "") -> str:
    """A register, and its pin where it is an end."""
    if cell.kind == PORT:
        return f"port {cell.name}"
    return f"{cell.name}{'/' if pin else ''}{pin} ({cell.kind})"
