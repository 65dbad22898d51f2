"""Streams of other shapes are spread out in front of what joins them, as ONNX's rules of broadcasting say.

Contract: no value changes. `SpreadInputs`: an Expand stands in front of each narrower input of a node with several
streams; a Tile along the channels is a Concat of one stream several times.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper

from ...graph.chains import stream_inputs
from ...graph.convert import ConversionOptions
from ...graph.index import Graph
from ...graph.rewrite import Conversion

_JOINS = ("Add", "Sub", "Mul", "Div")


class SpreadInputs(Conversion):
    """See above."""

    name = "spread_inputs"

    def apply(self, model: Graph, options: ConversionOptions) -> list[str]:
        """Afterwards the streams that a node of two inputs joins have one shape."""
        for node in list(model.graph.node):
            if node.op_type == "Tile":
                _tile_to_concat(model, node)
            elif node.op_type in _JOINS and len(stream_inputs(model, node)) == 2:
                _spread(model, node)
        return []


def _spread(model: Graph, node: onnx.NodeProto) -> None:
    whole = model.get_tensor_shape(node.output[0])
    for n, name in enumerate(node.input):
        shape = model.get_tensor_shape(name)
        if whole is None or shape is None or len(shape) != 4 or shape == whole:
            continue
        wide, size = model.fresh(f"{name}_spread"), model.fresh(f"{name}_spread_shape")
        model.set_initializer(size, np.array(whole, np.int64))
        node.input[n] = wide
        model.insert(helper.make_node("Expand", [name, size], [wide], name=model.fresh(f"{node.name}_expand")))


def _tile_to_concat(model: Graph, node: onnx.NodeProto) -> None:
    repeats = model.get_initializer(node.input[1])
    if repeats is None or np.shape(repeats) != (4,) or not np.array_equal(np.delete(repeats, 1), [1, 1, 1]):
        return
    copies = [node.input[0]] * int(repeats[1])
    model.remove([node])
    model.insert(helper.make_node("Concat", copies, list(node.output), name=node.name, axis=1))
