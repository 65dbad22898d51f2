"""Random tables for tests."""

from __future__ import annotations

from ...types import StreamType
from ..base import Rng
from ..random import pick, random_stream
from .op import Table


def random_table(rng: Rng) -> Table:
    """One table for all channels or one for each, inputs of 1 to 8 bits, at any folding."""
    kind = random_stream(rng, bits=int(rng.integers(1, 9)), channels=pick(rng, [1, 3, 4, 6]))
    bits, signed = int(rng.integers(1, 10)), bool(rng.integers(2))
    out = StreamType(kind.height, kind.width, kind.channels, bits, signed and bits > 1, 0)
    tables = pick(rng, [1, kind.channels])
    codes = rng.integers(out.lo, out.hi, (tables, 1 << kind.bits), endpoint=True)
    pe = pick(rng, [pe for pe in (0, 1, 2, 3) if pe == 0 or kind.channels % pe == 0])
    return Table((kind,), out, codes, pe)
