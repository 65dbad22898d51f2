"""MaxPool -> PixelUnshuffle and Maximum.

Contract: windows of r x r side by side that cover the frame: kernel and stride are r, no padding, no dilation. By 1 it
is the identity. The unshuffled stream is the MaxPool's input in another order.
"""

from __future__ import annotations

from dataclasses import replace

import onnx

from ....errors import UserError
from ...graph.chains import attribute
from ...graph.context import Context
from ...graph.rewrite import Rewrite
from ...network import Reference
from ...types import StreamType
from ..pixel_unshuffle.op import PixelUnshuffle
from .op import Maximum


class MaximumRewrite(Rewrite):
    """See above."""

    name = "maximum"
    takes = ("MaxPool",)

    def matches(self, context: Context, node: onnx.NodeProto) -> bool:
        """MaxPool."""
        return node.op_type == "MaxPool"

    def apply(self, context: Context, node: onnx.NodeProto) -> None:
        """Append the unshuffle that puts a window's pixels side by side, and the Maximum."""
        source, target = node.input[0], node.output[0]
        kind = context.type_of(source)
        side = _side(node, kind)
        if side == 1:
            context.same(node, source, target)
            return
        pooled = replace(kind, height=kind.height // side, width=kind.width // side)
        blocks = replace(pooled, channels=kind.channels * side**2)
        inner = f"{target}_blocks"
        unshuffle = PixelUnshuffle((kind,), blocks, side, "DCR")
        context.add(unshuffle, [node], [source], [inner], references=[Reference(source, side, "DCR")], suffix="_blocks")
        context.add(Maximum((blocks,), pooled), [node], [inner], [target])


def _ints(node: onnx.NodeProto, name: str, default: list[int]) -> list[int]:
    return [int(n) for n in attribute(node, name, default)]  # type: ignore[attr-defined]


def _side(node: onnx.NodeProto, kind: StreamType) -> int:
    """r.

    Raises:
        UserError: any other windows.
    """
    kernel, strides = _ints(node, "kernel_shape", []), _ints(node, "strides", [1, 1])
    pads, dilations = _ints(node, "pads", [0] * 4), _ints(node, "dilations", [1, 1])
    side = kernel[0]
    plain = not any(pads) and attribute(node, "auto_pad", "NOTSET") in ("NOTSET", "VALID") and set(dilations) == {1}
    if not plain or kernel != [side] * 2 or strides != kernel or kind.height % side or kind.width % side:
        raise UserError(
            f"{node.op_type} '{node.name}': windows of {' x '.join(map(str, kernel))}, stride {strides}, pads {pads}, "
            f"dilations {dilations}, of a frame of {kind.width} x {kind.height} pixels; allowed are square windows "
            "side by side, as far apart as they are wide, that divide the frame: no padding, no dilation. Build for "
            "another frame with --frame WxH."
        )
    return side
