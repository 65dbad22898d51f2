"""What stands between two layers: register slices, and the FIFOs that balance the branches of a join.

One algorithm for both kinds of hardware; what the operators hold (`Op.timing`) differs. Names no operator.

In RTL a layer's ready may follow that of the layer behind it, so each stream has registers that cut valid, data and
ready (`slices`). They stand at the top level, once a stream: an operator needs none of its own, and neither its
`timing` nor its `flow` counts them. A FIFO cuts as well. Only in front of a layer of one output without any register
(`latency` 0, wires) nothing stands: the stream behind it is cut.

Where copies of one stream meet again, say in an addition, the short branch must store what the long one has taken and
not yet given:

- what its windows need before anything comes out: lines of a window, of a shuffle, a frame of a sum over the frame;
- what is on its way through registers: latency / pace, the pace being that of the slowest layer up to there.

The first pixel of the long branch leaves when that many have entered it, so with room for them the short branch does
not stop the fork before. From then on pixels leave as the slowest layer of the network lets them, and as many on the
way suffice for every slower pace. No pattern of stalls can deadlock: with more pixels on the way than windows
need, the long branch always has one to give.

The FIFO goes to that stream of the short branch whose words are narrowest: in front of a resize, not behind it. Where
the long branch gives beats closer together than they entered the short one, as behind a pixel shuffle or a mean over
the frame, no layer that could not follow stands behind the FIFO: a stopped pipeline holds bubbles, beats of a folded
one come an interval apart. So what is late at a join is late for the long branch alone, as `schedule` has it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..network import Network, Node
from ..ops.base import Side

#: Words that the FIFO of any stream holds at least: an HLS stream has two, wires between modules hold nothing.
LEAST = {"hls": 2, "rtl": 0}
#: Words of the slices of RTL: one register, which takes a beat every other cycle, or two, which take one every cycle.
HALF_SLICE, SLICE = 1, 2
#: Cycles from one layer to the next through a slice; see `memories.fifo_cycles` for FIFOs.
SLICE_CYCLES = 1


@dataclass(frozen=True)
class _Hold:
    """Pixels between two points of the network, counted in pixels of its input.

    Attributes:
        windows: what windows and shuffles need before anything comes out.
        registers: what is on its way besides.
    """

    windows: float = 0.0
    registers: float = 0.0

    def __add__(self, other: _Hold) -> _Hold:
        return _Hold(self.windows + other.windows, self.registers + other.registers)

    def __sub__(self, other: _Hold) -> _Hold:
        return _Hold(self.windows - other.windows, self.registers - other.registers)

    @property
    def all(self) -> float:
        """Both."""
        return self.windows + self.registers


class _Holdings:
    """What the layers and the slices between them hold.

    Attributes:
        held: from the network's input to where a layer gives a stream, by stream.
        arrived: the same up to the layer that reads it.
    """

    def __init__(self, network: Network, side: Side) -> None:
        self.network, self.side = network, side
        self.pixels = network.input_type.pixels
        self.held: dict[str, _Hold] = {network.input: _Hold()}
        self.arrived: dict[str, _Hold] = {}
        pace: dict[str, float] = {network.input: 1.0}  # cycles per pixel of the network's input
        for node in network.nodes:
            timing = node.op.timing(side)
            arriving = max(pace[name] for name in node.inputs)
            own_pace = max(arriving, timing.busy / self.pixels)
            for name in node.inputs:
                cycles = SLICE_CYCLES if side == "rtl" and is_cut(node) else 0
                self.arrived[name] = self.held[name] + _Hold(registers=cycles / pace[name])
            most = max((self.arrived[name] for name in node.inputs), key=lambda hold: hold.all)
            total = most + self._own(node, own_pace)
            for name in node.outputs:
                self.held[name], pace[name] = total, own_pace

    def rate(self, node: Node) -> float:
        """Beats of a layer's fastest input for each pixel of the network's input."""
        return node.op.input.pixels / self.pixels

    def _own(self, node: Node, pace: float) -> _Hold:
        """What one layer holds as pixels flow."""
        timing, rate = node.op.timing(self.side), self.rate(node)
        # A beat of a slower stream, a vector of a frame, that comes in early makes no pixel wait.
        registers = timing.spare / max(rate, 1.0) + (timing.latency + timing.window_register) / pace
        return _Hold(timing.window / rate, registers)


def _branch(network: Network, stream: str) -> list[str]:
    """The streams of one branch of a join, last first, up to where a stream splits or others join.

    Each stream has one reader, so what the branch has in common with others begins there at the latest.
    """
    branch = [stream]
    while True:
        maker = network.producers.get(branch[-1])
        if maker is None or len(maker.inputs) != 1 or len(maker.outputs) != 1:
            return branch
        branch.append(maker.inputs[0])


class _Gaps:
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

    def throttles(self, node: Node, gap: int) -> bool:
        """Whether a layer behind a FIFO may give its beats later than every ``gap`` cycles."""
        timing = node.op.timing("rtl")
        pointwise = node.op.outputs[0].pixels == node.op.input.pixels and not timing.window
        return pointwise and max(timing.interval, timing.latency) > gap


def _place(holdings: _Holdings, gaps: _Gaps, branch: list[str], gap: int) -> int:
    """Which stream of a branch gets the FIFO: the one that stores a pixel of the network's input in fewest bits.

    Args:
        gap: cycles between two beats that the join takes, at least.
    """
    network = holdings.network
    burst = gap < gaps.own[branch[-1]]

    def bits(stream: str) -> int:
        kind = network.streams[stream].kind
        return kind.word_bits * kind.pixels

    best = 0
    for i, stream in enumerate(branch):
        reader = network.readers[stream][0]
        # What some layers hold when they are stopped is not certain: the FIFO stays behind those.
        if i and reader.op.timing(holdings.side).when_stopped is None:
            break
        if i and burst and gaps.throttles(reader, gap):
            break
        if bits(stream) < bits(branch[best]):
            best = i
    return best


def _depth(holdings: _Holdings, branch: list[str], place: int, need: _Hold) -> int:
    """Words of the FIFO on stream ``place`` of a branch that has to hold ``need``."""
    network = holdings.network
    behind = [network.readers[stream][0] for stream in branch[1 : place + 1]]
    spared = sum((node.op.timing(holdings.side).when_stopped or 0.0) / holdings.rate(node) for node in behind)
    # A window behind the FIFO may stand empty between frames, so it spares nothing of what the other branch's windows
    # need: with more pixels than that on the way, the other branch always has one to give.
    rate = network.streams[branch[place]].kind.pixels / holdings.pixels
    # One more than what waits: the FIFO takes no word in a cycle that it enters full. In RTL another one, if it is more
    # than a slice: whether it is full stands in a register, so a word that leaves makes room a cycle later.
    words = math.floor(max(need.all - spared, need.windows) * rate) + 1
    return words + 1 if holdings.side == "rtl" and words > SLICE else words


def _balanced(network: Network, side: Side) -> dict[str, int]:
    """Words of the FIFOs that joins need, by stream name; `LEAST` where none is needed."""
    holdings, gaps = _Holdings(network, side), _Gaps(network)
    depths = {name: LEAST[side] for node in network.nodes for name in node.inputs}
    for join in network.nodes:
        for name in join.inputs:
            gaps.arrive(name, LEAST[side])
        for port, stream in enumerate(join.inputs):
            others = [name for n, name in enumerate(join.inputs) if n != port]
            if not others:
                continue
            longest = max(others, key=lambda name: holdings.arrived[name].all)
            if holdings.arrived[longest].all <= holdings.arrived[stream].all:
                continue
            branch = _branch(network, stream)
            place = _place(holdings, gaps, branch, gaps.of_join(join, longest))
            need = holdings.arrived[longest] - holdings.held[branch[-1]]
            depths[branch[place]] = max(_depth(holdings, branch, place, need), LEAST[side])
            gaps.leave_fifo(branch[: place + 1], depths[branch[place]])
        gaps.give(join)
    return depths


def is_cut(reader: Node) -> bool:
    """Whether registers stand in front of a layer of RTL: in front of each that is not wire, and of each fork, whose
    gates would stand between the layers behind it and the FIFOs in front of the layer before it. With two levels
    between registers no wire is without.
    """
    return reader.op.timing("rtl").latency > 0 or len(reader.op.outputs) > 1 or reader.op.logic_levels < 3


def slices(network: Network, fifos: dict[str, int]) -> dict[str, int]:
    """Words between the layers of RTL: `fifos`, and at least a slice in front of every layer that is not wire.

    A slice of one register does where beats come every other cycle or less often.
    """
    words: dict[str, int] = {}
    gaps = _Gaps(network)
    for node in network.nodes:
        for name in node.inputs:
            least = (SLICE if gaps.own[name] == 1 else HALF_SLICE) if is_cut(node) else 0
            words[name] = max(fifos[name], least)
            gaps.arrive(name, words[name])
        gaps.give(node)
    return words


def fifo_depths(network: Network, side: Side) -> dict[str, int]:
    """Words that stand on each stream between two layers, by stream name.

    For "rtl", 0 means wires, `HALF_SLICE` and `SLICE` a register slice, more a FIFO.
    """
    depths = _balanced(network, side)
    return slices(network, depths) if side == "rtl" else depths
