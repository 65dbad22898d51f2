"""Streams of one scale are joined as codes; streams of different scales get a common unit first."""

from __future__ import annotations

import onnx

from ...graph.grid import to_common_unit
from ...graph.index import Graph
from ...graph.rewrite import ScaleRule, Scales


class ConcatScales(ScaleRule):
    """See above. A convolution reads what is joined, so that one scale has to stand behind all channels."""

    takes = ("Concat",)

    def move(self, model: Graph, node: onnx.NodeProto, scales: Scales) -> list[str]:
        """Where a scale of any stream waits, or floats stand in front."""
        if len(node.input) == 1:
            return []
        return to_common_unit(model, node, scales, list(dict.fromkeys(node.input)))
