"""Random pools for tests."""

from __future__ import annotations

from ..base import Rng
from ..random import pick, random_requant, random_stream, stream
from .op import Pool


def random_pool(rng: Rng) -> Pool:
    """Sums, rounded sums and means of small frames, of this one or the one before, at any folding."""
    kind = random_stream(rng, channels=pick(rng, [1, 3, 4, 6]))
    least, most = kind.lo * kind.pixels, kind.hi * kind.pixels
    quant = random_requant(rng, least, most, pick(rng, [1, kind.pixels])) if rng.integers(3) else None
    out = stream((1, 1), kind.channels, *((quant.lo, quant.hi) if quant else (least, most)))
    pe = pick(rng, [pe for pe in (0, 1, 2, 3) if pe == 0 or kind.channels % pe == 0])
    start = tuple(rng.integers(out.lo, out.hi + 1, out.channels).tolist()) if rng.integers(2) else None
    return Pool((kind,), out, quant, pe, start)
