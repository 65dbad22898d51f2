"""Random thresholds for tests."""

from __future__ import annotations

import numpy as np

from ...types import StreamType
from ..base import Rng
from ..random import bipolar_stream, pick, random_stream, stream
from .op import Threshold


def make_threshold(rng: Rng, kind: StreamType, levels: int) -> Threshold:
    """Thresholds in ascending order, some never reached; one level makes a bipolar output."""
    c = kind.channels
    sign = rng.choice([-1, 1], c)
    reach = max(-kind.lo, kind.hi)
    thresholds = np.sort(rng.integers(-reach, reach + 1, (c, levels), endpoint=True), axis=1)
    base = 0 if levels == 1 else int(rng.integers(-levels, 1))
    size = (kind.height, kind.width)
    out = bipolar_stream(rng, c, size) if levels == 1 else stream(size, c, base, base + levels)
    return Threshold((kind,), out, thresholds, sign, base)


def random_threshold(rng: Rng) -> Threshold:
    """A sign, or 2 to 15 levels."""
    return make_threshold(rng, random_stream(rng), pick(rng, [1, 1, 3, 7, 2, 5, 15]))
