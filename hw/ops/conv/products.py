"""How a unit of a fixed-point convolution multiplies: in DSP slices or look-up tables, one or two products per slice.

The module's parameters, its latency and the account follow from this one choice. `xnorsr_mvu_fixed` and `xnorsr_dot`
say why two products in one slice are exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...resources.cost import coefficient

if TYPE_CHECKING:
    from .op import Conv

#: A longer chain saves adders, but each of its places delays its inputs by a cycle more.
LONGEST_CHAIN = 8
#: The narrow factor of a DSP slice.
NARROW = 18


@dataclass(frozen=True)
class Products:
    """The products of one unit.

    Attributes:
        chain: DSP slices in a chain; 0: products in look-up tables.
        shift: distance in bits of the two weights that one slice multiplies with; 0: one weight.
        weight_max: largest magnitude of a weight, at least 1.
        element_bits: of an activation as a signed number.
        sum_bits: of a number that the adder trees start from.
        pairs: outputs per cycle that share slices, two by two; `singles` have slices of their own.
        simd: products per output and cycle.
        sign: activations are -1, 0 or 1.
    """

    chain: int
    shift: int
    weight_max: int
    element_bits: int
    sum_bits: int
    pairs: int
    singles: int
    simd: int
    sign: bool

    @property
    def weight_bits(self) -> int:
        """Bits of a weight as it is stored."""
        return self.weight_max.bit_length() + 1

    @property
    def slices(self) -> int:
        """DSP slices, as far as no constant weight makes one unnecessary."""
        return (self.pairs + self.singles) * self.simd if self.chain else 0

    @property
    def leaves(self) -> int:
        """Numbers that an adder tree starts from."""
        return -(-self.simd // self.chain) if self.chain else self.simd

    @property
    def digit_pairs(self) -> int:
        """Partial products of a product in look-up tables: two digits of the narrower factor each."""
        return (min(self.element_bits, self.weight_bits) + 1) // 2

    @property
    def stages(self) -> int:
        """Cycles from operands to the sum of their products: D of `xnorsr_mvu_fixed`'s header."""
        tree = _levels(self.leaves)
        if self.chain:
            return self.chain + 2 + tree
        return (1 if self.sign else 1 + _levels(self.digit_pairs)) + tree


def _levels(count: int) -> int:
    """Levels of a tree that adds two numbers at a time."""
    return (count - 1).bit_length()


def _signed_bits(magnitude: int) -> int:
    """Bits of two's complement that hold all numbers up to this magnitude, as the modules count them."""
    return magnitude.bit_length() + 1


def choose(op: Conv) -> Products:
    """The products of each unit of a fixed-point convolution at its folding, for the slices of its device.

    Narrow products go to look-up tables (`multiply_dsp_from`), and so do those that no single slice holds. Two products
    share a slice where the wide factor takes two weights so far apart that the sum of at least one product of the lower
    one fits between them.
    """
    kind, pe = op.input, op.pe // op.read.units
    weight_max = max(int(np.abs(op.weight).max()), 1)
    element = 2 if kind.bits == 1 else kind.bits + (not kind.signed)
    largest = 1 if kind.bipolar else (1 << (kind.bits - 1)) if kind.signed else (1 << kind.bits) - 1
    stored = _signed_bits(weight_max)
    fits = min(element, stored) <= NARROW and max(element, stored) <= op.dsp_width
    if kind.bits + op.weight_bits < coefficient("multiply_dsp_from") or not fits:
        return Products(0, 0, weight_max, element, element + stored, 0, pe, op.simd, kind.bipolar)
    chain, shift, pairs = min(LONGEST_CHAIN, op.simd), op.dsp_width - stored, 0
    room = (1 << (shift - 1)) - 1 if shift > 0 else 0
    if pe > 1 and element <= NARROW and room >= largest * weight_max:
        chain, pairs = min(chain, room // (largest * weight_max)), pe // 2
    else:
        shift = 0
    sums = _signed_bits(chain * largest * weight_max)
    return Products(chain, shift, weight_max, element, sums, pairs, pe - 2 * pairs, op.simd, kind.bipolar)
