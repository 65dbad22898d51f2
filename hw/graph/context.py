"""What the rewrites of the lowering share: types of streams, operators made so far, places in the reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import onnx
from qonnx.core.modelwrapper import ModelWrapper

from ...errors import UserError
from ..network import Node, Reference
from ..types import Requant, StreamType, bits_for

if TYPE_CHECKING:
    from ..ops.base import Op

EXACT_BITS = 24  # float32 holds every integer up to 2**24 exactly: the reference's limit (docs/numerics.md)


@dataclass
class Context:
    """State of one lowering. Streams have their QONNX tensors' names here, nodes those of QONNX nodes.

    Attributes:
        model: the QONNX graph.
        types: type of each stream.
        alias: a Quant of the input is the input itself.
        nodes: operators made so far, in topological order.
        references: where the streams' values stand in the reference.
        done: names of QONNX nodes that are dealt with.
    """

    model: ModelWrapper
    types: dict[str, StreamType] = field(default_factory=dict)
    alias: dict[str, str] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)
    references: dict[str, Reference] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)

    def stream(self, tensor: str) -> str:
        """The stream that carries a tensor."""
        while tensor in self.alias:
            tensor = self.alias[tensor]
        return tensor

    def type_of(self, tensor: str) -> StreamType:
        """Type of a tensor made by an earlier operator."""
        return self.types[self.stream(tensor)]

    def add(
        self,
        op: Op,
        nodes: Sequence[onnx.NodeProto],
        inputs: Sequence[str],
        outputs: Sequence[str],
        *,
        references: Sequence[Reference | None] | None = None,
        suffix: str = "",
    ) -> None:
        """Append an operator that stands for QONNX nodes; the first one names it.

        Args:
            nodes: of the QONNX graph; they count as dealt with.
            inputs, outputs: tensors, in the operator's order.
            references: where the outputs' values stand in the reference; left out: in the tensors of the same names.
            suffix: appended to the name, where one node becomes several operators.

        Raises:
            UserError: a result that a float32 reference does not hold exactly.
        """
        places = [Reference(t) for t in outputs] if references is None else references
        for kind, tensor, place in zip(op.outputs, outputs, places, strict=True):
            check_exact(max(-kind.lo, kind.hi), tensor, f"{nodes[-1].op_type} '{nodes[-1].name}'")
            self.types[tensor] = kind
            if place is not None:
                self.references[tensor] = place
        source = nodes[0].name
        self.nodes.append(Node(source + suffix, op, tuple(self.stream(i) for i in inputs), tuple(outputs), source))
        self.done.update(n.name for n in nodes)

    def producer(self, stream: str) -> Node | None:
        """The operator that gives a stream; None for the input."""
        return next((n for n in self.nodes if stream in n.outputs), None)

    def reader_count(self, stream: str) -> int:
        """How many inputs of operators read a stream."""
        return sum(n.inputs.count(stream) for n in self.nodes)


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
    """The narrowest type, with the frame of `like`, that holds the codes lo..hi."""
    bits, signed = bits_for(lo, hi)
    return replace(like, channels=channels, bits=bits, signed=signed, frac=frac, bipolar=False)


def requant_type(like: StreamType, frac: int, bits: int, lo: int, channels: int) -> StreamType:
    """The type that a Quant with these parameters gives."""
    return replace(like, channels=channels, bits=bits, signed=lo < 0, frac=frac, bipolar=False)


def requant(frac_in: int, frac_out: int, lo: int, hi: int) -> Requant:
    """From one lsb to another."""
    return Requant(frac_in - frac_out, lo, hi)
