"""Folding: how much of a pixel each layer works on in one cycle.

A convolution takes PE output channels and SIMD weights of a filter, (O/PE)*(K*K*C/SIMD) cycles a pixel. An affine takes
PE channels, C/PE cycles a pixel; its SIMD is 1.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from ...errors import UserError
from ..graph.ops import Affine, Conv
from .costs import Cost, affine_cost, engine, folds, lanes
from .view import GraphLike, Network, Stage, input_stage, output_stage, stages

Foldable: TypeAlias = Conv | Affine
Target: TypeAlias = int | str | Mapping[str, tuple[int, int] | Mapping[str, int]]


@dataclass(frozen=True)
class Fold:
    """Folding of one layer."""

    pe: int
    simd: int


def divisors(n: int) -> list[int]:
    """All divisors of n, ascending."""
    small = [d for d in range(1, math.isqrt(n) + 1) if n % d == 0]
    return sorted({*small, *(n // d for d in small)})


def legal(op: Foldable) -> tuple[list[int], list[int]]:
    """(PE values, SIMD values) that a layer takes: divisors of O and of K*K*C, of an affine of C and of 1."""
    if isinstance(op, Affine):
        return divisors(op.output.channels), [1]
    return divisors(op.weight.shape[0]), divisors(op.weight[0].size)


def folding_of(op: Foldable) -> Fold:
    """The folding that a layer has."""
    return Fold(lanes(op), 1) if isinstance(op, Affine) else Fold(op.pe, op.simd)


def folded(op: Foldable, one: Fold) -> Foldable:
    """The layer with another folding."""
    return replace(op, pe=one.pe) if isinstance(op, Affine) else replace(op, pe=one.pe, simd=one.simd)


def _cost(op: Foldable) -> Cost:
    return affine_cost(op) if isinstance(op, Affine) else engine(op)


def check(name: str, op: Foldable, one: Fold) -> None:
    """Refuse a folding that does not divide.

    Raises:
        UserError: names the layer, the field and the legal values.
    """
    of = ("C", "1") if isinstance(op, Affine) else ("O", "K*K*C")
    for field, value, allowed, what in zip(("PE", "SIMD"), (one.pe, one.simd), legal(op), of, strict=True):
        if value not in allowed:
            size = what if what == "1" else f"{what}={allowed[-1]}"
            raise UserError(
                f"folding of layer {name}: {field}={value} does not divide {size}; "
                f"take one of {', '.join(map(str, allowed))}"
            )


def cheapest(op: Foldable, cycles: int) -> Fold:
    """The folding of least cost that takes at most ``cycles`` cycles a pixel of the layer's own stream.

    A binary layer is unrolled only where that is asked for: constant weights are cheap in SystemVerilog, whose
    popcounts share sums between outputs, but not in HLS, and both projects have the same folding.
    """
    pes, simds = legal(op)
    may_fold = isinstance(op, Conv) and op.binary and min(cycles, pes[-1] * simds[-1]) > 1
    keys: list[tuple[float, int, int]] = []
    for pe in pes:
        for simd in simds:
            made = folded(op, Fold(pe, simd))
            if folds(made) <= cycles and not (may_fold and folds(made) == 1):
                keys.append((_cost(made).weight, -simd, -pe))
    _, simd, pe = min(keys)
    return Fold(pe=-pe, simd=-simd)


def _per_input_pixel(target: str | int, network: Network, clock_mhz: float | None) -> float:
    """Cycles for each pixel of the network's input that a target allows; infinite for the smallest circuit."""
    source, sink = input_stage(network), output_stage(network)
    if isinstance(target, int):
        if target < 1:
            raise UserError(f"folding target of {target} cycles a pixel: take 1 or more")
        return target
    if target == "auto":
        return max(1.0, sink.beats_out / source.pixels_out)
    if target == "full":
        return 0.0
    if target == "min":
        return math.inf
    fps = re.fullmatch(r"(\d+(?:\.\d+)?)\s*fps", target)
    if not fps:
        raise UserError(
            f"folding target {target!r}: take cycles a low-resolution pixel (a whole number), "
            "'full', 'min', 'auto' (the output port's rate), frames a second as '60fps', or PE and SIMD per layer"
        )
    if clock_mhz is None or float(fps[1]) <= 0:
        raise UserError(f"folding target {target!r} needs a clock in MHz and more than 0 frames a second")
    return clock_mhz * 1e6 / float(fps[1]) / source.pixels_out


