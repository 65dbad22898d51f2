"""One layer as one SystemVerilog module: library modules with their parameters filled in. Names no operator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ..types import Requant, StreamType
from .literals import rows


@dataclass
class Constant:
    """A localparam of a layer: one row for each channel, the last one first."""

    name: str
    bits: int
    rows: list[str]
    what: str = "channel"


@dataclass
class Wire:
    """A signal inside a layer."""

    name: str
    bits: int


@dataclass
class Instance:
    """A module with parameters and connections."""

    module: str
    name: str
    parameters: dict[str, object]
    ports: dict[str, str]


@dataclass
class Port:
    """A stream of a layer; `name` is a prefix: empty where the layer has one stream of that direction."""

    name: str
    bits: int


@dataclass
class LayerModule:
    """All that the template of a layer needs.

    The module has clk_i and rst_ni, and for each stream data, valid and ready: data_i, valid_i, ready_o of an input,
    data_o, valid_o, ready_i of an output; with more than one, in0_data_i, in1_data_i, out0_data_o and so on.

    Attributes:
        name: the layer's identifier.
        title: what it is, for a comment; no name out of a file.
        notes: more lines of comment.
        assigns: (left, right) of continuous assignments.
    """

    name: str
    title: str
    inputs: list[Port]
    outputs: list[Port]
    notes: list[str] = field(default_factory=list)
    constants: list[Constant] = field(default_factory=list)
    wires: list[Wire] = field(default_factory=list)
    assigns: list[tuple[str, str]] = field(default_factory=list)
    instances: list[Instance] = field(default_factory=list)

    @property
    def module(self) -> str:
        """Name of the module."""
        return f"xnorsr_layer_{self.name}"

    def whole(self, module: str, parameters: dict[str, object], ports: dict[str, str] | None = None) -> LayerModule:
        """Make the layer one library module; returns the layer.

        Args:
            ports: connections besides clock and reset; None for one input and one output stream.
        """
        connections = STREAM_IN | STREAM_OUT if ports is None else ports
        self.instances.append(Instance(module, f"u_{self.name}", parameters, CLOCK | connections))
        return self


CLOCK = {"clk_i": "clk_i", "rst_ni": "rst_ni"}
STREAM_IN = {"data_i": "data_i", "valid_i": "valid_i", "ready_o": "ready_o"}
STREAM_OUT = {"data_o": "data_o", "valid_o": "valid_o", "ready_i": "ready_i"}


def prefixes(count: int, direction: str) -> list[str]:
    """Prefixes of the ports of so many streams: none for one, else in0_, in1_ or out0_, out1_."""
    return [""] if count == 1 else [f"{direction}{n}_" for n in range(count)]


def layer(
    name: str, what: str, inputs: Sequence[StreamType], outputs: Sequence[StreamType], pixels_per_beat: int = 1
) -> LayerModule:
    """A layer with its ports and its title, still without content.

    Args:
        what: the operator.
        pixels_per_beat: of the outputs.
    """
    a, b = inputs[0], outputs[0]
    title = f"{what}: {a.channels} x {a.bits} bit to {b.channels} x {b.bits} bit, {a.width} x {a.height} pixels"
    ports = [Port(p, k.word_bits) for p, k in zip(prefixes(len(inputs), "in"), inputs, strict=True)]
    outs = [Port(p, k.word_bits * pixels_per_beat) for p, k in zip(prefixes(len(outputs), "out"), outputs, strict=True)]
    return LayerModule(name, title, ports, outs)


def flag(value: object) -> str:
    """A parameter of one bit: whether `value` is there, or true."""
    return "1'b1" if value else "1'b0"


def quant_parameters(prefix: str, quant: Requant | None) -> dict[str, object]:
    """Parameters of xnorsr_requant with a prefix: Shift, Divisor (odd), Lo, Hi."""
    q = quant or Requant(0, 0, 0)
    shift, odd = q.odd_form
    return {f"{prefix}Shift": shift, f"{prefix}Divisor": odd, f"{prefix}Lo": q.lo, f"{prefix}Hi": q.hi}


def requant_cycles(quant: Requant | None, logic_levels: int) -> int:
    """Latency of xnorsr_requant: rounding, by a power of two or by the reciprocal, and saturation; 0 for None.

    Args:
        logic_levels: the operator's, which its module gets as LogicLevels.
    """
    if quant is None:
        return 0
    shift, odd = quant.odd_form
    rounding = (shift > 0) if odd == 1 else 4
    return rounding + (1 if logic_levels > 2 else 2)


def vector(module: LayerModule, name: str, values: np.ndarray | None, bits: int, channels: int) -> dict[str, object]:
    """Parameters Has<name>, <name>Bits, <name> of a constant per channel, and the localparam that holds its values."""
    if values is None:
        return {f"Has{name}": "1'b0", f"{name}Bits": 1, name: f"{channels}'h0"}
    module.constants.append(Constant(f"{name}Codes", channels * bits, rows(values.reshape(channels, 1), bits)))
    return {f"Has{name}": "1'b1", f"{name}Bits": bits, name: f"{name}Codes"}
