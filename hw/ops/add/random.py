"""Random additions for tests."""

from __future__ import annotations

from ...types import StreamType
from ..base import Rng
from ..random import pick, random_requant, random_stream, stream
from .op import Add


def make_add(rng: Rng, divisor: int = 1) -> Add:
    """Two streams of different types; with a divisor always a requantization."""
    a = random_stream(rng)
    bits, signed = int(rng.integers(2, 11)), bool(rng.integers(2))
    b = StreamType(a.height, a.width, a.channels, bits, signed, 0)
    shift_a, shift_b = (int(n) for n in rng.integers(0, 4, 2))
    subtract = bool(rng.integers(2))
    low, high = (-b.hi, -b.lo) if subtract else (b.lo, b.hi)
    least = (a.lo << shift_a) + (low << shift_b)
    most = (a.hi << shift_a) + (high << shift_b)
    quant = random_requant(rng, least, most, divisor) if divisor > 1 or rng.integers(2) else None
    out = stream((a.height, a.width), a.channels, *((quant.lo, quant.hi) if quant else (least, most)))
    return Add((a, b), out, shift_a, shift_b, quant, subtract)


def random_add(rng: Rng) -> Add:
    """With and without rounding, sometimes with a division by an odd number."""
    return make_add(rng, pick(rng, [1, 1, 1, 3, 9, 25]))
