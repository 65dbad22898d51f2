"""What several operators need to say of their foldings and parameters."""

from __future__ import annotations

import math
from abc import ABC
from collections.abc import Sequence
from typing import Self

import numpy as np

from ...errors import UserError
from ..types import bits_for
from .base import Fold, FoldSpace, OneOutput, Op


def divisors(n: int) -> list[int]:
    """All divisors of n, ascending."""
    small = [d for d in range(1, math.isqrt(n) + 1) if n % d == 0]
    return sorted({*small, *(n // d for d in small)})


def space(
    now: Fold, pe: Sequence[int], simd: Sequence[int], of: tuple[str, str], *, unroll_on_request: bool = False
) -> FoldSpace:
    """A `FoldSpace` of lists."""
    return FoldSpace(now, tuple(pe), tuple(simd), of, unroll_on_request)


class ChannelFolded(OneOutput, ABC):
    """Base of operators that work on some channels of a pixel per cycle, each channel by itself.

    They have a field `pe`, the channels of a cycle, a divisor of all; 0 stands for all.
    """

    pe: int

    @property
    def lanes(self) -> int:
        """Channels per cycle."""
        return self.pe or self.output.channels

    @property
    def folds(self) -> int:
        """Cycles per pixel."""
        return self.output.channels // self.lanes

    def fold_space(self) -> FoldSpace | None:
        return space(Fold(self.lanes, 1), divisors(self.output.channels), [1], ("C", "1"))

    def folded(self, fold: Fold) -> Self:
        return self.replace(pe=fold.pe)


def check_fold(name: str, op: Op, fold: Fold) -> None:
    """Refuse a folding that does not divide.

    Raises:
        UserError: names the layer, the field and the legal values.
    """
    legal = op.fold_space()
    assert legal is not None, f"{op.op_type} has no folding"
    fields = (("PE", fold.pe, legal.pe, legal.of[0]), ("SIMD", fold.simd, legal.simd, legal.of[1]))
    for field, value, allowed, what in fields:
        if value not in allowed:
            size = what if what == "1" else f"{what}={allowed[-1]}"
            raise UserError(
                f"folding of layer {name}: {field}={value} does not divide {size}; "
                f"take one of {', '.join(map(str, allowed))}"
            )


def array_bits(codes: np.ndarray) -> int:
    """Bits of all codes at the narrowest width that holds them."""
    return int(codes.size) * bits_for(int(codes.min()), int(codes.max()))[0]
