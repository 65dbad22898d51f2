"""What several operators need to say of their foldings and parameters."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ...errors import UserError
from ..types import bits_for
from .base import Fold, FoldSpace, Op


def divisors(n: int) -> list[int]:
    """All divisors of n, ascending."""
    small = [d for d in range(1, math.isqrt(n) + 1) if n % d == 0]
    return sorted({*small, *(n // d for d in small)})


def space(
    now: Fold, pe: Sequence[int], simd: Sequence[int], of: tuple[str, str], *, unroll_on_request: bool = False
) -> FoldSpace:
    """A `FoldSpace` of lists."""
    return FoldSpace(now, tuple(pe), tuple(simd), of, unroll_on_request)


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
