"""Cycle behaviour of the modules that operators become, as the headers of hw/rtl/lib state it."""

from __future__ import annotations

from typing import Protocol

from ..graph.ops import Affine, Conv, Op, PixelShuffle, Residual, Threshold, Upsample
from ..rtl.layers import pop_latency
from ..types import Requant
from .costs import folds
from .view import Stage


class Timing(Protocol):
    """What the schedule asks of the modules."""

    def interval(self, op: Op) -> int:
        """Cycles between two pixels (windows, where there is one) that the operator takes, at least."""

    def latency(self, op: Op) -> int:
        """Cycles from the one in which a pixel (a window) is taken to the one in which its output stands there."""


def _requant(quant: Requant | None) -> int:
    if quant is None:
        return 0
    odd = quant.divisor
    while odd % 2 == 0:
        odd //= 2
    return 1 if odd == 1 else 3


def _tree(count: int) -> int:
    """Levels of a tree that adds four numbers a level."""
    levels = 0
    while count > 1:
        count, levels = (count + 3) // 4, levels + 1
    return levels


class LibraryTiming:
    """The SystemVerilog library."""

    def interval(self, op: Op) -> int:
        """The folding of convolutions and affines; a shuffle takes pixels while its ring has room."""
        return 1 if isinstance(op, PixelShuffle) else folds(op)

    def latency(self, op: Op) -> int:
        """By the formula in each module's header."""
        if isinstance(op, Conv):
            return self._convolution(op)
        if isinstance(op, Affine):
            stages = 1 + (op.scale is not None or op.bias is not None) + (op.slope is not None)
            stages += _requant(op.mid) + _requant(op.quant)
            return stages if folds(op) == 1 else stages + 1 + folds(op)
        if isinstance(op, Threshold):
            return 1 if op.thresholds.shape[1] == 1 else 2
        if isinstance(op, Residual):
            return 1 + _requant(op.quant)
        if isinstance(op, Upsample):
            return max(2, 1 + _requant(op.quant)) if op.mode == "bilinear" else 0
        if isinstance(op, PixelShuffle):
            return 3
        raise TypeError(f"no timing of {op.op_type}")

    @staticmethod
    def _convolution(op: Conv) -> int:
        """Of the register slice in front of the window, and of the matrix-vector unit behind it."""
        cycles, tree = folds(op), _tree(op.simd)
        if op.binary:
            return 1 + (pop_latency(op) + 1 if cycles == 1 else cycles + pop_latency(op) + 3)
        return 1 + (max(1, tree) + 1 if cycles == 1 else cycles + tree + 4)


def window_half(op: Op | None) -> int:
    """K//2 of an operator that looks at neighbours, else 0."""
    if isinstance(op, Conv):
        return op.kernel // 2
    return 1 if isinstance(op, Upsample) and op.mode == "bilinear" else 0


def window_delay(op: Op | None) -> int:
    """Slots between a pixel and its window."""
    return window_half(op) * (op.input.width + 1) if op is not None else 0


def busy(stage: Stage, timing: Timing) -> int:
    """Cycles that a stage needs for a frame: its input pixels at its interval, or its output beats one a cycle."""
    interval = timing.interval(stage.op) if stage.op is not None else 1
    return max(stage.pixels_in * interval, stage.beats_out)
