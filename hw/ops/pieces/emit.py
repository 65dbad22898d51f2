"""Pieces as an HLS kernel and as a SystemVerilog module, and the cycles of both."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...hls import latency as hls
from ...hls.arrays import ints
from ...hls.kernel import Kernel, in_dsp, pixels, requant, size
from ...hls.widths import check_bits, requant_bits
from ...rtl.literals import rows
from ...rtl.module import Constant, LayerModule, flag, layer, quant_parameters, requant_cycles
from ...types import Range

if TYPE_CHECKING:
    from .op import Pieces


def hls_latency(op: Pieces) -> int:
    """Cycles of the kernel: the folding, the ports, the choice, two steps for a wide product, the rounding."""
    return op.folds + hls.PORTS + 4 * hls.STEP


def rtl_latency(op: Pieces) -> int:
    """Cycles of xnorsr_pieces, by its header."""
    stages = 6 + requant_cycles(op.quant, op.logic_levels)
    return stages if op.folds == 1 else stages + 1 + op.folds


def kernel(name: str, op: Pieces) -> Kernel:
    """The HLS kernel, with the width of everything inside."""
    x, bits = Range.of(op.input), op.param_bits
    total = x * Range.signed(bits["scale"]) + Range.signed(bits["bias"])
    check_bits(name, "its multiply-add", requant_bits(op.quant, total.bits))

    def by_cycle(table: np.ndarray) -> np.ndarray:
        return table.reshape(op.folds, op.lanes, op.count)

    return Kernel(
        "pieces",
        "xnorsr_pieces.h",
        (("in", pixels(op.input)), ("out", pixels(op.output)), ("quant", requant(op.quant))),
        (
            *size(op.input),
            ("PE", op.lanes),
            ("PIECES", op.count),
            ("SPLIT_BITS", bits["split"]),
            ("SCALE_BITS", bits["scale"]),
            ("BIAS_BITS", bits["bias"]),
            ("SCALE_DSP", in_dsp(op.input.bits, bits["scale"])),
            ("SUM_BITS", total.bits),
        ),
        (
            ints("split", by_cycle(_with_unused(op)), "[cycle][PE][piece], its first code; unused of the first one"),
            ints("scale", by_cycle(op.scale), "[cycle][PE][piece]"),
            ints("bias", by_cycle(op.bias), "[cycle][PE][piece]"),
        ),
    )


def _with_unused(op: Pieces) -> np.ndarray:
    """Splits with a column in front that nothing reads, so that no array is empty."""
    return np.concatenate([np.zeros((len(op.splits), 1), np.int64), op.splits], 1)


def module(name: str, op: Pieces) -> LayerModule:
    """One xnorsr_pieces."""
    made, channels, bits = layer(name, op.op_type, op.inputs, op.outputs), op.input.channels, op.param_bits
    made.notes.append(f"{op.describe()}; {op.lanes} channels per cycle")
    for key, table in (("Split", _with_unused(op)), ("Scale", op.scale), ("Bias", op.bias)):
        width = bits[key.lower()]
        made.constants.append(Constant(f"{key}Codes", channels * op.count * width, rows(table, width)))
    return made.whole(
        "xnorsr_pieces",
        {
            "Channels": channels,
            "Pe": op.lanes,
            "Pieces": op.count,
            "InBits": op.input.bits,
            "InSigned": flag(op.input.signed),
            "SplitBits": bits["split"],
            "Split": "SplitCodes",
            "ScaleBits": bits["scale"],
            "Scale": "ScaleCodes",
            "BiasBits": bits["bias"],
            "Bias": "BiasCodes",
            **quant_parameters("Out", op.quant),
            "OutBits": op.output.bits,
            "LogicLevels": op.logic_levels,
        },
    )
