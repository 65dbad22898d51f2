"""Random pieces for tests."""

from __future__ import annotations

import numpy as np

from ...types import StreamType
from ..base import Rng
from ..random import pick, random_requant, random_stream, stream
from .op import Pieces


def make_pieces(rng: Rng, kind: StreamType, count: int, pe: int) -> Pieces:
    """Any constants: pieces that do not meet, some never reached."""
    c, bits = kind.channels, int(rng.integers(2, 28))
    scale = rng.integers(-(1 << (bits - 1)), 1 << (bits - 1), (c, count))
    reach = max(-kind.lo, kind.hi) << bits
    bias = rng.integers(-reach, reach, (c, count))
    splits = np.sort(rng.integers(kind.lo, kind.hi + 2, (c, count - 1)), axis=1)
    quant = random_requant(rng, -2 * reach, 2 * reach)
    out = stream((kind.height, kind.width), c, quant.lo, quant.hi)
    return Pieces((kind,), out, splits, scale, bias, quant, pe=pe)


def random_pieces(rng: Rng) -> Pieces:
    """One to five pieces, any channels per cycle, inputs of up to 21 bits, scales of up to 27."""
    kind = random_stream(rng, bits=int(rng.integers(2, 22)), channels=6)
    return make_pieces(rng, kind, pick(rng, [1, 2, 2, 3, 5]), pick(rng, [0, 0, 6, 3, 2, 1]))
