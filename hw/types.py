"""The type of a stream between two hardware layers, and rounding: the whole numerics contract in one file.

Every tensor is integer codes times a power of two, or bipolar. See docs/numerics.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np


@dataclass(frozen=True)
class StreamType:
    """One frame of pixels in raster order: one pixel per beat, all channels in one word, channel 0 in the low bits.

    A stream's rate follows from its frame: beside a network input of H x W pixels, a stream of 2H x 2W pixels carries
    four beats per input pixel, a stream of 1 x 1 pixels one vector per frame.

    Attributes:
        height, width: frame size in pixels of this stream.
        channels: channels per pixel.
        bits: bits per channel (1 when bipolar).
        signed: two's complement codes; False means unsigned.
        frac: value = code * 2**-frac (may be negative).
        bipolar: code 1 stands for +1, code 0 for -1; bits is 1 and frac is 0.
    """

    height: int
    width: int
    channels: int
    bits: int
    signed: bool
    frac: int
    bipolar: bool = False

    @property
    def pixels(self) -> int:
        """Pixels per frame."""
        return self.height * self.width

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C) of one frame of codes."""
        return self.height, self.width, self.channels

    @property
    def word_bits(self) -> int:
        """Bits of one pixel: channels * bits."""
        return self.channels * self.bits

    @property
    def lo(self) -> int:
        """Least code."""
        return -(1 << (self.bits - 1)) if self.signed else 0

    @property
    def hi(self) -> int:
        """Greatest code."""
        return (1 << (self.bits - (1 if self.signed else 0))) - 1

    def to_codes(self, values: np.ndarray) -> np.ndarray:
        """Integer codes (int64, the same shape) of float values, exactly.

        Raises:
            ValueError: a value does not belong to this type.
        """
        if self.bipolar:
            codes = (values > 0).astype(np.int64)
            exact = np.array_equal(np.abs(values), np.ones_like(values))
        else:
            scaled = np.asarray(values, np.float64) * 2.0**self.frac
            codes = np.rint(scaled).astype(np.int64)
            exact = bool(np.all(codes == scaled) and codes.size and codes.min() >= self.lo and codes.max() <= self.hi)
        if not exact:
            raise ValueError(f"values are no codes of {self}")
        return codes

    def to_values(self, codes: np.ndarray) -> np.ndarray:
        """Float64 values of integer codes."""
        if self.bipolar:
            return 2.0 * codes - 1.0
        return np.asarray(codes, np.float64) * 2.0**-self.frac


@dataclass(frozen=True)
class Requant:
    """Round half to even and saturate: code = clip(round(x / (divisor * 2**shift)), lo, hi).

    A negative shift multiplies by 2**-shift, exactly. ``divisor`` is 1 everywhere except behind a bilinear resize by
    three, whose weights are ninths.
    """

    shift: int
    lo: int
    hi: int
    divisor: int = 1

    @property
    def odd_form(self) -> tuple[int, int]:
        """(shift, divisor) with the divisor's powers of two moved into the shift: what hardware divides by is odd."""
        shift, odd = self.shift, self.divisor
        while odd % 2 == 0:
            odd, shift = odd // 2, shift + 1
        return shift, odd

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Integer codes in, integer codes out (int64, any shape)."""
        num = np.asarray(x, np.int64) << max(-self.shift, 0)
        den = self.divisor << max(self.shift, 0)
        q, r = np.divmod(num, den)
        up = (2 * r > den) | ((2 * r == den) & (q & 1 == 1))
        return np.clip(q + up, self.lo, self.hi)


def bits_for(lo: int, hi: int) -> tuple[int, bool]:
    """(bits, signed) of the narrowest type that holds every integer from lo to hi."""
    if lo < 0:
        return max((-lo - 1).bit_length(), max(hi, 0).bit_length()) + 1, True
    return max(hi.bit_length(), 1), False


Bound: TypeAlias = "int | np.ndarray"


def _least(*values: Bound) -> Bound:
    if any(isinstance(v, np.ndarray) for v in values):
        return np.minimum.reduce(np.broadcast_arrays(*values))
    return min(values)


def _greatest(*values: Bound) -> Bound:
    if any(isinstance(v, np.ndarray) for v in values):
        return np.maximum.reduce(np.broadcast_arrays(*values))
    return max(values)


@dataclass(frozen=True, eq=False)
class Range:
    """All integers from lo to hi; one range, or one for each channel as (C,) int64 arrays.

    The arithmetic gives the range of every sum, product and so on of members. Plain integers never overflow.
    """

    lo: Bound
    hi: Bound

    @staticmethod
    def of(kind: StreamType) -> Range:
        """Codes of a stream."""
        return Range(kind.lo, kind.hi)

    @staticmethod
    def signed(bits: int) -> Range:
        """Two's complement numbers."""
        return Range(-(1 << (bits - 1)), (1 << (bits - 1)) - 1)

    def per_channel(self, channels: int) -> Range:
        """The same range for each channel."""
        return Range(np.full(channels, self.lo, np.int64), np.full(channels, self.hi, np.int64))

    def __add__(self, other: Range) -> Range:
        return Range(self.lo + other.lo, self.hi + other.hi)

    def __mul__(self, other: Range) -> Range:
        corners = [a * b for a in (self.lo, self.hi) for b in (other.lo, other.hi)]
        return Range(_least(*corners), _greatest(*corners))

    def __or__(self, other: Range) -> Range:
        return Range(_least(self.lo, other.lo), _greatest(self.hi, other.hi))

    def __lshift__(self, bits: int) -> Range:
        return Range(self.lo << bits, self.hi << bits)

    @property
    def negative(self) -> Range:
        """The part up to 0; just 0 where there is none."""
        return Range(_least(self.lo, 0), _least(self.hi, 0))

    @property
    def positive(self) -> Range:
        """The part from 0 on; just 0 where there is none."""
        return Range(_greatest(self.lo, 0), _greatest(self.hi, 0))

    @property
    def least(self) -> int:
        """The least integer of any channel."""
        return int(np.min(self.lo)) if isinstance(self.lo, np.ndarray) else self.lo

    @property
    def greatest(self) -> int:
        """The greatest integer of any channel."""
        return int(np.max(self.hi)) if isinstance(self.hi, np.ndarray) else self.hi

    @property
    def peak(self) -> int:
        """The greatest magnitude."""
        return max(-self.least, self.greatest)

    @property
    def bits(self) -> int:
        """Bits of a two's complement number that holds the range."""
        lo, hi = self.least, self.greatest
        return max((-lo - 1).bit_length() if lo < 0 else 0, max(hi, 0).bit_length()) + 1
