"""What the rewrites of the lowering share: types of streams, operators made so far, places in the reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import onnx

from ...errors import UserError
from ..network import Node, Reference
from ..types import Requant, StreamType, bits_for
from .execute import DOUBLE
from .index import Graph
from .states import State

if TYPE_CHECKING:
    from ..ops.base import Op

EXACT_BITS = 24  # float32 holds every integer up to 2**24 exactly (docs/numerics.md)
MAX_EXACT_BITS = 48  # of a reference in float64, which holds 53: room for what kernels of 64 bits add
MAX_SHIFT = 38  # between two lsbs: so that 24 significant bits stay within int64
MAX_FRAC = 64  # of a stream's lsb, 2**-frac


class TooWideError(UserError):
    """A result that a float32 reference does not hold exactly.

    Attributes:
        node: name of the QONNX node.
        excess: bits too many.
    """

    def __init__(self, text: str, node: str, excess: int) -> None:
        super().__init__(text)
        self.node, self.excess = node, excess


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
        strict: results that a float32 reference does not hold are refused.
        wide: names of the nodes that have such results: their reference is executed in float64.
        notes: in words, what else the reference does in float64.
        starts: start values by tensor, where vectors of the frame before are used (mode previous); None: each frame
            uses its own.
        states: the tensors that are kept from frame to frame.
    """

    model: Graph
    types: dict[str, StreamType] = field(default_factory=dict)
    alias: dict[str, str] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)
    references: dict[str, Reference] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)
    strict: bool = True
    wide: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)
    starts: dict[str, tuple[float, ...]] | None = None
    states: list[State] = field(default_factory=list)

    def keep(self, tensor: str, kind: StreamType) -> tuple[int, ...] | None:
        """Let the readers of a vector get that of the frame before; None in mode frame, and where nothing reads it.

        The stream with the tensor's name carries the vector of the frame before then.

        Args:
            kind: type of the vector.

        Returns:
            Codes of the start value, one for each channel; what a type does not hold is limited to it.

        Raises:
            UserError: the vector is an output of the network as well.
        """
        if self.starts is None or not self.model.readers(tensor):
            return None
        if self.model.is_output(tensor):
            raise UserError(
                f"output '{tensor}' is a vector of the frame that the network reads itself: with --pooling previous it "
                "would be that of the frame before. Drop the output, or take --pooling frame."
            )
        values = np.array(self.starts.get(tensor, (0.0,) * kind.channels))
        if values.shape != (kind.channels,):
            raise UserError(
                f"state '{tensor}': {values.size} start values; allowed is one for each of its {kind.channels} "
                "channels. Build or export the file again."
            )
        codes = np.clip(np.rint(values * 2.0**kind.frac), kind.lo, kind.hi).astype(np.int64)
        given = self.model.fresh(f"{tensor}_previous")
        self.states.append(State(tensor, given, tuple(kind.to_values(codes).tolist())))
        return tuple(codes.tolist())

    def check_exact(self, peak: int, tensor: str, node: onnx.NodeProto) -> None:
        """Let the reference of a node be executed in float64 where float32 does not hold its result.

        Raises:
            TooWideError: that is not allowed, or float64 does not hold it either.
        """
        if significant_bits(peak) > EXACT_BITS:
            if self.strict or node.op_type not in DOUBLE or significant_bits(peak) > MAX_EXACT_BITS:
                check_exact(peak, tensor, node)
            self.wide.add(node.name)

    def stream(self, tensor: str) -> str:
        """The stream that carries a tensor."""
        while tensor in self.alias:
            tensor = self.alias[tensor]
        return tensor

    def type_of(self, tensor: str) -> StreamType:
        """Type of a tensor made by an earlier operator.

        Raises:
            UserError: it is a constant.
        """
        stream = self.stream(tensor)
        if stream not in self.types:
            raise UserError(
                f"constant '{tensor}': a node that works on streams reads it as one; allowed are constants as weights "
                "and parameters only. Compute what depends on no picture before the export."
            )
        return self.types[stream]

    def add(
        self,
        op: Op,
        nodes: Sequence[onnx.NodeProto],
        inputs: Sequence[str],
        outputs: Sequence[str],
        *,
        references: Sequence[Reference | None] | None = None,
        suffix: str = "",
        floats: bool = False,
    ) -> None:
        """Append an operator that stands for QONNX nodes; the first one names it.

        Args:
            nodes: of the QONNX graph; they count as dealt with.
            inputs, outputs: tensors, in the operator's order.
            references: where the outputs' values stand in the reference; left out: in the tensors of the same names.
            suffix: appended to the name, where one node becomes several operators.
            floats: it does what the nodes do in float32, whatever their constants.

        Raises:
            UserError: a result that the reference does not hold exactly.
        """
        places = [Reference(t) for t in outputs] if references is None else references
        for kind, tensor, place in zip(op.outputs, outputs, places, strict=True):
            self.check_exact(max(-kind.lo, kind.hi), tensor, nodes[-1])
            if abs(kind.frac) > MAX_FRAC:
                raise UserError(
                    f"{nodes[-1].op_type} '{nodes[-1].name}': the lsb of its result is 2^{-kind.frac}; allowed are "
                    f"2^-{MAX_FRAC} to 2^{MAX_FRAC}. Give the quantizers in front of it scales nearer to 1."
                )
            self._check_shape(tensor, kind, nodes[-1], places)
            self.types[tensor] = kind
            if place is not None:
                self.references[tensor] = place
        if not floats and any(significant_bits(max(-k.lo, k.hi)) > EXACT_BITS for k in (*op.inputs, *op.outputs)):
            for node in nodes:
                self.check_exact(1 << MAX_EXACT_BITS, node.output[0], node)
        if self.wide.intersection(n.name for n in nodes):
            self.wide.update(n.name for n in nodes)
        source = nodes[0].name
        self.nodes.append(Node(source + suffix, op, tuple(self.stream(i) for i in inputs), tuple(outputs), source))
        self.done.update(n.name for n in nodes)

    def same(self, node: onnx.NodeProto, source: str, target: str) -> None:
        """A node whose result is its input: the stream stands for both tensors."""
        self.type_of(source)
        self.alias[target] = source
        self.done.add(node.name)

    def _check_shape(self, tensor: str, kind: StreamType, node: onnx.NodeProto, places: Sequence[object]) -> None:
        """What the operator makes is what the node makes by ONNX's rules; else a constant has an unfit shape."""
        if len(places) != 1 or not isinstance(places[0], Reference) or places[0] != Reference(tensor):
            return
        shape, own = self.model.get_tensor_shape(tensor), [1, kind.channels, kind.height, kind.width]
        if shape != own:
            raise UserError(
                f"{node.op_type} '{node.name}': its result has the shape {shape} by ONNX's rules; allowed is {own}. "
                "Look at the shapes of its constants: allowed is one value, or one per channel, (1, C, 1, 1)."
            )


