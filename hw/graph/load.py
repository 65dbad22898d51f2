"""Reading a QONNX file: what can be refused before any graph work is refused here."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.fold_constants import FoldConstants
from qonnx.transformation.general import GiveUniqueParameterTensors, RemoveStaticGraphInputs, RemoveUnusedTensors
from qonnx.transformation.infer_shapes import InferShapes
from qonnx.transformation.quant_constant_folding import FoldTransposeIntoQuantInit

from ...errors import UserError

Message = TypeVar("Message", onnx.ModelProto, onnx.NodeProto)

_QUANTIZERS = ("Quant", "BipolarQuant", "Trunc")
#: Nodes that exporters leave where constants are computed.
_COMPUTED = frozenset(
    ["Constant", "Shape", "Gather", "Unsqueeze", "Concat", "Cast", "Slice", "Reshape", "Transpose", "Squeeze"]
)


def load(source: str | Path | onnx.ModelProto | ModelWrapper) -> ModelWrapper:
    """A cleaned copy of a QONNX model: constants folded, every node named, static shapes.

    Names of the file are kept, whatever the frame: nodes without one get their operator's with a number.

    Args:
        source: file, model or wrapper. A model is copied, never changed.

    Raises:
        UserError: the file is missing or is no ONNX file; the model has several inputs, no output, a dynamic
            or non-NCHW shape, or a batch other than 1.
    """
    if isinstance(source, str | Path):
        model = _read(Path(source))
        name = str(source)
    else:
        model = copy_of(source.model if isinstance(source, ModelWrapper) else source)
        name = "the model"
    inputs = _inputs(model)
    if len(inputs) != 1:
        raise UserError(
            f"{name}: one input is supported, there are {len(inputs)}: {[v.name for v in inputs]}. Export one image in."
        )
    if not model.graph.output:
        raise UserError(f"{name}: the network has no output. Export at least one image out.")
    _check_static(inputs[0], name)
    wrapper = ModelWrapper(model)
    try:
        wrapper = _clean(wrapper)
    except Exception as error:
        raise UserError(
            f"{name}: qonnx cannot clean the graph up ({type(error).__name__}: {error}). "
            "Check that the file runs with qonnx-exec, and export it again."
        ) from error
    sizes_to_scales(wrapper)
    return wrapper


def _clean(model: ModelWrapper) -> ModelWrapper:
    """Shapes, constants and names; each step only where it is needed, as it takes half a minute on a large network."""
    graph = model.graph
    for node in graph.node:
        if node.op_type in _QUANTIZERS:
            node.domain = "qonnx.custom_op.general"
    _name_nodes(model)
    _drop_identities(model)
    if not _all_typed(model):
        model = model.transform(InferShapes())
    if any(node.op_type in _COMPUTED for node in model.graph.node):
        steps = (
            GiveUniqueParameterTensors(),
            FoldConstants(exclude_op_types=[*_QUANTIZERS, "QuantizeLinear", "DequantizeLinear"]),
            FoldTransposeIntoQuantInit(),
            InferShapes(),
        )
        for step in steps:
            model = model.transform(step)
    for step in (RemoveUnusedTensors(), RemoveStaticGraphInputs()):
        model = model.transform(step)
    _name_nodes(model)
    return model


def _name_nodes(model: ModelWrapper) -> None:
    """A unique name for each node, the file's own where it is unique already."""
    used: set[str] = set()
    for node in model.graph.node:
        wish, count = node.name or f"{node.op_type}_0", 0
        while not node.name or node.name in used:
            node.name = wish if wish not in used else f"{node.name or node.op_type}_{count}"
            count += 1
        used.add(node.name)


def _drop_identities(model: ModelWrapper) -> None:
    """Readers of an Identity read what it reads; one that makes a network's output stays and is refused later."""
    outputs = {o.name for o in model.graph.output}
    for node in list(model.graph.node):
        if node.op_type != "Identity" or node.output[0] in outputs:
            continue
        for reader in model.graph.node:
            reader.input[:] = [node.input[0] if i == node.output[0] else i for i in reader.input]
        model.graph.node.remove(node)


def _all_typed(model: ModelWrapper) -> bool:
    """Whether every tensor that a node makes has a static shape."""
    graph = model.graph
    values = (*graph.input, *graph.output, *graph.value_info)
    typed = {v.name for v in values if v.type.tensor_type.HasField("shape")}
    made = {o for n in graph.node for o in n.output}
    return made <= typed and not any(d.dim_value < 1 for v in values for d in v.type.tensor_type.shape.dim)


