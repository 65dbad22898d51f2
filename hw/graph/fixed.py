"""Constants of a graph as fixed point: integer codes and a power of two, or not at all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..types import bits_for

MAX_PARAM_BITS = (
    18  # the wide port of a DSP multiplier (DSP48: 18 of 25x18); a Quant node bounds constants well below it
)

EXACT_PARAM_BITS = 25  # the wider port of a DSP multiplier, beside pixels of at most 18 bits

MAX_FRAC = 48  # of a constant's lsb, 2**-frac; finer ones are as good as 0 beside pixels


@dataclass(frozen=True, eq=False)
class Fixed:
    """codes * 2**-frac; codes are int64 of any shape."""

    codes: np.ndarray
    frac: int

    @property
    def bits(self) -> int:
        """Two's complement bits that hold every code."""
        if not self.codes.size:
            return 1
        bits, signed = bits_for(int(self.codes.min()), int(self.codes.max()))
        return bits if signed else bits + 1

    def at(self, frac: int) -> np.ndarray:
        """Codes at a finer lsb, 2**-frac."""
        assert frac >= self.frac, "an lsb only ever gets finer"
        return self.codes << (frac - self.frac)


def to_fixed(values: np.ndarray, max_bits: int = MAX_PARAM_BITS) -> Fixed | None:
    """The coarsest fixed point form that holds every value exactly; None where it needs more than max_bits."""
    values = np.asarray(values, np.float64)
    nonzero = values[values != 0]
    if not np.all(np.isfinite(values)):
        return None
    if not nonzero.size:
        return Fixed(np.zeros(values.shape, np.int64), 0)
    mantissa, exponent = np.frexp(nonzero)
    whole = (mantissa * 2.0**53).astype(np.int64)
    trailing = np.array([(int(w) & -int(w)).bit_length() - 1 for w in whole])
    frac = int(np.max(53 - trailing - exponent))
    span = int(np.max(exponent)) + frac
    if span > max_bits or not -MAX_FRAC <= frac <= MAX_FRAC:
        return None
    fixed = Fixed(np.rint(values * 2.0**frac).astype(np.int64), frac)
    return fixed if fixed.bits <= max_bits else None


def quantize(values: np.ndarray, bits: int, finest: int | None = None) -> np.ndarray:
    """Nearest values of a signed `bits` wide type whose power-of-two scale covers the greatest magnitude.

    Args:
        finest: fractional bits, at most; fewer bits are used where the scale would be finer.
    """
    values = np.asarray(values, np.float64)
    peak = float(np.max(np.abs(values), initial=0.0))
    if peak == 0:
        return values.astype(np.float32)
    hi = 2 ** (bits - 1) - 1
    exponent = np.ceil(np.log2(peak / hi))
    scale = 2.0 ** (exponent if finest is None else max(exponent, -finest))
    return (np.clip(np.rint(values / scale), -hi, hi) * scale).astype(np.float32)


def power_of_two(value: float) -> int | None:
    """log2 of an exact power of two, or None."""
    mantissa, exponent = np.frexp(value)
    return int(exponent) - 1 if mantissa == 0.5 else None
