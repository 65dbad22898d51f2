"""A ModelGraph made ready for text: each layer's kernel and streams, depths and intervals from the schedule."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from hls4ml.backends.fpga.passes.clone import Clone

from ..graph.ops import Conv, Op, PixelShuffle
from ..resources.schedule import fifo_depths
from ..types import StreamType
from .kernels import Kernel, clone, kernel

#: A FIFO of Vitis HLS has at least two words.
LEAST_DEPTH = 2


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
        ii: cycles a pixel may take.
    """

    name: str
    op: Op | None
    kernel: Kernel
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    original: str
    output: StreamType
    ii: int


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


def folds(op: Conv) -> int:
    """Cycles a pixel of a convolution."""
    return op.weight.shape[0] // op.pe * (op.weight[0].size // op.simd)


def busy_cycles(op: Op) -> int:
    """Cycles that a layer needs for a frame however much is shared in it."""
    beats = op.input.height * op.input.width
    if isinstance(op, Conv):
        return beats * folds(op)
    return max(beats, op.output.height * op.output.width)


def intervals(ops: dict[str, Op]) -> dict[str, int]:
    """Cycles a pixel that each layer may take without slowing the network down.

    A layer next to a folded convolution waits most of the time; its multipliers can serve several channels. More
    cycles than channels save nothing.
    """
    slowest = max((busy_cycles(op) for op in ops.values()), default=1)
    free = {n: slowest // (op.input.height * op.input.width) for n, op in ops.items()}
    return {n: max(1, min(free[n], op.output.channels)) if not isinstance(op, Conv | PixelShuffle) else 1 for n, op in ops.items()}


@dataclass(frozen=True)
class HlsTiming:
    """Cycle behaviour of the kernels, for the schedule. Depths of pipelines are estimates until a tool schedules them.

    They decide how long a FIFO hides latency, never whether the network can run: what windows hold back, the
    schedule counts exactly.
    """

    interval_of: dict[int, int]

    def interval(self, op: Op) -> int:
        """Cycles between two pixels."""
        return folds(op) if isinstance(op, Conv) else self.interval_of[id(op)]

    def latency(self, op: Op) -> int:
        """Cycles from the last pixel that an output needs to that output."""
        if isinstance(op, Conv):
            return folds(op) + 4 + math.ceil(math.log2(op.simd * op.input.bits + 1) / 2)
        return self.interval_of[id(op)] + 6


def plan(model: Any) -> Plan:
    """Plan of a ModelGraph of `XnorsrLayer`, `Input` and `Clone`.

    Raises:
        UserError: a layer cannot be built; see `kernels.kernel`.
    """
    layers = list(model.get_layers())
    ops = {layer.name: layer.get_attr("spec") for layer in layers if layer.get_attr("spec") is not None}
    ii = intervals(ops)
    depths = fifo_depths(model, HlsTiming({id(op): ii[name] for name, op in ops.items()}))
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
            depth = 0 if tensor in model.inputs else max(depths[tensor, layer.name], LEAST_DEPTH)
            streams.append(Stream(tensor, kinds[tensor], depth, owner[tensor], layer.name))
        what = clone(kind) if isinstance(layer, Clone) else kernel(layer.name, op, ii[layer.name])
        original = layer.get_attr("tensor") or layer.outputs[0]
        steps.append(
            Step(layer.name, op, what, tuple(layer.inputs), tuple(layer.outputs), original, kind, ii.get(layer.name, 1))
        )
    source, result = model.inputs[0], model.outputs[0]
    entry = next(layer for layer in layers if layer.get_attr("stream_type") is not None)
    streams.append(Stream(result, kinds[result], 0, owner[result], ""))
    return Plan(
        kinds[source], kinds[result], source, result, entry.get_attr("tensor") or source, tuple(steps), tuple(streams)
    )
