"""A scale moves behind a pixel unshuffle: all phases of a channel have its scale."""

from __future__ import annotations

import numpy as np
import onnx

from ...graph.chains import attribute
from ...graph.index import Graph
from ...graph.rewrite import ScaleRule, Scales


class PixelUnshuffleScales(ScaleRule):
    """See above: the same values in another order."""

    takes = ("SpaceToDepth",)

    def move(self, model: Graph, node: onnx.NodeProto, scales: Scales) -> list[str]:
        """Whatever the scale."""
        if node.input[0] in scales.waiting:
            scale = scales.waiting[node.input[0]][1]
            phases = int(attribute(node, "blocksize", 1)) ** 2  # type: ignore[call-overload]
            scales.wait_behind(node, np.tile(scale, (1, phases, 1, 1)) if scale.size > 1 else scale, moved=True)
        return []
