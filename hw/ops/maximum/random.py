"""Random maxima for tests."""

from __future__ import annotations

from dataclasses import replace

from ..base import Rng
from ..random import bipolar_stream, pick, random_stream
from .op import Maximum


def random_maximum(rng: Rng) -> Maximum:
    """Of 2 to 16 channels each, of numbers and of signs."""
    count, channels = pick(rng, [2, 3, 4, 4, 5, 9, 16]), int(rng.integers(1, 4))
    signs = rng.integers(4) == 0
    kind = bipolar_stream(rng, count * channels) if signs else random_stream(rng, channels=count * channels)
    return Maximum((kind,), replace(kind, channels=channels))
