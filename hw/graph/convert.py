"""Conversions that may change a value: done before the reference is fixed, each recorded. Names no operator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.general import SortGraph

from ...errors import UserError
from .load import infer_shapes
from .rewrite import Conversion


@dataclass(frozen=True)
class ConversionOptions:
    """What conversions may do.

    Attributes:
        affine_bits: bits that float constants of affines are quantized to, 2 to 16; None refuses them.
        binary: names of the constants that a BipolarQuant made.
    """

    affine_bits: int | None
    binary: frozenset[str]

    def __post_init__(self) -> None:
        if self.affine_bits is not None and not 2 <= self.affine_bits <= 16:
            raise UserError(f"--affine-bits {self.affine_bits}: allowed is 2 to 16.")


def convert(
    model: ModelWrapper, conversions: Sequence[Conversion], options: ConversionOptions
) -> tuple[ModelWrapper, list[str]]:
    """Apply conversions in order.

    Args:
        model: with constant quantizers folded; changed in place.

    Returns:
        The model, and in words what may have changed a value.

    Raises:
        UserError: a conversion is needed and not allowed.
    """
    changes: list[str] = []
    for conversion in conversions:
        before = model.model.SerializeToString()
        changes += conversion.apply(model, options)
        if model.model.SerializeToString() != before:
            model = infer_shapes(model).transform(SortGraph())
    return model, changes
