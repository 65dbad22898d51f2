"""Vectors pooled over the frame, whatever layout the file gives them, as streams of 1 x 1 pixels: 1 x C x 1 x 1.

Exporters turn such a vector into 1 x C, 1 x C x 1 or 1 x 1 x C for a fully connected layer or a convolution along the
channels, and back. All these tensors hold the same numbers in the same order. Here the nodes between become nodes of
1 x C x 1 x 1: a Gemm, a MatMul and a convolution along the channels a 1 x 1 convolution. No value changes.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import onnx
from onnx import helper

from .chains import AFFINE, PRELU, TERMINAL, attribute
from .functions import FUNCTIONS
from .index import Graph
from .load import copy_of

LAYOUT = ("Transpose", "Reshape", "Flatten", "Squeeze", "Unsqueeze")
_REDUCTIONS = ("ReduceMean", "ReduceSum")
_ELEMENTWISE = (*AFFINE, *PRELU, *TERMINAL, *FUNCTIONS, "Clip", "Min", "Max")


def straighten(model: Graph) -> None:
    """Change the model in place; what it does not know stays as it is, and is refused later by its own name."""
    walk = _Walk(model)
    for node in list(model.graph.node):
        walk.take(node)
    if walk.same:
        model.drop_dead()
        model.tidy()


class _Walk:
    """One walk in topological order.

    Attributes:
        same: for each tensor of another layout the one of 1 x C x 1 x 1 that holds its numbers.
    """

    def __init__(self, model: Graph) -> None:
        self.model = model
        self.same: dict[str, str] = {}

    def take(self, node: onnx.NodeProto) -> None:
        """Put what stands for a node into the graph, where it works on vectors."""
        model = self.model
        if node.op_type in _REDUCTIONS and attribute(node, "keepdims", 1) == 0:
            self._keep_dims(node)
        elif node.op_type in LAYOUT and self._is_vector(node.input[0]) and self._one_axis(node.output[0]):
            self.same[node.output[0]] = self.same.get(node.input[0], node.input[0])
        elif not any(name in self.same for name in node.input):
            return
        elif node.op_type in _ELEMENTWISE:
            self._elementwise(node)
        elif node.op_type == "Conv":
            self._conv(node)
        elif node.op_type in ("Gemm", "MatMul"):
            self._full(node)
        else:
            for n, name in enumerate(node.input):
                if name in self.same and model.get_tensor_shape(name) == model.get_tensor_shape(self.same[name]):
                    self._read(node, n, self.same[name])

    def _read(self, node: onnx.NodeProto, place: int, name: str) -> None:
        """Let a node read another tensor."""
        self.model.redirect(node, [name if n == place else old for n, old in enumerate(node.input)])

    def _is_vector(self, tensor: str) -> bool:
        shape = self.model.get_tensor_shape(tensor)
        return tensor in self.same or (shape is not None and len(shape) == 4 and shape[2:] == [1, 1] and shape[0] == 1
                                       and self.model.get_initializer(tensor) is None)  # fmt: skip

    def _one_axis(self, tensor: str) -> bool:
        shape = self.model.get_tensor_shape(tensor)
        return shape is not None and sum(n > 1 for n in shape) <= 1

    def _result(self, node: onnx.NodeProto, made: onnx.NodeProto) -> None:
        """Insert what stands for a node; its result keeps its name only where it has that layout already."""
        old = node.output[0]
        made.output[0] = self.model.fresh(f"{old}_vector")
        made.name = self.model.fresh(f"{node.name}_vector")
        self.model.insert(made)
        self.same[old] = made.output[0]

    def _keep_dims(self, node: onnx.NodeProto) -> None:
        shape = self.model.get_tensor_shape(node.input[0])
        given: Any = self.model.get_initializer(node.input[1]) if len(node.input) > 1 else attribute(node, "axes", [])
        if shape is None or len(shape) != 4 or sorted(int(n) % 4 for n in np.ravel(given)) != [2, 3]:
            return
        made = copy_of(node)
        kept = [a for a in made.attribute if a.name != "keepdims"]
        del made.attribute[:]
        made.attribute.extend([*kept, helper.make_attribute("keepdims", 1)])
        self._result(node, made)

    def _elementwise(self, node: onnx.NodeProto) -> None:
        model, made = self.model, copy_of(node)
        shape = model.get_tensor_shape(node.output[0])
        if shape is None or not self._one_axis(node.output[0]):
            # A wider stream: the vector is its factor or summand, in the layout that the file gives it.
            for n, name in enumerate(node.input):
                if name in self.same and (model.get_tensor_shape(name) or [0])[2:] == [1, 1]:
                    self._read(node, n, self.same[name])
            return
        for n, name in enumerate(node.input):
            value = model.get_initializer(name)
            if name in self.same:
                made.input[n] = self.same[name]
            elif value is not None and np.size(value) > 1:
                if np.size(value) != math.prod(shape):
                    return
                made.input[n] = model.fresh(f"{name}_vector")
                model.set_initializer(made.input[n], np.reshape(value, (1, -1, 1, 1)))
        self._result(node, made)

    def _conv(self, node: onnx.NodeProto) -> None:
        """A convolution of a vector: along the channels, where they are pixels; of one pixel otherwise."""
        model = self.model
        weight, shape = model.get_initializer(node.input[1]), model.get_tensor_shape(node.input[0])
        if weight is None or shape is None or node.input[0] not in self.same or np.ndim(weight) != len(shape):
            return
        axes = len(shape) - 2
        pads, ones = attribute(node, "pads", [0] * 2 * axes), [1] * axes
        plain = attribute(node, "strides", ones) == ones and attribute(node, "dilations", ones) == ones
        before, kernel, sizes = list(pads)[:axes], list(weight.shape[2:]), shape[2:]  # type: ignore[call-overload]
        if not plain or attribute(node, "group", 1) != 1 or (model.get_tensor_shape(node.output[0]) or [])[2:] != sizes:
            return
        if max(sizes) == 1:
            taps = weight[(slice(None), slice(None), *before)]
        elif weight.shape[:2] == (1, 1):
            (axis,) = [n for n, size in enumerate(sizes) if size > 1]
            place = [before[n] for n in range(axes)]
            taps = np.zeros((sizes[axis], sizes[axis]), weight.dtype)
            for tap in range(kernel[axis]):
                place[axis] = tap
                move = tap - before[axis]
                taps += np.eye(sizes[axis], k=move, dtype=weight.dtype) * weight[(0, 0, *place)]
        else:
            return
        bias = model.get_initializer(node.input[2]) if len(node.input) > 2 and node.input[2] else None
        self._full_conv(node, taps, None if bias is None else np.broadcast_to(bias, len(taps)))

    def _full(self, node: onnx.NodeProto) -> None:
        """A fully connected layer."""
        weight = self.model.get_initializer(node.input[1])
        plain = all(attribute(node, a, d) == d for a, d in (("alpha", 1.0), ("beta", 1.0), ("transA", 0)))
        if weight is None or np.ndim(weight) != 2 or not plain or node.input[0] not in self.same:
            return
        taps = weight if attribute(node, "transB", 0) else weight.T
        bias = self.model.get_initializer(node.input[2]) if len(node.input) > 2 and node.input[2] else None
        if self.model.get_tensor_shape(self.same[node.input[0]]) not in (None, [1, taps.shape[1], 1, 1]):
            return
        self._full_conv(node, taps, None if bias is None else np.broadcast_to(np.ravel(bias), len(taps)))

    def _full_conv(self, node: onnx.NodeProto, taps: np.ndarray, bias: np.ndarray | None) -> None:
        """A 1 x 1 convolution with the weights (O, C) in place of a node."""
        name = self.model.fresh(f"{node.input[1]}_vector")
        self.model.set_initializer(name, np.ascontiguousarray(taps)[:, :, None, None])
        inputs = [self.same[node.input[0]], name]
        if bias is not None:
            inputs.append(self.model.fresh(f"{node.input[2]}_vector"))
            self.model.set_initializer(inputs[2], np.ascontiguousarray(bias))
        self._result(node, helper.make_node("Conv", inputs, [""], kernel_shape=[1, 1], pads=[0] * 4))
