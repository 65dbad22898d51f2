"""The lowered network: hardware operators between streams. What the lowering makes and every back end reads.

It exists once as this list and once as hls4ml's ModelGraph, whose layers carry the same operators
(`hw.hls.plugin.graph.model_graph` and `network_of` there go from one to the other and back).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from .types import StreamType

if TYPE_CHECKING:
    import numpy as np

    from .ops.base import Op


@dataclass(frozen=True)
class Reference:
    """Where a stream's values stand in the reference execution.

    Attributes:
        tensor: name in the QONNX file.
        factor, mode: the stream is that tensor before a depth-to-space of this factor (1: the same layout) and mode,
            "CRD" or "DCR" as in ONNX.
    """

    tensor: str
    factor: int = 1
    mode: str = "CRD"


@dataclass(frozen=True)
class Stream:
    """One stream: an edge with one producer and one reader.

    Attributes:
        name: identifier, unique in the network among layers and streams, whatever the case of its letters.
        tensor: what the lowering called it: the QONNX tensor's name where the stream carries one.
        kind: its type.
        reference: where its values stand in the reference execution; None where they do not.
    """

    name: str
    tensor: str
    kind: StreamType
    reference: Reference | None = None


@dataclass(frozen=True)
class Node:
    """One layer.

    Attributes:
        name: identifier, unique in the network; the same for every frame size of a file.
        op: the operator.
        inputs, outputs: names of its streams, in the operator's order.
        source: name of the QONNX node that it was made from.
    """

    name: str
    op: Op
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    source: str


@dataclass(frozen=True)
class Network:
    """Layers in topological order, with one input and any number of outputs.

    Each stream has one reader, a layer or an output port: where several would read one, a fork makes copies.

    Attributes:
        input: name of the stream that the input port gives.
        outputs: names of the streams that the output ports take, in the QONNX file's order.
        nodes: the layers.
        streams: every stream by its name.
    """

    input: str
    outputs: tuple[str, ...]
    nodes: tuple[Node, ...]
    streams: dict[str, Stream]

    @property
    def input_type(self) -> StreamType:
        """Type of the input port."""
        return self.streams[self.input].kind

    @property
    def output_types(self) -> dict[str, StreamType]:
        """Types of the output ports by stream name."""
        return {name: self.streams[name].kind for name in self.outputs}

    @cached_property
    def producers(self) -> dict[str, Node]:
        """The layer that gives each stream; the network's input is not among them."""
        return {name: node for node in self.nodes for name in node.outputs}

    @cached_property
    def readers(self) -> dict[str, tuple[Node, int]]:
        """The layer that takes each stream, and the number of that input; output ports' streams are not among them."""
        return {name: (node, port) for node in self.nodes for port, name in enumerate(node.inputs)}

    def kinds(self, names: Iterable[str]) -> tuple[StreamType, ...]:
        """Types of streams."""
        return tuple(self.streams[name].kind for name in names)

    def node(self, name: str) -> Node:
        """The layer of that name.

        Raises:
            KeyError: there is none.
        """
        for node in self.nodes:
            if node.name == name:
                return node
        raise KeyError(name)

    @cached_property
    def traced(self) -> list[Stream]:
        """Streams whose values stand in the reference, those that layers make, in order."""
        made = (self.streams[name] for node in self.nodes for name in node.outputs)
        return [stream for stream in made if stream.reference is not None]

    @cached_property
    def states(self) -> dict[str, np.ndarray]:
        """What is kept from frame to frame, as it is in the first frame after reset: (1, 1, C) codes by the name of the
        stream that carries it.
        """
        return {node.outputs[0]: node.op.begin() for node in self.nodes if node.op.start is not None}

    @cached_property
    def depths(self) -> dict[str, dict[str, int]]:
        """Words between its layers by stream for each kind of hardware, once `hw.resources.fifos` has computed them."""
        return {}

    @cached_property
    def pooling(self) -> str | None:
        """Whose vectors, means and sums over the frame, a frame uses: "previous", those of the frame before, "frame",
        its own; None for a network without.
        """
        if self.states:
            return "previous"
        gathered = any(node.op.outputs[0].pixels == 1 < node.op.input.pixels for node in self.nodes)
        return "frame" if gathered else None

    @cached_property
    def frames_to_settle(self) -> int:
        """Frames after which a picture that stands still comes out as if each frame had the states that it makes: one
        more than states follow each other. 1 without states.
        """
        behind = {self.input: 0}  # states in front of a stream, one behind the other
        for node in self.nodes:
            count = max(behind[name] for name in node.inputs) + (node.op.start is not None)
            behind.update(dict.fromkeys(node.outputs, count))
        return max(behind[name] for name in self.outputs) + 1

    def beat_pixels(self, stream: str) -> int:
        """Pixels that a beat of a stream carries in RTL: one, except behind a layer that was told to send more."""
        maker = self.producers.get(stream)
        return maker.op.pixels_per_beat if maker is not None else 1

    def with_ops(self, ops: dict[str, Op]) -> Network:
        """A copy with other operators in the layers named; their streams keep their types."""
        nodes = tuple(replace(n, op=ops[n.name]) if n.name in ops else n for n in self.nodes)
        return replace(self, nodes=nodes)
