"""QONNX in, one network of hardware operators out.

The order: `load` (clean-up), `constants` (quantized constants folded), the operators' conversions (what may change a
value), their rewrites, their passes, forks where a tensor has several readers, identifiers. Names no operator: what can
be lowered is what `hw.ops` registers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import onnx
from qonnx.core.modelwrapper import ModelWrapper

from ...errors import UserError
from ..names import Names
from ..network import Network, Node, Reference, Stream
from ..ops import registry
from ..ops.fork import Fork
from ..types import StreamType
from .advice import instead_of
from .constants import fold_constant_quants, quant_parameters
from .context import Context, TooWideError
from .convert import AFFINE_BITS, ConversionOptions, convert
from .index import Graph
from .load import copy_of, load
from .rewrite import Rewrite
from .scales import Units, move_scales, quantize_input
from .states import cut, starts_of
from .vectors import straighten


@dataclass
class Lowered:
    """What the lowering gives.

    Attributes:
        network: the operators.
        reference: the QONNX model whose execution is the truth: the file itself, cleaned, or, where `changes` is
            not empty, its converted form.
        changes: in words, each conversion that may change a value; empty for a model that needs none.
        units: what codes of the reference's input and outputs stand for in the file.

    In mode previous the reference has explicit states, as further inputs and outputs (`hw.graph.states`).
    """

    network: Network
    reference: Graph
    changes: list[str]
    units: Units = field(default_factory=Units)

    @property
    def input_type(self) -> StreamType:
        """Type of the network's input."""
        return self.network.input_type

    @property
    def output_types(self) -> dict[str, StreamType]:
        """Types of the outputs by tensor name, in the QONNX graph's order."""
        kinds = self.network.output_types.values()
        own = [o.name for o in self.reference.graph.output][: len(kinds)]  # states come behind them
        return dict(zip(own, kinds, strict=True))

    @property
    def references(self) -> dict[str, Reference]:
        """Where streams stand in the reference, by their names, in the network's order; without the copies of forks."""
        streams = self.network.streams
        return {name: place for name, stream in streams.items() if (place := stream.reference) is not None}


def lower(
    source: str | Path | onnx.ModelProto | ModelWrapper,
    affine_bits: int | None = None,
    frame: tuple[int, int] | None = None,
    input_scale: float | None = None,
    pooling: str | None = None,
) -> Lowered:
    """Lower a QONNX network, NCHW, one image in, one or several images out.

    Args:
        source: file, ONNX model or qonnx wrapper; never changed.
        affine_bits: bits that float affine constants are quantized to; None refuses them.
        frame: (height, width) of the input, in pixels; None keeps the file's.
        input_scale: 8-bit codes times this number become the input of a network that does not quantize it.
        pooling: which frame's means and sums a frame uses: "frame", its own, or "previous", those of the frame before;
            None: the frame before's where the file has states, else its own.

    Raises:
        UserError: whatever cannot be built exactly, with the node's name, its operator and what is supported.
    """
    cleaned = load(source, frame)
    starts = starts_of(cleaned.model)
    if pooling is not None:
        starts = (starts or {}) if pooling == "previous" else None
    folded = Graph(copy_of(cleaned.model))
    if input_scale is not None:
        quantize_input(folded, input_scale)
    binary, weights = fold_constant_quants(folded)
    straighten(folded)
    _check_operators(folded)
    _check_ranks(folded)
    _check_input(folded)  # what is wrong with the input is said before what is wrong with a constant
    moved, units, grids = move_scales(folded, registry.scale_rules(), weights, affine_bits is None)
    if input_scale is not None:
        moved.insert(0, f"the input is 8-bit codes times {input_scale:.9g}")
    options = ConversionOptions(affine_bits, binary, grids=grids)
    while True:
        try:
            return _lower(cleaned, folded, options, moved, units, starts)
        except TooWideError as error:
            _take_fewer_bits(options, error)


