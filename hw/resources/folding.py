"""Folding: how much of a pixel each layer works on in one cycle. Names no operator: each says which foldings it may
have.

A convolution, for example, takes PE output channels and SIMD weights of a filter, (O/PE)*(K*K*C/SIMD) cycles per pixel.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import TypeAlias

from ...errors import UserError
from ..network import Network, Node
from ..ops.base import Fold, Op
from ..ops.folds import check_fold

Target: TypeAlias = int | str | Mapping[str, tuple[int, int] | Mapping[str, int]]


def cheapest(op: Op, cycles: int) -> Fold:
    """The folding with the least cost that takes at most ``cycles`` cycles per beat of the layer's own stream.

    A layer that says so (`FoldSpace.unroll_on_request`) is unrolled only where that is asked for: constant weights are
    cheap in SystemVerilog, whose popcounts share sums between outputs, but not in HLS, and both projects have the same
    folding.
    """
    space = op.fold_space()
    assert space is not None
    whole = Fold(space.pe[-1], space.simd[-1])
    slowest = op.folded(Fold(1, 1)).timing("rtl").interval
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


def _per_input_pixel(target: str | int, network: Network, clock_mhz: float | None) -> float:
    """Cycles for each pixel of the network's input that a target allows; infinite for the smallest circuit."""
    pixels = network.input_type.pixels
    if isinstance(target, int):
        if target < 1:
            raise UserError(f"folding target of {target} cycles per pixel: take 1 or more")
        return target
    if target == "auto":
        beats = (network.streams[name].kind.pixels // network.beat_pixels(name) for name in network.outputs)
        return max(1.0, max(beats) / pixels)
    if target == "full":
        return 0.0
    if target == "min":
        return math.inf
    fps = re.fullmatch(r"(\d+(?:\.\d+)?)\s*fps", target)
    if not fps:
        raise UserError(
            f"folding target {target!r}: take cycles per low-resolution pixel (a whole number), "
            "'full', 'min', 'auto' (the output port's rate), frames per second as '60fps', or PE and SIMD per layer"
        )
    if clock_mhz is None or float(fps[1]) <= 0:
        raise UserError(f"folding target {target!r} needs a clock in MHz and more than 0 frames per second")
    return clock_mhz * 1e6 / float(fps[1]) / pixels


def _chosen(node: Node, per_input: float, pixels: int) -> Fold:
    space = node.op.fold_space()
    assert space is not None
    if per_input == math.inf:
        return Fold(1, 1)
    if per_input == 0:
        return Fold(space.pe[-1], space.simd[-1])
    own = per_input * pixels / node.op.input.pixels
    if own < 1:
        raise UserError(
            f"layer {node.name} sees {node.op.input.pixels} pixels per frame, one per cycle at best; the target allows "
            f"{per_input * pixels:.0f} cycles per frame: ask for fewer frames per second or a faster clock"
        )
    return cheapest(node.op, math.floor(own))


def _given(value: tuple[int, int] | Mapping[str, int], now: Fold) -> Fold:
    if isinstance(value, Mapping):
        return Fold(value.get("pe", now.pe), value.get("simd", now.simd))
    return Fold(*value)


def plan(network: Network, target: Target = "auto", clock_mhz: float | None = None) -> dict[str, Fold]:
    """Folding of every layer that has one, by its name.

    Args:
        target: cycles for each pixel of the network's input; "full" (everything in one cycle); "min" (PE = SIMD = 1);
            "auto" (as fast as the output port, which sends one beat per cycle, can take it: r*r cycles for one pixel
            per beat); "60fps" (with ``clock_mhz``); or {layer: (pe, simd)} or {layer: {"pe": pe, "simd": simd}}, where
            what is left out stays.
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
        per_input = _per_input_pixel(target, network, clock_mhz)
        made = {name: _chosen(node, per_input, network.input_type.pixels) for name, node in layers.items()}
    for name, fold in made.items():
        check_fold(name, layers[name].op, fold)
    return made


def fold(network: Network, target: Target = "auto", clock_mhz: float | None = None) -> Network:
    """The network with the folding of `plan`.

    Raises:
        UserError: as `plan`.
    """
    chosen = plan(network, target, clock_mhz)
    return network.with_ops(
        {node.name: node.op.folded(chosen[node.name]) for node in network.nodes if node.name in chosen}
    )
