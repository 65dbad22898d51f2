"""Depth-to-space moves behind everything that works pixel by pixel.

Contract: an operator that says so (`Op.before_shuffle`) gives the same values in front of a shuffle on its phases, so
the network runs at the low-resolution rate up to its last shuffle, which then carries 8-bit pixels and not
accumulators. Values do not change; a moved stream's place in the reference is its tensor before the shuffle. A shuffle
whose stream is read more than once, or leaves the network, stays.
"""

from __future__ import annotations

from collections import Counter

from ...graph.context import Context
from ...graph.rewrite import Pass
from ...network import Node, Reference
from .op import PixelShuffle


class PushShuffles(Pass):
    """See above."""

    name = "push_shuffles"

    def apply(self, context: Context, outputs: frozenset[str]) -> None:
        """In one walk: what a shuffle moved behind reads it next, and stands further on."""
        work = _Work(context, outputs)
        for node in context.nodes:
            work.take(node)
        context.nodes[:] = [n for n in work.nodes if id(n) not in work.gone]


class _Work:
    """One walk over the operators, in topological order."""

    def __init__(self, context: Context, outputs: frozenset[str]) -> None:
        self.context, self.outputs = context, outputs
        self.nodes: list[Node] = []
        self.gone: set[int] = set()
        self.makers: dict[str, Node] = {}
        # Moving a shuffle changes who reads a stream, not how many do.
        self.readers = Counter(i for n in context.nodes for i in n.inputs)

    def take(self, node: Node) -> None:
        """Append a node, in front of the shuffles that stood right in front of it where that is possible."""
        for one in self._pushed(node) or (node,):
            self.nodes.append(one)
            self.makers |= dict.fromkeys(one.outputs, one)

    def _shuffles(self, node: Node) -> list[tuple[Node, PixelShuffle]]:
        """The shuffles right in front of a node, if all its inputs come from one of their own and all are alike."""
        found: list[tuple[Node, PixelShuffle]] = []
        for stream in node.inputs:
            maker = self.makers.get(stream)
            if maker is None or not isinstance(maker.op, PixelShuffle):
                return []
            if self.readers[stream] != 1 or stream in self.outputs:
                return []
            found.append((maker, maker.op))
        alike = {(op.factor, op.mode) for _, op in found}
        return found if len(alike) == 1 else []

    def _pushed(self, node: Node) -> tuple[Node, Node] | None:
        """The node and the shuffle behind it, in place of the shuffles right in front of it and the node."""
        found = self._shuffles(node)
        if not found or len(node.outputs) != 1:
            return None
        first_node, first = found[0]
        moved = node.op.before_shuffle(tuple(op.input for _, op in found), first.factor, first.mode)
        if moved is None:
            return None
        context, (output,) = self.context, node.outputs
        inner = f"{output}_phases"
        while inner in context.types:
            inner += "_"
        shuffle = PixelShuffle(moved.outputs, node.op.outputs[0], first.factor, first.mode)
        for maker, _ in found:
            self.gone.add(id(maker))
            context.references.pop(maker.outputs[0], None)
        place = context.references.get(output)
        if place is not None:
            context.references[inner] = Reference(place.tensor, first.factor, first.mode)
        context.types[inner] = moved.outputs[0]
        return (
            Node(node.name, moved, tuple(maker.inputs[0] for maker, _ in found), (inner,), node.source),
            Node(first_node.name, shuffle, (inner,), (output,), first_node.source),
        )
