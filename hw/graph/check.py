"""What an ONNX file must be before anything works on it: well formed, whoever or whatever wrote it.

Knows the rules of ONNX and QONNX and nothing of what hardware there is. After it, one node makes each tensor, no node
waits for itself, constants are finite numbers of the size that they say, and attributes have their types.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import onnx
from onnx import AttributeProto, TensorProto, helper, numpy_helper

from ...errors import UserError
from .index import Graph, sorted_nodes
from .shapes import MAX_ELEMENTS, QUANTIZERS

OPSETS = (9, 22)  # from Upsample with scales as an input, to the newest that the pinned onnxruntime executes in full
IR_VERSIONS = (3, 11)
QONNX_OPSETS = (1, 2)
DOMAINS = ("", "ai.onnx", "qonnx.custom_op.general", "finn.custom_op.general", "onnx.brevitas")
#: (least, greatest number of inputs, attributes with their types) of QONNX's operators, which ONNX has no schema of.
_QONNX: dict[str, tuple[int, int, dict[str, int]]] = {
    "Quant": (
        4,
        4,
        {"signed": AttributeProto.INT, "narrow": AttributeProto.INT, "rounding_mode": AttributeProto.STRING},
    ),
    "BipolarQuant": (2, 2, {}),
    "Trunc": (4, 6, dict.fromkeys(("signed", "narrow"), AttributeProto.INT) | {"rounding_mode": 3}),
}
#: (least, greatest) of whole numbers in attributes, whatever the operator.
_RANGES = {
    "signed": (0, 1),
    "narrow": (0, 1),
    "strides": (1, 1 << 16),
    "dilations": (1, 1 << 16),
    "kernel_shape": (1, 1 << 16),
    "group": (1, 1 << 16),
    "blocksize": (1, 1 << 16),
    "pads": (0, 1 << 16),
    "training_mode": (0, 0),
}
_FLOATS = (TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16)
_WHOLE = (TensorProto.INT64, TensorProto.INT32, TensorProto.INT8, TensorProto.UINT8, TensorProto.BOOL)


def described(node: onnx.NodeProto) -> str:
    """A node as messages name it; one without a name by what it makes."""
    return f"{node.op_type or 'a node without operator'} '{node.name or ', '.join(node.output)}'"


def check_structure(model: onnx.ModelProto, name: str) -> None:
    """Refuse a file that is not well formed.

    Args:
        model: as read.
        name: of the file, for messages.

    Raises:
        UserError: names the file, the node or tensor, what is allowed and what to do.
    """
    try:
        _names(model)
        _versions(model)
        _tensors(model.graph)
        for node in model.graph.node:
            _node(node, _opset(model))
        _wiring(model.graph)
    except UserError as error:
        raise UserError(f"{name}: {error}") from error


def _names(model: onnx.ModelProto) -> None:
    """Refuse names that are no text; protobuf gives them as bytes, or not at all."""
    graph = model.graph
    try:
        names = [o.domain for o in model.opset_import]
        for node in graph.node:
            names += [
                node.name,
                node.op_type,
                node.domain,
                *node.input,
                *node.output,
                *(a.name for a in node.attribute),
            ]
        names += [one.name for one in (*graph.initializer, *graph.input, *graph.output, *graph.value_info)]
        text = all(isinstance(name, str) for name in names)
    except UnicodeDecodeError:
        text = False
    if not text:
        raise UserError("a name in it is not UTF-8 text; the file may be damaged. Export it again.")


def _opset(model: onnx.ModelProto) -> int:
    return max(o.version for o in model.opset_import if o.domain in ("", "ai.onnx"))


def _versions(model: onnx.ModelProto) -> None:
    lo, hi = IR_VERSIONS
    if not lo <= model.ir_version <= hi:
        raise UserError(f"it has the IR version {model.ir_version}; allowed are {lo} to {hi}. Export it again.")
    domains = [o.domain.replace("ai.onnx", "") if o.domain == "ai.onnx" else o.domain for o in model.opset_import]
    versions = [o.version for o in model.opset_import if o.domain in ("", "ai.onnx")]
    lo, hi = OPSETS
    if len(versions) != 1 or not lo <= versions[0] <= hi:
        found = ", ".join(map(str, versions)) or "none"
        raise UserError(f"its ONNX opset is {found}; allowed is one of {lo} to {hi}. Export with opset_version=17.")
    for one in model.opset_import:
        if one.domain in DOMAINS[2:] and one.version not in QONNX_OPSETS:
            raise UserError(f"its opset of '{one.domain}' is {one.version}; allowed is 1 or 2. Export it again.")
    if len(set(domains)) != len(domains):
        raise UserError(f"it imports a domain's opset twice ({', '.join(map(repr, domains))}). Export it again.")
    if model.functions:
        raise UserError(
            f"it holds local functions ({', '.join(f.name for f in model.functions[:4])}), which are not supported. "
            "Inline them with onnx.inliner.inline_local_functions."
        )


# Tensors


def _tensors(graph: onnx.GraphProto) -> None:
    if graph.sparse_initializer:
        raise UserError("it holds sparse constants, which are not supported. Store them dense.")
    for tensor in graph.initializer:
        if not tensor.name:
            raise UserError("a constant has no name. Export the file again.")
        _constant(tensor, f"constant '{tensor.name}'")
    for value in (*graph.input, *graph.output):
        if not value.name or not value.type.HasField("tensor_type"):
            raise UserError(f"input or output '{value.name}' is no tensor; allowed are float tensors of images.")
    for value in graph.output:
        if value.type.tensor_type.elem_type not in (TensorProto.FLOAT, TensorProto.UNDEFINED):
            raise UserError(f"output '{value.name}' has elements of type {_type_name(value)}; allowed is FLOAT.")
    constants = {i.name for i in graph.initializer}
    for value in graph.input:
        if value.name not in constants and value.type.tensor_type.elem_type != TensorProto.FLOAT:
            raise UserError(
                f"input '{value.name}' has elements of type {_type_name(value)}; allowed is FLOAT. "
                "Export with a float32 example input."
            )


def _type_name(value: onnx.ValueInfoProto) -> str:
    number = value.type.tensor_type.elem_type
    return TensorProto.DataType.Name(number) if number in TensorProto.DataType.values() else str(number)


def _constant(tensor: onnx.TensorProto, where: str) -> np.ndarray:
    """Value of a constant.

    Raises:
        UserError: an unknown type, data of another size than its shape, data in another file, no finite numbers.
    """
    if tensor.data_location == TensorProto.EXTERNAL:
        raise UserError(
            f"{where}: its data stand in another file; allowed is one file. Export with "
            "brevitas.export.export_qonnx, or with external_data=False."
        )
    if tensor.data_type not in _FLOATS + _WHOLE:
        raise UserError(f"{where}: data type {tensor.data_type}; allowed are floats, int8, uint8, int32, int64, bool.")
    if any(d < 0 for d in tensor.dims) or math.prod(tensor.dims) > MAX_ELEMENTS:
        raise UserError(
            f"{where}: shape {list(tensor.dims)[:8]}; allowed are sizes from 0 on, {MAX_ELEMENTS:,} elements in all."
        )
    try:
        value: np.ndarray = numpy_helper.to_array(tensor)
    except Exception as error:
        raise UserError(
            f"{where}: its data do not have the size of its shape {list(tensor.dims)}. Export the file again."
        ) from error
    if tensor.data_type in _FLOATS and not np.isfinite(value).all():
        raise UserError(
            f"{where}: it holds NaN or infinity; allowed are finite numbers. Training may have diverged: "
            "look at the parameter of that name."
        )
    return value


# Nodes


def _node(node: onnx.NodeProto, opset: int) -> None:
    where = described(node)
    if not node.op_type:
        raise UserError(f"{where}: it has no operator. Export the file again.")
    quantizer = node.op_type in QUANTIZERS
    if node.domain not in DOMAINS or (not quantizer and node.domain not in ("", "ai.onnx")):
        raise UserError(
            f"{where}: its domain is '{node.domain}'; allowed are ONNX's own operators, and the quantizers "
            f"{', '.join(QUANTIZERS)} of QONNX. Export with brevitas.export.export_qonnx."
        )
    names = [a.name for a in node.attribute]
    if len(set(names)) != len(names):
        raise UserError(f"{where}: an attribute is given twice ({', '.join(sorted(names))}). Export the file again.")
    if quantizer:
        least, most, types = _QONNX[node.op_type]
        required = set(types) & {"signed", "narrow"}
        makes = (1, 1)
    else:
        try:
            schema = onnx.defs.get_schema(node.op_type, opset, "")
        except onnx.defs.SchemaError:
            return  # no operator of this opset: the lowering says that it is not supported, and what is
        least, most, makes = schema.min_input, schema.max_input, (schema.min_output, schema.max_output)
        types = {k: int(getattr(a.type, "value", a.type)) for k, a in schema.attributes.items()}
        required = {k for k, a in schema.attributes.items() if a.required}
    _counts(node, (least, most), makes, quantizer)
    for missing in sorted(required - set(names)):
        raise UserError(f"{where}: its attribute '{missing}' is missing. Export the file again.")
    for attribute in node.attribute:
        _attribute(attribute, types, where)


def _counts(node: onnx.NodeProto, reads: tuple[int, int], makes: tuple[int, int], quantizer: bool) -> None:
    for what, names, (least, most) in (("inputs", node.input, reads), ("outputs", node.output, makes)):
        if not least <= len(names) <= most:
            raise UserError(
                f"{described(node)}: it has {len(names)} {what}; allowed are {least} to {most}. Export the file again."
            )
    needed = node.input if quantizer else list(node.input)[: reads[0]]
    if not node.output or not node.output[0] or not all(needed):
        raise UserError(f"{described(node)}: an input or output that it must have has no name. Export the file again.")


def _attribute(attribute: onnx.AttributeProto, types: dict[str, int], where: str) -> None:
    allowed = types.get(attribute.name)
    label = f"{where}: attribute '{attribute.name}'"
    if allowed is None:
        raise UserError(f"{label} is unknown; allowed are {', '.join(sorted(types)) or 'none'}. Export with opset 17.")
    if attribute.type != allowed:
        names = AttributeProto.AttributeType
        known = attribute.type in names.values()
        raise UserError(
            f"{label} has the type {names.Name(attribute.type) if known else attribute.type}; allowed is "
            f"{names.Name(allowed)}. Export the file again."
        )
    try:
        value = helper.get_attribute_value(attribute)
    except ValueError as error:
        raise UserError(f"{label} cannot be read. Export the file again.") from error
    if attribute.type == AttributeProto.TENSOR:
        _constant(value, label)
    elif attribute.type == AttributeProto.STRING:
        _text(value, label)
    values = list(value) if isinstance(value, Iterable) and not isinstance(value, bytes) else [value]
    if any(isinstance(v, float) and not math.isfinite(v) for v in values):
        raise UserError(f"{label} is {values[:4]}; allowed are finite numbers.")
    if attribute.name in _RANGES and attribute.type in (AttributeProto.INT, AttributeProto.INTS):
        lo, hi = _RANGES[attribute.name]
        if len(values) > 16 or not all(lo <= v <= hi for v in values):
            raise UserError(f"{label} is {values[:8]}; allowed are whole numbers from {lo} to {hi}.")


def _text(value: bytes, label: str) -> None:
    try:
        value.decode()
    except UnicodeDecodeError as error:
        raise UserError(f"{label} is no UTF-8 text. Export the file again.") from error


def check_constant_types(model: Graph) -> None:
    """Refuse constants that are not float32 where the streams that they meet are.

    Raises:
        UserError: names the node, the constant and its type.
    """
    opset = _opset(model.model)
    for node in model.graph.node:
        whole: set[int] = set()
        if node.op_type not in QUANTIZERS:
            try:
                schema = onnx.defs.get_schema(node.op_type, opset, "")
            except onnx.defs.SchemaError:
                continue
            types = {one.type_param_str: one.allowed_type_strs for one in schema.type_constraints}
            for n, one in enumerate(schema.inputs):
                if "tensor(float)" not in types.get(one.type_str, [one.type_str]) or one.name == "axes":
                    whole.add(n)
        for n, name in enumerate(node.input):
            value = model.get_initializer(name) if name else None
            if value is not None and n not in whole and value.dtype != np.float32:
                raise UserError(
                    f"{described(node)}: its constant '{name}' has elements of type {value.dtype}; allowed is float32. "
                    "Export the network in float32 (model.float())."
                )


# How nodes hang together


def _wiring(graph: onnx.GraphProto) -> None:
    constants = [i.name for i in graph.initializer]
    makers = {name: f"the constant '{name}'" for name in constants}
    if len(makers) != len(constants):
        twice = next(name for name in constants if constants.count(name) > 1)
        raise UserError(f"constant '{twice}' is given twice; allowed is one value. Export the file again.")
    inputs = [i.name for i in graph.input]
    for names, what in ((inputs, "input"), ([o.name for o in graph.output], "output")):
        if len(set(names)) != len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise UserError(f"{what} '{twice}' is given twice; allowed is one. Export the file again.")
    makers |= {name: f"the input '{name}'" for name in inputs}
    for node in graph.node:
        for output in node.output:
            if output in makers:
                raise UserError(
                    f"{described(node)}: it makes '{output}', as does {makers[output]}; allowed is one maker for each "
                    "tensor. Rename one of them."
                )
            if output:
                makers[output] = described(node)
    for node in graph.node:
        unknown = [i for i in node.input if i and i not in makers]
        if unknown:
            raise UserError(f"{described(node)}: it reads '{unknown[0]}', which nothing makes. Export the file again.")
    for output in graph.output:
        if output.name not in makers:
            raise UserError(f"output '{output.name}': nothing makes it. Export the file again.")
    _, cyclic = sorted_nodes(graph.node)
    if cyclic:
        raise UserError(
            f"{described(cyclic[0])}: it waits for its own result; allowed are networks without cycles. "
            "Unroll the loop before the export."
        )
