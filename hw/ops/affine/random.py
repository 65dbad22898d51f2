"""Random affines for tests."""

from __future__ import annotations

from ...types import StreamType
from ..base import Rng
from ..random import pick, random_requant, random_stream, stream
from .op import Affine


def make_affine(rng: Rng, kind: StreamType, pe: int) -> Affine:
    """An affine with a random choice of parts."""
    c = kind.channels
    has = {part: bool(rng.integers(4)) for part in ("scale", "bias", "mid", "slope", "quant")}
    bits = {part: int(rng.integers(2, 10)) for part in ("scale", "bias", "slope") if has[part]}
    codes = {p: rng.integers(-(1 << (b - 1)), 1 << (b - 1), c) for p, b in bits.items()}
    frac = int(rng.integers(0, 6))
    reach = max(-kind.lo, kind.hi) * (1 << bits.get("scale", 1)) + (1 << bits.get("bias", 1))
    mid = random_requant(rng, -reach, reach) if has["mid"] else None
    reach = max(-mid.lo, mid.hi) if mid else reach
    reach = reach << max(frac, bits.get("slope", 0)) if has["slope"] else reach
    quant = random_requant(rng, -reach, reach) if has["quant"] else None
    out = stream((kind.height, kind.width), c, *((quant.lo, quant.hi) if quant else (-reach, reach)))
    return Affine(
        (kind,), out, codes.get("scale"), codes.get("bias"), mid, codes.get("slope"), frac, quant, bits, pe=pe
    )


def random_affine(rng: Rng) -> Affine:
    """Any choice of parts, channels per cycle, and widths up to 21 bits."""
    kind = random_stream(rng, bits=int(rng.integers(2, 22)), channels=6)
    return make_affine(rng, kind, pick(rng, [0, 0, 6, 3, 2, 1]))
