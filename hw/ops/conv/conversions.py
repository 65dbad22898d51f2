"""What may change in a QONNX graph before its convolutions are lowered.

`MoveScales`: the scale of a BipolarQuant moves behind the convolutions that read it. Mathematically the same; where the
scale is no power of two, float32 rounds differently, so the converted graph becomes the reference.
`SplitBiases`: a convolution's bias becomes an Add of its own. Exact where the bias is fixed point.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper

from ....errors import UserError
from ...graph import chains
from ...graph.convert import ConversionOptions
from ...graph.fixed import power_of_two, to_fixed
from ...graph.index import Graph
from ...graph.rewrite import Conversion


class MoveScales(Conversion):
    """See above."""

    name = "move_scales"

    def apply(self, model: Graph, options: ConversionOptions) -> list[str]:
        """Afterwards binary weights and activations are +1 and -1."""
        return _move_scales(model, options.binary)


class SplitBiases(Conversion):
    """See above."""

    name = "split_biases"

    def apply(self, model: Graph, options: ConversionOptions) -> list[str]:
        """Afterwards no convolution has a bias."""
        for conv in list(model.get_nodes_by_op_type("Conv")):
            if len(conv.input) > 2 and conv.input[2]:
                _bias_to_add(model, conv)
        return []


def _move_scales(model: Graph, binary: frozenset[str]) -> list[str]:
    changes = []
    for conv in list(model.get_nodes_by_op_type("Conv")):
        scale = np.ones(1)
        weight = model.get_initializer(conv.input[1])
        source = model.find_producer(conv.input[0])
        if weight is None or np.ndim(weight) != 4 or not np.size(weight):
            raise UserError(
                f"Conv '{conv.name}': its weight must be a constant of the shape (O, C, K, K): a Quant or BipolarQuant "
                f"of an initializer; found {'none' if weight is None else np.shape(weight)}."
            )
        if conv.input[1] in binary:
            magnitude = np.abs(weight).reshape(weight.shape[0], -1)
            if np.any(magnitude != magnitude[:, :1]):
                raise UserError(
                    f"Conv '{conv.name}': its binary weight has several scales; allowed is one scale per tensor, "
                    "or one per output channel."
                )
            scale = magnitude[:, 0] if np.ptp(magnitude[:, 0]) else magnitude[:1, 0]
            # A copy of its own: what else reads the weight reads its scale too.
            weight = np.where(weight >= 0, 1.0, -1.0).astype(np.float32)
            conv.input[1] = model.fresh(f"{conv.name}_signs")
            model.set_initializer(conv.input[1], weight)
        _check_weight(weight, conv)
        if source is not None and source.op_type == "BipolarQuant":
            scale = scale * _activation_scale(model, source)
        if np.any(scale != 1):
            _scale_behind(model, conv, scale)
            if any(power_of_two(float(s)) is None for s in scale):
                changes.append(f"Conv '{conv.name}': scale {scale.ravel()[0]:.6g} moved behind the convolution")
    for node in model.get_nodes_by_op_type("BipolarQuant"):
        if _activation_scale(model, node) != 1:
            if model.is_output(node.output[0]):
                raise UserError(f"BipolarQuant '{node.name}': it makes an output; end the network in a Quant.")
            others = [c for c in chains.consumers(model, node.output[0]) if c.op_type != "Conv"]
            if others:
                raise UserError(
                    f"BipolarQuant '{node.name}': its output with a scale other than 1 is read by {others[0].op_type} "
                    f"'{others[0].name}'; only convolutions may read it."
                )
            # The file's tensor has the scale in it; the signs are another one.
            signs = model.fresh(f"{node.output[0]}_signs")
            for conv in chains.consumers(model, node.output[0]):
                conv.input[:] = [signs if i == node.output[0] else i for i in conv.input]
            model.rename_output(node, signs)
            node.input[1] = model.fresh(f"{node.name}_one")
            model.set_initializer(node.input[1], np.ones(1, np.float32))
    return changes


def _check_weight(weight: np.ndarray, conv: onnx.NodeProto) -> None:
    """Refuse a weight that is not quantized before anything is said of what is less fundamental."""
    if to_fixed(weight) is None:
        raise UserError(
            f"Conv '{conv.name}': its weight is no fixed point of at most 18 bits. Give the layer a weight quantizer "
            "of fewer bits in training (Brevitas: Int8WeightPerChannelFloat), or make it binary."
        )


def _activation_scale(model: Graph, node: onnx.NodeProto) -> float:
    scale = model.get_initializer(node.input[1])
    if scale is None or np.size(scale) != 1 or float(np.ravel(scale)[0]) <= 0:
        raise UserError(
            f"BipolarQuant '{node.name}': its scale has {np.size(scale)} values; "
            "allowed is one positive constant per tensor. Use SignedBinaryActPerTensorConst, and export in eval mode."
        )
    return float(np.ravel(scale)[0])


def _scale_behind(model: Graph, conv: onnx.NodeProto, scale: np.ndarray) -> None:
    """conv -> Mul(scale); a bias is divided by the scale, so that it may stay in front."""
    if len(conv.input) > 2 and conv.input[2]:
        _bias_to_add(model, conv)
    inner = model.fresh(f"{conv.output[0]}_unscaled")
    outer = conv.output[0]
    model.rename_output(conv, inner)
    name = model.fresh(f"{conv.name}_scale")
    model.set_initializer(name, np.asarray(scale, np.float32).reshape(1, -1, 1, 1))
    mul = helper.make_node("Mul", [inner, name], [outer], name=model.fresh(f"{conv.name}_rescale"))
    model.insert(mul)


def _bias_to_add(model: Graph, conv: onnx.NodeProto) -> None:
    bias = model.get_initializer(conv.input[2])
    if bias is None:
        raise UserError(f"Conv '{conv.name}': its bias is no constant; allowed is one. Export in eval mode.")
    channels = (model.get_tensor_shape(conv.output[0]) or [0, 0])[1]
    if np.shape(bias) != (channels,):
        raise UserError(f"Conv '{conv.name}': its bias has the shape {np.shape(bias)}; allowed is ({channels},).")
    name, outer = model.fresh(f"{conv.name}_bias"), conv.output[0]
    inner = model.fresh(f"{outer}_unbiased")
    model.set_initializer(name, np.asarray(bias, np.float32).reshape(1, -1, 1, 1))
    del conv.input[2:]
    model.rename_output(conv, inner)
    add = helper.make_node("Add", [inner, name], [outer], name=model.fresh(f"{conv.name}_addbias"))
    model.insert(add)
