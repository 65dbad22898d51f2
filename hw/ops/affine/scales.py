"""A sum's unit moves behind a ReLU, so that the Quant behind it reads integers."""

from __future__ import annotations

import onnx

from ...graph.index import Graph
from ...graph.rewrite import ScaleRule, Scales


class ReluScales(ScaleRule):
    """relu(s*x) = s*relu(x) for every positive s."""

    takes = ("Relu",)

    def move(self, model: Graph, node: onnx.NodeProto, scales: Scales) -> list[str]:
        """Only behind a sum in units: any other scale stays where the file has it."""
        source = node.input[0]
        if source in scales.waiting and source in scales.grids:
            scales.grids.add(node.output[0])
            scales.wait_behind(node, scales.waiting[source][1])
        return []