def _take_fewer_bits(options: ConversionOptions, error: TooWideError) -> None:
    """Let the affines with a result that is too wide have fewer bits.

    Raises:
        TooWideError: the width is not a conversion's choice, or cannot get smaller.
    """
    first = options.made.get(error.node)
    if options.affine_bits is None or first is None:
        raise error
    least = AFFINE_BITS[0]
    now = options.fewer.get(first, options.affine_bits)
    if now <= least:
        raise UserError(
            f"{error} With --affine-bits it cannot be built, even at {least} bits: put a quantizer of fewer bits "
            "(QuantIdentity) in front of it or between its operators, in training."
        ) from error
    options.fewer[first] = max(least, now - max(1, error.excess // 2))


def _lower(
    cleaned: Graph,
    folded: Graph,
    options: ConversionOptions,
    moved: list[str],
    units: Units,
    starts: dict[str, tuple[float, ...]] | None,
) -> Lowered:
    """Lower a clean model with folded constants and its scales moved; neither is changed."""
    work = Graph(copy_of(folded.model))
    changes = moved + convert(work, registry.conversions(), options)
    context = Context(work, strict=options.affine_bits is not None, starts=starts)
    _type_input(context)
    rewrites = registry.rewrites()
    for node in list(work.graph.node):
        if node.name not in context.done:
            _rewrite(context, node, rewrites)
    changes = changes + context.notes
    outputs = [o.name for o in work.graph.output]
    _check_connected(context, outputs)
    if starts is not None:
        _check_states(context, outputs)
    streams = [context.stream(o) for o in outputs]
    for one in registry.passes():
        one.apply(context, frozenset(streams))
    # What computes in float64 is named in the converted file.
    known = {o for n in cleaned.graph.node for o in n.output}
    own = changes or context.wide or any(state.tensor not in known for state in context.states)
    reference = Graph(copy_of(work.model)) if own else cleaned
    reference.double = frozenset(context.wide)
    if context.states:
        reference = cut(reference, context.states)
        for state in context.states:
            context.references[state.tensor] = Reference(state.given)
    made = {o for n in reference.graph.node for o in n.output} | {state.given for state in context.states}
    for name, place in list(context.references.items()):
        if place.tensor not in made:  # a conversion's own, and the reference is the file
            del context.references[name]
    return Lowered(_network(context, work.graph.input[0].name, streams), reference, changes, units)


def _check_operators(model: Graph) -> None:
    """Refuse operators that there is no hardware for; what works on constants only needs none."""
    known = registry.supported_onnx()
    streams = {model.graph.input[0].name}
    for node in model.graph.node:
        if not streams.intersection(node.input):
            continue
        streams.update(o for o in node.output if o)
        if node.op_type not in known:
            raise UserError(
                f"{node.op_type} '{node.name}': this operator is not supported.{instead_of(node.op_type)} "
                f"Supported: {', '.join(known)}."
            )
        if len([o for o in node.output if o]) > 1:
            raise UserError(
                f"{node.op_type} '{node.name}': it has several outputs; allowed is one. Export in eval mode."
            )


def _check_ranks(model: Graph) -> None:
    """Refuse what makes anything else than a frame of one image."""
    for node in model.graph.node:
        shape = model.get_tensor_shape(node.output[0])
        if shape is None or len(shape) != 4 or shape[0] != 1:
            raise UserError(
                f"{node.op_type} '{node.name}': its result has the shape {shape or 'unknown'}; allowed is "
                "1 x C x H x W. Look at the shapes of its constants, and export with a fixed frame."
            )


def _check_input(model: Graph) -> None:
    """Refuse an input that something else than a Quant reads."""
    name = model.graph.input[0].name
    for node in model.readers(name):
        if node.op_type != "Quant":
            raise UserError(
                f"{node.op_type} '{node.name}' reads the input '{name}' as floats. Quantize the input first: "
                "for pictures an 8-bit unsigned QuantIdentity. Or give --input-scale 1/255: then 8-bit codes times "
                "that scale become the input."
            )


def _type_input(context: Context) -> None:
    """The Quant nodes right behind the input give its type; they are the identity on codes of that type."""
    model = context.model
    name = model.graph.input[0].name
    readers = list({n.name: n for n in model.readers(name)}.values())
    shape = model.get_tensor_shape(name)
    assert shape is not None, "the shape of the input is checked when the file is read"
    _, channels, height, width = shape
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
            raise UserError(
                f"output '{output}': it is the input itself; allowed are results of operators. Leave it out."
            )
        if context.type_of(output).bipolar:
            raise UserError(f"output '{output}': a bipolar stream; end the network in a Quant.")
    read = {i for n in context.nodes for i in n.inputs} | {context.stream(o) for o in outputs}
    for node in context.nodes:
        if not read.intersection(node.outputs):
            raise UserError(f"{node.op.op_type} '{node.source}': nothing reads its result. Remove it from the network.")


def _check_states(context: Context, outputs: list[str]) -> None:
    """Refuse what mode previous does not mean anything for.

    Raises:
        UserError: no state, a start value of none, or an output that follows from states alone.
    """
    if not context.states:
        raise UserError(
            "--pooling previous: the network takes no mean or sum over the frame that anything reads. Leave it out."
        )
    kept = {state.tensor for state in context.states}
    if unknown := sorted(set(context.starts or ()) - kept):
        raise UserError(
            f"state '{unknown[0]}': the network keeps no such tensor; it keeps {', '.join(sorted(kept))}. Build or "
            "export the file again."
        )
    fresh = {context.stream(context.model.graph.input[0].name)}  # streams that the frame itself has a part in
    for node in context.nodes:
        if node.op.start is None and fresh.intersection(node.inputs):
            fresh.update(node.outputs)
    for output in outputs:
        if context.stream(output) not in fresh:
            raise UserError(
                f"output '{output}' follows from vectors of the frame alone: with --pooling previous it would be that "
                "of the frame before. Take --pooling frame."
            )


def _network(context: Context, source: str, outputs: list[str]) -> Network:
    """Forks where a tensor has several readers, then identifiers for everything."""
    names = Names()
    streams: dict[str, Stream] = {}

    def stream(tensor: str, reference: Reference | None, wish: str | None = None) -> str:
        made = names.fresh(wish or tensor)
        streams[made] = Stream(made, tensor, context.types[tensor], reference)
        return made

    counts = Counter([*outputs, *(i for n in context.nodes for i in n.inputs)])
    waiting: dict[str, list[str]] = {}  # streams that the readers of each tensor take, in order
    nodes: list[Node] = []

    def give(tensor: str, name: str) -> None:
        """Name the stream that carries a tensor and share it out among its readers."""
        count = counts[tensor]
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
