"""The reference's execution: qonnx's, in float32, except for nodes whose results need more than 24 significant bits.

Those compute in float64, which holds every integer up to 2**53, and keep their results so for each other. What reads
such a result otherwise, a chain of floats, reads it rounded to float32, as the file has it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
from onnx import helper
from qonnx.core.onnx_exec import execute_node, execute_onnx

from .chains import attribute
from .index import Graph


def execute(model: Graph, inputs: dict[str, np.ndarray], all_tensors: bool) -> dict[str, np.ndarray]:
    """Tensors by name: all of them, or the outputs; float32, those of `model.double` float64.

    Args:
        model: with shapes of all tensors; its `double` names the nodes that compute in float64.
        inputs: float32; states float64 where they are such results. Those left out start as the graph says.
    """
    if not model.double:
        found: dict[str, np.ndarray] = execute_onnx(model, inputs, return_full_exec_context=all_tensors)
        return found
    context: dict[str, np.ndarray] = model.make_empty_exec_context()
    exact = {name: value for name, value in inputs.items() if value.dtype == np.float64}
    context.update({name: value.astype(np.float32) for name, value in inputs.items()})
    opset = max(o.version for o in model.model.opset_import if o.domain in ("", "ai.onnx"))
    for node in model.graph.node:
        if node.name in model.double:
            values = [exact.get(i, np.asarray(context[i], np.float64)) if i else None for i in node.input]
            result = DOUBLE[node.op_type](node, *values)
            exact[node.output[0]] = result
            context[node.output[0]] = result.astype(np.float32)
        else:
            execute_node(node, context, model.graph, opset)
    context.update(exact)
    return context if all_tensors else {o.name: context[o.name] for o in model.graph.output}


def _conv(node: onnx.NodeProto, x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None = None) -> np.ndarray:
    attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    top, left, bottom, right = attributes.get("pads", [0] * 4)
    (down, across), (dy, dx) = attributes.get("strides", [1, 1]), attributes.get("dilations", [1, 1])
    groups, (outputs, inputs, kh, kw) = attributes.get("group", 1), weight.shape
    x = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)))
    height = (x.shape[2] - dy * (kh - 1) - 1) // down + 1
    width = (x.shape[3] - dx * (kw - 1) - 1) // across + 1
    out = np.zeros((groups, outputs // groups, height * width))
    filters = weight.reshape(groups, outputs // groups, inputs, kh, kw)
    for i in range(kh):
        for j in range(kw):
            part = x[0, :, i * dy :, j * dx :][:, ::down, ::across][:, :height, :width]
            out += filters[..., i, j] @ part.reshape(groups, inputs, -1)
    y = out.reshape(1, outputs, height, width)
    return y if bias is None else y + bias.reshape(1, -1, 1, 1)


def _quant(node: onnx.NodeProto, x: np.ndarray, scale: np.ndarray, zero: np.ndarray, bits: np.ndarray) -> np.ndarray:
    signed, narrow = bool(attribute(node, "signed", 1)), bool(attribute(node, "narrow", 0))
    width = int(np.ravel(bits)[0])
    low = -(2 ** (width - 1)) + narrow if signed else 0
    high = 2 ** (width - signed) - 1 - (narrow and not signed)
    return (np.clip(np.rint(x / scale + zero), low, high) - zero) * scale


def _depth_to_space(node: onnx.NodeProto, x: np.ndarray) -> np.ndarray:
    r = int(attribute(node, "blocksize", 1))  # type: ignore[call-overload]
    n, c, h, w = x.shape
    if attribute(node, "mode", "DCR") == "CRD":
        phases = x.reshape(n, c // r**2, r, r, h, w).transpose(0, 1, 4, 2, 5, 3)
    else:
        phases = x.reshape(n, r, r, c // r**2, h, w).transpose(0, 3, 4, 1, 5, 2)
    return phases.reshape(n, c // r**2, h * r, w * r)


def _space_to_depth(node: onnx.NodeProto, x: np.ndarray) -> np.ndarray:
    r = int(attribute(node, "blocksize", 1))  # type: ignore[call-overload]
    n, c, h, w = x.shape
    return x.reshape(n, c, h // r, r, w // r, r).transpose(0, 3, 5, 1, 2, 4).reshape(n, c * r**2, h // r, w // r)


def _gather(node: onnx.NodeProto, x: np.ndarray, indices: np.ndarray) -> np.ndarray:
    return np.take(x, indices.astype(np.int64), axis=int(attribute(node, "axis", 0)))  # type: ignore[call-overload]


def _concat(node: onnx.NodeProto, *values: np.ndarray) -> np.ndarray:
    return np.concatenate(values, axis=int(attribute(node, "axis", 1)))  # type: ignore[call-overload]


def _expand(node: onnx.NodeProto, x: np.ndarray, shape: np.ndarray) -> np.ndarray:
    return x * np.ones(shape.astype(np.int64))


def _max_pool(node: onnx.NodeProto, x: np.ndarray) -> np.ndarray:
    """Of windows that lie side by side, as the operator has them."""
    n, c, h, w = x.shape
    attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    side = int(attributes["kernel_shape"][0])
    return x.reshape(n, c, h // side, side, w // side, side).max((3, 5))


def _prelu(node: onnx.NodeProto, x: np.ndarray, slope: np.ndarray | None = None) -> np.ndarray:
    if slope is None:
        slope = np.asarray(attribute(node, "alpha", 0.01), np.float32).astype(np.float64)
    return np.where(x < 0, x * slope, x)


def _batch_norm(
    node: onnx.NodeProto, x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, mean: np.ndarray, variance: np.ndarray
) -> np.ndarray:
    epsilon = float(attribute(node, "epsilon", 1e-5))  # type: ignore[arg-type]
    gamma, beta, mean, variance = (v.reshape(1, -1, 1, 1) for v in (gamma, beta, mean, variance))
    return (x - mean) / np.sqrt(variance + epsilon) * gamma + beta


def _clip(
    node: onnx.NodeProto, x: np.ndarray, least: np.ndarray | None = None, most: np.ndarray | None = None
) -> np.ndarray:
    low = attribute(node, "min", -np.inf) if least is None else least
    high = attribute(node, "max", np.inf) if most is None else most
    return np.minimum(np.maximum(x, low), high)  # type: ignore[call-overload]


#: Operators that compute in float64 where float32 does not hold their results.
DOUBLE: dict[str, Callable[..., np.ndarray]] = {
    "Conv": _conv,
    "Add": lambda node, a, b: a + b,
    "Sub": lambda node, a, b: a - b,
    "Mul": lambda node, a, b: a * b,
    "Div": lambda node, a, b: a / b,
    "PRelu": _prelu,
    "LeakyRelu": _prelu,
    "Relu": lambda node, x: np.maximum(x, 0),
    "Quant": _quant,
    "BatchNormalization": _batch_norm,
    "Clip": _clip,
    "Min": lambda node, *values: np.minimum.reduce(np.broadcast_arrays(*values)),
    "Max": lambda node, *values: np.maximum.reduce(np.broadcast_arrays(*values)),
    "BipolarQuant": lambda node, x, scale: np.where(x >= 0, scale, -scale),
    "DepthToSpace": _depth_to_space,
    "SpaceToDepth": _space_to_depth,
    "Gather": _gather,
    "Concat": _concat,
    "Expand": _expand,
    "MaxPool": _max_pool,
}
