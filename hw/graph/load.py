"""Reading a QONNX file: what can be refused before any graph work is refused here."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import numpy as np
import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from onnx import TensorProto, helper, numpy_helper
from qonnx.core.modelwrapper import ModelWrapper

from ...errors import UserError
from ...marks import FRAME
from .check import check_constant_types, check_structure
from .fold import fold
from .index import Graph, drop_unread, set_nodes, sorted_nodes
from .shapes import MAX_ELEMENTS, QONNX_DOMAIN, QUANTIZERS, infer
from .states import join
from .views import straighten_views

Message = TypeVar("Message", onnx.ModelProto, onnx.NodeProto, onnx.OperatorSetIdProto)


def read(source: str | Path | onnx.ModelProto | ModelWrapper) -> tuple[onnx.ModelProto, str]:
    """(a copy of a model, well formed; what messages call it).

    Args:
        source: file, model or wrapper. A model is copied, never changed.

    Raises:
        UserError: the file is missing, is no ONNX file, or is not well formed (`check.check_structure`); it has several
            inputs or no output.
    """
    if isinstance(source, str | Path):
        model, name = _read_file(Path(source)), str(source)
    else:
        model, name = copy_of(source.model if isinstance(source, ModelWrapper) else source), "the model"
    join(model, name)
    inputs = _inputs(model)
    if len(inputs) != 1:
        raise UserError(
            f"{name}: one input is supported, there are {len(inputs)}: {[v.name for v in inputs]}. Export one image in."
        )
    if not model.graph.output:
        raise UserError(f"{name}: the network has no output. Export at least one image out.")
    check_structure(model, name)
    return model, name


def load(source: str | Path | onnx.ModelProto | ModelWrapper, frame: tuple[int, int] | None = None) -> Graph:
    """A cleaned copy of a QONNX model: constants folded, every node named, static shapes, in topological order.

    One that keeps tensors from frame to frame is joined to a graph of one frame (`states.join`).

    Names of the file are kept, whatever the frame: nodes without one get their operator's with a number.

    Args:
        source: file, model or wrapper. A model is copied, never changed.
        frame: (height, width) of the input, in pixels; None keeps the file's.

    Raises:
        UserError: what `read` refuses; a dynamic or non-NCHW shape, a batch other than 1, shapes that do not fit
            together; a frame for a file whose sizes belong to a frame that it does not tell.
    """
    model, name = read(source)
    try:
        if frame is not None:
            model = _at_frame(model, frame)
        _check_static(_inputs(model)[0])
        return _clean(model)
    except UserError as error:
        raise UserError(f"{name}: {error}") from error


def own_frame(model: onnx.ModelProto) -> str | None:
    """The only frame, "WIDTHxHEIGHT", that constants of a file are right for; None: they are for all."""
    return {prop.key: prop.value for prop in model.metadata_props}.get(FRAME)


def _at_frame(model: onnx.ModelProto, frame: tuple[int, int]) -> onnx.ModelProto:
    """A model for another frame. Sizes that it tells in pixels become scales at its own frame first.

    Raises:
        UserError: its constants, or sizes that it tells in pixels, belong to a frame of their own.
    """
    own = own_frame(model)
    if own is not None and own != f"{frame[1]}x{frame[0]}":
        raise UserError(
            f"frame {frame[1]}x{frame[0]}: the file divides sums over the frame by the pixels of {own}, and "
            "would be darker or brighter at another. Export it for the frame: xnorsr export CHECKPOINT --frame "
            f"{frame[1]}x{frame[0]}."
        )
    sized = [n for n in model.graph.node if _tells_pixels(model, n)]
    if sized:
        value = _inputs(model)[0]
        if any(dim.dim_value <= 0 for dim in value.type.tensor_type.shape.dim):
            raise UserError(
                f"{sized[0].op_type} '{sized[0].name}': it tells its output's size in pixels, and the file does not "
                "tell for which frame. Export with a fixed shape 1 x C x H x W, or a Resize with scales."
            )
        model = _clean(model).model
    return _set_frame(model, *frame)


def _tells_pixels(model: onnx.ModelProto, node: onnx.NodeProto) -> bool:
    """Whether a Resize, or a Reshape or Expand to rows and columns, tells a size in pixels as a constant."""
    if node.op_type == "Resize":
        return len(node.input) > 3 and bool(node.input[3])
    if node.op_type not in ("Reshape", "Expand") or len(node.input) < 2:
        return False
    constants = {i.name: i for i in model.graph.initializer}
    makers = {name: one for one in model.graph.node for name in one.output}
    waiting, computed, values = [node.input[1]], False, []
    while waiting:
        name = waiting.pop()
        maker = makers.get(name)
        if name in constants:
            values.append(constants[name])
        elif maker is None or maker.op_type == "Shape":
            return False  # it follows the frame
        elif maker.op_type == "Constant":
            values += [a.t for a in maker.attribute]
        else:
            waiting += [i for i in maker.input if i]
            computed = True
    return computed or any(np.sum(numpy_helper.to_array(one) > 1) > 1 for one in values)


def _clean(model: onnx.ModelProto) -> Graph:
    """Order, names, shapes and constants."""
    graph = model.graph
    for node in graph.node:
        if node.op_type in QUANTIZERS:
            node.domain = QONNX_DOMAIN
    del graph.quantization_annotation[:]
    imports = [copy_of(o) for o in model.opset_import if o.domain in ("", "ai.onnx")]
    del model.opset_import[:]
    model.opset_import.extend([*imports, helper.make_opsetid(QONNX_DOMAIN, 1)])
    set_nodes(graph, sorted_nodes(graph.node)[0])
    _name_nodes(graph)
    _drop_identities(graph)
    drop_unread(graph)
    infer(model)
    cleaned = fold(Graph(model))
    _sizes_to_scales(cleaned)
    straighten_views(cleaned)
    check_constant_types(cleaned)
    _name_nodes(graph)
    return cleaned


def _name_nodes(graph: onnx.GraphProto) -> None:
    """A unique name for each node, the file's own where it is unique already."""
    used: set[str] = set()
    counts: dict[str, int] = {}
    own = {node.name for node in graph.node}
    for node in graph.node:
        stem = node.name or node.op_type
        name = node.name
        while not name or name in used or (name != node.name and name in own):
            name = f"{stem}_{counts.get(stem, 0)}"
            counts[stem] = counts.get(stem, 0) + 1
        node.name = name
        used.add(name)


