"""Random concatenations for tests."""

from __future__ import annotations

from ...types import StreamType
from ..base import Rng
from ..random import bipolar_stream, random_requant, random_size, random_stream, stream
from .op import Concat


def random_concat(rng: Rng) -> Concat:
    """Two to four streams of different types, with and without rounding; sometimes signs."""
    size, count = random_size(rng), int(rng.integers(2, 5))
    if rng.integers(4) == 0:
        signs = tuple(bipolar_stream(rng, int(rng.integers(1, 4)), size) for _ in range(count))
        out = StreamType(*size, sum(kind.channels for kind in signs), 1, False, 0, bipolar=True)
        return Concat(signs, out, (0,) * count, None)
    kinds = tuple(random_stream(rng, channels=int(rng.integers(1, 4)), size=size) for _ in range(count))
    shifts = tuple(int(n) for n in rng.integers(0, 4, count))
    least = min(kind.lo << shift for kind, shift in zip(kinds, shifts, strict=True))
    most = max(kind.hi << shift for kind, shift in zip(kinds, shifts, strict=True))
    quant = random_requant(rng, least, most) if rng.integers(2) else None
    reach = (quant.lo, quant.hi) if quant else (least, most)
    return Concat(kinds, stream(size, sum(kind.channels for kind in kinds), *reach), shifts, quant)
