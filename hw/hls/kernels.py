"""One operator as one kernel call: which function, which configuration, which constants.

The configuration of a kernel is a C++ struct of constants and types. Layers alike share one; what differs between
them are the arrays.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..graph.ops import Affine, Conv, Op, PixelShuffle, Residual, Threshold, Upsample
from ..resources.folding import check, folding_of
from ..types import Requant, StreamType
from .arrays import Rom, ints, weight_rom
from .depths import interval
from .widths import Range, check_bits, requant_bits


@dataclass(frozen=True)
class Kernel:
    """What the generated project says of one layer.

    Attributes:
        function: template in namespace xnorsr; header: the file in nnet_utils that has it.
        types: (name, C++ type) of the configuration; constants: (name, value) of it.
        roms: constant arrays, passed after the streams in this order.
        words: what the layer does, for comments.
    """

    function: str
    header: str
    types: tuple[tuple[str, str], ...]
    constants: tuple[tuple[str, int], ...]
    roms: tuple[Rom, ...]
    words: str


def pixels(kind: StreamType, *, values: bool = False) -> str:
    """C++ type of a stream; with `values`, bipolar codes are read as -1 and +1."""
    flags = f"{str(kind.signed).lower()}, {str(kind.bipolar and values).lower()}"
    return f"Pixels<{kind.channels}, {kind.bits}, {flags}>"


def requant(quant: Requant | None) -> str:
    """C++ type of a requantization."""
    if quant is None:
        return "Exact"
    return f"Requant<{quant.shift}, {quant.lo}LL, {quant.hi}LL, {quant.divisor}>"


def _size(kind: StreamType) -> tuple[tuple[str, int], ...]:
    return (("H", kind.height), ("W", kind.width))


def _conv(name: str, op: Conv) -> Kernel:
    check(name, op, folding_of(op))
    out, k, _, channels = op.weight.shape
    engine = "mac" if not op.binary else "xnor" if op.input.bipolar else "planes"
    sort = {"mac": f"{op.weight_bits}-bit weights", "xnor": "XNOR-popcount", "planes": f"{op.input.bits} bit planes"}
    check_bits(name, "the accumulator", number_bits(op.output))
    constants = (("K", k), *_size(op.input), ("PE", op.pe), ("SIMD", op.simd), ("PAD", op.pad_value))
    if engine == "mac":
        constants += (("WEIGHT_BITS", op.weight_bits),)
    return Kernel(
        f"conv_{engine}",
        f"xnorsr_conv_{engine}.h",
        (("in", pixels(op.input, values=True)), ("out", pixels(op.output))),
        constants,
        (weight_rom(op), ints("bias", op.bias, "[output channel]")),
        f"convolution {k}x{k}, {channels} to {out} channels, {sort[engine]}, "
        f"padding {op.pad_value:+d}, {interval(op)} cycles a pixel",
    )


def number_bits(kind: StreamType) -> int:
    """Bits of a two's complement number that holds every code of a stream."""
    return Range.of(kind).bits


def _affine(name: str, op: Affine) -> Kernel:
    check(name, op, folding_of(op))
    bits = {key: op.param_bits.get(key, 1) for key in ("scale", "bias", "slope")}
    x = total = Range.of(op.input)
    if op.scale is not None:
        total = total * Range.signed(bits["scale"])
    if op.bias is not None:
        total = total + Range.signed(bits["bias"])
    mid = total.clip(op.mid)
    act = mid
    if op.slope is not None:
        negative, positive = Range(min(mid.lo, 0), 0), Range(0, max(mid.hi, 0))
        act = negative * Range.signed(bits["slope"]) | positive << op.slope_frac
    sum_bits, mid_bits, act_bits = max(total.bits, x.bits), mid.bits, max(act.bits, mid.bits)
    check_bits(name, "its multiply-add", requant_bits(op.mid, sum_bits))
    check_bits(name, "its PReLU", requant_bits(op.quant, act_bits))
    channels = op.input.channels
    default = {"scale": 1, "bias": 0, "slope": 0}
    columns = [np.full(channels, default[k]) if getattr(op, k) is None else getattr(op, k) for k in default]
    parts = [k for k in ("scale", "bias") if getattr(op, k) is not None]
    parts += [f"to {op.mid.lo}..{op.mid.hi}"] if op.mid is not None else []
    parts += ["PReLU"] if op.slope is not None else []
    parts += [f"to {op.quant.lo}..{op.quant.hi}"] if op.quant is not None else []
    return Kernel(
        "affine",
        "xnorsr_affine.h",
        (("in", pixels(op.input)), ("out", pixels(op.output)), ("mid", requant(op.mid)), ("quant", requant(op.quant))),
        (
            *_size(op.input),
            ("II", interval(op)),
            ("HAS_SCALE", int(op.scale is not None)),
            ("HAS_BIAS", int(op.bias is not None)),
            ("HAS_SLOPE", int(op.slope is not None)),
            ("SCALE_BITS", bits["scale"]),
            ("BIAS_BITS", bits["bias"]),
            ("SLOPE_BITS", bits["slope"]),
            ("SLOPE_FRAC", op.slope_frac if op.slope is not None else 0),
            ("SUM_BITS", sum_bits),
            ("MID_BITS", mid_bits),
            ("ACT_BITS", act_bits),
        ),
        (ints("param", np.stack(columns, -1), "[channel][scale, bias, slope]"),),
        f"per channel: {', '.join(parts) or 'nothing'}",
    )


