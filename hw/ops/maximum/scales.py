"""A scale moves behind a max pool: it is positive, so that the greatest code is the greatest value."""

from __future__ import annotations

import numpy as np
import onnx

from ...graph.hoist import chain_behind, hoist, is_float
from ...graph.index import Graph
from ...graph.rewrite import ScaleRule, Scales

#: Steps that never fall where their input rises, whatever their constants: they commute with a maximum.
_RISING = ("Relu", "Clip", "Quant")


class MaximumScales(ScaleRule):
    """See above."""

    takes = ("MaxPool",)

    def prepare(self, model: Graph, exact: bool) -> None:
        """Floats behind a convolution get the Quant that follows the pool, where only ReLU and clips stand between."""
        for node in model.get_nodes_by_op_type("MaxPool"):
            chain = chain_behind(model, node)
            if chain and all(one.op_type in _RISING for one in chain) and is_float(model, node.input[0], exact):
                hoist(model, node, chain, lambda c: c)

    def move(self, model: Graph, node: onnx.NodeProto, scales: Scales) -> list[str]:
        """Whatever the scale: channels stay what they are."""
        if node.input[0] in scales.waiting and np.all(scales.waiting[node.input[0]][1] > 0):
            scales.wait_behind(node, scales.waiting[node.input[0]][1], moved=True)
        return []
