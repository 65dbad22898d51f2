"""Yosys's JSON of a mapped netlist, read into arcs between nets; modules are put together to one graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .timing_cells import FAR, MODELS, Arc, Bit, End, Start, model_of
from .timing_delays import Delays

#: Kind of a port of the top, which stands for a register outside.
PORT = "port"


class Cell(NamedTuple):
    """A register, memory or DSP slice: its name, that of its output where it is a flip-flop, and its type."""

    name: str
    kind: str


@dataclass
class Part:
    """A module. Its nets are numbered from 0 on.

    Attributes:
        nets: number of nets.
        ports: direction and bits of each port.
        arcs: within its own cells.
        starts, ends: of its own cells, each with its cell.
        insides: time that cells need between their own registers.
        pins: (net, number of pins that it goes to), clocks apart.
        instances: (name, module, bits of each port) of the modules below.
    """

    nets: int = 0
    ports: dict[str, tuple[str, list[Bit]]] = field(default_factory=dict)
    arcs: list[Arc] = field(default_factory=list)
    starts: list[tuple[Start, Cell]] = field(default_factory=list)
    ends: list[tuple[End, Cell]] = field(default_factory=list)
    insides: list[tuple[float, Cell]] = field(default_factory=list)
    pins: dict[int, int] = field(default_factory=dict)
    instances: list[tuple[str, str, dict[str, list[Bit]]]] = field(default_factory=list)


class _Reader:
    """Reads one module."""

    def __init__(self, module: Mapping[str, Any], known: Mapping[str, Any], delays: Delays) -> None:
        self.module, self.known, self.delays = module, known, delays
        self.part = Part()
        self.numbers: dict[int | tuple[str, int], int] = {}
        self.names = _names(module["netnames"])

    def read(self) -> Part:
        part = self.part
        for name, port in self.module["ports"].items():
            part.ports[name] = (port["direction"], self._bits(port["bits"]))
        for name, cell in self.module["cells"].items():
            if cell["type"] in self.known and cell["type"] not in MODELS:
                bits = {port: self._bits(bits) for port, bits in cell["connections"].items()}
                part.instances.append((name, cell["type"], bits))
            elif cell["type"] != "$scopeinfo":
                self._cell(name, cell)
        part.nets = len(self.numbers)
        return part

    def _bits(self, bits: list[Bit]) -> list[Bit]:
        return [self._number(bit) if isinstance(bit, int) else bit for bit in bits]

    def _number(self, bit: int | tuple[str, int]) -> int:
        return self.numbers.setdefault(bit, len(self.numbers))

    def _cell(self, name: str, cell: Mapping[str, Any]) -> None:
        pins = cell["connections"]
        model = model_of(cell["type"], pins, cell["parameters"], self.delays)
        part = self.part

        def number(net: int) -> int:
            return self._number(net if net >= 0 else (name, net))

        part.arcs += [Arc(number(a.source), number(a.target), a.delay, a.kind, a.near) for a in model.arcs]
        if model.starts or model.ends or model.inside:
            shown = Cell(self.names.get(model.starts[0].net, name) if model.starts else name, cell["type"])
            part.starts += [(start._replace(net=number(start.net)), shown) for start in model.starts]
            part.ends += [(end._replace(net=number(end.net)), shown) for end in model.ends]
            part.insides += [(model.inside, shown)] if model.inside else []
        for pin, direction in cell["port_directions"].items():
            if direction != "output":
                for bit in pins[pin]:
                    if isinstance(bit, int):
                        net = self._number(bit)
                        part.pins[net] = part.pins.get(net, 0) + 1


def _names(netnames: Mapping[str, Any]) -> dict[int, str]:
    """The shortest name of each net that has one of its own."""
    found: dict[int, str] = {}
    for name, wire in netnames.items():
        if wire["hide_name"]:
            continue
        bits = wire["bits"]
        for place, bit in enumerate(bits):
            shown = name if len(bits) == 1 else f"{name}[{place}]"
            if isinstance(bit, int) and len(shown) <= len(found.get(bit, shown)):
                found[bit] = shown
    return found


def read_parts(modules: Mapping[str, Any], delays: Delays) -> dict[str, Part]:
    """Modules of a netlist by name. Black boxes of the netlist itself are left out: another one has them.

    Args:
        modules: "modules" of Yosys's JSON, after mapping.

    Raises:
        UnknownCell: a cell without model.
    """
    return {name: _Reader(module, modules, delays).read() for name, module in modules.items() if not _is_box(module)}


def _is_box(module: Mapping[str, Any]) -> bool:
    attributes = module.get("attributes", {})
    return any("1" in str(attributes.get(name, "0")) for name in ("blackbox", "whitebox"))


#: For a scope and the type of an instance in it: the part, and the scope that its own instances are looked up in.
Find = Callable[[str, str], tuple[str, Part]]


class Graph:
    """All modules as one graph of nets.

    Attributes:
        outgoing: arcs by the net that they start at, as (target, delay, kind, near).
        pins: number of pins that each net goes to.
        starts, ends: with cell and number of the layer.
        insides: time that a cell needs between its own registers, with cell and layer.
        layers: names of the layers: instances in the top, "" for the top itself.
    """

    def __init__(self, find: Find, top: str) -> None:
        self.find = find
        self.outgoing: list[list[tuple[int, float, int, int]]] = []
        self.pins: list[int] = []
        self.starts: list[tuple[Start, Cell, int]] = []
        self.ends: list[tuple[End, Cell, int]] = []
        self.insides: list[tuple[float, Cell, int]] = []
        self.layers = [""]
        self.same: dict[int, int] = {}
        scope, part = find("", top)
        where = self._add(part.nets)
        for name, (direction, bits) in part.ports.items():
            nets = [where[bit] for bit in bits if isinstance(bit, int)]
            self._port(name, direction, nets)
        self._place(scope, part, where, "", 0)
        if self.same:
            self._join()

    def _port(self, name: str, direction: str, nets: list[int]) -> None:
        cell = Cell(name, PORT)
        if direction == "input":
            self.starts += [(Start(net, 0.0), cell, 0) for net in nets]
        else:
            self.ends += [(End(net, direction, 0.0, FAR), cell, 0) for net in nets]
            for net in nets:
                self.pins[net] += 1

    def _add(self, nets: int) -> list[int]:
        first = len(self.outgoing)
        self.outgoing += [[] for _ in range(nets)]
        self.pins += [0] * nets
        return list(range(first, first + nets))

    def _place(self, scope: str, part: Part, where: list[int], path: str, layer: int) -> None:
        outgoing, pins = self.outgoing, self.pins
        for source, target, delay, kind, near in part.arcs:
            outgoing[where[source]].append((where[target], delay, kind, near))
        for net, number in part.pins.items():
            pins[where[net]] += number

        def below(cell: Cell) -> Cell:
            return cell._replace(name=path + cell.name)

        self.starts += [(s._replace(net=where[s.net]), below(cell), layer) for s, cell in part.starts]
        self.ends += [(e._replace(net=where[e.net]), below(cell), layer) for e, cell in part.ends]
        self.insides += [(time, below(cell), layer) for time, cell in part.insides]
        for name, module, bits in part.instances:
            outer = {port: [where[b] if isinstance(b, int) else b for b in own] for port, own in bits.items()}
            self._instance(scope, name, module, outer, path, layer)

    def _instance(self, scope: str, name: str, kind: str, bits: dict[str, list[Bit]], path: str, layer: int) -> None:
        inner, part = self.find(scope, kind)
        where = self._add(part.nets)
        if not path and not layer:
            self.layers.append(name)
            layer, path = len(self.layers) - 1, ""
        else:
            path = f"{path}{name}."
        outer: dict[int, int] = {}
        for port, (_, own) in part.ports.items():
            for mine, theirs in zip(own, bits.get(port, []), strict=False):
                if isinstance(mine, int) and isinstance(theirs, int):
                    if mine in outer:
                        self.same[self._of(theirs)] = self._of(outer[mine])
                    outer[mine] = theirs
        for mine, theirs in outer.items():
            where[mine] = theirs
        self._place(inner, part, where, path, layer)

    def _of(self, net: int) -> int:
        """The net that stands for it and all that it is joined with."""
        while self.same.get(net, net) != net:
            net = self.same[net]
        return net

    def _join(self) -> None:
        """Make nets one that a module passes through."""
        for net in list(self.same):
            one = self._of(net)
            if one != net:
                self.outgoing[one] += self.outgoing[net]
                self.outgoing[net] = []
                self.pins[one] += self.pins[net]
        for arcs in self.outgoing:
            arcs[:] = [(self._of(target), delay, kind, near) for target, delay, kind, near in arcs]
        self.starts = [(s._replace(net=self._of(s.net)), cell, layer) for s, cell, layer in self.starts]
        self.ends = [(e._replace(net=self._of(e.net)), cell, layer) for e, cell, layer in self.ends]
