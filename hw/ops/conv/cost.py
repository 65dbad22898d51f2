"""What a convolution costs: window and matrix-vector unit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...resources.cost import YOSYS_SOURCE, Coefficient, Cost, coefficient, control, distinct, rom, window
from ...rtl.popcount import variable_registers
from . import digits, products

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
    "popcount_registers": Coefficient(
        1.85, "FF per LUT", "benchmarks/popcount_luts: constant weights, their stages; 72 x 8 to 288 x 32"
    ),
    "rotate": Coefficient(
        1.0, "LUT per window bit", f"2:1 multiplexer of the rotating window register; {YOSYS_SOURCE}"
    ),
    "digits": Coefficient(
        1.3, "LUT per bit of a partial product", f"two digits of a product in look-up tables, its adder; {YOSYS_SOURCE}"
    ),
    "digits_constant": Coefficient(0.5, "of digits", f"constant weights: half of the digits are zero; {YOSYS_SOURCE}"),
    "carry_in": Coefficient(1.0, "LUT per adder", "place of the carry chain that takes a carry in: UG474 and UG574"),
    "shift_register": Coefficient(1.0, "LUT per bit", "SRL16, operands of later places in a chain: UG474 and UG574"),
} | digits.COEFFICIENTS


def _own(name: str) -> float:
    return COEFFICIENTS[name].value


def _products(op: Conv) -> Cost:
    """Multipliers and adder trees of a fixed-point convolution, to the numbers that the accumulators add.

    A sum that a chain of DSP slices makes costs nothing beside them; an adder of the tree costs a LUT and a flip-flop
    per bit.
    """
    made = products.choose(op)
    sums = 2 * made.pairs + made.singles
    adders = sums * (made.leaves - 1)
    growth = made.leaves.bit_length() / 2
    tree = adders * (made.sum_bits + growth)
    work = Cost(lut=tree + _own("carry_in") * (made.pairs * (made.leaves - 1)), ff=tree + adders)
    if made.chain:
        needed = coefficient("constant_dsp") if op.unrolled and not made.pairs else 1.0
        return work + Cost(dsp=needed * made.slices) + _delays(op, made)
    if made.sign:
        return work + Cost(lut=made.weight_bits, ff=made.weight_bits + 1.0).times(sums * made.simd)
    bits = made.sum_bits * made.digit_pairs
    digits = _own("digits") * (_own("digits_constant") if op.unrolled else 1.0)
    return work + Cost(lut=digits * bits, ff=bits).times(sums * made.simd)


def _delays(op: Conv, made: products.Products) -> Cost:
    """Operands of later places in a chain: the slice holds a cycle, flip-flops a second one, shift registers more."""
    places = [n % made.chain for n in range(made.simd)]
    two, more = places.count(2), sum(place > 2 for place in places)
    fold = 0 if op.unrolled else (op.folds - 1).bit_length() * (made.chain - 1)
    return Cost(lut=_own("shift_register") * more, ff=2.0 * two + more).times(made.element_bits) + Cost(ff=fold)


def popcounts(op: Conv) -> Cost:
    """The popcounts of one bit plane. With constant weights outputs share sums, the more the larger the layer is."""
    macs = op.pe * op.simd
    if op.unrolled:
        counts = _own("popcount_constant") * macs * (macs / 2304) ** -_own("popcount_sharing")
        return Cost(lut=counts, ff=_own("popcount_registers") * counts)
    return Cost(lut=_own("popcount_variable") * macs, ff=op.pe * variable_registers(op.simd))


def engine(op: Conv) -> Cost:
    """The matrix-vector units of a convolution, without its window."""
    return digits.engine(op) if op.digit else _unit(op).times(op.read.units)


def _unit(op: Conv) -> Cost:
    units = op.read.units
    pe, outputs, sum_bits, planes = op.pe // units, op.output.channels // units, op.output.bits, op.input.bits
    if op.binary:
        # The window's bits outside the frame are replaced in front of the popcounts
        work = Cost(lut=op.simd * planes) + popcounts(op).times(planes)
        if op.unrolled:
            work += Cost(lut=_own("border") * outputs * sum_bits)
    else:
        work = _products(op)
    work += Cost(lut=0.0 if op.unrolled else coefficient("adder") * pe * sum_bits, ff=pe * sum_bits)
    if op.unrolled:
        return work
    # Rotating window register (with a mask for binary padding), a slice of it, weights, the pixel that is put together
    weights = pe * op.simd * (op.weight_bits if op.binary else products.choose(op).weight_bits)
    held = op.synapses * (planes + (op.binary and op.input.bipolar))
    slice_ = 0 if op.binary else op.simd * planes
    work += rom(op.folds, weights) + Cost(ff=held + slice_ + distinct(op.folds, weights) + 2.0 * outputs * sum_bits)
    return work + Cost(lut=_own("rotate") * held) if op.simd < op.synapses else work


def convolution(op: Conv) -> Cost:
    """The whole layer."""
    return control() + window(op.input, op.kernel_size) + engine(op)
