"""The scales of the channels that are selected move behind the selection."""

from __future__ import annotations

import numpy as np
import onnx

from ...graph.chains import attribute
from ...graph.index import Graph
from ...graph.rewrite import ScaleRule, Scales


class SelectScales(ScaleRule):
    """See above: the same values."""

    takes = ("Gather",)

    def move(self, model: Graph, node: onnx.NodeProto, scales: Scales) -> list[str]:
        """Of a Gather of channels."""
        indices = model.get_initializer(node.input[1])
        if node.input[0] in scales.waiting and indices is not None and attribute(node, "axis", 0) in (1, -3):
            scale = scales.waiting[node.input[0]][1]
            scales.wait_behind(node, scale[:, np.ravel(indices)] if scale.size > 1 else scale, moved=True)
        return []
