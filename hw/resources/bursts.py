"""Room in front of slow layers beside a sum over the frame, so that nothing holds its frame back. Names no operator.

What waits for a vector of the frame leaves its FIFO in a burst when the vector comes. Behind the next fork a pool reads
these pixels as fast as they come; a layer beside it that is slower would stop the fork, and with it the pool, whose own
vector would come later. So each stream beside a pool gets as many words as pixels wait there when a frame comes alone
and as fast as it can: no fork in front of a pool is ever stopped within a frame, and the schedule, in which no stream
runs full, is exact. Those FIFOs stand where words are narrow, say on the signs in front of a binary convolution.

What waits there has not come through yet. So the FIFO behind, in which the frame waits for the vector, may be so much
smaller, down to what the schedule needs: both together hold what that one held, and no pattern of stalls can deadlock.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..network import Network, Node
from .moves import Moves, moves
from .slices import SLICE, branch_of, narrowest, slices


def changed(fifos: dict[str, int], changes: dict[str, int]) -> dict[str, int]:
    """FIFOs of one kind of hardware, as `room_for` changes them."""
    return {name: max(words + changes.get(name, 0), min(words, SLICE)) for name, words in fifos.items()}


def _gathers(node: Node) -> bool:
    """Whether a layer's output is known only when the frame is over."""
    return node.op.outputs[0].pixels == 1 < node.op.input.pixels and node.op.start is None


class _Around:
    """What stands around one layer that gathers a frame.

    Attributes:
        below: names of the layers that need its vector, and itself.
        beside: of those that neither need it nor are needed for it.
    """

    def __init__(self, network: Network, pool: Node) -> None:
        self.network, self.pool = network, pool
        made, wanted, above = set(pool.outputs), set(pool.inputs), set()
        self.below = {pool.name}
        for node in network.nodes:
            if made.intersection(node.inputs):
                self.below.add(node.name)
                made.update(node.outputs)
        for node in reversed(network.nodes):
            if wanted.intersection(node.outputs):
                above.add(node.name)
                wanted.update(node.inputs)
        self.beside = {node.name for node in network.nodes} - self.below - above

    @property
    def free(self) -> list[str]:
        """Streams that stop nothing in front of the pool if they run free."""
        streams = [name for node in self.network.nodes if node.name in self.beside for name in node.inputs]
        # Those from the last fork to the pool too, where what stands beside them reads that fork
        branch = branch_of(self.network, self.pool.inputs[0])
        fork = self.network.producers.get(branch[-1])
        readers = [self.network.readers.get(name) for name in (fork.outputs if fork is not None else ())]
        beside = any(reader is not None and reader[0].name in self.beside for reader in readers)
        return streams + branch if beside else streams

    def waiting(self, fifos: dict[str, int]) -> Iterator[tuple[str, str]]:
        """Streams on which a frame waits for the vector or what it makes, and those with the FIFO for that."""
        for node in self.network.nodes:
            for name in node.inputs if node.name in self.below else ():
                maker = self.network.producers.get(name)
                if maker is not None and maker.name in self.beside:
                    yield from ((name, place) for place in branch_of(self.network, name) if fifos[place] > SLICE)

    def spared(self, room: dict[str, int]) -> dict[str, float]:
        """Part of a frame that surely finds room in front of each stream made beside the pool, whichever way it takes.

        Args:
            room: words by stream that joins beside the pool do not need.
        """
        found: dict[str, float] = {}
        for node in self.network.nodes:
            if node.name in self.beside:
                kinds = self.network.streams
                ways = [room.get(name, 0) / kinds[name].kind.pixels + found.get(name, 0.0) for name in node.inputs]
                found.update(dict.fromkeys(node.outputs, min(ways)))
        return found


class _Planner:
    """Finds the room that one network needs in RTL.

    Args:
        fifos: words that joins need in RTL by stream, without slices.
    """

    def __init__(self, network: Network, fifos: dict[str, int]) -> None:
        self.network, self.fifos = network, fifos
        self.changes: dict[str, int] = {}
        self.source = np.arange(network.input_type.pixels, dtype=np.int64)
        self.around = [_Around(network, node) for node in network.nodes if _gathers(node)]
        self.free = list(dict.fromkeys(name for one in self.around for name in one.free))
        self.shrunk: dict[str, str] = {}  # FIFOs that got smaller: the stream at whose end beats wait, by theirs

    def plan(self) -> dict[str, int]:
        """All changes, by stream."""
        if self.free:
            made = self._let_run()
            if self._shrink(made):
                self._let_run()
        return self.changes

    def _let_run(self) -> Moves:
        """Make room until no stream runs full. A deeper FIFO may take a cycle more, and another one then a word."""
        while True:
            depths = slices(self.network, changed(self.fifos, self.changes))
            made = moves(self.network, self.source, depths)
            more = self._more(depths, made)
            if not more:
                return made
            self.changes |= {place: words - self.fifos[place] for place, words in more.items()}

    def _more(self, depths: dict[str, int], made: Moves) -> dict[str, int]:
        """Words for FIFOs of streams that run full."""
        more = {place: made.words(place, end) for place, end in self.shrunk.items()}
        for stream in self.free:
            # In front of wires nothing stands: the stream behind them has the words.
            if depths[stream] and made.words(stream) > depths[stream]:
                place = self._place(stream)
                more[place] = max(made.words(place, stream), more.get(place, 0))
        return {place: words for place, words in more.items() if words > depths[place]}

    def _place(self, stream: str) -> str:
        """Where the FIFO stands on which a stream's beats wait."""
        kinds, (reader, _) = self.network.streams, self.network.readers[stream]
        branch = branch_of(self.network, stream)
        branch = [name for name in branch if kinds[name].kind.pixels == kinds[stream].kind.pixels]
        return branch[narrowest(self.network, branch, "rtl", reader.op.timing("rtl").interval)]

    def _shrink(self, made: Moves) -> bool:
        """Make FIFOs smaller behind those that were made deeper; whether there are any."""
        less: dict[str, float] = {}  # parts of a frame, by the FIFO's stream
        ends: dict[str, str] = {}
        for one in self.around:
            spared = one.spared(self.changes)
            for stream, place in one.waiting(self.fifos):
                less[place] = min(spared.get(place, 0.0), less.get(place, 1.0))
                ends[place] = stream
        for place, part in less.items():
            spare = self.fifos[place] - made.words(place, ends[place])
            words = min(int(part * self.network.streams[place].kind.pixels), spare)
            if words > 0 and place not in self.changes:
                self.changes[place], self.shrunk[place] = -words, ends[place]
        return bool(self.shrunk)


def room_for(network: Network, fifos: dict[str, int]) -> dict[str, int]:
    """Words that FIFOs have more, or fewer, so that nothing stops a pool within its frame, by stream; see `changed`.

    They are the same for both kinds of hardware: what one FIFO has fewer, those in front have more.

    Args:
        fifos: words that joins need in RTL by stream, without slices.
    """
    return _Planner(network, fifos).plan()
