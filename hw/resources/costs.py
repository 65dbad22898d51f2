"""What hardware costs: formulas of LUT, FF, block RAM and DSP for each operator, from one table of coefficients.

These are estimates for a first account and for choosing a folding; `synth` measures.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from ..graph.ops import Affine, Conv, Op, PixelShuffle, Residual, Threshold, Upsample
from ..types import StreamType


class Coefficient(NamedTuple):
    """One number of the cost model and where it comes from."""

    value: float
    unit: str
    source: str


_COMPARE = "one carry-chain bit a LUT: 7-series and UltraScale+ slices"
_RAM = "slice RAM, simple dual port: UG474 and UG574"

COEFFICIENTS: dict[str, Coefficient] = {
    "popcount_constant": Coefficient(
        0.75, "LUT per binary MAC", "benchmarks/popcount_luts: 576 x 64, constant weights"
    ),
    "popcount_variable": Coefficient(
        1.25, "LUT per bit of PE*SIMD", "benchmarks/popcount_luts: variable weights, XNOR included"
    ),
    "select_input": Coefficient(
        1 / 3, "LUT per window bit", "a multiplexer 4:1 a LUT6, ratios above by a tree of them"
    ),
    "adder": Coefficient(1.0, "LUT per sum bit", _COMPARE),
    "compare": Coefficient(0.5, "LUT per bit", "comparison with a constant: two bits a LUT6"),
    "multiply": Coefficient(
        0.55, "LUT per bit product", "constant operand: half of its digits are zero, adders of 1 LUT a bit"
    ),
    "multiply_dsp_from": Coefficient(
        13.0, "bits of a + b", "narrower products cost fewer than 30 LUTs, no DSP is spent"
    ),
    "rom_lut": Coefficient(1.0, "LUT per 64 ROM bits", "a LUT6 is a ROM of 64 x 1"),
    "ram32": Coefficient(4 / 6, "LUT per bit column of 32", f"RAM32M, 6 bits in 4 LUTs; {_RAM}"),
    "ram64": Coefficient(4 / 3, "LUT per bit column of 64", f"RAM64M, 3 bits in 4 LUTs; {_RAM}"),
    "ram_lut_bits": Coefficient(2048.0, "bits", "smaller memories go to slices, larger ones to block RAM"),
    "control": Coefficient(30.0, "LUT per stage", "counters and handshake"),
    "dsp_in_luts": Coefficient(60.0, "LUT", "exchange rate when a folding is chosen: LUTs per DSP of the listed parts"),
    "bram_in_luts": Coefficient(
        300.0, "LUT", "exchange rate when a folding is chosen: LUTs per BRAM36 of the listed parts"
    ),
}


def coefficient(name: str) -> float:
    """Value of one coefficient."""
    return COEFFICIENTS[name].value


@dataclass(frozen=True)
class Cost:
    """Resources; fractions are kept until a layer's sum is shown. bram36 counts half for an 18 Kb block."""

    lut: float = 0.0
    ff: float = 0.0
    bram36: float = 0.0
    dsp: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.lut + other.lut, self.ff + other.ff, self.bram36 + other.bram36, self.dsp + other.dsp)

    def times(self, n: float) -> Cost:
        """n of them."""
        return Cost(self.lut * n, self.ff * n, self.bram36 * n, self.dsp * n)

    @property
    def weight(self) -> float:
        """One figure to compare foldings by, in LUTs."""
        return self.lut + self.dsp * coefficient("dsp_in_luts") + self.bram36 * coefficient("bram_in_luts")


_BRAM18_SHAPES = ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1))


def memory(depth: int, width: int) -> Cost:
    """A simple dual-port memory: registers up to 2 words, slice RAM while small, block RAM (halves of 36 Kb) else."""
    if depth <= 0 or width <= 0:
        return Cost()
    if depth <= 2:
        return Cost(ff=depth * width)
    if depth <= 32:
        return Cost(lut=coefficient("ram32") * width)
    if depth <= 64 or depth * width <= coefficient("ram_lut_bits"):
        return Cost(lut=coefficient("ram64") * width * math.ceil(depth / 64))
    halves = min(math.ceil(depth / d) * math.ceil(width / w) for d, w in _BRAM18_SHAPES)
    return Cost(bram36=halves / 2)


def rom(depth: int, width: int) -> Cost:
    """Read-only memory: LUTs while small, block RAM else."""
    if depth <= 1:
        return Cost()
    luts = coefficient("rom_lut") * width * math.ceil(depth / 64)
    return Cost(lut=luts) if depth <= 256 or depth * width <= coefficient("ram_lut_bits") else memory(depth, width)


def multiplier(bits_a: int, bits_b: int) -> Cost:
    """One product; a DSP slice (27 x 18 or 25 x 18) where it is worth one."""
    if bits_a + bits_b < coefficient("multiply_dsp_from"):
        return Cost(lut=coefficient("multiply") * bits_a * bits_b)
    wide, narrow = max(bits_a, bits_b), min(bits_a, bits_b)
    return Cost(dsp=math.ceil(wide / 25) * math.ceil(narrow / 18))


