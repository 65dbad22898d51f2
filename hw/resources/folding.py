"""Folding: how many output channels (PE) and weights of a filter (SIMD) each convolution works on in one cycle."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from ...errors import UserError
from ..graph.ops import Conv
from .costs import engine, folds
from .view import GraphLike, Network, Stage, input_stage, output_stage, stages

Target: TypeAlias = int | str | Mapping[str, tuple[int, int]]


@dataclass(frozen=True)
class Fold:
    """Folding of one convolution: it takes (O/pe)*(K*K*C/simd) cycles a pixel of its own input stream."""

    pe: int
    simd: int


def divisors(n: int) -> list[int]:
    """All divisors of n, ascending."""
    small = [d for d in range(1, math.isqrt(n) + 1) if n % d == 0]
    return sorted({*small, *(n // d for d in small)})


def legal(op: Conv) -> tuple[list[int], list[int]]:
    """(PE values, SIMD values) that a convolution takes: the divisors of O and of K*K*C."""
    return divisors(op.weight.shape[0]), divisors(op.weight[0].size)


def check(name: str, op: Conv, pe: int, simd: int) -> None:
    """Refuse a folding that does not divide.

    Raises:
        UserError: names the layer, the field and the legal values.
    """
    for field, value, allowed, of in zip(("PE", "SIMD"), (pe, simd), legal(op), ("O", "K*K*C"), strict=True):
        if value not in allowed:
            raise UserError(
                f"folding of layer {name}: {field}={value} does not divide {of}={allowed[-1]}; "
                f"take one of {', '.join(map(str, allowed))}"
            )


def cheapest(op: Conv, cycles: int) -> Fold:
    """The folding of least cost that takes at most ``cycles`` cycles a pixel of the convolution's own stream."""
    pes, simds = legal(op)
    taps, outputs = simds[-1], pes[-1]
    best: tuple[float, int, int] | None = None
    for pe in pes:
        # More lanes than needed never cost less, except that all lanes make the weights constant.
        fits = [s for s in simds if (outputs // pe) * (taps // s) <= cycles]
        if not fits:
            continue
        for simd in {fits[0], fits[-1]}:
            key = (engine(replace(op, pe=pe, simd=simd)).weight, -simd, -pe)
            best = min(best, key) if best else key
    assert best is not None, "all lanes take one cycle"
    return Fold(pe=-best[2], simd=-best[1])


def _per_input_pixel(target: str | int, network: Network, clock_mhz: float | None) -> float:
    """Cycles for each pixel of the network's input that a target allows; infinite for the smallest circuit."""
    source, sink = input_stage(network), output_stage(network)
    if isinstance(target, int):
        if target < 1:
            raise UserError(f"folding target of {target} cycles a pixel: take 1 or more")
        return target
    if target == "auto":
        return max(1.0, sink.pixels_out / source.pixels_out)
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


def _chosen(stage: Stage, op: Conv, per_input: float, source: Stage) -> Fold:
    if per_input == math.inf:
        return Fold(1, 1)
    if per_input == 0:
        return Fold(op.weight.shape[0], op.weight[0].size)
    own = per_input * source.pixels_out / stage.pixels_in
    if own < 1:
        raise UserError(
            f"layer {stage.name} sees {stage.pixels_in} pixels a frame, one a cycle at best; the target allows "
            f"{per_input * source.pixels_out:.0f} cycles a frame: ask for fewer frames a second or a faster clock"
        )
    return cheapest(op, math.floor(own))


def plan(network: Network, target: Target = "auto", clock_mhz: float | None = None) -> dict[str, Fold]:
    """Folding of every convolution, by layer name.

    Args:
        network: a ModelGraph or its stages.
        target: cycles for each pixel of the network's input; "full" (everything in one cycle); "min" (PE = SIMD = 1);
            "auto" (as fast as the output port, which sends one pixel a cycle, can take it: r*r cycles);
            "60fps" (with ``clock_mhz``); or {layer: (pe, simd)}, where layers left out keep theirs.
        clock_mhz: clock, for a target in frames a second.

    Raises:
        UserError: an illegal PE or SIMD (names layer and legal values), an unknown layer, a target out of reach.
    """
    source = input_stage(network)
    convs = {s.name: (s, s.op) for s in stages(network) if isinstance(s.op, Conv)}
    if isinstance(target, Mapping):
        if unknown := [name for name in target if name not in convs]:
            raise UserError(f"folding of unknown layer {unknown[0]!r}; convolutions: {', '.join(convs)}")
        made = {name: Fold(*target.get(name, (op.pe, op.simd))) for name, (_, op) in convs.items()}
    else:
        per_input = _per_input_pixel(target, network, clock_mhz)
        made = {name: _chosen(stage, op, per_input, source) for name, (stage, op) in convs.items()}
    for name, one in made.items():
        check(name, convs[name][1], one.pe, one.simd)
    return made


def apply(network: list[Stage], folding: Mapping[str, Fold]) -> list[Stage]:
    """The stages with that folding; for work without a ModelGraph."""
    return [
        replace(s, op=s.op.replace(pe=folding[s.name].pe, simd=folding[s.name].simd))
        if s.op and s.name in folding
        else s
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
            one = chosen[layer.name]
            layer.set_attr("spec", layer.get_attr("spec").replace(pe=one.pe, simd=one.simd))
    return chosen


def cycles_per_frame(stage: Stage) -> int:
    """Cycles that a stage is busy with one frame; the network's frame interval is the greatest of them."""
    return stage.pixels_in * (folds(stage.op) if stage.op is not None else 1)