def _threshold(name: str, op: Threshold) -> Kernel:
    levels = op.thresholds.shape[1]
    return Kernel(
        "threshold",
        "xnorsr_threshold.h",
        (("in", pixels(op.input)), ("out", pixels(op.output))),
        (*_size(op.input), ("LEVELS", levels), ("STEPS", levels.bit_length()), ("BASE", op.base)),
        (ints("threshold", op.thresholds, "[channel][level], ascending"), ints("sign", op.sign, "[channel]")),
        f"{levels} threshold{'s' if levels > 1 else ''} a channel",
    )


def _residual(name: str, op: Residual) -> Kernel:
    a, b = op.inputs
    left, right = Range.of(a) << op.shift_a, Range.of(b) << op.shift_b
    sum_bits = max((left + right).bits, left.bits, right.bits)
    check_bits(name, "its sum", requant_bits(op.quant, sum_bits))
    to = f", to {op.quant.lo}..{op.quant.hi}" if op.quant is not None else ""
    return Kernel(
        "residual",
        "xnorsr_residual.h",
        (("in_a", pixels(a)), ("in_b", pixels(b)), ("out", pixels(op.output)), ("quant", requant(op.quant))),
        (*_size(a), ("SHIFT_A", op.shift_a), ("SHIFT_B", op.shift_b), ("SUM_BITS", sum_bits)),
        (),
        f"residual add{to}",
    )


def _pixel_shuffle(name: str, op: PixelShuffle) -> Kernel:
    return Kernel(
        "pixel_shuffle",
        "xnorsr_pixel_shuffle.h",
        (("in", pixels(op.input)), ("out", pixels(op.output))),
        (*_size(op.input), ("R", op.factor), ("CRD", int(op.mode == "CRD"))),
        (),
        f"pixel shuffle x{op.factor}, {op.mode}",
    )


def _upsample(name: str, op: Upsample) -> Kernel:
    _, den = op.phase_weights()
    total = Range.of(op.input) * Range(0, den * den)
    check_bits(name, "its weighted sum", requant_bits(op.quant, total.bits))
    return Kernel(
        f"upsample_{op.mode}",
        "xnorsr_upsample.h",
        (("in", pixels(op.input)), ("out", pixels(op.output)), ("quant", requant(op.quant))),
        (*_size(op.input), ("R", op.factor), ("SUM_BITS", total.bits)),
        (),
        f"{op.mode} resize x{op.factor}, phases side by side",
    )


_KERNELS: dict[type[Op], Callable[..., Kernel]] = {
    Conv: _conv,
    Affine: _affine,
    Threshold: _threshold,
    Residual: _residual,
    PixelShuffle: _pixel_shuffle,
    Upsample: _upsample,
}


def kernel(name: str, op: Op) -> Kernel:
    """The kernel of a layer; `name` is for messages.

    Raises:
        UserError: a folding that does not divide, or numbers wider than the kernels hold.
    """
    return _KERNELS[type(op)](name, op)


def clone(kind: StreamType) -> Kernel:
    """The kernel that copies one stream to several."""
    return Kernel("clone", "xnorsr_clone.h", (), _size(kind), (), "one stream to several")
