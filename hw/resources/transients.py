"""Room on skips for the first pixels of a frame, which come closer together than the slowest layer lets those behind
them follow. Names no operator.

`fifos` counts what the long branch of a join holds at the pace of the slowest layer up to there. While a frame comes
in, layers in front of the slow one fill at their own pace, and a skip then waits for a few beats more: its FIFO runs
full, the fork stops, and a frame alone comes later than `schedule` has it. So the FIFO holds what waits there by the
schedule. A fork gives no beat before each other branch has a place for it; without that, all beats that the slowest
layer has not taken yet would seem to wait on the skip.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..network import Network, Node
from .arrival import Times
from .moves import Moves, most_waiting, moves
from .slices import SLICE, branch_of, slices


def _held(node: Node) -> int:
    """Beats that a layer holds at most between taking one and giving it."""
    timing = node.op.timing("rtl")
    return int(timing.window + timing.spare) + timing.latency // max(timing.interval, 1) + timing.window_register + 1


def _places(network: Network, stream: str, depths: dict[str, int], beats: int) -> Iterator[tuple[str, int]]:
    """Streams that a branch goes along, and beats that find a place up to where their readers take them."""
    room = 0
    while stream in network.readers:
        reader = network.readers[stream][0]
        if network.streams[stream].kind.pixels != beats:
            return
        room += depths[stream]
        yield stream, room
        room += _held(reader)
        stream = reader.outputs[0]


def _given(network: Network, made: Moves, depths: dict[str, int], place: str) -> Times:
    """Cycles in which beats come to a stream of a branch, when its fork gives them as others let it."""
    own = branch_of(network, place)[-1]
    fork = network.producers.get(own)
    given = made.given[place]
    if fork is None or len(fork.outputs) == 1:
        return given
    times = given.copy()
    for other in fork.outputs:
        if other == own:
            continue
        for stream, room in _places(network, other, depths, given.size):
            if room < given.size:
                times[room:] = np.maximum(times[room:], made.taken[stream][: given.size - room] + 1)
    return times


def _ends(network: Network, balanced: dict[str, int]) -> dict[str, str]:
    """Inputs of joins, by the stream of the FIFO that balances their branch."""
    found: dict[str, str] = {}
    for join in network.nodes:
        for stream in join.inputs if len(join.inputs) > 1 else ():
            found.update((place, stream) for place in branch_of(network, stream) if balanced[place] > SLICE)
    return found


def _lacking(network: Network, fifos: dict[str, int], ends: dict[str, str], source: Times) -> dict[str, int]:
    """Words for FIFOs that would run full."""
    depths = slices(network, fifos)
    made = moves(network, source, depths)
    found = {}
    for place, end in ends.items():
        given, taken = _given(network, made, depths, place), made.taken[end]
        if given.size == taken.size:
            found[place] = most_waiting(given, taken)
    return {place: words for place, words in found.items() if words > fifos[place]}


def with_room(network: Network, fifos: dict[str, int], balanced: dict[str, int]) -> dict[str, int]:
    """FIFOs of RTL, deeper where a skip would run full while a frame comes alone.

    Args:
        fifos: words by stream, without slices.
        balanced: those that joins need; where this has none, none gets deeper.
    """
    ends = _ends(network, balanced)
    source = np.arange(network.input_type.pixels, dtype=np.int64)
    # A deeper FIFO may take a cycle more, and another one then a word.
    while more := _lacking(network, fifos, ends, source):
        fifos = fifos | more
    return fifos
