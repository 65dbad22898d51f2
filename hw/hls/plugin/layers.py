"""hls4ml layer classes, one for each registered operator. Names no operator.

Each layer carries its operator as the attribute ``spec`` and the name of the QONNX node as ``source``; everything that
the emitters need is in the operator. hls4ml's ``Input`` gets the attribute ``stream``.
"""

from __future__ import annotations

from hls4ml.model.layers import Layer, layer_map, register_layer
from hls4ml.model.types import FixedPrecisionType, PrecisionType, XnorPrecisionType

from ...ops import operators
from ...ops.base import Op
from ...types import StreamType


def precision(kind: StreamType) -> PrecisionType:
    """hls4ml's name for the codes of a stream: ap_fixed of the same width and point, or its one-bit XNOR type."""
    if kind.bipolar:
        return XnorPrecisionType()
    return FixedPrecisionType(kind.bits, kind.bits - kind.frac, kind.signed)


class XnorsrLayer(Layer):
    """A hardware operator in hls4ml's graph."""

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
