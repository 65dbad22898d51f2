"""The schedule of a network: latency, cycles of a frame and FIFO depths, computed without simulating anything.

A network of streaming modules is a max-plus system: each pixel's time is the greatest of the times of what it
needs, plus a constant. `arrival` has the recurrence of each kind of module; `predict` runs them over a whole frame, in
topological order, with pixels offered every cycle.

That holds while no stream runs full: see `fifos`, which gives each branch of a join room for all that
the other branch can hold.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..graph.ops import PixelShuffle
from .arrival import Flow, Times, pipeline, shuffle, window
from .fifos import fifo_depths
from .timing import LibraryTiming, Timing, busy, window_delay
from .view import Network, Stage, input_stage, output_stage, stages

#: Registers in the video ports (xnorsr_video_in, xnorsr_video_out), a cycle each.
PORTS = 2

__all__ = ["PORTS", "Prediction", "fifo_depths", "predict"]


@dataclass(frozen=True)
class Prediction:
    """Cycles of a network.

    Attributes:
        latency: first pixel taken to first pixel at the output, ports included.
        cycles_per_frame: first pixel taken to last pixel at the output of one frame alone, both cycles counted.
        frame_interval: cycles between frames that follow each other without a pause.
        bottleneck: name of the layer that sets the frame interval.
    """

    latency: int
    cycles_per_frame: int
    frame_interval: int
    bottleneck: str


def _flow(stage: Stage, arrivals: list[Times], timing: Timing) -> Flow:
    """Times of one stage for the arrivals on its inputs."""
    op = stage.op
    if op is None:
        return Flow(arrivals[0], arrivals[0])
    interval, latency = timing.interval(op), timing.latency(op)
    if isinstance(op, PixelShuffle):
        return shuffle(arrivals[0], op.input.width, op.factor, op.pixels_per_beat)
    if delay := window_delay(op):
        taken, left = window(arrivals[0], stage.pixels_in, delay, interval)
        return Flow(taken, left + latency)
    return pipeline(np.maximum.reduce(arrivals), interval, latency)


def _run(chain: list[Stage], source: Times, timing: Timing) -> dict[str, Flow]:
    """Flow of every stage; ``source`` are the times at which the input port offers pixels."""
    flows: dict[str, Flow] = {}
    for stage in chain:
        arrivals = [flows[p].out for p in stage.producers] or [source]
        flows[stage.name] = _flow(stage, arrivals, timing)
    return flows


def predict(network: Network, timing: Timing | None = None) -> Prediction:
    """Latency and cycles of a frame under the folding that the layers have, pixels offered every cycle."""
    timing = timing or LibraryTiming()
    chain = stages(network)
    slowest = max(chain, key=lambda s: busy(s, timing))
    source = np.arange(input_stage(chain).pixels_out, dtype=np.int64)
    out = _run(chain, source, timing)[output_stage(chain).name].out + PORTS
    return Prediction(
        latency=int(out[0]),
        cycles_per_frame=int(out[-1]) + 1,
        frame_interval=busy(slowest, timing),
        bottleneck=slowest.name,
    )
