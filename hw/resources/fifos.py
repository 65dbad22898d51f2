"""Depths of the FIFOs that balance the branches of a join, from what the long branch takes before it gives.

Where a fork's copies meet again in a residual add, the short branch must store what the long one has taken and not
yet given:

- what its windows need: `delay` pixels of each K x K window, a line and more of each pixel shuffle;
- what is on its way through registers: latency / pace, the pace being that of the slowest stage up to there.

The first pixel of the long branch leaves when that many have entered it, so with room for them the short branch does
not stop the fork before. From then on pixels leave as the slowest stage of the network lets them, and as many on the
way suffice for every slower pace. No pattern of stalls can deadlock: with more pixels on the way than windows
need, the long branch always has one to give.

The FIFO goes to that stream of the short branch whose words are narrowest: in front of a resize, not behind it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..graph.ops import Conv, PixelShuffle, Upsample
from .timing import LibraryTiming, Timing, busy, window_delay
from .view import Network, Stage, input_stage, stages


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


class _Network:
    """What the stages hold, and who depends on whom."""

    def __init__(self, chain: list[Stage], timing: Timing) -> None:
        self.chain, self.timing = chain, timing
        self.stage = {s.name: s for s in chain}
        self.pixels = input_stage(chain).pixels_out
        self.pace = {s.name: busy(s, timing) / self.pixels for s in chain}
        self.before: dict[str, float] = {}
        self.ancestors: dict[str, set[str]] = {}
        for s in chain:
            self.before[s.name] = max((max(self.before[p], self.pace[p]) for p in s.producers), default=1.0)
            self.ancestors[s.name] = {s.name}.union(*(self.ancestors[p] for p in s.producers))
        self.held: dict[str, _Hold] = {}
        for s in chain:
            before = max((self.held[p] for p in s.producers), key=lambda h: h.all, default=_Hold())
            self.held[s.name] = before + self.own(s)

    def own(self, stage: Stage, *, stopped: bool = False) -> _Hold:
        """What one stage holds as pixels flow; with ``stopped``, when its output waits and its registers are full."""
        op = stage.op
        if op is None:
            return _Hold()
        rate = stage.pixels_in / self.pixels
        pace = 1 / rate if stopped else max(self.before[stage.name], self.pace[stage.name])
        if isinstance(op, PixelShuffle):
            # Twice this stands in its ring when pixels come evenly.
            line = op.input.width * (op.factor - 1) / op.factor / rate
            return _Hold(line, line + self.timing.latency(op) / pace)
        delay = window_delay(op)
        return _Hold(delay / rate, (self.timing.latency(op) + (delay > 0)) / pace)


@dataclass(frozen=True)
class _Edge:
    """One stream: the tensor that ``reader`` takes on its input number ``port``."""

    reader: Stage
    port: int

    @property
    def key(self) -> tuple[str, str]:
        """Its name in `fifo_depths`."""
        return self.reader.tensors[self.port], self.reader.name

    @property
    def producer(self) -> str:
        """Name of the stage that writes it."""
        return self.reader.producers[self.port]


def _branch(net: _Network, join: Stage, port: int, others: set[str]) -> list[_Edge]:
    """The streams of one branch of a join, last first, up to the stage that it has in common with the others."""
    edges = [_Edge(join, port)]
    while edges[-1].producer not in others:
        stage = net.stage[edges[-1].producer]
        if len(stage.producers) != 1 or stage.role == "fork":
            break
        edges.append(_Edge(stage, 0))
    return edges


def _place(net: _Network, edges: list[_Edge]) -> int:
    """Which stream of a branch gets the FIFO: the one that stores a pixel of the network's input in fewest bits."""

    def bits(edge: _Edge) -> float:
        made = net.stage[edge.producer]
        return made.output.word_bits * made.pixels_out

    best = 0
    for i, edge in enumerate(edges):
        # What a convolution behind the FIFO holds is not counted, so the FIFO stays behind it.
        if i and isinstance(edge.reader.op, Conv):
            break
        if bits(edge) < bits(edges[best]):
            best = i
    return best


def _depth(net: _Network, edges: list[_Edge], place: int, need: _Hold) -> int:
    """Words of the FIFO on stream ``place`` of a branch that has to hold ``need``."""
    edge = edges[place]
    behind = [e.reader for e in edges[1 : place + 1]]
    spared = sum((net.own(s, stopped=True).all for s in behind if isinstance(s.op, Upsample)), 0.0)
    # A window behind the FIFO may stand empty between frames, so it spares nothing of what the other branch's windows
    # need: with more pixels than that on the way, the other branch always has one to give.
    least = need.windows
    rate = net.stage[edge.producer].pixels_out / net.pixels
    # One more than what waits: the FIFO takes no word in a cycle that it enters full.
    return math.floor(max(need.all - spared, least) * rate) + 1


def fifo_depths(network: Network, timing: Timing | None = None) -> dict[tuple[str, str], int]:
    """Words that the FIFO on each stream must hold, by (tensor, name of the layer that reads it).

    0 means that no FIFO is needed: the producer's register and the handshake do.
    """
    net = _Network(stages(network), timing or LibraryTiming())
    depths = {(t, s.name): 0 for s in net.chain for t in s.tensors}
    for join in net.chain:
        for port, producer in enumerate(join.producers):
            others = [p for p in join.producers if p != producer] or [producer]
            longest = max(others, key=lambda p: net.held[p].all)
            if net.held[longest].all <= net.held[producer].all:
                continue
            edges = _branch(net, join, port, set().union(*(net.ancestors[p] for p in others)))
            place = _place(net, edges)
            need = net.held[longest] - net.held[edges[-1].producer]
            depths[edges[place].key] = _depth(net, edges, place, need)
    return depths
