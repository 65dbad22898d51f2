"""Scales of a convolution's input and weight move behind it: the engine works on codes."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper

from ....errors import UserError
from ...graph.chains import attribute
from ...graph.fixed import to_fixed
from ...graph.index import Graph
from ...graph.rewrite import ScaleRule, Scales


class ConvScales(ScaleRule):
    """conv(s*x, t*w) + b -> (s*t) * conv(x, w) + b: the same in real numbers.

    Weights of one power of two stay as they are. Those of a BipolarQuant are `MoveScales`'s. A transposed convolution
    has its outputs along its weight's second axis.
    """

    takes = ("Conv", "ConvTranspose", "Pad")

    def move(self, model: Graph, node: onnx.NodeProto, scales: Scales) -> list[str]:
        """Afterwards input and weight are codes, and the scales are multiplied behind, in front of the bias."""
        if node.op_type == "Pad":
            if node.input[0] in scales.waiting and _pads_with_zeros(model, node):
                scales.wait_behind(node, scales.waiting[node.input[0]][1])
            return []
        waiting = scales.waiting.get(node.input[0])
        if waiting is not None and waiting[1].size > 1:
            raise UserError(
                f"{node.op_type} '{node.name}': its input has one scale per channel; allowed is one per tensor. Use an "
                "activation quantizer with one scale (Brevitas: scaling_per_output_channel=False)."
            )
        weight = _weight_scale(model, node, scales)
        if waiting is None and weight is None:
            return []
        scale = np.ones((), np.float32) if waiting is None else waiting[1].reshape(())
        if weight is not None:
            scale = np.asarray(scale * weight, np.float32)
        _behind(model, node, scales, scale)
        return []


class MeanPoolScales(ScaleRule):
    """The mean of blocks of pixels: s*x has s times the mean of x, the same in real numbers."""

    takes = ("AveragePool",)

    def move(self, model: Graph, node: onnx.NodeProto, scales: Scales) -> list[str]:
        """Whatever the scale: channels stay what they are."""
        if node.input[0] in scales.waiting:
            scales.integers.append(node.name)
            scales.wait_behind(node, scales.waiting[node.input[0]][1])
        return []


def _pads_with_zeros(model: Graph, pad: onnx.NodeProto) -> bool:
    value = model.get_initializer(pad.input[2]) if len(pad.input) > 2 and pad.input[2] else np.zeros(1)
    return attribute(pad, "mode", "constant") == "constant" and value is not None and not np.any(value)


def _weight_scale(model: Graph, node: onnx.NodeProto, scales: Scales) -> np.ndarray | None:
    """Take the scale out of a weight: it is codes afterwards. None where it stays: no Quant made it, or fixed point."""
    name = node.input[1]
    weight = model.get_initializer(name)
    if name not in scales.weights or weight is None or np.ndim(weight) != 4 or to_fixed(weight) is not None:
        return None
    scale = scales.weights[name]
    axis = int(node.op_type == "ConvTranspose")
    wanted = tuple(size if n == axis else 1 for n, size in enumerate(weight.shape))
    if scale.size > 1 and scale.shape != wanted:
        raise UserError(
            f"{node.op_type} '{node.name}': its weight has scales of the shape {scale.shape}; allowed is one scale, or "
            f"one per output channel, {wanted}."
        )
    codes = np.rint(np.asarray(weight, np.float64) / scale)
    assert np.allclose(codes * scale, weight, rtol=1e-6, atol=0), "a Quant gives multiples of its scale"
    made = model.fresh(f"{node.name}_codes")
    model.set_initializer(made, codes.astype(np.float32))
    model.redirect(node, [node.input[0], made, *list(node.input)[2:]])
    if scale.size == 1:
        return scale.reshape(())
    # The groups of a transposed convolution share the scales of their outputs.
    return np.tile(scale.ravel(), _outputs(node, weight) // scale.size).reshape(1, -1, 1, 1)


def _outputs(node: onnx.NodeProto, weight: np.ndarray) -> int:
    """Number of output channels."""
    if node.op_type == "ConvTranspose":
        return int(weight.shape[1]) * int(attribute(node, "group", 1))  # type: ignore[call-overload]
    return len(weight)


def _behind(model: Graph, node: onnx.NodeProto, scales: Scales, scale: np.ndarray) -> None:
    """Let a scale wait behind the convolution, or, where there is a bias, multiply and add it."""
    target, inputs = node.output[0], list(node.input)
    bias = model.get_initializer(inputs[2]) if len(inputs) > 2 and inputs[2] else None
    outputs = _outputs(node, model.get_initializer(inputs[1]))
    if len(inputs) > 2 and inputs[2] and (bias is None or np.shape(bias) != (outputs,)):
        raise UserError(
            f"{node.op_type} '{node.name}': its bias must be a constant of the shape ({outputs},); found "
            f"{'none' if bias is None else np.shape(bias)}."
        )
    model.redirect(node, inputs[:2])
    scales.integers.append(node.name)
    scales.wait_behind(node, scale)
    if bias is not None:
        product, name = scales.values(target), model.fresh(f"{node.name}_bias")
        del scales.waiting[target]
        model.set_initializer(name, np.asarray(bias, np.float32).reshape(1, -1, 1, 1))
        model.insert(helper.make_node("Add", [product, name], [target], name=model.fresh(f"{node.name}_addbias")))
