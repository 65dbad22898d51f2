"""A scale moves behind a pixel shuffle where the channels that become one share it."""

from __future__ import annotations

import numpy as np
import onnx

from ...graph.chains import attribute
from ...graph.index import Graph
from ...graph.rewrite import ScaleRule, Scales


class PixelShuffleScales(ScaleRule):
    """See above: the same values in another order."""

    takes = ("DepthToSpace",)

    def move(self, model: Graph, node: onnx.NodeProto, scales: Scales) -> list[str]:
        """One scale for all channels, or the same one for all phases of each."""
        if node.input[0] not in scales.waiting:
            return []
        scale = scales.waiting[node.input[0]][1]
        if scale.size > 1:
            phases = int(attribute(node, "blocksize", 1)) ** 2  # type: ignore[call-overload]
            crd = attribute(node, "mode", "DCR") == "CRD"
            if scale.size % phases:
                return []
            table = scale.reshape(-1, phases) if crd else scale.reshape(phases, -1).T
            if np.any(table != table[:, :1]):
                return []
            scale = table[:, 0].reshape(1, -1, 1, 1)
        scales.wait_behind(node, scale)
        return []
