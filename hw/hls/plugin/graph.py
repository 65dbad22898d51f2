"""A lowered network as hls4ml's ModelGraph, and read back from it. Names no operator.

`convert` is what hls4ml's ``onnx_to_hls`` is for the other backends: it takes a QONNX model, or what
`hw.graph.lower.lower` made of one.
"""

from __future__ import annotations

import contextlib
import io
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import onnx

from ....errors import UserError
from ...graph.lower import Lowered, lower
from ...network import Network, Node
from .keys import checked, folded, tell_ignored
from .layers import class_name, precision, register_layers

if TYPE_CHECKING:
    from hls4ml.model import ModelGraph


def convert(config: dict[str, Any]) -> ModelGraph:
    """hls4ml's configuration, with the model in it, to a ModelGraph.

    Args:
        config: its "OnnxModel" is a QONNX file, model or wrapper, or a `Lowered`.

    Raises:
        UserError: the model cannot be built, or the configuration asks for what this backend does not do.
    """
    if config.get("IOType") != "io_stream":
        raise UserError(f"io_type={config.get('IOType')!r}: the backend XnorVitis needs io_type='io_stream'.")
    source = config["OnnxModel"]
    if isinstance(source, Lowered):
        network = source.network
    else:
        frame = config.get("Frame")
        size = frame and (frame[1], frame[0])
        lowered = lower(source, config.get("AffineBits"), size, pooling=config.get("Pooling"))
        asked = {"folding": config.get("Folding"), "clock_period": config.get("ClockPeriod")}
        own = any({"PE", "SIMD"} & set(keys) for keys in (config.get("HLSConfig", {}).get("LayerName") or {}).values())
        network = folded(lowered.network, checked(asked), tell=not own)
    # hls4ml wants a default precision, which no layer of ours has, and a model that it can write down.
    config.setdefault("HLSConfig", {}).setdefault("Model", {}).setdefault("Precision", "ap_fixed<16,6>")
    if isinstance(source, Lowered):
        config["OnnxModel"] = source.reference.model
    elif isinstance(source, str):
        config["OnnxModel"] = onnx.load(source)
    tell_ignored(config["HLSConfig"], network)
    return model_graph(network, config)


def model_graph(network: Network, config: dict[str, Any]) -> ModelGraph:
    """hls4ml's ModelGraph of a network; the backend's flow (checks, folding) runs on it."""
    from .model import XnorModelGraph  # hls4ml loads this module before it has made its graph

    register_layers()
    kind = network.input_type
    entry = {
        "name": network.input,
        "class_name": "InputLayer",
        "input_shape": [kind.height, kind.width, kind.channels],
        "stream": network.streams[network.input],
        "type_name": f"{network.input}_t",
    }
    layers = [entry, *(_layer(network, node) for node in network.nodes)]
    makers = list(dict.fromkeys(network.producers[name].name for name in network.outputs))
    with contextlib.redirect_stdout(io.StringIO()):  # hls4ml prints its topology
        graph = XnorModelGraph.from_layer_list(config, layers, [network.input], makers)
    graph.outputs = list(network.outputs)  # a fork that makes one has more outputs
    shapes = {name: list(graph.output_vars[name].shape) for name in network.outputs}
    graph.config.config["OutputShapes"] = {graph.output_vars[name].name: shape for name, shape in shapes.items()}
    port = next(iter(graph.get_layers())).get_output_variable()
    port.type.precision = precision(kind)
    return graph


def _layer(network: Network, node: Node) -> dict[str, Any]:
    return {
        "name": node.name,
        "class_name": class_name(node.op.op_type),
        "inputs": list(node.inputs),
        "outputs": list(node.outputs),
        "spec": node.op,
        "source": node.source,
        "streams": {name: network.streams[name] for name in node.outputs},
    }


def network_of(graph: ModelGraph) -> Network:
    """The network that a ModelGraph of this backend holds, with the operators as its layers have them now.

    Raises:
        UserError: the graph is not one of this backend.
    """
    entry, *layers = graph.get_layers()
    stream = entry.get_attr("stream")
    if stream is None or any(layer.get_attr("spec") is None for layer in layers):
        raise UserError(
            f"layer '{entry.name}': not a graph of the backend XnorVitis. Make one with "
            "hls4ml.converters.convert_from_onnx_model(model, backend='XnorVitis', io_type='io_stream')."
        )
    streams = {stream.name: stream}
    nodes = []
    for layer in layers:
        op = layer.get_attr("spec")
        made = layer.get_attr("streams")
        streams |= {name: replace(made[name], kind=k) for name, k in zip(layer.outputs, op.outputs, strict=True)}
        nodes.append(Node(layer.name, op, tuple(layer.inputs), tuple(layer.outputs), layer.get_attr("source")))
    return Network(stream.name, tuple(graph.outputs), tuple(nodes), streams)


def set_ops(graph: ModelGraph, network: Network) -> None:
    """Write a network's operators into the graph that it was read from."""
    ops = {node.name: node.op for node in network.nodes}
    for layer in graph.get_layers():
        if layer.name in ops:
            layer.set_attr("spec", ops[layer.name])
