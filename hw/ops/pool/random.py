"""Random pools for tests."""

from __future__ import annotations

from ..base import Rng
from ..random import pick, random_requant, random_stream, stream
from .op import Pool


def random_pool(rng: Rng) -> Pool:
    """Sums, rounded sums and means of small frames, at any folding."""
    kind = random_stream(rng, channels=pick(rng, [1, 3, 4, 6]))
    least, most = kind.lo * kind.pixels, kind.hi * kind.pixels
    quant = random_requant(rng, least, most, pick(rng, [1, kind.pixels])) if rng.integers(3) else None
    out = stream((1, 1), kind.channels, *((quant.lo, quant.hi) if quant else (least, most)))
    return Pool((kind,), out, quant, pick(rng, [pe for pe in (0, 1, 2, 3) if pe == 0 or kind.channels % pe == 0]))
