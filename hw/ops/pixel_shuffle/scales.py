"""A scale moves behind a pixel shuffle where the channels that become one share it."""

from __future__ import annotations

from functools import partial

import numpy as np
import onnx

from ...graph.chains import attribute
from ...graph.hoist import chain_behind, hoist, is_float
from ...graph.index import Graph
from ...graph.rewrite import ScaleRule, Scales


class PixelShuffleScales(ScaleRule):
    """See above: the same values in another order."""

    takes = ("DepthToSpace",)

    def prepare(self, model: Graph, exact: bool) -> None:
        """Floats behind a convolution get the Quant that follows the shuffle."""
        for node in model.get_nodes_by_op_type("DepthToSpace"):
            phases = int(attribute(node, "blocksize", 1)) ** 2  # type: ignore[call-overload]
            chain = chain_behind(model, node)
            if chain and is_float(model, node.input[0], exact):
                crd = attribute(node, "mode", "DCR") == "CRD"
                hoist(model, node, chain, partial(_spread, phases=phases, crd=crd))

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
        scales.wait_behind(node, scale, moved=True)
        return []


def _spread(values: np.ndarray, phases: int, crd: bool) -> np.ndarray:
    """Constants of channels, (C, ...), for the phases of each in front of the shuffle, (C * phases, ...)."""
    return np.repeat(values, phases, axis=0) if crd else np.tile(values, (phases,) + (1,) * (values.ndim - 1))
