"""Random pixel shuffles for tests."""

from __future__ import annotations

from ...types import StreamType
from ..base import Rng
from ..random import pick, random_stream
from .op import PixelShuffle


def make_shuffle(rng: Rng, factor: int, mode: str) -> PixelShuffle:
    """A pixel shuffle of a small frame."""
    channels = int(rng.integers(1, 4))
    kind = random_stream(rng, channels=channels * factor**2)
    out = StreamType(kind.height * factor, kind.width * factor, channels, kind.bits, kind.signed, 0)
    return PixelShuffle((kind,), out, factor, mode)


def random_shuffle(rng: Rng) -> PixelShuffle:
    """Factors 2 to 5, both orders of channels."""
    return make_shuffle(rng, pick(rng, [2, 2, 3, 4, 5]), str(rng.choice(["CRD", "DCR"])))
