"""Chains of floats where the Quant that ends them can be seen: the same nodes in other places, the same values.

A convolution's floats need the Quant that ends their chain: where a pixel shuffle or a nearest neighbour stands
between, the rest of the chain moves to the convolution's side.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx

from . import chains
from .constants import is_plain
from .fixed import to_fixed
from .index import Graph
from .load import copy_of

#: Channel constants behind the node, (C,) -> those in front of it.
Spread = Callable[[np.ndarray], np.ndarray]


def chain_behind(model: Graph, node: onnx.NodeProto) -> list[onnx.NodeProto]:
    """The elementwise chain that alone reads a node and ends in a Quant; empty where there is none."""
    reader = chains.only_consumer(model, node.output[0])
    if reader is None or not chains.is_step(model, reader):
        return []
    chain = chains.chain_from(model, reader, 1)
    return chain if chain[-1].op_type == "Quant" else []


def is_float(model: Graph, tensor: str, exact: bool) -> bool:
    """Whether floats stand between a tensor and the Quants in front of it.

    Args:
        exact: float constants stay what they are; else those of a fixed-point network are quantized, wherever they
            stand.
    """
    node = model.find_producer(tensor)
    if node is None or node.op_type in chains.TERMINAL:
        return False
    if any(not is_plain(model, n) for n in model.graph.node if n.op_type == "Quant"):
        return True
    while node is not None and chains.is_step(model, node) and node.op_type not in chains.TERMINAL:
        shape = model.get_tensor_shape(node.output[0])
        if exact and shape is not None and not chains.is_fixed(model, node, shape[1]):
            return True
        node = model.find_producer(chains.stream_inputs(model, node)[0])
    constants = [model.get_initializer(i) for i in node.input] if node is not None else []
    return any(to_fixed(c) is None for c in constants if c is not None and c.dtype.kind == "f" and c.ndim in (1, 4))


def hoist(model: Graph, node: onnx.NodeProto, chain: list[onnx.NodeProto], spread: Spread) -> None:
    """Let a chain stand in front of a node, in place; the model is to be tidied up afterwards."""
    source, made, target = node.input[0], node.output[0], chain[-1].output[0]
    for one in chain:
        names = [source if i == made else i for i in one.input]
        for n, name in enumerate(names):
            value = model.get_initializer(name)
            if value is not None and value.size > 1:
                names[n] = model.fresh(f"{name}_spread")
                axis = value.ndim - 3 if value.ndim > 2 else 0
                model.set_initializer(names[n], np.moveaxis(spread(np.moveaxis(value, axis, 0)), 0, axis))
        model.redirect(one, names)
    inner = model.fresh(f"{target}_in_front")
    model.rename_output(chain[-1], inner)
    model.redirect(node, [inner, *list(node.input)[1:]])
    model.rename_output(node, target)


def unshare(model: Graph) -> None:
    """Give each reader of a float elementwise node a copy of its own, in place; the model is tidied up afterwards.

    Each copy then ends in its reader's Quant. What is shared is what stands in front: integers.
    """
    for node in reversed(list(model.graph.node)):
        if not chains.is_step(model, node) or node.op_type in chains.TERMINAL or model.is_output(node.output[0]):
            continue
        shape = model.get_tensor_shape(node.output[0])
        readers = model.readers(node.output[0])
        if len(readers) < 2 or shape is None or chains.is_fixed(model, node, shape[1]):
            continue
        for reader in list({id(r): r for r in readers}.values())[1:]:
            made = model.fresh(f"{node.output[0]}_again")
            copy = copy_of(node)
            copy.name, copy.output[0] = model.fresh(node.name), made
            model.insert(copy)
            model.redirect(reader, [made if i == node.output[0] else i for i in reader.input])
