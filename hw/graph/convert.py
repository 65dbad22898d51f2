"""Conversions that may change a value: done before the reference is fixed, each recorded. Names no operator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ...errors import UserError
from .index import Graph
from .rewrite import Conversion

AFFINE_BITS = (2, 16)


@dataclass(frozen=True)
class ConversionOptions:
    """What conversions may do.

    Attributes:
        affine_bits: bits that float constants of affines are quantized to, 2 to 16; None refuses them.
        binary: names of the constants that a BipolarQuant made.
        fewer: bits for constants of the affines that cannot have affine_bits, by the name of the first node.
        made: what conversions write down: for each node that they made or changed, the name of the first node of the
            affines that it belongs to.
        grids: names of the Quants that round to a common grid: the affines in front of them are fixed point.
    """

    affine_bits: int | None
    binary: frozenset[str]
    fewer: dict[str, int] = field(default_factory=dict)
    made: dict[str, str] = field(default_factory=dict)
    grids: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        lo, hi = AFFINE_BITS
        if self.affine_bits is not None and not lo <= self.affine_bits <= hi:
            raise UserError(f"--affine-bits {self.affine_bits}: allowed is {lo} to {hi}.")


def convert(model: Graph, conversions: Sequence[Conversion], options: ConversionOptions) -> list[str]:
    """Apply conversions in order, in place.

    Args:
        model: with constant quantizers folded.

    Returns:
        In words, what may have changed a value.

    Raises:
        UserError: a conversion is needed and not allowed.
    """
    changes: list[str] = []
    for conversion in conversions:
        changes += conversion.apply(model, options)
        model.tidy()
    return changes
