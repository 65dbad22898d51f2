"""The type of a stream between two hardware layers, and rounding: the whole numerics contract in one file.

Every tensor is integer codes times a power of two, or bipolar. See docs/numerics.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class StreamType:
    """One frame of pixels in raster order, one beat a pixel, all channels in one word, channel 0 in the low bits.

    Attributes:
        height, width: frame size in pixels of this stream.
        channels: channels a pixel.
        bits: bits a channel (1 when bipolar).
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
    def word_bits(self) -> int:
        """Bits of one beat."""
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
        """Integer codes (int64) of float values, exactly.

        Raises:
            ValueError: a value is no code of this type.
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

    A negative shift multiplies by 2**-shift, exactly. ``divisor`` is 1 everywhere but behind a bilinear x3
    resize, whose weights are ninths.
    """

    shift: int
    lo: int
    hi: int
    divisor: int = 1

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
