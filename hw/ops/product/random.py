"""Random products for tests."""

from __future__ import annotations

from ...types import Range, StreamType
from ..base import Rng
from ..random import pick, random_requant, random_stream, stream
from .op import Product


def random_product(rng: Rng) -> Product:
    """Two streams of different types, with and without rounding, at any folding."""
    a = random_stream(rng, channels=pick(rng, [1, 3, 4, 6]))
    bits, signed = int(rng.integers(1, 11)), bool(rng.integers(2))
    b = StreamType(a.height, a.width, a.channels, bits, signed and bits > 1, 0)
    most = Range.of(a) * Range.of(b)
    quant = random_requant(rng, most.least, most.greatest) if rng.integers(3) else None
    reach = (quant.lo, quant.hi) if quant else (most.least, most.greatest)
    pe = pick(rng, [pe for pe in (0, 1, 2, 3) if pe == 0 or a.channels % pe == 0])
    return Product((a, b), stream((a.height, a.width), a.channels, *reach), quant, pe)
