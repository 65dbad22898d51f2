"""Random pixel unshuffles for tests."""

from __future__ import annotations

from dataclasses import replace

from ..base import Rng
from ..random import bipolar_stream, pick, random_stream
from .op import PixelUnshuffle


def random_unshuffle(rng: Rng) -> PixelUnshuffle:
    """Factors 2 to 5, both orders of channels, frames of 1 to 4 blocks a side; sometimes signs."""
    factor, channels = pick(rng, [2, 2, 3, 4, 5]), int(rng.integers(1, 4))
    height, width = (int(n) for n in rng.integers(1, 5, 2))
    size = (height * factor, width * factor)
    signs = rng.integers(4) == 0
    kind = bipolar_stream(rng, channels, size) if signs else random_stream(rng, channels=channels, size=size)
    out = replace(kind, height=height, width=width, channels=channels * factor**2)
    return PixelUnshuffle((kind,), out, factor, str(rng.choice(["CRD", "DCR"])))
