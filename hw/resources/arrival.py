"""When things happen: cycle times of every pixel through one hardware module, as recurrences over whole frames.

A time is the number of a clock cycle. `arrival[n]` is the first cycle in which pixel n stands at a module's input,
`accept[n]` the cycle in which it is taken, `out[n]` the first cycle in which output n stands at its output. All of
them count pixels of consecutive frames without a break. Consumers are taken to be ready; what a slower
consumer holds back never reaches the output earlier, so output times are right all the same.

Every recurrence has the form x[n] = max(a[n], x[n-1] + w), solved at once as max-accumulate of a[n] - n*w.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

Times = np.ndarray  # int64, ascending

NEVER = -(1 << 40)


class Passage(NamedTuple):
    """Times of one operator: at which it takes the beats of each input, and at which those of each output are there."""

    taken: tuple[Times, ...]
    given: tuple[Times, ...]


class Flow(NamedTuple):
    """Times of one module: of its input pixels and of its output pixels."""

    accept: Times
    out: Times


def paced(earliest: Times, interval: int, start: int = NEVER) -> Times:
    """x[n] = max(earliest[n], x[n-1] + interval), with x[-1] = start."""
    steps = np.arange(earliest.size, dtype=np.int64) * interval
    lifted = earliest - steps
    if lifted.size:
        lifted[0] = max(lifted[0], start + interval)
    return np.maximum.accumulate(lifted) + steps


def pipeline(arrival: Times, interval: int, latency: int) -> Flow:
    """A module that makes one output of each input: `interval` cycles apart, `latency` cycles later."""
    accept = paced(arrival, interval)
    return Flow(accept, accept + latency)


def together(arrivals: Sequence[Times], interval: int, latency: int) -> Passage:
    """An operator that makes one beat of a beat of each input, all of which it takes in the same cycle."""
    flow = pipeline(np.maximum.reduce(arrivals), interval, latency)
    return Passage((flow.accept,) * len(arrivals), (flow.out,))


class _Slots:
    """State of a sliding window in front of an engine: the last slot's and the last window's times."""

    def __init__(self, interval: int) -> None:
        self.interval = interval
        self.free = NEVER  # first cycle in which the next slot may step
        self.popped = NEVER  # cycle in which the engine took the last window

    def run(self, earliest: Times, windows: bool) -> tuple[Times, Times]:
        """Step a row of slots, all of which make a window or none. (times of the steps, times the windows leave)."""
        if earliest.size == 0:
            return earliest, earliest
        ready = np.maximum(earliest + 1, self.free + 1)
        if windows:
            left = paced(ready, self.interval, self.popped)
            self.popped = int(left[-1])
        else:
            left = paced(ready, 1)
        before = np.concatenate(([self.free], left[:-1]))
        self.free = int(left[-1])
        return np.maximum(earliest, before), left


def window(arrival: Times, pixels: int, delay: int, interval: int) -> Flow:
    """A sliding window (xnorsr_window) and the engine behind it, which takes a window every ``interval`` cycles.

    A slot is an input pixel, or an empty one after the last pixel of a frame while windows are owed and no next
    frame has come. Pixel n's window leaves ``delay`` slots after its own; a new slot needs the window register free.

    Args:
        arrival: times of all pixels of all frames.
        pixels: pixels per frame.
        delay: (K//2)*width + K//2.
        interval: cycles between two windows that the engine takes.

    Returns:
        Times at which pixels are taken, and at which the engine takes windows.
    """
    frames = arrival.size // pixels
    state = _Slots(interval)
    accept: list[Times] = []
    out: list[Times] = []
    owed: list[bool] = [False] * delay  # is the slot of so many slots ago a pixel, oldest first

    def step(earliest: Times, pixel: bool) -> None:
        """Run slots of one kind, in parts within which each slot makes a window or none does."""
        nonlocal owed
        line = np.array(owed + [pixel] * earliest.size)
        makes = line[: earliest.size]
        owed = line[earliest.size :].tolist()
        edges = [0, *(np.flatnonzero(np.diff(makes)) + 1).tolist(), earliest.size]
        for a, b in pairwise(edges):
            if a == b:
                continue
            steps, left = state.run(earliest[a:b], bool(makes[a]))
            if pixel:
                accept.append(steps)
            if makes[a]:
                out.append(left)

    for frame in range(frames):
        step(arrival[frame * pixels : (frame + 1) * pixels], True)
        if frame + 1 == frames:
            step(np.full(delay, NEVER, np.int64), False)
            break
        for _ in range(delay):
            if arrival[(frame + 1) * pixels] <= state.free:
                break
            step(np.array([NEVER], np.int64), False)
    return Flow(np.concatenate(accept), np.concatenate(out))
