"""Cycle behaviour of the layers that the emitter writes, as the headers of hw/rtl/lib state it.

The one table of it: the module benches measure every operator against these functions, the schedule computes with them.
A layer with neighbours (a convolution with K > 1, a bilinear resize) has a sliding window in front of its engine; there times
count from the window's registers, and `lookahead` says how many more pixels than its own a window needs.
"""

from __future__ import annotations

from ..graph.ops import Affine, Conv, Op, PixelShuffle, Residual, Threshold, Upsample
from ..types import Requant
from .layers import pop_latency

#: Register slice in front of a convolution: from the pixel at the layer's input to the pixel at the window.
CONV_SLICE = 1
#: Output register of xnorsr_window; K = 1 has none.
WINDOW = 1


def interval(op: Op) -> int:
    """Cycles between two pixels that the layer takes, at least, when its consumer never waits."""
    if isinstance(op, Conv):
        return op.macs_per_pixel // (op.pe * op.simd)
    if isinstance(op, Affine):
        return op.input.channels // (op.pe or op.input.channels)
    return 1


def lookahead(op: Op) -> int:
    """Pixels that the layer must take after a pixel before that pixel's window is complete: (K//2)*(width + 1)."""
    return kernel(op) // 2 * (op.input.width + 1)


def kernel(op: Op) -> int:
    """K of the sliding window in the layer; 1 where there is none."""
    if isinstance(op, Conv):
        return op.kernel
    return 3 if isinstance(op, Upsample) and op.mode == "bilinear" else 1


def front(op: Op) -> int:
    """Cycles from a pixel at the layer's input to its being in a window that the engine can take."""
    return CONV_SLICE * isinstance(op, Conv) + WINDOW * (kernel(op) > 1)


def latency(op: Op) -> int:
    """Cycles from the one in which the engine takes a pixel or window to the one in which its output stands there.

    Of a pixel shuffle: from the first pixel of a line to the first output pixel.
    """
    return _LATENCY[type(op)](op)


def first_output(op: Op) -> int:
    """Cycles from the first pixel taken to the first output pixel, when pixels come without a gap."""
    return lookahead(op) + front(op) + latency(op)


def requant_stages(quant: Requant | None) -> int:
    """Registers of xnorsr_requant: none where there is no requantization, more where it divides."""
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


def _conv(op: Conv) -> int:
    folds = interval(op)
    if op.binary:
        return pop_latency(op) + 1 if folds == 1 else folds + pop_latency(op) + 3
    return max(1, _tree(op.simd)) + 1 if folds == 1 else folds + _tree(op.simd) + 4


def _affine(op: Affine) -> int:
    stages = 1 + (op.scale is not None or op.bias is not None) + (op.slope is not None)
    stages += requant_stages(op.mid) + requant_stages(op.quant)
    folds = interval(op)
    return stages if folds == 1 else stages + 1 + folds


def _threshold(op: Threshold) -> int:
    return 1 if op.thresholds.shape[1] == 1 else 2


def _residual(op: Residual) -> int:
    return 1 + requant_stages(op.quant)


def _shuffle(op: PixelShuffle) -> int:
    return 3


def _upsample(op: Upsample) -> int:
    if op.mode == "nearest":
        return 0
    return 1 + max(1, requant_stages(op.quant))


_LATENCY = {
    Conv: _conv, Affine: _affine, Threshold: _threshold, Residual: _residual, PixelShuffle: _shuffle, Upsample: _upsample,
}  # fmt: skip