def window_rows(op: Op) -> int:
    """Rows of the input that a line buffer holds: K-1 of a convolution, 2 of a bilinear resize, the shuffle's own."""
    if isinstance(op, Conv):
        return op.kernel - 1
    if isinstance(op, Upsample):
        return 2 if op.mode == "bilinear" else 0
    return 0


def line_buffer_bits(op: Op) -> int:
    """Bits of line buffer: rows held * width * word; a pixel shuffle holds one input row twice over."""
    if isinstance(op, PixelShuffle):
        return 2 * op.input.width * op.input.word_bits
    return window_rows(op) * op.input.width * op.input.word_bits


def folds(op: Op) -> int:
    """Cycles a pixel of the input: (O/PE)*(K*K*C/SIMD) of a convolution, C/PE of an affine, r*r of a shuffle.

    A shuffle with several pixels a beat takes as many times fewer.
    """
    if isinstance(op, Conv):
        return (op.weight.shape[0] // op.pe) * (op.weight[0].size // op.simd)
    if isinstance(op, Affine):
        return op.output.channels // lanes(op)
    return math.ceil(op.factor**2 / op.pixels_per_beat) if isinstance(op, PixelShuffle) else 1


def lanes(op: Affine) -> int:
    """Channels that an affine works on in one cycle."""
    return op.pe or op.output.channels


def engine(op: Conv) -> Cost:
    """The matrix-vector unit of a convolution, without its window."""
    outputs, taps = op.weight.shape[0], op.weight[0].size
    cycles, sum_bits = folds(op), op.output.bits
    width = op.pe * op.simd
    if op.binary and cycles == 1:
        return Cost(
            lut=coefficient("popcount_constant") * op.macs_per_pixel * op.input.bits,
            ff=2.0 * outputs * sum_bits + coefficient("popcount_constant") * op.macs_per_pixel * op.input.bits / 3,
        )
    if op.binary:
        work = Cost(lut=coefficient("popcount_variable") * width * op.input.bits, ff=width * op.input.bits / 2)
    else:
        adders = Cost(lut=coefficient("adder") * width * (op.input.bits + op.weight_bits), ff=op.pe * sum_bits)
        work = multiplier(op.weight_bits, op.input.bits).times(width) + adders
    if cycles > 1:
        work += rom(cycles, width * op.weight_bits)
        work += Cost(lut=coefficient("adder") * op.pe * sum_bits, ff=op.pe * sum_bits + outputs * sum_bits)
    if op.simd < taps:
        work += Cost(lut=coefficient("select_input") * taps * op.input.bits)
    return work


def _window(op: Op, kernel: int) -> Cost:
    if kernel == 1:
        return Cost()
    stream: StreamType = op.input
    return memory(stream.width, stream.word_bits).times(kernel - 1) + Cost(ff=kernel * kernel * stream.word_bits)


def affine_cost(op: Affine) -> Cost:
    """The lanes of an affine, their parameters, and the width converters around fewer lanes than channels."""
    width, there = lanes(op), op.param_bits
    lane = Cost(ff=2.0 * op.output.bits + op.input.bits)
    if op.scale is not None:
        lane += multiplier(op.input.bits, there["scale"])
    if op.bias is not None:
        lane += Cost(lut=coefficient("adder") * (op.input.bits + there.get("scale", 0)))
    if op.slope is not None:
        lane += multiplier(op.mid.hi.bit_length() + 1 if op.mid is not None else op.input.bits, there["slope"])
    rounds = (op.mid is not None) + (op.quant is not None)
    cost = (lane + Cost(lut=coefficient("adder") * rounds * (op.output.bits + 4))).times(width)
    if folds(op) > 1:
        cost += rom(folds(op), width * sum(there.values()))
        cost += Cost(lut=op.input.word_bits + op.output.word_bits, ff=op.input.word_bits + 2.0 * op.output.word_bits)
    return cost


def layer_cost(op: Op) -> Cost:
    """Resources of one operator under its folding, without the FIFOs in front of it."""
    out = op.output.word_bits
    base = Cost(lut=coefficient("control"), ff=coefficient("control") + 2.0 * out)
    if isinstance(op, Conv):
        return base + _window(op, op.kernel) + engine(op)
    if isinstance(op, Affine):
        return base + affine_cost(op)
    if isinstance(op, Threshold):
        return base + Cost(lut=coefficient("compare") * op.thresholds.size * op.input.bits)
    if isinstance(op, Residual):
        rounds = 1 if op.quant is None else 2
        return base + Cost(lut=coefficient("adder") * rounds * op.output.channels * (op.output.bits + 1))
    if isinstance(op, PixelShuffle):
        return base + memory(2 * op.input.width, op.input.word_bits) + Cost(lut=coefficient("select_input") * out)
    if isinstance(op, Upsample):
        if op.mode == "nearest":
            return base
        sums = 2 * op.output.channels * (op.input.bits + 2 * op.factor)
        return base + _window(op, 3) + Cost(lut=coefficient("adder") * sums)
    raise TypeError(f"no cost model of {op.op_type}")
