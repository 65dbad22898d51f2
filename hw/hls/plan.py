"""A ModelGraph made ready for text: each layer's kernel and streams, depths of FIFOs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...errors import UserError
from ..graph.ops import Op
from ..types import StreamType
from .depths import fifo_depths
from .kernels import Kernel, clone, kernel

#: Bits a channel at a port: the C-simulation's entry takes and gives int32.
PORT_BITS = 31


@dataclass(frozen=True)
class Stream:
    """A FIFO between two layers, or a port (depth 0)."""

    tensor: str
    kind: StreamType
    depth: int
    producer: str
    consumer: str


@dataclass(frozen=True)
class Step:
    """One kernel call, in topological order.

    Attributes:
        op: the operator; None for a copy.
        original: the tensor's name before it became an identifier.
    """

    name: str
    op: Op | None
    kernel: Kernel
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    original: str
    output: StreamType


@dataclass(frozen=True)
class Plan:
    """All that the project's texts say."""

    input: StreamType
    output: StreamType
    input_tensor: str
    output_tensor: str
    original_input: str
    steps: tuple[Step, ...]
    streams: tuple[Stream, ...]


def plan(model: Any) -> Plan:
    """Plan of a ModelGraph of `XnorsrLayer`, `Input` and `Clone`.

    Raises:
        UserError: a layer cannot be built (see `kernels.kernel`), or a port is too wide.
    """
    layers = list(model.get_layers())
    ops = {layer.name: layer.get_attr("spec") for layer in layers if layer.get_attr("spec") is not None}
    depths = fifo_depths(model)
    kinds: dict[str, StreamType] = {}
    owner: dict[str, str] = {}
    streams, steps = [], []
    for layer in layers:
        op = ops.get(layer.name)
        port = layer.get_attr("stream_type")
        kind = op.output if op is not None else port if port is not None else kinds[layer.inputs[0]]
        for tensor in layer.outputs:
            kinds[tensor], owner[tensor] = kind, layer.name
        if port is not None:
            continue
        for tensor in layer.inputs:
            depth = 0 if tensor in model.inputs else depths[tensor, layer.name]
            streams.append(Stream(tensor, kinds[tensor], depth, owner[tensor], layer.name))
        what = kernel(layer.name, op) if op is not None else clone(kind)
        original = layer.get_attr("tensor") or layer.outputs[0]
        steps.append(Step(layer.name, op, what, tuple(layer.inputs), tuple(layer.outputs), original, kind))
    source, result = model.inputs[0], model.outputs[0]
    for tensor, port in ((source, "input"), (result, "output")):
        if kinds[tensor].bits > PORT_BITS:
            raise UserError(
                f"the {port} '{tensor}' has {kinds[tensor].bits} bits a channel; a port has at most {PORT_BITS}. "
                "Quantize it to fewer."
            )
    entry = next(layer for layer in layers if layer.get_attr("stream_type") is not None)
    streams.append(Stream(result, kinds[result], 0, owner[result], ""))
    return Plan(
        kinds[source], kinds[result], source, result, entry.get_attr("tensor") or source, tuple(steps), tuple(streams)
    )
