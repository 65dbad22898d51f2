"""hls4ml layer classes of the hardware operators.

Each layer carries its operator as the attribute ``spec`` and its original tensor name as ``tensor``; everything the
emitters need is in the operator. hls4ml's ``Input`` gets the attribute ``stream_type``; its ``Clone`` is used as it is.
"""

from __future__ import annotations

from hls4ml.model.layers import Layer, register_layer
from hls4ml.model.types import FixedPrecisionType, PrecisionType, XnorPrecisionType

from ..graph.ops import OPS, Op
from ..types import StreamType


def precision(kind: StreamType) -> PrecisionType:
    """hls4ml's name for the codes of a stream: ap_fixed of the same width and point, or its one-bit XNOR type."""
    if kind.bipolar:
        return XnorPrecisionType()
    return FixedPrecisionType(kind.bits, kind.bits - kind.frac, kind.signed)


class XnorsrLayer(Layer):
    """A hardware operator in hls4ml's graph."""

    def initialize(self) -> None:
        kind = self.spec.output
        self.add_output_variable(
            [kind.height, kind.width, kind.channels],
            var_name=f"{self.outputs[0]}_s",
            type_name=f"{self.outputs[0]}_t",
            precision=precision(kind),
        )

    @property
    def spec(self) -> Op:
        """The operator."""
        return self.attributes["spec"]


class XnorsrConv(XnorsrLayer):
    """`ops.Conv`."""


class XnorsrAffine(XnorsrLayer):
    """`ops.Affine`."""


class XnorsrThreshold(XnorsrLayer):
    """`ops.Threshold`."""


class XnorsrResidual(XnorsrLayer):
    """`ops.Residual`."""


class XnorsrPixelShuffle(XnorsrLayer):
    """`ops.PixelShuffle`."""


class XnorsrUpsample(XnorsrLayer):
    """`ops.Upsample`."""


LAYERS: dict[str, type[XnorsrLayer]] = {
    c.__name__: c
    for c in (XnorsrConv, XnorsrAffine, XnorsrThreshold, XnorsrResidual, XnorsrPixelShuffle, XnorsrUpsample)
}
assert LAYERS.keys() == {f"Xnorsr{name}" for name in OPS}


def register_layers() -> None:
    """Make the classes known to hls4ml."""
    for name, layer in LAYERS.items():
        register_layer(name, layer)
