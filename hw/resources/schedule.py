"""The schedule of a network: latency and cycles of a frame, computed without simulating anything. Names no operator.

A network of streaming modules is a max-plus system: each pixel's time is the greatest of the times of what it needs,
plus a constant. Each operator has its recurrence (`Op.flow`); `predict` runs them over a whole frame, in topological
order, with pixels offered every cycle. What stands between two layers takes its cycles.

That holds while no stream runs full: see `fifos`, which gives each branch of a join room for all that the other branch
can hold, `transients`, which adds what waits while a frame comes in, and `bursts`, which keeps slow layers from
stopping a mean over the frame.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..network import Network
from .arrival import Times
from .fifos import fifo_depths
from .memories import fifo_cycles
from .moves import moves

#: Registers in the video ports (xnorsr_video_in, xnorsr_video_out), a cycle each.
PORTS = 2
#: What the slowest part is called where it is the input port itself.
INPUT = "input"


@dataclass(frozen=True)
class Prediction:
    """Cycles of a network.

    Attributes:
        latency: first pixel taken to first pixel at the first output, ports included.
        cycles_per_frame: first pixel taken to last pixel at any output of one frame alone, both cycles counted.
        frame_interval: cycles between frames that follow each other without a pause.
        bottleneck: name of the layer that sets the frame interval.
        ends: for each output, first pixel taken to its last pixel, both cycles counted.
        start: cycles after reset within which what the network keeps from frame to frame is where the first frame
            needs it; one that comes earlier may wait for it. 0 for a network that keeps nothing.
    """

    latency: int
    cycles_per_frame: int
    frame_interval: int
    bottleneck: str
    ends: tuple[int, ...]
    start: int = 0


def flows(network: Network, source: Times) -> dict[str, Times]:
    """Cycles at which layers give each stream's beats; ``source`` are those at which the input port offers pixels."""
    return moves(network, source, fifo_depths(network, "rtl")).given


def slowest(network: Network) -> tuple[str, int]:
    """Name of the layer, or `INPUT`, that sets the frame interval under the folding that the layers have, and that
    interval in cycles.
    """
    busy = {INPUT: network.input_type.pixels} | {node.name: node.op.timing("rtl").busy for node in network.nodes}
    name = max(busy, key=lambda name: busy[name])
    return name, busy[name]


def predict(network: Network) -> Prediction:
    """Latency and cycles of a frame under the folding that the layers have, pixels offered every cycle.

    What the network keeps from frame to frame is there before the frame comes.
    """
    pixels = network.input_type.pixels
    bottleneck, interval = slowest(network)
    times = flows(network, np.arange(pixels, dtype=np.int64))
    ends = tuple(int(times[name][-1]) + PORTS + 1 for name in network.outputs)
    return Prediction(
        latency=int(times[network.outputs[0]][0]) + PORTS,
        cycles_per_frame=max(ends),
        frame_interval=interval,
        bottleneck=bottleneck,
        ends=ends,
        start=_start(network),
    )


def _start(network: Network) -> int:
    """An upper bound of `Prediction.start`: one beat through everything that works on vectors, one after the other."""
    if not network.states:
        return 0
    vectors = [node.op.timing("rtl") for node in network.nodes if node.op.input.pixels == 1]
    deepest = fifo_cycles(1 << 20, 1)  # through a stream between two layers
    return deepest + sum(t.latency + t.interval + t.window_register + deepest for t in vectors)