def _read(path: Path) -> onnx.ModelProto:
    if not path.is_file():
        raise UserError(f"{path}: there is no such file. Give the QONNX file that `xnorsr export` or Brevitas wrote.")
    try:
        model = onnx.load(str(path))
        onnx.checker.check_model(model, full_check=False) if not model.graph.node else None
    except Exception as error:
        raise UserError(
            f"{path}: not a readable ONNX file ({type(error).__name__}); it may be truncated. Export it again."
        ) from error
    if not model.graph.node or not model.graph.output:
        raise UserError(f"{path}: the ONNX graph is empty; the file may be truncated. Export it again.")
    return model


def _inputs(model: onnx.ModelProto) -> list[onnx.ValueInfoProto]:
    constants = {i.name for i in model.graph.initializer}
    return [i for i in model.graph.input if i.name not in constants]


def _check_static(value: onnx.ValueInfoProto, name: str) -> None:
    dims = value.type.tensor_type.shape.dim
    shape = [d.dim_value if d.HasField("dim_value") and d.dim_value > 0 else (d.dim_param or "?") for d in dims]
    if any(isinstance(d, str) for d in shape):
        raise UserError(
            f"{name}: input '{value.name}' has the dynamic shape {shape}. A circuit is built for one frame size: "
            "export with a fixed shape 1 x C x H x W, or give --frame WxH if only H and W are open."
        )
    if len(shape) != 4 or shape[0] != 1:
        raise UserError(
            f"{name}: input '{value.name}' has the shape {shape}; allowed is 1 x C x H x W (NCHW, batch 1)."
        )


def set_frame(model: onnx.ModelProto, height: int, width: int) -> onnx.ModelProto:
    """A copy of a fully convolutional model for another input size (H, W in pixels)."""
    model_copy = copy_of(model)
    dims = _inputs(model_copy)[0].type.tensor_type.shape.dim
    old = (dims[2].dim_value, dims[3].dim_value)
    dims[0].dim_value = 1
    for dim, size in ((dims[2], height), (dims[3], width)):
        dim.ClearField("dim_param")
        dim.dim_value = size
    del model_copy.graph.value_info[:]
    for output in model_copy.graph.output:
        for dim in output.type.tensor_type.shape.dim[2:]:
            dim.Clear()
    if all(old):
        _retarget_sizes(model_copy, old, (height, width))
    return model_copy


def _retarget_sizes(model: onnx.ModelProto, old: tuple[int, int], new: tuple[int, int]) -> None:
    """Constant `sizes` of Resize nodes hold the old frame; scale them along."""
    constants = {i.name: i for i in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Resize" and len(node.input) > 3 and node.input[3] in constants:
            sizes = numpy_helper.to_array(constants[node.input[3]]).copy()
            for axis, was, now in ((2, old[0], new[0]), (3, old[1], new[1])):
                sizes[axis] = sizes[axis] * now // was
            constants[node.input[3]].CopyFrom(numpy_helper.from_array(sizes, node.input[3]))


def sizes_to_scales(model: ModelWrapper) -> None:
    """Rewrite Resize nodes that name absolute sizes to name scales, so that one lowering serves both."""
    for node in model.get_nodes_by_op_type("Resize"):
        if len(node.input) > 3 and node.input[3]:
            source = model.get_tensor_shape(node.input[0])
            sizes = model.get_initializer(node.input[3])
            if source is None or sizes is None:
                continue
            scales = (np.asarray(sizes, np.float64) / np.asarray(source)).astype(np.float32)
            name = f"{node.name}_scales"
            model.set_initializer(name, scales)
            inputs = [node.input[0], node.input[1], name]
            del node.input[:]
            node.input.extend(inputs)


def infer_shapes(model: ModelWrapper) -> ModelWrapper:
    """Shapes of every tensor, after rewrites."""
    return model.transform(InferShapes())


def float_tensor(name: str, shape: list[int]) -> onnx.ValueInfoProto:
    """Value info of a float32 tensor."""
    return onnx.helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def copy_of(message: Message) -> Message:
    """A copy of an ONNX model, node or other message."""
    copy = type(message)()
    copy.CopyFrom(message)
    return copy
