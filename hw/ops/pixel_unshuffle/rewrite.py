"""SpaceToDepth -> PixelUnshuffle.

Contract: same values, other order, of a frame of whole blocks. By 1 it is the identity. A Gather that alone reads the
result and sorts its channels as PyTorch's PixelUnshuffle does is taken along.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx

from ....errors import UserError
from ...graph.chains import attribute, only_consumer
from ...graph.context import Context
from ...graph.rewrite import Rewrite
from .op import PixelUnshuffle


class PixelUnshuffleRewrite(Rewrite):
    """See above."""

    name = "pixel_unshuffle"
    takes = ("SpaceToDepth", "Gather")

    def matches(self, context: Context, node: onnx.NodeProto) -> bool:
        """SpaceToDepth."""
        return node.op_type == "SpaceToDepth"

    def apply(self, context: Context, node: onnx.NodeProto) -> None:
        """Append one PixelUnshuffle."""
        kind = context.type_of(node.input[0])
        factor = int(attribute(node, "blocksize", 0))  # type: ignore[call-overload]
        if factor == 1:
            context.same(node, node.input[0], node.output[0])
            return
        if factor < 1 or kind.height % factor or kind.width % factor:
            raise UserError(
                f"SpaceToDepth '{node.name}': blocks of {factor} x {factor} of a frame of {kind.width} x {kind.height} "
                "pixels; allowed are blocks of 2 x 2 or more that divide the frame. Build for another frame with "
                "--frame WxH."
            )
        out = replace(
            kind, height=kind.height // factor, width=kind.width // factor, channels=kind.channels * factor**2
        )
        sorting = only_consumer(context.model, node.output[0])
        if sorting is not None and _is_crd(context, sorting, kind.channels, factor**2):
            op, nodes = PixelUnshuffle((kind,), out, factor, "CRD"), [node, sorting]
        else:
            op, nodes = PixelUnshuffle((kind,), out, factor, "DCR"), [node]
        context.add(op, nodes, [node.input[0]], [nodes[-1].output[0]])


def _is_crd(context: Context, node: onnx.NodeProto, channels: int, phases: int) -> bool:
    """Whether a node lets the phases of a channel stand together."""
    wanted = np.arange(phases * channels).reshape(phases, channels).T.ravel()
    indices = context.model.get_initializer(node.input[1]) if node.op_type == "Gather" else None
    return indices is not None and attribute(node, "axis", 0) in (1, -3) and np.array_equal(indices, wanted)
