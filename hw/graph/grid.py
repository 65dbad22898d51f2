"""A common grid for streams whose scales differ, so that integers may be added or stand side by side.

This is the one conversion that scales which are no powers of two need; it is printed, and the converted file is the
reference.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import helper

from ...errors import UserError
from . import chains
from .constants import MAX_BITS
from .fixed import to_fixed
from .index import Graph
from .rewrite import Scales

FINE, COARSE = 6, 4  # bits below the step of the Quant behind: of codes, and of accumulators behind a chain of floats
MAX_RATIO_BITS = 16


def is_exact(model: Graph, tensor: str) -> bool:
    """Whether a tensor is fixed point: no chain of floats stands between it and the last operator or Quant."""
    shape = model.get_tensor_shape(tensor)
    node = model.find_producer(tensor)
    while node is not None and chains.is_step(model, node) and node.op_type not in chains.TERMINAL:
        if shape is None or not chains.is_fixed(model, node, shape[1]):
            return False
        node = model.find_producer(chains.stream_inputs(model, node)[0])
    return True


def step_behind(model: Graph, node: onnx.NodeProto) -> float | None:
    """Scale of the Quant that reads a node's result, alone, behind sums and activations; None where there is none."""
    reader = chains.only_consumer(model, node.output[0])
    while reader is not None:
        if reader.op_type == "Quant":
            scale = np.ravel(model.get_initializer(reader.input[1]))
            return float(scale.min())
        if reader.op_type not in ("Add", *chains.PRELU, *chains.CLIPS, "DepthToSpace"):
            return None
        reader = chains.only_consumer(model, reader.output[0])
    return None


def to_common_grid(model: Graph, node: onnx.NodeProto, scales: Scales, tensors: Sequence[str]) -> list[str]:
    """Let all streams that a node reads have one scale, and move it behind the node (which must compute on codes).

    Args:
        tensors: the streams; some of their scales may wait.

    Returns:
        In words, what this changes; nothing where the scales are the same already, or all of them fixed point.

    Raises:
        UserError: nothing tells how fine the grid has to be.
    """
    waiting = [scales.waiting[t][1] if t in scales.waiting else None for t in tensors]
    if all(s is None for s in waiting) and (not scales.exact or all(is_exact(model, t) for t in tensors)):
        return []
    first = waiting[0]
    if first is not None and all(s is not None and np.array_equal(s, first) for s in waiting):
        scales.integers.append(node.name)
        scales.wait_behind(node, first)
        return []
    grid, fine, whose = _grid(model, node, waiting, tensors)
    names = [_on_grid(model, node, scales, tensor, grid) for tensor in tensors]
    made = dict(zip(tensors, names, strict=True))
    model.redirect(node, [made.get(i, i) for i in node.input])
    scales.wait_behind(node, np.asarray(grid, np.float32))
    return [
        f"{node.op_type} '{node.name}': its inputs have different scales; they are rounded to 1/{2**fine} of {whose} "
        f"({grid:.6g}) in front of it, at most {len(tensors)}/{2 ** (fine + 1)} of that step in its result: the code "
        "behind it changes by 1 at most, and rarely"
    ]


def _grid(
    model: Graph, node: onnx.NodeProto, waiting: Sequence[np.ndarray | None], tensors: Sequence[str]
) -> tuple[float, int, str]:
    """(grid, bits below the step, whose step it is, in words)."""
    codes = all(s is not None or is_exact(model, t) for s, t in zip(waiting, tensors, strict=True))
    fine = FINE if codes else COARSE
    step = step_behind(model, node)
    if step is not None:
        return float(np.float32(step)) / 2**fine, fine, "the step of the Quant behind it"
    known = [float(np.min(s)) for s in waiting if s is not None]
    if not known:
        raise UserError(
            f"{node.op_type} '{node.name}': its inputs are chains of floats, and no Quant follows that tells how fine "
            "they must be. Put a QuantIdentity in front of each input, or one behind it."
        )
    return min(known) / 2**fine, fine, "the smallest of them"


def _on_grid(model: Graph, node: onnx.NodeProto, scales: Scales, tensor: str, grid: float) -> str:
    """The tensor that holds a stream's codes on a grid."""
    if tensor in scales.waiting:
        codes, scale = scales.waiting[tensor]
        ratio = np.asarray(scale, np.float64) / grid
        whole = to_fixed(ratio, MAX_RATIO_BITS)
        if whole is not None and whole.frac <= 0:  # a multiple of the grid: nothing is rounded
            return _constant_step(model, "Mul", codes, ratio, f"{node.name}_multiple")
        values = scales.values(tensor)
    else:
        values = tensor
    divided = _constant_step(model, "Div", values, np.asarray(grid), f"{node.name}_grid")
    made = model.fresh(f"{tensor}_on_grid")
    constants = [model.fresh(f"{made}_{what}") for what in ("one", "zero", "bits")]
    for name, value in zip(constants, (1.0, 0.0, float(MAX_BITS)), strict=True):
        model.set_initializer(name, np.asarray(value, np.float32))
    model.insert(
        helper.make_node(
            "Quant",
            [divided, *constants],
            [made],
            name=model.fresh(f"{node.name}_quant"),
            domain="qonnx.custom_op.general",
            signed=1,
            narrow=0,
            rounding_mode="ROUND",
        )
    )
    return made


def _constant_step(model: Graph, operator: str, source: str, value: np.ndarray, wish: str) -> str:
    """Append a node of a stream and a constant; the tensor that it makes."""
    made, name = model.fresh(f"{wish}_out"), model.fresh(f"{wish}_constant")
    model.set_initializer(name, np.asarray(value, np.float32))
    model.insert(helper.make_node(operator, [source, name], [made], name=model.fresh(wish)))
    return made
