"""A scale moves behind a resize, whose weights add up to 1."""

from __future__ import annotations

import onnx

from ...graph.index import Graph
from ...graph.rewrite import ScaleRule, Scales


class ResizeScales(ScaleRule):
    """See above. Nearest neighbours are the same values; a bilinear mean is the same in real numbers."""

    takes = ("Resize", "Upsample")

    def move(self, model: Graph, node: onnx.NodeProto, scales: Scales) -> list[str]:
        """Whatever the scale: channels stay what they are."""
        if node.input[0] in scales.waiting:
            scales.integers.append(node.name)
            scales.wait_behind(node, scales.waiting[node.input[0]][1])
        return []
