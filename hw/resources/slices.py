"""Register slices between the layers of RTL, how close beats follow each other there, and where a FIFO stands best.

In RTL a layer's ready may follow that of the layer behind it, so each stream has registers that cut valid, data and
ready (`slices`). They stand at the top level, once a stream: an operator needs none of its own, and neither its
`timing` nor its `flow` counts them. A FIFO cuts as well. Only in front of a layer of one output without any register
(`latency` 0, wires) nothing stands: the stream behind it is cut. Names no operator.
"""

from __future__ import annotations

from ..network import Network, Node
from ..ops.base import Side

#: Words of the slices: one register, which takes a beat every other cycle, or two, which take one every cycle.
HALF_SLICE, SLICE = 1, 2
#: Cycles from one layer to the next through a slice; see `memories.fifo_cycles` for FIFOs.
SLICE_CYCLES = 1


def branch_of(network: Network, stream: str) -> list[str]:
    """The streams of one branch of a join, last first, up to where a stream splits or others join.

    Each stream has one reader, so what the branch has in common with others begins there at the latest.
    """
    branch = [stream]
    while True:
        maker = network.producers.get(branch[-1])
        if maker is None or len(maker.inputs) != 1 or len(maker.outputs) != 1:
            return branch
        branch.append(maker.inputs[0])


class Gaps:
    """Cycles between two beats of RTL's streams, at least, as long as nothing stops them; made in the layers' order.

    Attributes:
        own: of each stream where a layer gives it.
        arriving: where a layer reads it, a FIFO between.
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        self.own = {network.input: 1}
        self.arriving: dict[str, int] = {}

    def arrive(self, stream: str, words: int) -> None:
        """So many words stand in front of the stream's reader. What waits in a FIFO leaves it at a beat per cycle."""
        self.arriving[stream] = self.own[stream] if words <= SLICE else 1

    def leave_fifo(self, branch: list[str], words: int) -> None:
        """So many words stand on the last of these streams of a branch: the layers behind them are what paces it."""
        if words > SLICE:
            behind = [self.network.readers[stream][0].op.timing("rtl").interval for stream in branch[1:]]
            self.arriving[branch[0]] = max(1, *behind) if behind else 1

    def give(self, node: Node) -> None:
        """The layer's outputs: what its folding and its inputs leave."""
        self.own.update(dict.fromkeys(node.outputs, self._of(node)))

    def _of(self, node: Node) -> int:
        op, timing = node.op, node.op.timing("rtl")
        if max(kind.pixels for kind in op.outputs) > op.input.pixels:
            return 1
        if timing.window or timing.spare:  # it may give what it holds faster than that came
            return timing.interval
        pacing = [
            self.arriving[name]
            for name, kind in zip(node.inputs, op.inputs, strict=True)
            if kind.pixels == op.input.pixels
        ]
        return max(timing.interval, *pacing)

    def of_join(self, join: Node, longest: str) -> int:
        """Cycles between two beats that a join takes, at least, once its longest branch gives them."""
        paced = self.network.streams[longest].kind.pixels == join.op.input.pixels
        return max(join.op.timing("rtl").interval, self.arriving[longest] if paced else 1)


def is_cut(reader: Node) -> bool:
    """Whether registers stand in front of a layer of RTL: in front of each that is not wire, and of each fork, whose
    gates would stand between the layers behind it and the FIFOs in front of the layer before it. With two levels
    between registers no wire is without.
    """
    return reader.op.timing("rtl").latency > 0 or len(reader.op.outputs) > 1 or reader.op.logic_levels < 3


def _least(reader: Node, gap: int) -> int:
    """Words of the slice in front of a layer whose beats come every ``gap`` cycles.

    Between frames a window that is owed may take the slot before that of the next frame's first beat, which then waits
    a cycle. At a beat every other cycle one register has none to spare: each frame would take a cycle more.
    """
    waits = reader.op.timing("rtl").window > 0
    return HALF_SLICE if gap > 1 + waits else SLICE


def slices(network: Network, fifos: dict[str, int]) -> dict[str, int]:
    """Words between the layers of RTL: `fifos`, and at least a slice in front of every layer that is not wire.

    A slice of one register does where beats come every other cycle or less often; see `_least`.
    """
    words: dict[str, int] = {}
    gaps = Gaps(network)
    for node in network.nodes:
        for name in node.inputs:
            words[name] = max(fifos[name], _least(node, gaps.own[name]) if is_cut(node) else 0)
            gaps.arrive(name, words[name])
        gaps.give(node)
    return words


def throttles(node: Node, gap: int) -> bool:
    """Whether a layer behind a FIFO may give its beats later than every ``gap`` cycles."""
    timing = node.op.timing("rtl")
    pointwise = node.op.outputs[0].pixels == node.op.input.pixels and not timing.window
    return pointwise and max(timing.interval, timing.latency) > gap


def narrowest(network: Network, branch: list[str], side: Side, gap: int | None) -> int:
    """Which stream of a branch a FIFO stands on best: the one that stores a frame in fewest bits.

    Args:
        branch: last one first, see `branch_of`.
        gap: cycles between two beats that are taken at its end, at least, which no layer behind the FIFO may miss; None
            where beats come no closer than they entered the branch.
    """

    def bits(stream: str) -> int:
        kind = network.streams[stream].kind
        return kind.word_bits * kind.pixels

    best = 0
    for i, stream in enumerate(branch):
        reader = network.readers[stream][0]
        # What some layers hold when they are stopped is not certain: the FIFO stays behind those.
        if i and reader.op.timing(side).when_stopped is None:
            break
        if i and gap is not None and throttles(reader, gap):
            break
        if bits(stream) < bits(branch[best]):
            best = i
    return best
