"""What the rewrites of the lowering share: stream types found so far, stages made so far, names of the reference."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

import onnx
from qonnx.core.modelwrapper import ModelWrapper

from ...errors import UserError
from ..types import Requant, StreamType, bits_for
from .ops import Op

EXACT_BITS = 24  # float32 holds every integer up to 2**24 exactly: the reference's limit (docs/numerics.md)


@dataclass
class Stage:
    """One operator with its place in the network. Tensor names are the QONNX file's where the values are its own."""

    name: str
    op: Op
    inputs: list[str]
    output: str


@dataclass(frozen=True)
class Reference:
    """Where a stream's values stand in the reference execution.

    Attributes:
        tensor: name in the QONNX file.
        factor, mode: the stream is that tensor before a depth-to-space of this factor (1: the same layout).
    """

    tensor: str
    factor: int = 1
    mode: str = "CRD"


@dataclass
class Context:
    """State of one lowering. `types` maps each stream of the QONNX graph to its type."""

    model: ModelWrapper
    types: dict[str, StreamType] = field(default_factory=dict)
    alias: dict[str, str] = field(default_factory=dict)
    stages: list[Stage] = field(default_factory=list)
    references: dict[str, Reference] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)

    def stream(self, tensor: str) -> str:
        """The stream that carries a tensor (a Quant of the input is the input itself)."""
        while tensor in self.alias:
            tensor = self.alias[tensor]
        return tensor

    def type_of(self, tensor: str) -> StreamType:
        """Type of a tensor made by an earlier stage."""
        return self.types[self.stream(tensor)]

    def add(self, op: Op, nodes: list[onnx.NodeProto], inputs: list[str], output: str, reference: bool = True) -> None:
        """Append a stage that stands for these nodes; the last one names it."""
        self._check_exact(op, output, nodes[-1])
        self.stages.append(Stage(identifier(nodes[0].name), op, [self.stream(i) for i in inputs], output))
        self.types[output] = op.output
        if reference:
            self.references[output] = Reference(output)
        self.done.update(n.name for n in nodes)

    @staticmethod
    def _check_exact(op: Op, tensor: str, node: onnx.NodeProto) -> None:
        peak = max(-op.output.lo, op.output.hi)
        check_exact(peak, tensor, f"{node.op_type} '{node.name}'")


def check_exact(peak: int, tensor: str, where: str) -> None:
    """Raise UserError where a float32 reference would not be exact."""
    bits = int(peak).bit_length() - (1 if peak & (peak - 1) == 0 and peak else 0)
    if bits > EXACT_BITS:
        raise UserError(
            f"{where}: its result '{tensor}' needs {bits} significant bits; "
            f"a float32 reference is exact up to {EXACT_BITS}. Put a Quant in front of it, "
            "or give its weights or parameters fewer bits."
        )


def exact_type(like: StreamType, lo: int, hi: int, channels: int, frac: int) -> StreamType:
    """The narrowest type of `like`'s frame that holds the codes lo..hi."""
    bits, signed = bits_for(lo, hi)
    return replace(like, channels=channels, bits=bits, signed=signed, frac=frac, bipolar=False)


def requant_type(like: StreamType, frac: int, bits: int, lo: int, channels: int) -> StreamType:
    """The type that a Quant of these parameters gives."""
    return replace(like, channels=channels, bits=bits, signed=lo < 0, frac=frac, bipolar=False)


def requant(frac_in: int, frac_out: int, lo: int, hi: int) -> Requant:
    """From one lsb to another."""
    return Requant(frac_in - frac_out, lo, hi)


def identifier(name: str) -> str:
    """A node's name as a C and SystemVerilog identifier."""
    clean = re.sub(r"\W+", "_", name).strip("_").lower()
    return clean if clean and not clean[0].isdigit() else f"n_{clean}"