def significant_bits(peak: int) -> int:
    """Bits of a float's mantissa that hold every integer up to a magnitude."""
    peak = int(peak)
    return peak.bit_length() - (1 if peak & (peak - 1) == 0 and peak else 0)


def check_exact(peak: int, tensor: str, node: onnx.NodeProto) -> None:
    """Raise TooWideError where a float32 reference would not be exact."""
    bits = significant_bits(peak)
    if bits > EXACT_BITS:
        raise TooWideError(
            f"{node.op_type} '{node.name}': its result '{tensor}' needs {bits} significant bits; "
            f"a float32 reference is exact up to {EXACT_BITS}, one in float64, for sums, products and convolutions, up "
            f"to {MAX_EXACT_BITS}. Put a Quant in front of it, "
            "or give its weights or parameters fewer bits.",
            node.name,
            bits - EXACT_BITS,
        )


def check_shift(shift: int, node: onnx.NodeProto) -> int:
    """A shift between two lsbs, of the same sign.

    Raises:
        UserError: the lsbs are so far apart that one of the two values would be lost, or all of the result.
    """
    if abs(shift) > MAX_SHIFT:
        raise UserError(
            f"{node.op_type} '{node.name}': its scale and its input's are 2^{abs(shift)} apart; allowed is "
            f"2^{MAX_SHIFT}. Give the two quantizers scales nearer to each other."
        )
    return shift


def exact_type(like: StreamType, lo: int, hi: int, channels: int, frac: int) -> StreamType:
    """The narrowest type, with the frame of `like`, that holds the codes lo..hi."""
    bits, signed = bits_for(lo, hi)
    return replace(like, channels=channels, bits=bits, signed=signed, frac=frac, bipolar=False)


def requant_type(like: StreamType, frac: int, bits: int, lo: int, channels: int) -> StreamType:
    """The type that a Quant with these parameters gives."""
    return replace(like, channels=channels, bits=bits, signed=lo < 0, frac=frac, bipolar=False)


def requant(frac_in: int, frac_out: int, lo: int, hi: int, node: onnx.NodeProto) -> Requant:
    """From one lsb to another, for the Quant `node`.

    Raises:
        UserError: see `check_shift`.
    """
    return Requant(check_shift(frac_in - frac_out, node), lo, hi)
