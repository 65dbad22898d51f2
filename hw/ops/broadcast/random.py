"""Random broadcasts for tests."""

from __future__ import annotations

from dataclasses import replace

from ..base import Rng
from ..random import random_size, random_stream
from .op import Broadcast


def random_broadcast(rng: Rng) -> Broadcast:
    """Of a channel, of a vector per frame, of a number per frame."""
    height, width = random_size(rng)
    channel, vector = (bool(n) for n in rng.integers(0, 2, 2))
    kind = random_stream(rng, channels=1 if channel else None, size=(1, 1) if vector else (height, width))
    channels = int(rng.integers(1, 7)) if channel else kind.channels
    return Broadcast((kind,), replace(kind, height=height, width=width, channels=channels))
