"""Streams of one scale are added as codes; streams of different scales get a common unit first."""

from __future__ import annotations

import onnx

from ...graph.chains import stream_inputs
from ...graph.grid import to_common_unit
from ...graph.index import Graph
from ...graph.rewrite import ScaleRule, Scales


class AddScales(ScaleRule):
    """See above. In real numbers s*a + s*b is s*(a + b)."""

    takes = ("Add",)

    def move(self, model: Graph, node: onnx.NodeProto, scales: Scales) -> list[str]:
        """Only where both inputs are streams."""
        streams = stream_inputs(model, node)
        return to_common_unit(model, node, scales, streams) if len(streams) == 2 else []