def _chosen(stage: Stage, op: Foldable, per_input: float, source: Stage) -> Fold:
    if per_input == math.inf:
        return Fold(1, 1)
    if per_input == 0:
        pes, simds = legal(op)
        return Fold(pes[-1], simds[-1])
    own = per_input * source.pixels_out / stage.pixels_in
    if own < 1:
        raise UserError(
            f"layer {stage.name} sees {stage.pixels_in} pixels a frame, one a cycle at best; the target allows "
            f"{per_input * source.pixels_out:.0f} cycles a frame: ask for fewer frames a second or a faster clock"
        )
    return cheapest(op, math.floor(own))


def _given(value: tuple[int, int] | Mapping[str, int], now: Fold) -> Fold:
    if isinstance(value, Mapping):
        return Fold(value.get("pe", now.pe), value.get("simd", now.simd))
    return Fold(*value)


def plan(network: Network, target: Target = "auto", clock_mhz: float | None = None) -> dict[str, Fold]:
    """Folding of every convolution and affine, by layer name.

    Args:
        network: a ModelGraph or its stages.
        target: cycles for each pixel of the network's input; "full" (everything in one cycle); "min" (PE = SIMD = 1);
            "auto" (as fast as the output port, which sends one beat a cycle, can take it: r*r cycles for one pixel
            a beat);
            "60fps" (with ``clock_mhz``); or {layer: (pe, simd)} or {layer: {"pe": pe, "simd": simd}}, where what is
            left out stays.
        clock_mhz: clock, for a target in frames a second.

    Raises:
        UserError: an illegal PE or SIMD (names layer and legal values), an unknown layer, a target out of reach.
    """
    source = input_stage(network)
    layers = {s.name: (s, s.op) for s in stages(network) if isinstance(s.op, Foldable)}
    if isinstance(target, Mapping):
        if unknown := [name for name in target if name not in layers]:
            raise UserError(f"folding of unknown layer {unknown[0]!r}; layers that fold: {', '.join(layers)}")
        made = {name: folding_of(op) for name, (_, op) in layers.items()}
        made |= {name: _given(value, made[name]) for name, value in target.items()}
    else:
        per_input = _per_input_pixel(target, network, clock_mhz)
        made = {name: _chosen(stage, op, per_input, source) for name, (stage, op) in layers.items()}
    for name, one in made.items():
        check(name, layers[name][1], one)
    return made


def apply(network: list[Stage], folding: Mapping[str, Fold]) -> list[Stage]:
    """The stages with that folding; for work without a ModelGraph."""
    return [
        replace(s, op=folded(s.op, folding[s.name])) if isinstance(s.op, Foldable) and s.name in folding else s
        for s in network
    ]


def fold(model_graph: GraphLike, target: Target = "auto", clock_mhz: float | None = None) -> dict[str, Fold]:
    """`plan`, written into the ``spec`` of the graph's layers. Returns what was chosen.

    Raises:
        UserError: as `plan`; nothing is written then.
    """
    chosen = plan(model_graph, target, clock_mhz)
    for layer in model_graph.get_layers():
        if layer.name in chosen:
            layer.set_attr("spec", folded(layer.get_attr("spec"), chosen[layer.name]))
    return chosen


def cycles_per_frame(stage: Stage) -> int:
    """Cycles that a stage is busy with one frame; the network's frame interval is the greatest of them."""
    return stage.pixels_in * (folds(stage.op) if stage.op is not None else 1)
