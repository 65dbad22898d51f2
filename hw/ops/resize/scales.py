"""A scale moves behind a resize, whose weights add up to 1."""

from __future__ import annotations

import onnx

from ...graph.chains import attribute
from ...graph.hoist import chain_behind, hoist, is_float
from ...graph.index import Graph
from ...graph.rewrite import ScaleRule, Scales


class ResizeScales(ScaleRule):
    """See above. Nearest neighbours are the same values; a bilinear mean is the same in real numbers."""

    takes = ("Resize", "Upsample")

    def prepare(self, model: Graph, exact: bool) -> None:
        """Floats behind a convolution get the Quant that follows a nearest neighbour."""
        for node in (*model.get_nodes_by_op_type("Resize"), *model.get_nodes_by_op_type("Upsample")):
            chain = chain_behind(model, node)
            if attribute(node, "mode", "nearest") == "nearest" and chain and is_float(model, node.input[0], exact):
                hoist(model, node, chain, lambda c: c)

    def move(self, model: Graph, node: onnx.NodeProto, scales: Scales) -> list[str]:
        """Whatever the scale: channels stay what they are."""
        if node.input[0] in scales.waiting:
            scales.integers.append(node.name)
            scales.wait_behind(node, scales.waiting[node.input[0]][1])
        return []
