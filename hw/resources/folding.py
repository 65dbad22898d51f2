"""Folding: how much of a pixel each layer works on in one cycle. Names no operator: each says which foldings it may
have.

A convolution, for example, takes PE output channels and SIMD weights of a filter, (O/PE)*(K*K*C/SIMD) cycles per pixel.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

from ...errors import UserError
from ..network import Network, Node
from ..ops.base import Fold, Op
from ..ops.folds import check_fold
from .schedule import INPUT, slowest

Target: TypeAlias = int | str | Mapping[str, tuple[int, int] | Mapping[str, int]]

#: The target of a build without a word from the user, and the frames per second that it aims at.
DEFAULT, DEFAULT_FPS = "auto", 60.0


def cheapest(op: Op, cycles: int) -> Fold:
    """The folding with the least cost that takes at most ``cycles`` cycles per beat of the layer's own stream.

    A layer that says so (`FoldSpace.unroll_on_request`) is unrolled only where that is asked for: constant weights are
    cheap in SystemVerilog, whose popcounts share sums between outputs, but not in HLS. What SystemVerilog unrolls by
    itself is chosen afterwards (`unrolling`).
    """
    space = op.fold_space()
    assert space is not None
    whole = Fold(space.pe[-1], space.simd[-1])
    slowest = op.folded(Fold(space.pe[0], space.simd[0])).timing("rtl").interval
    avoided = whole if space.unroll_on_request and min(cycles, slowest) > 1 else None
    keys: list[tuple[float, int, int]] = []
    for pe in space.pe:
        for simd in space.simd:
            fold = Fold(pe, simd)
            made = op.folded(fold)
            if made.timing("rtl").interval <= cycles and fold != avoided:
                keys.append((made.fold_cost().weight, -simd, -pe))
    _, simd, pe = min(keys)
    return Fold(pe=-pe, simd=-simd)


def _fps_of(target: Target) -> float | None:
    """Frames per second that a target names; None where it names none."""
    if target == DEFAULT:
        return DEFAULT_FPS
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*fps", target) if isinstance(target, str) else None
    return float(found[1]) if found else None


def _bound(network: Network) -> tuple[str, int]:
    """What no folding goes below, every layer unrolled and the ports as they are: the slowest layer and its cycles."""
    spaces = {node.name: (node.op, node.op.fold_space()) for node in network.nodes}
    whole = {name: op.folded(Fold(s.pe[-1], s.simd[-1])) for name, (op, s) in spaces.items() if s is not None}
    return slowest(network.with_ops(whole))


def _cycles_per_frame(target: str | int, network: Network, clock_mhz: float | None) -> float:
    """Cycles of a frame that a target allows; 0 for everything at once, infinite for the smallest circuit."""
    pixels = network.input_type.pixels
    if isinstance(target, int):
        if target < 1:
            raise UserError(f"folding target of {target} cycles per pixel: take 1 or more")
        return target * pixels
    if target == "port":
        return max(
            pixels, *(network.streams[name].kind.pixels // network.beat_pixels(name) for name in network.outputs)
        )
    if target == "full":
        return 0.0
    if target == "min":
        return math.inf
    fps = _fps_of(target)
    if fps is None:
        raise UserError(
            f"folding target {target!r}: take cycles per low-resolution pixel (a whole number), 'full', 'min', 'port' "
            "(the output port's rate), frames per second as '60fps', 'auto' (60 of them, or as many as are within "
            "reach), or PE and SIMD per layer"
        )
    if clock_mhz is None or fps <= 0:
        raise UserError(f"folding target {target!r} needs a clock in MHz and more than 0 frames per second")
    cycles = clock_mhz * 1e6 / fps
    return max(cycles, _bound(network)[1]) if target == DEFAULT else cycles


def _chosen(node: Node, cycles: float) -> Fold:
    """The folding of a layer that may take so many cycles for a frame."""
    space = node.op.fold_space()
    assert space is not None
    if cycles == math.inf:
        return Fold(space.pe[0], space.simd[0])
    if cycles == 0:
        return Fold(space.pe[-1], space.simd[-1])
    own = cycles / node.op.input.pixels
    if own < 1:
        raise UserError(
            f"layer {node.name} sees {node.op.input.pixels} pixels per frame, one per cycle at best; the target allows "
            f"{cycles:.0f} cycles per frame: ask for fewer frames per second or a faster clock"
        )
    return cheapest(node.op, math.floor(own))


def _given(value: tuple[int, int] | Mapping[str, int], now: Fold) -> Fold:
    if isinstance(value, Mapping):
        return Fold(value.get("pe", now.pe), value.get("simd", now.simd))
    return Fold(*value)


def plan(network: Network, target: Target = DEFAULT, clock_mhz: float | None = None) -> dict[str, Fold]:
    """Folding of every layer that has one, by its name.

    Args:
        target: cycles for each pixel of the network's input; "full" (everything in one cycle); "min" (PE = SIMD = 1);
            "port" (as fast as the output port, which sends one beat per cycle, can take it: r*r cycles for one pixel
            per beat); "60fps" (with ``clock_mhz``); "auto", the same where it is within reach, else the most frames per
            second that any folding gives (with ``clock_mhz``; see `aim`); or {layer: (pe, simd)} or {layer: {"pe": pe,
            "simd": simd}}, where what is left out stays.
        clock_mhz: clock, for a target in frames per second.

    Raises:
        UserError: an illegal PE or SIMD (names layer and legal values), an unknown layer, a target out of reach.
    """
    layers = {node.name: node for node in network.nodes if node.op.fold_space() is not None}
    made = {name: space.now for name, node in layers.items() if (space := node.op.fold_space()) is not None}
    if isinstance(target, Mapping):
        if unknown := [name for name in target if name not in layers]:
            raise UserError(f"folding of unknown layer {unknown[0]!r}; layers that fold: {', '.join(layers)}")
        made |= {name: _given(value, made[name]) for name, value in target.items()}
    else:
        cycles = _cycles_per_frame(target, network, clock_mhz)
        made = {name: _chosen(node, cycles) for name, node in layers.items()}
    for name, fold in made.items():
        check_fold(name, layers[name].op, fold)
    return made


def foldings(network: Network) -> dict[str, tuple[int, int]]:
    """PE and SIMD of every layer that has a folding, as a target that gives them again, at any frame."""
    spaces = {node.name: node.op.fold_space() for node in network.nodes}
    return {name: (space.now.pe, space.now.simd) for name, space in spaces.items() if space is not None}


def fold(network: Network, target: Target = DEFAULT, clock_mhz: float | None = None) -> Network:
    """The network with the folding of `plan`.

    Raises:
        UserError: as `plan`.
    """
    chosen = plan(network, target, clock_mhz)
    return network.with_ops(
        {node.name: node.op.folded(chosen[node.name]) for node in network.nodes if node.name in chosen}
    )


@dataclass(frozen=True)
class Aim:
    """What a folding aims at, and what comes of it.

    Attributes:
        target: as it was asked for, or the default.
        clock_mhz: the asked clock.
        asked_fps: frames per second that the target names; None where it names none.
        fps: frames per second of the folded network at that clock, when frames follow each other.
        slowest: name of the layer that sets them, "input" for the input port.
        cycles: cycles that it takes for a frame.
        port: whether it is the pixels per beat of an output port that could be more.
    """

    target: Target
    clock_mhz: float
    asked_fps: float | None
    fps: float
    slowest: str
    cycles: int
    port: bool

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON, the words among them."""
        return asdict(self) | {"default": self.target == DEFAULT, "text": self.text}

    @property
    def text(self) -> str:
        """In words: the target, whether it is the default, and the frames per second that it gets."""
        target, clock = self.target, f"at the asked clock of {self.clock_mhz:g} MHz"
        got = f"{_rate(self.fps)} fps {clock}"
        if self.asked_fps is not None:
            name = f"{target}, the default" if target == DEFAULT else f"{target}"
            if self.fps >= self.asked_fps:
                return f"{name}: {_rate(self.asked_fps)} fps aimed at, {got}"
            where = "The input port" if self.slowest == INPUT else f"Layer {self.slowest}"
            more = "more pixels per beat or a faster clock give" if self.port else "a faster clock gives"
            return (
                f"{name}: {_rate(self.asked_fps)} fps are out of reach; {got} is what it gets. "
                f"{where} takes {self.cycles:,} cycles for a frame: {more} more"
            )
        what = f"{target} cycles per low-resolution pixel" if isinstance(target, int) else target
        return f"{'PE and SIMD by layer' if isinstance(target, Mapping) else what}: {got}"


def _rate(fps: float) -> str:
    """Three digits, or all of those before the point."""
    return f"{fps:,.0f}" if fps >= 100 else f"{fps:.3g}"


def aim(network: Network, target: Target, clock_mhz: float) -> Aim:
    """What a target gives.

    Args:
        network: folded by that target at that clock.
    """
    name, cycles = slowest(network)
    bound, fewest = _bound(network)
    name = bound if cycles == fewest else name  # of several that are equally slow the one that no folding makes faster
    makers = [network.producers[out] for out in network.outputs if out in network.producers]
    ops = [node.op for node in makers if node.name == name]
    wider = any(max(op.legal_pixels_per_beat()) > op.pixels_per_beat and cycles > op.input.pixels for op in ops)
    return Aim(target, clock_mhz, _fps_of(target), clock_mhz * 1e6 / cycles, name, cycles, wider)
