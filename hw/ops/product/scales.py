"""The scales of two streams move behind their product: s*a * t*b = (s*t) * (a*b)."""

from __future__ import annotations

import numpy as np
import onnx

from ...graph.chains import stream_inputs
from ...graph.index import Graph
from ...graph.rewrite import ScaleRule, Scales


class ProductScales(ScaleRule):
    """See above: the same in real numbers."""

    takes = ("Mul",)

    def move(self, model: Graph, node: onnx.NodeProto, scales: Scales) -> list[str]:
        """Only where both inputs are streams."""
        streams = stream_inputs(model, node)
        waiting = [scales.waiting[name][1] for name in streams if name in scales.waiting]
        if len(streams) == 2 and waiting:
            scales.integers.append(node.name)
            scales.wait_behind(node, np.asarray(np.prod(np.broadcast_arrays(*waiting), axis=0), np.float32))
        return []
