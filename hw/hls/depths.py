"""Depths of the FIFOs between kernels, computed from what each kernel holds.

Where two branches of one stream meet again, the shorter branch must keep all beats that are on their way in the
longer one: too few and the network stops for good, as its common source can feed neither. What a kernel can hold:

- a sliding window holds back (K//2)*(W + 1) pixels before its first output, and not more than a frame;
- a pixel shuffle keeps two input lines;
- a pipeline of L cycles that takes a beat every I cycles has ceil(L/I) of them under way.

Windows and shuffles are exact. Pipeline depths are decided by the HLS compiler; the figures here are what a clock of
some 200 MHz needs, on the safe side. They matter for the pace only: pipelines are flushable, so what is under way
leaves by itself.
"""

from __future__ import annotations

import math

from ..graph.ops import Affine, Conv, Op, PixelShuffle, Residual, Upsample
from ..resources.view import Network, Stage, stages

#: A FIFO of Vitis HLS has at least two words.
LEAST = 2
#: Cycles of a read, a write and the control of a pipeline.
_PORTS = 4
#: Cycles of a multiplication and of a requantization.
_STEP = 3


def interval(op: Op | None) -> int:
    """Cycles between two beats that a kernel takes."""
    if isinstance(op, Conv):
        return (op.weight.shape[0] // op.pe) * (op.weight[0].size // op.simd)
    if isinstance(op, Affine):
        return op.output.channels // (op.pe or op.output.channels)
    return op.factor**2 if isinstance(op, PixelShuffle) else 1


def latency(op: Op | None) -> int:
    """Cycles from the last beat that an output needs to that output, at most."""
    if isinstance(op, Conv):
        return interval(op) + _PORTS + math.ceil(math.log2(op.simd * op.input.bits + 1))
    if isinstance(op, Affine):
        parts = (op.scale is not None, op.mid is not None, op.slope is not None, op.quant is not None)
        return interval(op) + _PORTS + _STEP * sum(parts)
    if isinstance(op, Residual | Upsample):
        return _PORTS + _STEP + _STEP * (op.quant is not None)
    return _PORTS


def held(stage: Stage, before: int) -> int:
    """Beats between the network's input and a stage's output, counted in beats of that output.

    Args:
        before: the same for its input, counted in beats of the input.
    """
    op = stage.op
    moving = math.ceil(latency(op) / interval(op))
    if isinstance(op, PixelShuffle):
        return (before + 2 * op.input.width) * op.factor**2 + moving
    half = op.kernel // 2 if isinstance(op, Conv) else int(isinstance(op, Upsample) and op.mode == "bilinear")
    window = min(half * (stage.input.width + 1), stage.pixels_in)
    return before + window + moving


def fifo_depths(network: Network) -> dict[tuple[str, str], int]:
    """Words of each stream's FIFO, by (tensor, name of the layer that reads it).

    A whole frame is always enough: a branch that can put its frame away never blocks the other.
    """
    depths: dict[tuple[str, str], int] = {}
    total: dict[str, int] = {}
    for stage in stages(network):
        before = [total[p] for p in stage.producers]
        most = max(before, default=0)
        for tensor, own in zip(stage.tensors, before, strict=True):
            depths[tensor, stage.name] = max(min(most - own, stage.pixels_in), 0) + LEAST
        total[stage.name] = held(stage, most) if stage.role != "input" else 0
    return depths
