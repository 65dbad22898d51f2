"""Random choices of channels for tests."""

from __future__ import annotations

from dataclasses import replace

from ..base import Rng
from ..random import bipolar_stream, random_stream
from .op import Select


def random_select(rng: Rng) -> Select:
    """Fewer and more channels than there are, of numbers and of signs."""
    count = int(rng.integers(1, 9))
    kind = bipolar_stream(rng, count) if rng.integers(4) == 0 else random_stream(rng, channels=count)
    channels = tuple(int(n) for n in rng.integers(0, count, int(rng.integers(1, 13))))
    return Select((kind,), replace(kind, channels=len(channels)), channels)
