"""Folding: a node that reads constants only becomes the constant that it computes, by the reference's own engine."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper
from qonnx.custom_op.registry import getCustomOp

from ...errors import UserError
from .check import described
from .index import Graph
from .shapes import MAX_ELEMENTS, QUANTIZERS

#: What exporters compute constants with, and no operator whose result may be larger than shape inference can tell.
FOLDED = frozenset(
    [
        "Abs",
        "Add",
        "Cast",
        "Ceil",
        "Clip",
        "Concat",
        "Constant",
        "ConstantOfShape",
        "Div",
        "Equal",
        "Exp",
        "Expand",
        "Floor",
        "Gather",
        "Identity",
        "Max",
        "Min",
        "Mod",
        "Mul",
        "Neg",
        "Pow",
        "Reciprocal",
        "ReduceMax",
        "ReduceMean",
        "ReduceMin",
        "ReduceProd",
        "ReduceSum",
        "Relu",
        "Reshape",
        "Round",
        "Shape",
        "Sign",
        "Size",
        "Slice",
        "Split",
        "Sqrt",
        "Squeeze",
        "Sub",
        "Transpose",
        "Unsqueeze",
        "Where",
    ]
)
_BY_SHAPE = {"ConstantOfShape": 0, "Expand": 1}  # operators whose input of this number is a shape to be made
_PASSES = 32  # a shape that is computed from one that is computed takes another pass
_TYPES = {
    np.dtype(np.float32): TensorProto.FLOAT,
    np.dtype(np.float64): TensorProto.DOUBLE,
    np.dtype(np.float16): TensorProto.FLOAT16,
    np.dtype(np.int64): TensorProto.INT64,
    np.dtype(np.int32): TensorProto.INT32,
    np.dtype(np.int8): TensorProto.INT8,
    np.dtype(np.uint8): TensorProto.UINT8,
    np.dtype(np.bool_): TensorProto.BOOL,
}


def fold(model: Graph, quantizers: bool = False, folded: Callable[[onnx.NodeProto], None] | None = None) -> Graph:
    """Fold constants in place: what constants make is a constant, pass after pass until nothing is left to fold.

    Args:
        model: with shapes of all tensors, in topological order.
        quantizers: fold quantizers of constants too; else they stay, with all that reads them.
        folded: called with each node that a constant took the place of, while its inputs can still be looked up.

    Returns:
        The model.

    Raises:
        UserError: a node of constants that onnxruntime or qonnx cannot execute, or whose value is not finite.
    """
    for _ in range(_PASSES):
        gone = [node for node in model.graph.node if _fold(model, node, quantizers, folded)]
        if not gone:
            break
        model.remove(gone)
        model.tidy()
    else:
        raise UserError(
            f"constants are computed from each other more than {_PASSES} times over. Simplify the file with "
            "onnxsim, or export it again with constant folding on."
        )
    return model


def _fold(
    model: Graph, node: onnx.NodeProto, quantizers: bool, folded: Callable[[onnx.NodeProto], None] | None
) -> bool:
    """Whether constants took the place of what a node makes."""
    if node.op_type in QUANTIZERS:
        if not quantizers:
            return False
    elif node.op_type not in FOLDED:
        return False
    if any(model.is_output(o) for o in node.output):
        return False
    values = _values(model, node)
    if values is None:
        return False
    for name, value in zip(node.output, values, strict=True):
        if name:
            model.set_initializer(name, value)
    if folded is not None:
        folded(node)
    return True


def _values(model: Graph, node: onnx.NodeProto) -> list[np.ndarray] | None:
    """What a node computes, where that is the same for every picture."""
    if node.op_type in ("Shape", "Size"):
        shape = model.get_tensor_shape(node.input[0])
        if shape is None:
            return None
        return [np.asarray(math.prod(shape), np.int64)] if node.op_type == "Size" else _shape(node, shape)
    inputs: dict[str, np.ndarray] = {}
    for name in filter(None, node.input):
        value = model.get_initializer(name)
        if value is None:
            return None
        inputs[name] = value
    if node.op_type in _BY_SHAPE:
        wanted = [int(n) for n in np.ravel(inputs[node.input[_BY_SHAPE[node.op_type]]])]
        if any(n < 0 for n in wanted) or math.prod(wanted) > MAX_ELEMENTS:
            raise UserError(
                f"{described(node)}: it makes a constant of the shape {wanted[:8]}; allowed are {MAX_ELEMENTS:,} "
                "elements. Export with a fixed, smaller frame."
            )
    return _checked(node, _execute(model, node, inputs))


def _shape(node: onnx.NodeProto, shape: list[int]) -> list[np.ndarray]:
    bounds = {a.name: a.i for a in node.attribute}
    return [np.asarray(shape[bounds.get("start", 0) : bounds.get("end", len(shape))], np.int64)]


def _execute(model: Graph, node: onnx.NodeProto, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
    try:
        if node.op_type in QUANTIZERS:
            context: dict[str, np.ndarray] = dict(inputs)
            getCustomOp(node).execute_node(context, model.graph)
            return [np.asarray(context[node.output[0]], np.float32)]
        return _onnxruntime(model, node, inputs)
    except Exception as error:
        text = " ".join(str(error).split())
        raise UserError(
            f"{described(node)}: it reads constants only and cannot be computed ({text[:300]}). Export the file again."
        ) from error


def _onnxruntime(model: Graph, node: onnx.NodeProto, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
    values = [helper.make_tensor_value_info(n, _TYPES[v.dtype], v.shape) for n, v in inputs.items()]
    outputs = [onnx.ValueInfoProto(name=name) for name in node.output if name]
    graph = helper.make_graph([node], "constant", values, outputs)
    imports = [o for o in model.model.opset_import if o.domain in ("", "ai.onnx")]
    proto = helper.make_model(graph, opset_imports=imports)
    proto.ir_version = min(model.model.ir_version, 10)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what it says comes as an exception
    session = onnxruntime.InferenceSession(proto.SerializeToString(), options)
    made = dict(zip([o.name for o in outputs], session.run(None, inputs), strict=True))
    return [made.get(name, np.zeros(0)) for name in node.output]


def _checked(node: onnx.NodeProto, values: list[np.ndarray]) -> list[np.ndarray]:
    for value in values:
        if value.dtype not in _TYPES:
            raise UserError(
                f"{described(node)}: it makes a constant of type {value.dtype}; allowed are "
                f"{', '.join(sorted(map(str, _TYPES)))}. Cast it in the network, and export again."
            )
        if value.size > MAX_ELEMENTS:
            raise UserError(
                f"{described(node)}: it makes a constant of {value.size:,} elements; allowed are {MAX_ELEMENTS:,}. "
                "Export with a fixed, smaller frame."
            )
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            raise UserError(
                f"{described(node)}: it computes NaN or infinity from constants; allowed are finite numbers. "
                "Training may have diverged: look at its parameters."
            )
    return values
