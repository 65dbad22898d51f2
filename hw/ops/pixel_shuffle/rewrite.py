"""DepthToSpace -> PixelShuffle. Contract: same values, other order; any fixed-point stream. By 1 it is the identity."""

from __future__ import annotations

from dataclasses import replace

import onnx

from ....errors import UserError
from ...graph.chains import attribute
from ...graph.context import Context
from ...graph.rewrite import Rewrite
from .op import PixelShuffle


class PixelShuffleRewrite(Rewrite):
    """See above."""

    name = "pixel_shuffle"
    takes = ("DepthToSpace",)

    def matches(self, context: Context, node: onnx.NodeProto) -> bool:
        """DepthToSpace of either mode."""
        return node.op_type == "DepthToSpace"

    def apply(self, context: Context, node: onnx.NodeProto) -> None:
        """Append one PixelShuffle."""
        kind = context.type_of(node.input[0])
        factor = int(attribute(node, "blocksize", 0))  # type: ignore[call-overload]
        mode = str(attribute(node, "mode", "DCR"))
        if factor == 1:
            context.same(node, node.input[0], node.output[0])
            return
        if factor < 1 or mode not in ("CRD", "DCR") or kind.bipolar:
            raise UserError(
                f"DepthToSpace '{node.name}': blocksize {factor}, mode {mode}, of a "
                f"{'bipolar' if kind.bipolar else 'fixed-point'} stream; allowed is a blocksize from 2 on, CRD or DCR, "
                "of a fixed-point stream. Put the sign behind the shuffle."
            )
        if kind.channels % factor**2:
            raise UserError(
                f"DepthToSpace '{node.name}': {kind.channels} channels do not divide by blocksize squared ({factor}^2)."
            )
        out = replace(kind, height=kind.height * factor, width=kind.width * factor, channels=kind.channels // factor**2)
        context.add(PixelShuffle((kind,), out, factor, mode), [node], [node.input[0]], [node.output[0]])
