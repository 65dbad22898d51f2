"""Reading hls4ml's ModelGraph as a list of stages: an accessor, no second graph.

Every part of `hw.resources` takes either a ModelGraph or such a list, so that it can be tested alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias

from ..graph.ops import Op, PixelShuffle
from ..types import StreamType

Role = Literal["input", "op", "fork"]


class LayerLike(Protocol):
    """What is read of an hls4ml layer."""

    name: str
    inputs: list[str]
    outputs: list[str]

    def get_attr(self, key: str, default: Any = None) -> Any:
        """Attribute of the layer."""

    def set_attr(self, key: str, value: Any) -> None:
        """Set an attribute of the layer."""


class GraphLike(Protocol):
    """What is read of an hls4ml ModelGraph."""

    outputs: list[str]

    def get_layers(self) -> Any:
        """All layers in topological order."""


@dataclass(frozen=True)
class Stage:
    """One hardware layer.

    Attributes:
        name: layer's name, unique.
        role: "input" (the network's port), "op" (an operator), "fork" (one stream copied to several consumers).
        op: the operator; None for input and fork.
        producers: names of the stages that feed each input.
        tensors: the tensor on each input, beside ``producers``.
        output: type of the output stream (of each copy, for a fork).
        is_output: the network's output port takes this stage's stream.
        outputs: the stage's output tensors; several for a fork.
    """

    name: str
    role: Role
    op: Op | None
    producers: tuple[str, ...]
    tensors: tuple[str, ...]
    output: StreamType
    outputs: tuple[str, ...]
    is_output: bool = False

    @property
    def input(self) -> StreamType:
        """Type of the first input stream (the output's own for an input port)."""
        return self.op.input if self.op is not None else self.output

    @property
    def pixels_in(self) -> int:
        """Pixels, and beats, a frame on each input."""
        return self.input.height * self.input.width

    @property
    def pixels_out(self) -> int:
        """Pixels a frame on the output."""
        return self.output.height * self.output.width

    @property
    def beats_out(self) -> int:
        """Beats a frame on the output; fewer than pixels where a beat holds several."""
        return self.pixels_out // (self.op.pixels_per_beat if isinstance(self.op, PixelShuffle) else 1)


Network: TypeAlias = GraphLike | Sequence[Stage]


def stages(network: Network) -> list[Stage]:
    """The layers of a ModelGraph as stages in topological order; a list of stages is returned as it is.

    Raises:
        TypeError: a layer is none of ours (no ``spec``, no ``stream_type``, more than one input without an operator).
    """
    if isinstance(network, Sequence):
        return list(network)
    made: dict[str, Stage] = {}
    owner: dict[str, str] = {}
    for layer in network.get_layers():
        op = layer.get_attr("spec")
        inputs = [t for t in layer.inputs if t in owner]
        if op is not None:
            role: Role = "op"
            output = op.output
        elif inputs:
            if len(inputs) != 1:
                raise TypeError(f"layer {layer.name} has no operator and {len(inputs)} inputs")
            role, output = "fork", made[owner[inputs[0]]].output
        else:
            role, output = "input", layer.get_attr("stream_type")
            if output is None:
                raise TypeError(f"layer {layer.name} has neither an operator nor a stream type")
        made[layer.name] = Stage(
            name=layer.name,
            role=role,
            op=op,
            producers=tuple(owner[t] for t in inputs),
            tensors=tuple(inputs),
            output=output,
            outputs=tuple(layer.outputs),
            is_output=any(t in network.outputs for t in layer.outputs),
        )
        owner.update(dict.fromkeys(layer.outputs, layer.name))
    return list(made.values())


def input_stage(network: Network) -> Stage:
    """The network's input port."""
    return next(s for s in stages(network) if s.role == "input")


def output_stage(network: Network) -> Stage:
    """The stage whose stream is the network's output."""
    return next(s for s in stages(network) if s.is_output)


def consumers(network: Network) -> dict[str, list[str]]:
    """Names of the stages that read each tensor; the network's output port is no stage."""
    readers: dict[str, list[str]] = {}
    for stage in stages(network):
        for tensor in stage.tensors:
            readers.setdefault(tensor, []).append(stage.name)
    return readers


def rate(stage: Stage, source: Stage) -> float:
    """Pixels that ``stage`` reads for each pixel of the network's input."""
    return stage.pixels_in / source.pixels_out
