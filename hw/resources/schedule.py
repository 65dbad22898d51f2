"""The schedule of a network: latency, cycles of a frame and FIFO depths, computed without simulating anything.

A network of streaming modules is a max-plus system: each pixel's time is the greatest of the times of what it
needs, plus a constant. `arrival` has the recurrence of each kind of module; here they are run over whole frames, in
topological order.

- `predict` lets pixels come every cycle and reads off latency and cycles of a frame.
- `fifo_depths` lets pixels come at the pace of the slowest layer. A stream then needs as many words as wait in it at
  most: a buffer with which one schedule of this pace is feasible never forces a slower one. Each depth is also
  at least what the windows of the other branch hold back, so no pattern of stalls can deadlock.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..graph.ops import Conv, Op, PixelShuffle, Upsample
from .arrival import Flow, Times, depth_needed, pipeline, shuffle, window
from .timing import LibraryTiming, Timing
from .view import Network, Stage, input_stage, output_stage, stages

#: Frames over which FIFO depths are taken, at least; more while frames are shorter than the latency.
FRAMES = 2
#: Frames at most.
MAX_FRAMES = 64


@dataclass(frozen=True)
class Prediction:
    """Cycles of a network.

    Attributes:
        latency: first pixel taken to first pixel at the output.
        cycles_per_frame: first pixel taken to last pixel at the output of one frame alone, both cycles counted.
        frame_interval: cycles between frames that follow each other without a pause.
        bottleneck: name of the layer that sets the frame interval.
    """

    latency: int
    cycles_per_frame: int
    frame_interval: int
    bottleneck: str


def window_half(op: Op | None) -> int:
    """K//2 of an operator that looks at neighbours, else 0."""
    if isinstance(op, Conv):
        return op.kernel // 2
    return 1 if isinstance(op, Upsample) and op.mode == "bilinear" else 0


def _delay(op: Op | None) -> int:
    """Slots between a pixel and its window."""
    return window_half(op) * (op.input.width + 1) if op is not None else 0


def _flow(stage: Stage, arrivals: list[Times], timing: Timing) -> Flow:
    """Times of one stage for the arrivals on its inputs."""
    op = stage.op
    if op is None:
        return Flow(arrivals[0], arrivals[0])
    interval, latency = timing.interval(op), timing.latency(op)
    if isinstance(op, PixelShuffle):
        return shuffle(arrivals[0], op.input.width, op.factor)
    if delay := _delay(op):
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


def _busy(stage: Stage, timing: Timing) -> int:
    """Cycles that a stage needs for a frame: its input pixels at its interval, or its output pixels one a cycle."""
    interval = timing.interval(stage.op) if stage.op is not None else 1
    return max(stage.pixels_in * interval, stage.pixels_out)


def predict(network: Network, timing: Timing | None = None) -> Prediction:
    """Latency and cycles of a frame under the folding that the layers have, pixels offered every cycle."""
    timing = timing or LibraryTiming()
    chain = stages(network)
    slowest = max(chain, key=lambda s: _busy(s, timing))
    out = _run(chain, np.arange(input_stage(chain).pixels_out, dtype=np.int64), timing)[output_stage(chain).name].out
    return Prediction(
        latency=int(out[0]),
        cycles_per_frame=int(out[-1]) + 1,
        frame_interval=_busy(slowest, timing),
        bottleneck=slowest.name,
    )


def _held(chain: list[Stage]) -> dict[str, float]:
    """Pixels of each stage's output that windows up to there can hold back, whatever the pattern of stalls."""
    held: dict[str, float] = {}
    for stage in chain:
        before = max((held[p] for p in stage.producers), default=0.0)
        if isinstance(stage.op, PixelShuffle):
            held[stage.name] = (before + stage.op.input.width) * stage.op.factor**2
        else:
            held[stage.name] = before + _delay(stage.op)
    return held


def fifo_depths(network: Network, timing: Timing | None = None) -> dict[tuple[str, str], int]:
    """Words that the FIFO on each stream must hold, by (tensor, name of the layer that reads it).

    0 means that no FIFO is needed: the producer's register and the handshake do.
    """
    timing = timing or LibraryTiming()
    chain = stages(network)
    pixels = input_stage(chain).pixels_out
    alone = predict(chain, timing)
    frames = min(max(FRAMES, math.ceil(alone.latency / alone.frame_interval) + 2), MAX_FRAMES)
    # Real spacing of the slowest layer, kept as whole cycles without drift.
    source = np.arange(frames * pixels, dtype=np.int64) * alone.frame_interval // pixels
    flows, held = _run(chain, source, timing), _held(chain)
    depths: dict[tuple[str, str], int] = {}
    for stage in chain:
        joint = len(stage.producers) > 1
        least = max(held[p] for p in stage.producers) if joint else 0.0
        for producer, tensor in zip(stage.producers, stage.tensors, strict=True):
            depth = 0
            if joint:
                depth = depth_needed(flows[producer].out, flows[stage.name].accept)
                if least > held[producer]:
                    depth = max(depth, math.ceil(least - held[producer]) + 1)
            depths[tensor, stage.name] = depth
    return depths
