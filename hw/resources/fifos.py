"""What stands between two layers: register slices, and the FIFOs that balance the branches of a join.

One algorithm for both kinds of hardware; what the operators hold (`Op.timing`) differs. Names no operator.

In RTL register slices stand where no FIFO does (`slices`), FIFOs besides where a mean over the frame would have to wait
for a slower layer beside it (`bursts`), and some are deeper for a frame that comes alone (`transients`).

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
from .bursts import changed, room_for
from .slices import SLICE, SLICE_CYCLES, Gaps, branch_of, is_cut, narrowest, slices
from .transients import with_room

#: Words that the FIFO of any stream holds at least: an HLS stream has two, wires between modules hold nothing.
LEAST = {"hls": 2, "rtl": 0}


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


def balanced_fifos(network: Network, side: Side) -> dict[str, int]:
    """Words of the FIFOs that joins need, by stream name; `LEAST` where none is needed."""
    holdings, gaps = _Holdings(network, side), Gaps(network)
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
            branch = branch_of(network, stream)
            gap = gaps.of_join(join, longest)
            place = narrowest(network, branch, side, gap if gap < gaps.own[branch[-1]] else None)
            need = holdings.arrived[longest] - holdings.held[branch[-1]]
            depths[branch[place]] = max(_depth(holdings, branch, place, need), LEAST[side])
            gaps.leave_fifo(branch[: place + 1], depths[branch[place]])
        gaps.give(join)
    return depths


def fifo_depths(network: Network, side: Side) -> dict[str, int]:
    """Words that stand on each stream between two layers, by stream name.

    For "rtl", 0 means wires, `HALF_SLICE` and `SLICE` a register slice, more a FIFO.
    """
    if side not in network.depths:
        balanced = balanced_fifos(network, "rtl")
        changes = room_for(network, balanced)
        network.depths["rtl"] = slices(network, with_room(network, changed(balanced, changes), balanced))
        network.depths["hls"] = changed(balanced_fifos(network, "hls"), changes)
    return dict(network.depths[side])
