"""Expand -> Broadcast.

Contract: one channel to any number of them, one pixel per frame to any frame, or both; values stay.
"""

from __future__ import annotations

from dataclasses import replace

import onnx

from ....errors import UserError
from ...graph.context import Context
from ...graph.rewrite import Rewrite
from .op import Broadcast


class BroadcastRewrite(Rewrite):
    """See above."""

    name = "broadcast"
    takes = ("Expand", "Tile")

    def matches(self, context: Context, node: onnx.NodeProto) -> bool:
        """Expand; Tile too, to say what to use instead: a Tile along the channels is a Concat by now."""
        return node.op_type in self.takes

    def apply(self, context: Context, node: onnx.NodeProto) -> None:
        """Append one Broadcast."""
        kind = context.type_of(node.input[0])
        shape = context.model.get_tensor_shape(node.output[0])
        assert shape is not None and len(shape) == 4, "the ranks of all results are checked before"
        _, channels, height, width = shape
        frame = (kind.height, kind.width)
        if node.op_type == "Tile" or kind.channels not in (1, channels) or frame not in ((1, 1), (height, width)):
            raise UserError(
                f"{node.op_type} '{node.name}': from {kind.channels} x {kind.height} x {kind.width} to {channels} x "
                f"{height} x {width} (C x H x W); supported are one channel to several, one pixel per frame to a "
                "frame, and whole pixels repeated along the channels. To enlarge pictures use a Resize."
            )
        if (channels, height, width) == (kind.channels, *frame):
            context.same(node, node.input[0], node.output[0])
            return
        out = replace(kind, channels=channels, height=height, width=width)
        context.add(Broadcast((kind,), out), [node], [node.input[0]], [node.output[0]])
