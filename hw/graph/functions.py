"""Regions of elementwise nodes that compute a function of one stream's codes, whatever its shape.

GELU, for example, reads its input twice: x * (1 + erf(x / sqrt(2))) / 2.
"""

from __future__ import annotations

import onnx

from . import chains
from .index import Graph

#: Functions of one value that are no step of a chain of affines and slopes.
FUNCTIONS = (
    "Sigmoid", "HardSigmoid", "Tanh", "Gelu", "Erf", "HardSwish", "Elu", "Selu", "Celu", "Softplus", "Mish", "Softsign",
    "Neg", "Exp", "Log", "Sqrt", "Pow", "Reciprocal",
)  # fmt: skip
_ELEMENTWISE = (*FUNCTIONS, *chains.AFFINE, *chains.PRELU, "Clip", "Min", "Max")
_MOST = 32  # nodes of a function


def function_from(model: Graph, node: onnx.NodeProto) -> tuple[str, list[onnx.NodeProto]] | None:
    """(the stream, the nodes in topological order) of the function that begins at a node.

    Returns:
        None where the node begins no function that is more than a chain, or one that does not end in one quantizer.
    """
    streams = set(chains.stream_inputs(model, node))
    if len(streams) != 1 or node.op_type not in _ELEMENTWISE:
        return None
    source = streams.pop()
    inside: dict[str, onnx.NodeProto] = {}
    waiting, ends = [node], []
    while waiting and len(inside) <= _MOST:
        one = waiting.pop()
        if one.output[0] in inside:
            continue
        found = _with_sources(model, one, source, inside)
        if found is None:
            return None
        inside |= found
        for made in found:
            if inside[made].op_type in chains.TERMINAL:
                ends.append(inside[made])
            elif model.is_output(made):
                return None
            else:
                waiting += model.readers(made)
    if len(ends) != 1 or not any(n.op_type in FUNCTIONS for n in inside.values()):
        return None
    own = {n.name for n in inside.values()}
    nodes = [n for n in model.graph.node if n.name in own]
    return source, [n for n in nodes if n is not ends[0]] + ends


def nodes_of_functions(model: Graph) -> set[str]:
    """Names of all nodes that belong to a function."""
    found: set[str] = set()
    for node in model.graph.node:
        if node.name not in found and (function := function_from(model, node)) is not None:
            found.update(n.name for n in function[1])
    return found


def _with_sources(
    model: Graph, node: onnx.NodeProto, source: str, inside: dict[str, onnx.NodeProto]
) -> dict[str, onnx.NodeProto] | None:
    """A node and those in front of it up to the stream, by what they make; None where it reads anything else."""
    if node.op_type not in (*_ELEMENTWISE, *chains.TERMINAL):
        return None
    found = {node.output[0]: node}
    for name in chains.stream_inputs(model, node):
        if name == source or name in inside:
            continue
        maker = model.find_producer(name)
        if maker is None or maker.op_type in chains.TERMINAL or len(found) > _MOST:
            return None
        more = _with_sources(model, maker, source, inside)
        if more is None:
            return None
        found |= more
    return found
