"""Depth-to-space moves behind everything that works pixel by pixel.

Contract: an operator that says so (`Op.before_shuffle`) gives the same values in front of a shuffle on its phases, so
the network runs at the low-resolution rate up to its last shuffle, which then carries 8-bit pixels and not
accumulators. Values do not change; a moved stream's place in the reference is its tensor before the shuffle. A shuffle
whose stream is read more than once, or leaves the network, stays.
"""

from __future__ import annotations

from ...graph.context import Context
from ...graph.rewrite import Pass
from ...network import Node, Reference
from .op import PixelShuffle


class PushShuffles(Pass):
    """See above."""

    name = "push_shuffles"

    def apply(self, context: Context, outputs: frozenset[str]) -> None:
        """Until nothing moves."""
        while any(_push(context, node, outputs) for node in list(context.nodes)):
            pass


def _shuffles(context: Context, node: Node, outputs: frozenset[str]) -> list[tuple[Node, PixelShuffle]]:
    """The shuffles right in front of a node, if all its inputs come from one of their own and all are alike."""
    found: list[tuple[Node, PixelShuffle]] = []
    for stream in node.inputs:
        maker = context.producer(stream)
        if maker is None or not isinstance(maker.op, PixelShuffle):
            return []
        if context.reader_count(stream) != 1 or stream in outputs:
            return []
        found.append((maker, maker.op))
    alike = {(op.factor, op.mode) for _, op in found}
    return found if len(alike) == 1 else []


def _push(context: Context, node: Node, outputs: frozenset[str]) -> bool:
    """Move the shuffles right in front of one node behind it."""
    found = _shuffles(context, node, outputs)
    if not found or len(node.outputs) != 1:
        return False
    first_node, first = found[0]
    moved = node.op.before_shuffle(tuple(op.input for _, op in found), first.factor, first.mode)
    if moved is None:
        return False
    (output,) = node.outputs
    inner = f"{output}_phases"
    shuffle = PixelShuffle(moved.outputs, node.op.outputs[0], first.factor, first.mode)
    at = context.nodes.index(node)
    context.nodes[at : at + 1] = [
        Node(node.name, moved, tuple(maker.inputs[0] for maker, _ in found), (inner,), node.source),
        Node(first_node.name, shuffle, (inner,), (output,), first_node.source),
    ]
    for maker, _ in found:
        context.nodes.remove(maker)
        context.references.pop(maker.outputs[0], None)
    place = context.references.get(output)
    if place is not None:
        context.references[inner] = Reference(place.tensor, first.factor, first.mode)
    context.types[inner] = moved.outputs[0]
    return True
