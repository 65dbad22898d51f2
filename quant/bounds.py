"""What is known of a tensor without executing it: its range, and the grid of a power of two that it is on."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Bound:
    """What is known of one tensor.

    Attributes:
        lo, hi: least and greatest value, float64, one for each channel (axis 1) or one for all (shape (1,)).
        lsb: a power of two that every value is a multiple of (over `divisor`); None: on no grid, floats.
        divisor: odd; every value is an integer times lsb / divisor.
    """

    lo: np.ndarray
    hi: np.ndarray
    lsb: float | None
    divisor: int = 1

    @property
    def bits(self) -> int:
        """Significant bits of the greatest magnitude on this grid; 0 where the tensor is on none."""
        if self.lsb is None:
            return 0
        most = float(np.max(np.maximum(np.abs(self.lo), np.abs(self.hi)))) * self.divisor / self.lsb
        # 2**24 itself is still exact in float32, as is every integer below it.
        return max(math.ceil(math.log2(most)), 1) if most > 0 else 1


def grid_of(values: np.ndarray) -> float:
    """The greatest power of two that divides every value of a float array; 1 where all are zero."""
    nonzero = np.asarray(values, np.float64).ravel()
    nonzero = np.abs(nonzero[nonzero != 0])
    if not nonzero.size:
        return 1.0
    mantissa, exponent = np.frexp(nonzero)
    codes = np.ldexp(mantissa, 53).astype(np.int64)
    trailing = np.log2((codes & -codes).astype(np.float64))
    return float(2.0 ** np.min(exponent - 53 + trailing))


def constant_bound(values: np.ndarray) -> Bound:
    """Bound of a constant, by channel where it is of shape (.., C, 1, 1)."""
    v = np.asarray(values, np.float64)
    flat = v.reshape(-1) if v.ndim >= 3 and v.shape[-2:] == (1, 1) and v.size == v.shape[-3] else None
    if flat is None:
        flat = v.reshape(-1) if v.size == 1 else np.array([v.min(), v.max()])
        return Bound(flat.min(keepdims=True), flat.max(keepdims=True), grid_of(v))
    return Bound(flat, flat, grid_of(v))


def corners(a: Bound, b: Bound) -> tuple[np.ndarray, np.ndarray]:
    products = [x * y for x in (a.lo, a.hi) for y in (b.lo, b.hi)]
    return np.minimum.reduce(products), np.maximum.reduce(products)


def float_bound(out: Bound) -> Bound:
    """The bound of a float result: on no grid, with room for the rounding."""
    room = np.maximum(np.abs(out.lo), np.abs(out.hi)) * 2.0**-20
    return Bound(out.lo - room, out.hi + room, None, out.divisor)
