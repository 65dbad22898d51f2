"""What hardware costs: formulas of LUT, FF, block RAM and DSP for each operator, from one table of coefficients.

These are estimates for a first account and for choosing a folding; `synth` measures.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

from ..graph.ops import Affine, Conv, Op, PixelShuffle, Residual, Threshold, Upsample
from ..types import StreamType


class Coefficient(NamedTuple):
    """One number of the cost model and where it comes from."""

    value: float
    unit: str
    source: str


_RAM = "slice RAM, simple dual port: UG474 and UG574"
_YOSYS = "Yosys 0.70, synth_xilinx xc7, networks of 8 and 16 channels"

COEFFICIENTS: dict[str, Coefficient] = {
    "popcount_constant": Coefficient(
        0.32, "LUT per binary MAC", "benchmarks/popcount_luts: 144 x 16, constant weights"
    ),
    "popcount_sharing": Coefficient(
        0.14, "exponent of MACs / 2304", "benchmarks/popcount_luts: larger ones share more; 72 x 8 to 576 x 64"
    ),
    "border": Coefficient(4.0, "LUT per sum bit", f"unrolled: what the border adds, and the sum; {_YOSYS}"),
    "popcount_variable": Coefficient(
        1.25, "LUT per bit of PE*SIMD", "benchmarks/popcount_luts: variable weights, XNOR included"
    ),
    "rotate": Coefficient(1.0, "LUT per window bit", f"2:1 multiplexer of the rotating window register; {_YOSYS}"),
    "adder": Coefficient(1.0, "LUT per sum bit", "one carry-chain bit a LUT: 7-series and UltraScale+ slices"),
    "compare": Coefficient(0.35, "LUT per bit", f"comparison with a constant; {_YOSYS}"),
    "round": Coefficient(1.2, "LUT per output bit", f"round half to even and saturate; {_YOSYS}"),
    "multiply": Coefficient(
        0.55, "LUT per bit product", "constant operand: half of its digits are zero, 1 LUT a sum bit"
    ),
    "multiply_dsp_from": Coefficient(
        13.0, "bits of a + b", "narrower products cost fewer than 30 LUTs, no DSP is spent"
    ),
    "constant_dsp": Coefficient(
        0.7, "DSP per MAC", f"unrolled: weights that are 0 or a power of two need none; {_YOSYS}"
    ),
    "sum_constant": Coefficient(0.6, "LUT per bit of a + b", f"adder tree of unrolled products; {_YOSYS}"),
    "sum_folded": Coefficient(0.3, "LUT per bit of a + b", f"adder tree of folded products, partly in DSPs; {_YOSYS}"),
    "rom_lut": Coefficient(1.0, "LUT per 64 ROM bits", "a LUT6 is a ROM of 64 x 1"),
    "ram32": Coefficient(4 / 6, "LUT per bit column of 32", f"RAM32M, 6 bits in 4 LUTs; {_RAM}"),
    "ram64": Coefficient(4 / 3, "LUT per bit column of 64", f"RAM64M, 3 bits in 4 LUTs; {_RAM}"),
    "ram_lut_bits": Coefficient(2048.0, "bits", "smaller memories go to slices, larger ones to block RAM"),
    "control": Coefficient(10.0, "LUT per stage", f"handshake; {_YOSYS}"),
    "window_control": Coefficient(60.0, "LUT per window", f"positions, addresses, flush; {_YOSYS}"),
    "fifo_control": Coefficient(40.0, "LUT per FIFO", f"addresses and count; {_YOSYS}"),
    "port": Coefficient(6.0, "LUT per pixel bit", f"both video ports together; {_YOSYS}"),
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


def distinct(depth: int, width: int) -> int:
    """Columns of a ROM that differ: of so many words there are no more than 2**depth different ones."""
    return width if depth > 16 else min(width, 1 << depth)


def rom(depth: int, width: int) -> Cost:
    """Read-only memory: LUTs while small, block RAM else."""
    if depth <= 1:
        return Cost()
    columns = distinct(depth, width)
    luts = coefficient("rom_lut") * columns * math.ceil(depth / 64)
    return Cost(lut=luts) if depth <= 256 or depth * columns <= coefficient("ram_lut_bits") else memory(depth, width)


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


def _products(op: Conv) -> Cost:
    """Multipliers and adder trees of a fixed-point convolution."""
    bits = op.input.bits + op.weight_bits
    width, unrolled = op.pe * op.simd, folds(op) == 1
    one = multiplier(op.weight_bits, op.input.bits)
    if one.dsp and unrolled:
        one = Cost(dsp=coefficient("constant_dsp"))
    tree = coefficient("sum_constant" if unrolled or not one.dsp else "sum_folded") * bits
    return (one + Cost(lut=tree, ff=bits / 8)).times(width)


def _popcounts(op: Conv) -> Cost:
    """The popcounts of one bit plane; with constant weights outputs share sums, the more the larger the layer is."""
    macs = op.pe * op.simd
    if folds(op) > 1:
        counts = coefficient("popcount_variable") * macs
    else:
        counts = coefficient("popcount_constant") * macs * (macs / 2304) ** -coefficient("popcount_sharing")
    return Cost(lut=counts, ff=counts / 3)


def engine(op: Conv) -> Cost:
    """The matrix-vector unit of a convolution, without its window."""
    outputs, taps = op.weight.shape[0], op.weight[0].size
    cycles, sum_bits, planes = folds(op), op.output.bits, op.input.bits
    if op.binary:
        # The window's bits outside the frame are replaced in front of the popcounts
        work = Cost(lut=op.simd * planes) + _popcounts(op).times(planes)
        if cycles == 1:
            work += Cost(lut=coefficient("border") * outputs * sum_bits)
    else:
        work = _products(op)
    work += Cost(lut=coefficient("adder") * op.pe * sum_bits if cycles > 1 else 0.0, ff=op.pe * sum_bits)
    if cycles == 1:
        return work
    # Rotating window register (with a mask for binary padding), weights, the pixel that is put together
    weights = op.pe * op.simd * op.weight_bits
    held = taps * (planes + (op.binary and op.input.bipolar))
    work += rom(cycles, weights) + Cost(ff=held + distinct(cycles, weights) + 2.0 * outputs * sum_bits)
    return work + Cost(lut=coefficient("rotate") * held) if op.simd < taps else work


def _window(op: Op, kernel: int) -> Cost:
    """Line delays in one memory, the taps, and the positions; nothing for a 1x1 kernel."""
    if kernel == 1:
        return Cost()
    stream: StreamType = op.input
    taps = Cost(lut=coefficient("window_control"), ff=coefficient("window_control") + kernel**2 * stream.word_bits)
    return memory(stream.width, (kernel - 1) * (stream.word_bits + 1)) + taps


def affine_cost(op: Affine) -> Cost:
    """The lanes of an affine, their parameters, and the width converters around fewer lanes than channels."""
    width, there = lanes(op), op.param_bits
    lane = Cost(ff=2.0 * op.output.bits)
    products = Cost()
    if op.scale is not None:
        products += multiplier(op.input.bits, there["scale"])
    if op.bias is not None and op.scale is None:  # a product's bias goes into the DSP
        lane += Cost(lut=coefficient("adder") * op.input.bits)
    if op.slope is not None:
        products += multiplier(op.mid.hi.bit_length() + 1 if op.mid is not None else op.input.bits, there["slope"])
    lane += replace(products, dsp=products.dsp * (coefficient("constant_dsp") if folds(op) == 1 else 1.0))
    rounds = sum(1 for q in (op.mid, op.quant) if q is not None and q.shift > 0)
    clips = sum(1 for q in (op.mid, op.quant) if q is not None and q.shift <= 0)
    luts = coefficient("round") * rounds * (op.output.bits + 2) + clips * op.output.bits / 3
    cost = (lane + Cost(lut=luts)).times(width)
    if folds(op) > 1:
        cost += rom(folds(op), width * sum(there.values()))
        cost += Cost(lut=op.input.word_bits, ff=op.input.word_bits + 2.0 * op.output.word_bits)
    return cost


def fifo_cost(depth: int, width: int) -> Cost:
    """A FIFO: its memory, a register and a multiplexer at the output; nothing for depth 0."""
    if depth == 0:
        return Cost()
    control = coefficient("fifo_control")
    return memory(depth - 1, width) + Cost(lut=width + control, ff=width + control)


def port_cost(source: StreamType) -> Cost:
    """Both video ports."""
    return Cost(lut=coefficient("port") * source.word_bits, ff=coefficient("port") * source.word_bits)


def fork_cost() -> Cost:
    """A fork: a bit a copy, no data register."""
    return Cost(lut=5, ff=2)


def layer_cost(op: Op) -> Cost:
    """Resources of one operator under its folding, without the FIFOs in front of it."""
    out, bits = op.output.word_bits, op.output.bits
    base = Cost(lut=coefficient("control"), ff=coefficient("control"))
    if isinstance(op, Conv):
        slice_ = Cost(lut=op.input.word_bits, ff=2.0 * op.input.word_bits)
        return base + slice_ + _window(op, op.kernel) + engine(op)
    if isinstance(op, Affine):
        return base + affine_cost(op)
    if isinstance(op, Threshold):
        return base + Cost(lut=coefficient("compare") * op.thresholds.size * op.input.bits, ff=out)
    if isinstance(op, Residual):
        rounding = coefficient("round") * bits if op.quant is not None else 0.0
        return base + Cost(lut=op.output.channels * (coefficient("adder") * bits + rounding), ff=2.4 * out)
    if isinstance(op, PixelShuffle):
        words = math.ceil(2 * op.input.width * (op.factor - 1) / op.factor) + 4
        logic = Cost(lut=50 + op.input.word_bits / 3, ff=50 + op.output.word_bits)
        return base + memory(words, op.input.word_bits) + logic
    if isinstance(op, Upsample):
        if op.mode == "nearest":
            return Cost()
        sums = coefficient("adder") * op.output.channels * (op.input.bits + 2 * op.factor) * 3
        return base + _window(op, 3) + Cost(lut=sums, ff=2.0 * out)
    raise TypeError(f"no cost model of {op.op_type}")
