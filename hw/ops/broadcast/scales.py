"""A scale moves behind a broadcast: copies of a code have its scale."""

from __future__ import annotations

import onnx

from ...graph.index import Graph
from ...graph.rewrite import ScaleRule, Scales


class BroadcastScales(ScaleRule):
    """See above: the same values."""

    takes = ("Expand",)

    def move(self, model: Graph, node: onnx.NodeProto, scales: Scales) -> list[str]:
        """Whatever the scale: a channel that is repeated has one, others stay what they are."""
        if node.input[0] in scales.waiting:
            scales.wait_behind(node, scales.waiting[node.input[0]][1], moved=True)
        return []
