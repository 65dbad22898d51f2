"""QONNX in, one network of hardware operators out.

The order: `load` (clean-up), `constants` (quantized constants folded), the operators' conversions (what may change a
value), their rewrites, their passes, forks where a tensor has several readers, identifiers. Names no operator: what can
be lowered is what `hw.ops` registers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import onnx
from qonnx.core.modelwrapper import ModelWrapper

from ...errors import UserError
from ..names import Names
from ..network import Network, Node, Reference, Stream
from ..ops import registry
from ..ops.fork import Fork
from ..types import StreamType
from .constants import fold_constant_quants, quant_parameters
from .context import Context
from .convert import ConversionOptions, convert
from .load import copy_of, load
from .rewrite import Rewrite


@dataclass
class Lowered:
    """What the lowering gives.

    Attributes:
        network: the operators.
        reference: the QONNX model whose execution is the truth: the file itself, cleaned, or, where `changes` is
            not empty, its converted form.
        changes: in words, each conversion that may change a value; empty for a model that needs none.
    """

    network: Network
    reference: ModelWrapper
    changes: list[str]

    @property
    def input_type(self) -> StreamType:
        """Type of the network's input."""
        return self.network.input_type

    @property
    def output_types(self) -> dict[str, StreamType]:
        """Types of the outputs by tensor name, in the QONNX graph's order."""
        kinds = self.network.output_types.values()
        return dict(zip((o.name for o in self.reference.graph.output), kinds, strict=True))

    @property
    def references(self) -> dict[str, Reference]:
        """Where streams stand in the reference, by their names, in the network's order; without the copies of forks."""
        streams = self.network.streams
        return {name: place for name, stream in streams.items() if (place := stream.reference) is not None}


def lower(source: str | Path | onnx.ModelProto | ModelWrapper, affine_bits: int | None = None) -> Lowered:
    """Lower a QONNX network, NCHW, one image in, one or several images out.

    Args:
        source: file, ONNX model or qonnx wrapper; never changed.
        affine_bits: bits that float affine constants are quantized to; None refuses them.

    Raises:
        UserError: whatever cannot be built exactly, with the node's name, its operator and what is supported.
    """
    cleaned = load(source)
    work = ModelWrapper(copy_of(cleaned.model))
    binary = fold_constant_quants(work)
    _check_operators(work)
    work, changes = convert(work, registry.conversions(), ConversionOptions(affine_bits, frozenset(binary)))
    reference = ModelWrapper(copy_of(work.model)) if changes else cleaned
    context = Context(work)
    _type_input(context)
    rewrites = registry.rewrites()
    for node in list(work.graph.node):
        if node.name not in context.done:
            _rewrite(context, node, rewrites)
    outputs = [o.name for o in work.graph.output]
    _check_connected(context, outputs)
    streams = [context.stream(o) for o in outputs]
    for one in registry.passes():
        one.apply(context, frozenset(streams))
    return Lowered(_network(context, work.graph.input[0].name, streams), reference, changes)


def _check_operators(model: ModelWrapper) -> None:
    known = registry.supported_onnx()
    for node in model.graph.node:
        if node.op_type not in known:
            raise UserError(
                f"{node.op_type} '{node.name}': this operator is not supported. Supported: {', '.join(known)}."
            )


def _type_input(context: Context) -> None:
    """The Quant nodes right behind the input give its type; they are the identity on codes of that type."""
    model = context.model
    name = model.graph.input[0].name
    readers = [n for n in model.graph.node if name in n.input]
    for node in readers:
        if node.op_type != "Quant":
            raise UserError(
                f"{node.op_type} '{node.name}' reads the input '{name}' as floats. Quantize the input first: "
                "for pictures an 8-bit unsigned QuantIdentity with a power-of-two scale."
            )
    _, channels, height, width = model.get_tensor_shape(name)
    kinds = []
    for node in readers:
        frac, bits, lo, hi = quant_parameters(model, node)
        if hi - lo + 1 != 2**bits:
            raise UserError(f"Quant '{node.name}': a narrow range at the input is not supported. Use the full range.")
        kinds.append(StreamType(height, width, channels, bits, lo < 0, frac))
        context.alias[node.output[0]] = name
        context.done.add(node.name)
    if not kinds or any(k != kinds[0] for k in kinds):
        raise UserError(f"input '{name}': read by {len(kinds)} Quant nodes of different types; allowed is one type.")
    context.types[name] = kinds[0]


def _rewrite(context: Context, node: onnx.NodeProto, rewrites: Iterable[Rewrite]) -> None:
    for rewrite in rewrites:
        if rewrite.matches(context, node):
            rewrite.apply(context, node)
            return
    raise UserError(
        f"{node.op_type} '{node.name}': not supported with these inputs ({', '.join(i for i in node.input if i)}). "
        f"Supported: {', '.join(registry.supported_onnx())}; docs/architecture.md says with which limits."
    )


def _check_connected(context: Context, outputs: list[str]) -> None:
    made = {o for n in context.nodes for o in n.outputs}
    for output in outputs:
        if context.stream(output) not in made:
            raise UserError(f"output '{output}': no operator makes it; the network is empty.")
        if context.type_of(output).bipolar:
            raise UserError(f"output '{output}': a bipolar stream; end the network in a Quant.")
    read = {i for n in context.nodes for i in n.inputs} | {context.stream(o) for o in outputs}
    for node in context.nodes:
        if not read.intersection(node.outputs):
            raise UserError(f"{node.op.op_type} '{node.source}': nothing reads its result. Remove it from the network.")


def _network(context: Context, source: str, outputs: list[str]) -> Network:
    """Forks where a tensor has several readers, then identifiers for everything."""
    names = Names()
    streams: dict[str, Stream] = {}

    def stream(tensor: str, reference: Reference | None, wish: str | None = None) -> str:
        made = names.fresh(wish or tensor)
        streams[made] = Stream(made, tensor, context.types[tensor], reference)
        return made

    waiting: dict[str, list[str]] = {}  # streams that the readers of each tensor take, in order
    nodes: list[Node] = []

    def give(tensor: str, name: str) -> None:
        """Name the stream that carries a tensor and share it out among its readers."""
        count = context.reader_count(tensor) + outputs.count(tensor)
        if count == 1:
            waiting[tensor] = [name]
            return
        copies = [stream(tensor, None, f"{tensor}_copy{n}") for n in range(count)]
        fork = Fork((context.types[tensor],), count)
        nodes.append(Node(names.fresh(f"fork_{tensor}"), fork, (name,), tuple(copies), tensor))
        waiting[tensor] = copies

    entry = stream(source, None)
    layers = {id(n): names.fresh(n.name) for n in context.nodes}
    give(source, entry)
    for node in context.nodes:
        made = [(t, stream(t, context.references.get(t))) for t in node.outputs]
        taken = tuple(waiting[t].pop(0) for t in node.inputs)
        nodes.append(replace(node, name=layers[id(node)], inputs=taken, outputs=tuple(name for _, name in made)))
        for tensor, name in made:
            give(tensor, name)
    return Network(entry, tuple(waiting[t].pop(0) for t in outputs), tuple(nodes), streams)
