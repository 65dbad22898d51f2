"""Random resizes for tests."""

from __future__ import annotations

from ...types import Requant
from ..base import Rng
from ..random import pick, random_requant, random_stream, stream
from .op import ResizePhases, phase_weights


def make_resize(rng: Rng, factor: int, mode: str) -> ResizePhases:
    """A resize; one whose denominator is no power of two has a requantization."""
    kind = random_stream(rng, channels=int(rng.integers(1, 4)))
    quant, reach = None, (kind.lo, kind.hi)
    if mode == "bilinear":
        den = phase_weights(factor, mode)[1] ** 2
        _, odd = Requant(0, 0, 0, den).odd_form
        reach = (kind.lo * den, kind.hi * den)
        if odd > 1 or rng.integers(2):
            quant = random_requant(rng, *reach, odd)
            reach = (quant.lo, quant.hi)
    out = stream((kind.height, kind.width), kind.channels * factor**2, *reach)
    return ResizePhases((kind,), out, factor, mode, quant)


def random_resize(rng: Rng) -> ResizePhases:
    """Both modes, factors 2 to 4, and 5 for bilinear."""
    mode = str(rng.choice(["nearest", "bilinear", "bilinear"]))
    return make_resize(rng, pick(rng, [2, 3, 4] if mode == "nearest" else [2, 3, 4, 5]), mode)
