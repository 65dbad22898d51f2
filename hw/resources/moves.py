"""When beats move: a network's streams in time, given what stands between its layers. Names no operator."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..network import Network
from .arrival import Times
from .memories import fifo_cycles


def most_waiting(given: Times, taken: Times) -> int:
    """Words that must stand where beats are given and taken in these cycles, so that none is stopped.

    A register slice and a FIFO of that many words are alike in that: a word that leaves makes room a cycle later.
    """
    waiting = np.arange(given.size) - np.searchsorted(taken, given)  # that came before, and are still there
    return int(waiting.max()) + 1


@dataclass(frozen=True)
class Moves:
    """Cycles of every stream's beats, as long as no stream runs full.

    Attributes:
        given: in which they stand where a layer, or the input port, gives them.
        taken: in which the layer that reads the stream takes them; nothing for the streams of output ports.
    """

    given: dict[str, Times]
    taken: dict[str, Times]

    def words(self, stream: str, taken: str | None = None) -> int:
        """Words that must stand on a stream so that what comes there is never stopped; see `most_waiting`.

        Args:
            taken: the stream whose reader takes the beats, if layers in between may stop; the same by default.
        """
        return most_waiting(self.given[stream], self.taken[taken or stream])


def moves(network: Network, source: Times, depths: dict[str, int]) -> Moves:
    """A network's streams in time.

    Args:
        source: cycles at which the input port offers pixels, of one frame or more.
        depths: words that stand on each stream between two layers.
    """
    given: dict[str, Times] = {network.input: source}
    taken: dict[str, Times] = {}
    cycles = {name: fifo_cycles(depth, network.streams[name].kind.word_bits) for name, depth in depths.items()}
    for node in network.nodes:
        passage = node.op.flow([given[name] + cycles[name] for name in node.inputs])
        taken.update(zip(node.inputs, passage.taken, strict=True))
        given.update(zip(node.outputs, passage.given, strict=True))
    return Moves(given, taken)
