"""Random streams and requantizations that the operators' random cases are made of."""

from __future__ import annotations

from ..types import Requant, StreamType, bits_for
from .base import Rng


def stream(size: tuple[int, int], channels: int, least: int, most: int) -> StreamType:
    """The narrowest stream of (H, W) pixels that holds the codes from least to most."""
    bits, signed = bits_for(least, most)
    return StreamType(*size, channels, bits, signed, 0)


def random_size(rng: Rng) -> tuple[int, int]:
    """(H, W) of a small frame: 1 to 8 pixels a side."""
    height, width = (int(n) for n in rng.integers(1, 9, 2))
    return height, width


def random_stream(
    rng: Rng, bits: int | None = None, channels: int | None = None, size: tuple[int, int] | None = None
) -> StreamType:
    """A fixed-point stream of a small frame."""
    bits = bits or int(rng.integers(2, 11))
    height, width = size or random_size(rng)
    return StreamType(height, width, channels or int(rng.integers(1, 7)), bits, bool(rng.integers(2)), 0)


def bipolar_stream(rng: Rng, channels: int, size: tuple[int, int] | None = None) -> StreamType:
    """A bipolar stream of a small frame."""
    height, width = size or random_size(rng)
    return StreamType(height, width, channels, 1, False, 0, bipolar=True)


def random_requant(rng: Rng, least: int, most: int, divisor: int = 1) -> Requant:
    """A requantization of values from least to most, which mostly saturates a little."""
    wide = max(abs(least), abs(most), 1).bit_length()
    shift = int(rng.integers(-2, max(wide - 1, -1)))
    bits, signed = int(rng.integers(2, 9)), bool(rng.integers(2))
    return Requant(shift, -(1 << (bits - 1)) if signed else 0, (1 << (bits - signed)) - 1, divisor)


def pick(rng: Rng, values: list[int]) -> int:
    """One of several integers."""
    return int(rng.choice(values))
