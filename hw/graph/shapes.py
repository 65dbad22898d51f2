"""Shapes of all tensors of a QONNX graph, by ONNX's own inference, in one pass."""

from __future__ import annotations

import math

import onnx
from onnx import TensorProto, helper

from ...errors import UserError

QUANTIZERS = ("Quant", "BipolarQuant", "Trunc")
QONNX_DOMAIN = "qonnx.custom_op.general"
#: Elements of one tensor, at most: as float32 it takes 512 MiB, and an execution of the reference holds all tensors.
MAX_ELEMENTS = 1 << 27


def element_type(value: onnx.ValueInfoProto) -> int:
    """Element type of a tensor, 0 where it is not known."""
    return int(value.type.tensor_type.elem_type)


def shape_of(value: onnx.ValueInfoProto) -> list[int] | None:
    """Static shape; None where it is not known in full."""
    if not value.type.tensor_type.HasField("shape"):
        return None
    dims = value.type.tensor_type.shape.dim
    if not all(d.HasField("dim_value") and d.dim_value > 0 for d in dims):
        return None
    return [d.dim_value for d in dims]


def infer(model: onnx.ModelProto) -> None:
    """Give every tensor that a node makes its shape, in place.

    Raises:
        UserError: shapes that contradict each other, with what ONNX says of them; a tensor of more than MAX_ELEMENTS.
    """
    try:
        inferred = onnx.shape_inference.infer_shapes(_plain(model), strict_mode=True, data_prop=True)
    except Exception as error:
        text = " ".join(str(error).split())
        raise UserError(
            f"the network's shapes do not fit together. ONNX's shape inference says: {text[:400]} "
            "Check the node named there, and export the network again."
        ) from error
    del model.graph.value_info[:]
    made = {o for n in model.graph.node for o in n.output}
    model.graph.value_info.extend(v for v in inferred.graph.value_info if v.name in made)
    model.graph.value_info.extend(  # qonnx's execution asks for the constants' as well
        helper.make_tensor_value_info(i.name, i.data_type, i.dims) for i in model.graph.initializer
    )
    for mine, found in zip(model.graph.output, inferred.graph.output, strict=True):
        if shape_of(found) is not None:
            mine.CopyFrom(found)
    for value in (*model.graph.input, *model.graph.value_info, *model.graph.output):
        shape = shape_of(value)
        if shape is not None and math.prod(shape) > MAX_ELEMENTS:
            raise UserError(
                f"tensor '{value.name}' has the shape {shape}: {math.prod(shape):,} elements; allowed are "
                f"{MAX_ELEMENTS:,}. Build for a smaller frame (--frame WxH)."
            )


def _plain(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy in which quantizers are Identity, which keeps shapes as they do, and ONNX knows it."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    del copy.graph.value_info[:]
    for node in copy.graph.node:
        if node.op_type in QUANTIZERS:
            source, target = node.input[0], node.output[0]
            node.CopyFrom(helper.make_node("Identity", [source], [target], name=node.name))
    for value in copy.graph.output:  # what the file says of its outputs may be of another frame
        kind = element_type(value) or TensorProto.FLOAT
        value.CopyFrom(helper.make_tensor_value_info(value.name, kind, None))
    return copy