def _drop_identities(graph: onnx.GraphProto) -> None:
    """Readers of an Identity read what it reads; one that makes a network's output stays and is refused later."""
    outputs = {o.name for o in graph.output}
    same: dict[str, str] = {}
    kept = []
    for node in graph.node:  # in topological order
        node.input[:] = [same.get(i, i) for i in node.input]
        if node.op_type == "Identity" and node.output[0] not in outputs:
            same[node.output[0]] = node.input[0]
        else:
            kept.append(node)
    if same:
        set_nodes(graph, kept)


def _read_file(path: Path) -> onnx.ModelProto:
    if not path.is_file():
        raise UserError(f"{path}: there is no such file. Give the QONNX file that `xnorsr export` or Brevitas wrote.")
    try:
        model = onnx.load(str(path), load_external_data=False)
    except (DecodeError, OSError, ValueError) as error:
        raise UserError(
            f"{path}: not a readable ONNX file ({type(error).__name__}); it may be truncated. Export it again."
        ) from error
    if not model.graph.node or not model.graph.output:
        raise UserError(f"{path}: the ONNX graph is empty; the file may be truncated. Export it again.")
    return model


def _inputs(model: onnx.ModelProto) -> list[onnx.ValueInfoProto]:
    constants = {i.name for i in model.graph.initializer}
    return [i for i in model.graph.input if i.name not in constants]


def _check_static(value: onnx.ValueInfoProto) -> None:
    dims = value.type.tensor_type.shape.dim
    shape = [d.dim_value if d.HasField("dim_value") and d.dim_value > 0 else (d.dim_param or "?") for d in dims]
    if any(isinstance(d, str) for d in shape):
        raise UserError(
            f"input '{value.name}' has the dynamic shape {shape}. A circuit is built for one frame size: "
            "export with a fixed shape 1 x C x H x W, or give --frame WxH if only H and W are open."
        )
    if len(shape) != 4 or shape[0] != 1:
        raise UserError(f"input '{value.name}' has the shape {shape}; allowed is 1 x C x H x W (NCHW, batch 1).")
    if np.prod(np.asarray(shape, np.float64)) > MAX_ELEMENTS:
        raise UserError(
            f"input '{value.name}' has the shape {shape}; allowed are {MAX_ELEMENTS:,} elements. "
            "Build for a smaller frame (--frame WxH)."
        )


def _set_frame(model: onnx.ModelProto, height: int, width: int) -> onnx.ModelProto:
    """A copy of a fully convolutional model for another input size (H, W in pixels).

    Raises:
        UserError: its one input is not 1 x C x H x W.
    """
    model_copy = copy_of(model)
    inputs = _inputs(model_copy)
    dims = inputs[0].type.tensor_type.shape.dim if len(inputs) == 1 else []
    if len(dims) != 4:
        raise UserError(
            f"frame {width}x{height}: the network has {len(inputs)} inputs, the first of {len(dims)} dimensions; "
            "allowed is one input of 1 x C x H x W (NCHW)."
        )
    dims[0].dim_value = 1
    for dim, size in ((dims[2], height), (dims[3], width)):
        dim.ClearField("dim_param")
        dim.dim_value = size
    del model_copy.graph.value_info[:]
    for output in model_copy.graph.output:
        for dim in output.type.tensor_type.shape.dim[2:]:
            dim.Clear()
    return model_copy


def _sizes_to_scales(model: Graph) -> None:
    """Rewrite Resize nodes that name absolute sizes to name scales, so that one lowering serves both."""
    changed = False
    for node in model.graph.node:
        if node.op_type != "Resize" or len(node.input) < 4 or not node.input[3]:
            continue
        source, sizes = model.get_tensor_shape(node.input[0]), model.get_initializer(node.input[3])
        if source is None or sizes is None or np.shape(sizes) != (len(source),):
            continue
        name = model.fresh(f"{node.name}_scales")
        model.set_initializer(name, (np.asarray(sizes, np.float64) / np.asarray(source)).astype(np.float32))
        node.input[:] = [node.input[0], node.input[1], name]
        changed = True
    if changed:
        model.tidy()


def float_tensor(name: str, shape: list[int]) -> onnx.ValueInfoProto:
    """Value info of a float32 tensor."""
    return onnx.helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def copy_of(message: Message) -> Message:
    """A copy of an ONNX model, node or other message."""
    copy = type(message)()
    copy.CopyFrom(message)
    return copy
