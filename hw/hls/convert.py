"""ONNX to ModelGraph for the backend XnorVitis: what hls4ml's ``onnx_to_hls`` does for the others.

A QONNX model is lowered first (`hw.graph.lower`); a model of ``xnorsr.hw`` nodes only is taken as it is. The lowered
nodes then pass through hls4ml's own parser and become layers with the attribute ``spec``.
"""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable
from typing import Any

import onnx
from hls4ml.model import ModelGraph
from qonnx.core.modelwrapper import ModelWrapper

from ...errors import UserError
from ..graph.ops import DOMAIN, OPS, from_node
from ..types import StreamType
from .layers import precision
from .names import Names

Handler = Callable[[Any, list[str], list[list[int]], Any], dict[str, Any]]


def _handle(node: onnx.NodeProto, input_names: list[str], input_shapes: list[list[int]], graph: Any) -> dict[str, Any]:
    """One node as hls4ml's layer description."""
    return {
        "name": node.name,
        "class_name": node.op_type,
        "inputs": list(input_names),
        "outputs": list(node.output),
        "spec": from_node(node),
    }


HANDLERS: dict[str, Handler] = {f"Xnorsr{name}": _handle for name in OPS}


def convert(config: dict[str, Any]) -> ModelGraph:
    """hls4ml's configuration, with the model in it, to a ModelGraph.

    Raises:
        UserError: the model cannot be built, or the configuration asks for what this backend does not do.
    """
    from hls4ml.converters import parse_onnx_model

    if config.get("IOType") != "io_stream":
        raise UserError(f"io_type={config.get('IOType')!r}: the backend XnorVitis needs io_type='io_stream'.")
    model, input_type = _lowered(config["OnnxModel"])
    tensors = [n.output[0] for n in model.graph.node]
    source = model.graph.input[0].name
    _rename(model)
    with contextlib.redirect_stdout(io.StringIO()):  # hls4ml prints its topology
        layers, inputs, outputs = parse_onnx_model(model)
    layers[0].update(stream_type=input_type, tensor=source, type_name=f"{layers[0]['name']}_t")
    for layer, tensor in zip(layers[1:], tensors, strict=True):
        layer["tensor"] = tensor
    # hls4ml wants a default precision; no layer of ours has it.
    config.setdefault("HLSConfig", {}).setdefault("Model", {}).setdefault("Precision", "ap_fixed<16,6>")
    with contextlib.redirect_stdout(io.StringIO()):
        graph = ModelGraph.from_layer_list(config, layers, inputs, outputs)
    port = next(iter(graph.get_layers())).get_output_variable()
    port.type.precision = precision(input_type)
    return graph


def _lowered(source: Any) -> tuple[onnx.ModelProto, StreamType]:
    """(a private copy of the lowered model, the type of its input)."""
    model = onnx.load(source) if isinstance(source, str) else source
    model = model.model if isinstance(model, ModelWrapper) else model
    if not (model.graph.node and all(n.domain == DOMAIN for n in model.graph.node)):
        from ..graph.lower import lower

        model = lower(source).model.model
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    metadata = {p.key: p.value for p in copy.metadata_props}
    if "xnorsr.input" not in metadata:
        raise UserError("the lowered model has no metadata 'xnorsr.input'; make it with xnorsr.hw.graph.lower.lower.")
    return copy, StreamType(**json.loads(metadata["xnorsr.input"]))


def _rename(model: onnx.ModelProto) -> None:
    """Give nodes and tensors names that are C identifiers, in place."""
    layers, tensors = Names(), Names()
    for value in [*model.graph.input, *model.graph.output, *model.graph.value_info]:
        value.name = tensors(value.name)
    layers.reserve(model.graph.input[0].name)  # hls4ml makes a layer of the input and calls it so
    for node in model.graph.node:
        node.name = layers(node.name)
        node.input[:] = [tensors(x) for x in node.input]
        node.output[:] = [tensors(x) for x in node.output]
