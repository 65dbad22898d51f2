"""QONNX in, one graph of hardware operators out.

The order: `load` (clean-up), `constants` (quantized constants folded), `convert` (what may change a value), `rewrites`
(operators), `shuffle` (depth-to-space moved back), then one ONNX model whose nodes are all of the domain ``xnorsr.hw``.
Streams there are NHWC, as hls4ml has them.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import onnx
from onnx import helper
from qonnx.core.modelwrapper import ModelWrapper

from ...errors import UserError
from ..types import StreamType
from .constants import fold_constant_quants, quant_parameters
from .context import Context, Reference, Stage
from .convert import convert
from .load import float_tensor, load
from .ops import DOMAIN, to_node
from .rewrites import REWRITES, SUPPORTED
from .shuffle import push_shuffles


@dataclass
class Lowered:
    """What the lowering gives.

    Attributes:
        model: nodes of the domain ``xnorsr.hw`` only, one NHWC input and output. Its metadata hold
            "xnorsr.input" (StreamType of the input) and "xnorsr.reference" (stream -> place in the reference), as JSON.
        reference: the QONNX model whose execution is the truth: the file itself, cleaned, or, where `changes` is
            not empty, its converted form.
        changes: in words, each conversion that may change a value; empty for a model that needs none.
    """

    model: ModelWrapper
    reference: ModelWrapper
    input_type: StreamType
    output_type: StreamType
    references: dict[str, Reference]
    changes: list[str]


def is_lowered(model: onnx.ModelProto) -> bool:
    """Whether a model is a lowering's result."""
    return bool(model.graph.node) and all(n.domain == DOMAIN for n in model.graph.node)


def lower(source: str | Path | onnx.ModelProto | ModelWrapper, affine_bits: int | None = None) -> Lowered:
    """Lower a QONNX network, NCHW, one image in, one image out.

    Args:
        source: file, ONNX model or qonnx wrapper; never changed.
        affine_bits: bits that float affine constants are quantized to; None refuses them.

    Raises:
        UserError: whatever cannot be built exactly, with the node's name, its operator and what is supported.
    """
    cleaned = load(source)
    work = ModelWrapper(_copy(cleaned.model))
    binary = fold_constant_quants(work)
    _check_operators(work)
    work, changes = convert(work, binary, affine_bits)
    reference = ModelWrapper(_copy(work.model)) if changes else cleaned
    context = Context(work)
    output = work.graph.output[0].name
    _type_input(context)
    for node in list(work.graph.node):
        if node.name not in context.done:
            _rewrite(context, node)
    _check_connected(context, output)
    push_shuffles(context, context.stream(output))
    output = context.stream(output)
    input_name = work.graph.input[0].name
    model = _emit(context.stages, input_name, context.types[input_name], output, context.types[output])
    references = {s.output: context.references[s.output] for s in context.stages if s.output in context.references}
    _annotate(model, context.types[input_name], references)
    return Lowered(
        ModelWrapper(model), reference, context.types[input_name], context.types[output], references, changes
    )


def _copy(model: onnx.ModelProto) -> onnx.ModelProto:
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    return copy


def _check_operators(model: ModelWrapper) -> None:
    known = {
        "Quant",
        "BipolarQuant",
        "Conv",
        "Pad",
        "Mul",
        "Div",
        "Add",
        "Sub",
        "BatchNormalization",
        "PRelu",
        "LeakyRelu",
        "Relu",
        "DepthToSpace",
        "Resize",
        "Upsample",
    }
    for node in model.graph.node:
        if node.op_type not in known:
            raise UserError(f"{node.op_type} '{node.name}': this operator is not supported. Supported: {SUPPORTED}.")


def _type_input(context: Context) -> None:
    """The Quant nodes right behind the input give its type; they are the identity on codes of that type."""
    model = context.model
    name = model.graph.input[0].name
    readers = [n for n in model.graph.node if name in n.input]
    for node in readers:
        if node.op_type != "Quant":
            raise UserError(
                f"{node.op_type} '{node.name}' reads the input '{name}' as floats. Quantize the input first: "
                "for pictures an 8-bit unsigned QuantIdentity with a power-of-two scale."
            )
    _, channels, height, width = model.get_tensor_shape(name)
    kinds = []
    for node in readers:
        frac, bits, lo, hi = quant_parameters(model, node)
        if hi - lo + 1 != 2**bits:
            raise UserError(f"Quant '{node.name}': a narrow range at the input is not supported. Use the full range.")
        kinds.append(StreamType(height, width, channels, bits, lo < 0, frac))
        context.alias[node.output[0]] = name
        context.done.add(node.name)
    if not kinds or any(k != kinds[0] for k in kinds):
        raise UserError(f"input '{name}': read by {len(kinds)} Quant nodes of different types; allowed is one type.")
    context.types[name] = kinds[0]


def _rewrite(context: Context, node: onnx.NodeProto) -> None:
    for rewrite in REWRITES:
        if rewrite.matches(context, node):
            rewrite.apply(context, node)
            return
    raise UserError(
        f"{node.op_type} '{node.name}': not supported with these inputs ({', '.join(i for i in node.input if i)}). "
        f"Supported: {SUPPORTED}."
    )


def _check_connected(context: Context, output: str) -> None:
    if not context.stages or context.stream(output) not in {s.output for s in context.stages}:
        raise UserError(f"output '{output}': no operator makes it; the network is empty.")
    kind = context.type_of(output)
    if kind.bipolar:
        raise UserError(f"output '{output}': a bipolar stream; end the network in a Quant.")
    read = {i for s in context.stages for i in s.inputs} | {context.stream(output)}
    for stage in context.stages:
        if stage.output not in read:
            raise UserError(f"{stage.op.op_type} '{stage.name}': nothing reads its result. Remove it from the network.")


def _emit(
    stages: list[Stage], input_name: str, input_type: StreamType, output: str, output_type: StreamType
) -> onnx.ModelProto:
    def info(name: str, kind: StreamType) -> onnx.ValueInfoProto:
        return float_tensor(name, [1, kind.height, kind.width, kind.channels])

    used: dict[str, int] = {}
    nodes = []
    for stage in stages:
        count = used.get(stage.name, 0)
        used[stage.name] = count + 1
        name = stage.name if not count else f"{stage.name}_{count}"
        nodes.append(to_node(stage.op, name, stage.inputs, stage.output))
    graph = helper.make_graph(
        nodes,
        "xnorsr",
        [info(input_name, input_type)],
        [info(output, output_type)],
        value_info=[info(s.output, s.op.output) for s in stages if s.output != output],
    )
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 13), helper.make_opsetid(DOMAIN, 1)], producer_name="xnorsr"
    )


def _annotate(model: onnx.ModelProto, input_type: StreamType, references: dict[str, Reference]) -> None:
    for key, value in (
        ("xnorsr.input", asdict(input_type)),
        ("xnorsr.reference", {name: asdict(ref) for name, ref in references.items()}),
    ):
        entry = model.metadata_props.add()
        entry.key, entry.value = key, json.dumps(value, sort_keys=True)
