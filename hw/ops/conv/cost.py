"""What a convolution costs: window and matrix-vector unit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...resources.cost import YOSYS_SOURCE, Coefficient, Cost, coefficient, control, distinct, multiplier, rom, window

if TYPE_CHECKING:
    from .op import Conv

COEFFICIENTS: dict[str, Coefficient] = {
    "popcount_constant": Coefficient(
        0.32, "LUT per binary MAC", "benchmarks/popcount_luts: 144 x 16, constant weights"
    ),
    "popcount_sharing": Coefficient(
        0.14, "exponent of MACs / 2304", "benchmarks/popcount_luts: larger ones share more; 72 x 8 to 576 x 64"
    ),
    "border": Coefficient(4.0, "LUT per sum bit", f"unrolled: what the border adds, and the sum; {YOSYS_SOURCE}"),
    "popcount_variable": Coefficient(
        1.25, "LUT per bit of PE*SIMD", "benchmarks/popcount_luts: variable weights, XNOR included"
    ),
    "rotate": Coefficient(
        1.0, "LUT per window bit", f"2:1 multiplexer of the rotating window register; {YOSYS_SOURCE}"
    ),
    "sum_constant": Coefficient(0.6, "LUT per bit of a + b", f"adder tree of unrolled products; {YOSYS_SOURCE}"),
    "sum_folded": Coefficient(
        0.3, "LUT per bit of a + b", f"adder tree of folded products, partly in DSPs; {YOSYS_SOURCE}"
    ),
}


def _own(name: str) -> float:
    return COEFFICIENTS[name].value


def _products(op: Conv) -> Cost:
    """Multipliers and adder trees of a fixed-point convolution."""
    bits = op.input.bits + op.weight_bits
    one = multiplier(op.weight_bits, op.input.bits)
    if one.dsp and op.unrolled:
        one = Cost(dsp=coefficient("constant_dsp"))
    tree = _own("sum_constant" if op.unrolled or not one.dsp else "sum_folded") * bits
    return (one + Cost(lut=tree, ff=bits / 8)).times(op.pe * op.simd)


def _popcounts(op: Conv) -> Cost:
    """The popcounts of one bit plane; with constant weights outputs share sums, the more the larger the layer is."""
    macs = op.pe * op.simd
    if op.unrolled:
        counts = _own("popcount_constant") * macs * (macs / 2304) ** -_own("popcount_sharing")
    else:
        counts = _own("popcount_variable") * macs
    return Cost(lut=counts, ff=counts / 3)


def engine(op: Conv) -> Cost:
    """The matrix-vector unit of a convolution, without its window."""
    outputs, sum_bits, planes = op.output.channels, op.output.bits, op.input.bits
    if op.binary:
        # The window's bits outside the frame are replaced in front of the popcounts
        work = Cost(lut=op.simd * planes) + _popcounts(op).times(planes)
        if op.unrolled:
            work += Cost(lut=_own("border") * outputs * sum_bits)
    else:
        work = _products(op)
    work += Cost(lut=0.0 if op.unrolled else coefficient("adder") * op.pe * sum_bits, ff=op.pe * sum_bits)
    if op.unrolled:
        return work
    # Rotating window register (with a mask for binary padding), weights, the pixel that is put together
    weights = op.pe * op.simd * op.weight_bits
    held = op.synapses * (planes + (op.binary and op.input.bipolar))
    work += rom(op.folds, weights) + Cost(ff=held + distinct(op.folds, weights) + 2.0 * outputs * sum_bits)
    return work + Cost(lut=_own("rotate") * held) if op.simd < op.synapses else work


def convolution(op: Conv) -> Cost:
    """The whole layer."""
    return control() + window(op.input, op.kernel_size) + engine(op)
