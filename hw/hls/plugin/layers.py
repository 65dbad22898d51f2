"""hls4ml layer classes, one for each registered operator. Names no operator.

Each layer carries its operator as the attribute ``spec`` and the name of the QONNX node as ``source``; everything that
the emitters need is in the operator. hls4ml's ``Input`` gets the attribute ``stream``.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from hls4ml.model.layers import Layer, layer_map, register_layer
from hls4ml.model.types import FixedPrecisionType, NamedType, PrecisionType, XnorPrecisionType

from ...ops import operators
from ...ops.base import Op
from ...types import StreamType, bits_for


def precision(kind: StreamType) -> PrecisionType:
    """hls4ml's name for the codes of a stream: ap_fixed of the same width and point, or its one-bit XNOR type."""
    if kind.bipolar:
        xnor = XnorPrecisionType()
        xnor.fractional = 0  # which profiling reads, and hls4ml leaves out
        return xnor
    return FixedPrecisionType(kind.bits, kind.bits - kind.frac, kind.signed)


@dataclass(frozen=True)
class Codes:
    """Integer codes of a parameter, as hls4ml's profiling reads weights.

    Attributes:
        name: the operator's field.
        data: codes, in the field's own layout.
        type: an integer type that holds them.
    """

    name: str
    data: np.ndarray
    type: NamedType


class XnorsrLayer(Layer):
    """A hardware operator in hls4ml's graph."""

    def get_weights(self, var_name: str | None = None) -> Any:
        """The operator's first two arrays of codes, such as weights and biases: as many as hls4ml's profiling takes."""
        made = []
        for one in fields(self.spec):
            codes = getattr(self.spec, one.name)
            if isinstance(codes, np.ndarray):
                bits, signed = bits_for(int(codes.min()), int(codes.max()))
                kind = NamedType(f"{self.name}_{one.name}_t", FixedPrecisionType(bits, bits, signed))
                made.append(Codes(one.name, codes, kind))
        if var_name is not None:
            return next(one for one in made if one.name == var_name)
        return made[:2]

    def initialize(self) -> None:
        for name, kind in zip(self.outputs, self.spec.outputs, strict=True):
            self.add_output_variable(
                [kind.height, kind.width, kind.channels],
                out_name=name,
                var_name=f"{name}_s",
                type_name=f"{name}_t",
                precision=precision(kind),
            )

    @property
    def spec(self) -> Op:
        """The operator."""
        return self.attributes["spec"]


def class_name(op_type: str) -> str:
    """Name of an operator's layer class."""
    return f"Xnorsr{op_type}"


def register_layers() -> None:
    """Make a class known to hls4ml for each operator that has none yet."""
    for op_type, entry in operators().items():
        name = class_name(op_type)
        if name not in layer_map:
            register_layer(name, type(name, (XnorsrLayer,), {"__doc__": f"`{entry.op.__module__}.{op_type}`."}))
