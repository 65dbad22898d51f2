"""An affine as an HLS kernel and as a SystemVerilog module, and the cycles of both."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...hls import latency as hls
from ...hls.arrays import ints
from ...hls.kernel import Kernel, in_dsp, pixels, requant, size
from ...hls.widths import check_bits, requant_bits
from ...rtl.module import LayerModule, flag, layer, quant_parameters, requant_cycles, vector
from ...types import Range

if TYPE_CHECKING:
    from .op import Affine

_ABSENT = {"scale": 1, "bias": 0, "slope": 0}


def hls_latency(op: Affine) -> int:
    """Cycles of the kernel: the folding, the ports, a step for each part."""
    parts = (op.scale is not None, op.mid is not None, op.slope is not None, op.quant is not None)
    return op.folds + hls.PORTS + hls.STEP * sum(parts)


def rtl_latency(op: Affine) -> int:
    """Cycles of xnorsr_affine, by its header."""
    stages = 1 + (2 if op.scale is not None else 1 if op.bias is not None else 0) + 3 * (op.slope is not None)
    stages += requant_cycles(op.mid, op.logic_levels) + requant_cycles(op.quant, op.logic_levels)
    return stages if op.folds == 1 else stages + 1 + op.folds


def kernel(name: str, op: Affine) -> Kernel:
    """The HLS kernel, with the width of everything inside."""
    bits = {key: op.param_bits.get(key, 1) for key in _ABSENT}
    x = total = Range.of(op.input)
    if op.scale is not None:
        total = total * Range.signed(bits["scale"])
    if op.bias is not None:
        total = total + Range.signed(bits["bias"])
    mid = total if op.mid is None else Range(op.mid.lo, op.mid.hi)
    act = mid
    if op.slope is not None:
        act = mid.negative * Range.signed(bits["slope"]) | mid.positive << op.slope_frac
    sum_bits, mid_bits, act_bits = max(total.bits, x.bits), mid.bits, max(act.bits, mid.bits)
    check_bits(name, "its multiply-add", requant_bits(op.mid, sum_bits))
    check_bits(name, "its PReLU", requant_bits(op.quant, act_bits))
    columns = [op.columns.get(key, np.full(op.input.channels, value)) for key, value in _ABSENT.items()]
    return Kernel(
        "affine",
        "xnorsr_affine.h",
        (("in", pixels(op.input)), ("out", pixels(op.output)), ("mid", requant(op.mid)), ("quant", requant(op.quant))),
        (
            *size(op.input),
            ("PE", op.lanes),
            ("HAS_SCALE", int(op.scale is not None)),
            ("HAS_BIAS", int(op.bias is not None)),
            ("HAS_SLOPE", int(op.slope is not None)),
            ("SCALE_BITS", bits["scale"]),
            ("BIAS_BITS", bits["bias"]),
            ("SLOPE_BITS", bits["slope"]),
            ("SLOPE_FRAC", op.slope_frac if op.slope is not None else 0),
            ("SCALE_DSP", in_dsp(op.input.bits, bits["scale"])),
            ("SLOPE_DSP", in_dsp(mid_bits, bits["slope"])),
            ("SUM_BITS", sum_bits),
            ("MID_BITS", mid_bits),
            ("ACT_BITS", act_bits),
        ),
        (ints("param", np.stack(columns, -1).reshape(op.folds, op.lanes, 3), "[cycle][PE][scale, bias, slope]"),),
    )


def module(name: str, op: Affine) -> LayerModule:
    """One xnorsr_affine."""
    made, c, bits = layer(name, op.op_type, op.inputs, op.outputs), op.input.channels, op.param_bits
    return made.whole(
        "xnorsr_affine",
        {
            "Channels": c,
            "Pe": op.lanes,
            "InBits": op.input.bits,
            "InSigned": flag(op.input.signed),
            **vector(made, "Scale", op.scale, bits.get("scale", 1), c),
            **vector(made, "Bias", op.bias, bits.get("bias", 1), c),
            "HasMid": flag(op.mid),
            **quant_parameters("Mid", op.mid),
            **vector(made, "Slope", op.slope, bits.get("slope", 1), c),
            "SlopeFrac": op.slope_frac,
            "HasQuant": flag(op.quant),
            **quant_parameters("Out", op.quant),
            "OutBits": op.output.bits,
            "LogicLevels": op.logic_levels,
        },
    )
