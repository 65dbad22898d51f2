"""Room in front of slow layers beside a sum over the frame, so that nothing holds its frame back. Names no operator.

What waits for a vector of the frame leaves its FIFO in a burst when the vector comes. Behind the next fork a pool reads
these pixels as fast as they come; a layer beside it that is slower would stop the fork, and with it the pool, whose own
vector would come later. So each stream beside a pool gets as many words as pixels wait there when a frame comes alone
and as fast as it can: no fork in front of a pool is ever stopped within a frame, and the schedule, in which no stream
runs full, is exact. Those FIFOs stand where words are narrow, say on the signs in front of a binary convolution.
"""

from __future__ import annotations

import numpy as np

from ..network import Network, Node
from .moves import Moves, moves
from .slices import branch_of, narrowest, slices


def _gathers(node: Node) -> bool:
    """Whether a layer's output is known only when the frame is over."""
    return node.op.outputs[0].pixels == 1 < node.op.input.pixels and node.op.start is None


class _Around:
    """What stands around one layer that gathers a frame.

    Attributes:
        below: names of the layers that need its vector, and itself.
        beside: of those that neither need it nor are needed for it.
        streams: those that stop nothing in front of it if they run free, in the layers' order.
    """

    def __init__(self, network: Network, pool: Node) -> None:
        self.below = {pool.name}
        for node in network.nodes:
            if any(self._made_by(network, name) in self.below for name in node.inputs):
                self.below.add(node.name)
        above, wanted = set(), set(pool.inputs)
        for node in reversed(network.nodes):
            if wanted.intersection(node.outputs):
                above.add(node.name)
                wanted.update(node.inputs)
        self.beside = {node.name for node in network.nodes} - self.below - above
        self.streams = [name for node in network.nodes if node.name in self.beside for name in node.inputs]
        self.streams += self._own(network, pool)

    @staticmethod
    def _made_by(network: Network, stream: str) -> str | None:
        maker = network.producers.get(stream)
        return maker.name if maker is not None else None

    def _own(self, network: Network, pool: Node) -> list[str]:
        """The streams from the last fork to the pool, where what stands beside them reads that fork too."""
        branch = branch_of(network, pool.inputs[0])
        fork = network.producers.get(branch[-1])
        readers = [network.readers.get(name) for name in fork.outputs] if fork is not None else []
        return branch if any(reader is not None and reader[0].name in self.beside for reader in readers) else []


def _more(network: Network, streams: list[str], depths: dict[str, int], made: Moves) -> dict[str, int]:
    """Words for streams that would run full, and those they hold now are too few."""
    more: dict[str, int] = {}
    for stream in streams:
        # In front of wires nothing stands: the stream behind them has the words.
        if not depths[stream] or made.words(stream) <= depths[stream]:
            continue
        reader = network.readers[stream][0]
        branch = [name for name in branch_of(network, stream) if made.given[name].size == made.given[stream].size]
        place = branch[narrowest(network, branch, "rtl", reader.op.timing("rtl").interval)]
        words = made.words(place, stream)
        if words > max(depths[place], more.get(place, 0)):
            more[place] = words
    return more


def with_room(network: Network, fifos: dict[str, int]) -> dict[str, int]:
    """FIFOs of RTL that are at least as deep as these, and keep every pool's frame running.

    Args:
        fifos: words by stream, without slices.
    """
    around = [_Around(network, node) for node in network.nodes if _gathers(node)]
    streams = list(dict.fromkeys(name for one in around for name in one.streams))
    source = np.arange(network.input_type.pixels, dtype=np.int64)
    while streams:
        depths = slices(network, fifos)
        more = _more(network, streams, depths, moves(network, source, depths))
        if not more:
            break
        fifos = fifos | more  # a deeper FIFO may take a cycle more, and others a word
    return fifos
