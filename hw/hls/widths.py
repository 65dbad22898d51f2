"""Ranges of integers and the bits that they need: the widths of everything between two streams."""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import UserError
from ..types import Requant, StreamType

MAX_BITS = 64


@dataclass(frozen=True)
class Range:
    """All integers from lo to hi."""

    lo: int
    hi: int

    @staticmethod
    def of(kind: StreamType) -> Range:
        """Codes of a stream."""
        return Range(kind.lo, kind.hi)

    @staticmethod
    def signed(bits: int) -> Range:
        """Two's complement numbers."""
        return Range(-(1 << (bits - 1)), (1 << (bits - 1)) - 1)

    def __add__(self, other: Range) -> Range:
        return Range(self.lo + other.lo, self.hi + other.hi)

    def __mul__(self, other: Range) -> Range:
        corners = [a * b for a in (self.lo, self.hi) for b in (other.lo, other.hi)]
        return Range(min(corners), max(corners))

    def __or__(self, other: Range) -> Range:
        return Range(min(self.lo, other.lo), max(self.hi, other.hi))

    def __lshift__(self, bits: int) -> Range:
        return Range(self.lo << bits, self.hi << bits)

    def clip(self, quant: Requant | None) -> Range:
        """What a requantization can give of any number."""
        return self if quant is None else Range(quant.lo, quant.hi)

    @property
    def bits(self) -> int:
        """Bits of a two's complement number that holds the range."""
        return max((-self.lo - 1).bit_length() if self.lo < 0 else 0, max(self.hi, 0).bit_length()) + 1


def requant_bits(quant: Requant | None, bits: int) -> int:
    """Bits of the widest number inside a requantization of a number of `bits`; the same sum as in xnorsr_requant.h."""
    if quant is None:
        return bits
    up, down = max(-quant.shift, 0), max(quant.shift, 0)
    if quant.divisor == 1:
        return max(bits + up, down + 2)
    return 2 * (max(bits + up + 1, down + 16) + 2) + 4


def check_bits(layer: str, what: str, bits: int) -> int:
    """`bits`, if the kernels can hold so many.

    Raises:
        UserError: they cannot.
    """
    if bits > MAX_BITS:
        raise UserError(
            f"layer '{layer}': {what} needs {bits} bits; the kernels hold at most {MAX_BITS}. "
            "Quantize its input or its parameters to fewer bits."
        )
    return bits
