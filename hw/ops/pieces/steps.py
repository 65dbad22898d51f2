"""The steps of a function of one integer per channel: the runs of codes that give the same result.

Of few codes each is executed. Of many, the chain is monotone between the places where a slope changes its sign, and
float rounding is monotone too: bisection finds each code where the result changes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

#: Codes of all channels that are executed one by one; of more, the steps are found by bisection.
EVERY = 1 << 21

#: (C, n) codes of the input -> (C, n) results.
Evaluate = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Runs:
    """Runs of equal results, ascending, of all channels: rows are channels, shorter ones repeat their last run.

    Attributes:
        first, last: (C, n) codes of the input where each run begins and ends, int64.
        result: (C, n) the result of each run.
        count: (C,) runs of each channel.
    """

    first: np.ndarray
    last: np.ndarray
    result: np.ndarray
    count: np.ndarray


def find(evaluate: Evaluate, channels: int, lo: int, hi: int, bends: list[Evaluate]) -> Runs:
    """All runs of a function over the codes lo..hi.

    Args:
        evaluate: the function, int64 results.
        bends: functions with results 0 and 1, in order. Each is monotone between the changes of those in front of it,
            and `evaluate` between the changes of all.
    """
    if channels * (hi - lo + 1) <= EVERY:
        codes = np.arange(lo, hi + 1)
        results = evaluate(np.broadcast_to(codes, (channels, codes.size)))
        channel, place = np.nonzero(np.diff(results, axis=1))
        return _runs(evaluate, channels, lo, hi, channel, codes[place + 1])
    channel = np.repeat(np.arange(channels), 2)
    points = np.tile(np.array([lo, hi], np.int64), channels)
    for bend in bends:
        changed, place = _changes(bend, channels, channel, points)
        channel = np.concatenate([channel, changed, changed])
        points = np.concatenate([points, place - 1, place])
    channel, place = _changes(evaluate, channels, channel, points)
    return _runs(evaluate, channels, lo, hi, channel, place)


def _changes(
    evaluate: Evaluate, channels: int, channel: np.ndarray, points: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(channels, codes) at which the result is another than at the code below.

    Args:
        channel, points: (n,) places between neighbours of which the function is monotone, all channels' ends among
            them.
    """
    order = np.lexsort((points, channel))
    channel, points = channel[order], points[order]
    values = _at(evaluate, channels, channel, points)
    inside = (channel[1:] == channel[:-1]) & (points[1:] > points[:-1])
    row, left, right = channel[1:][inside], points[:-1][inside], points[1:][inside]
    low, high = values[:-1][inside], values[1:][inside]
    found: list[tuple[np.ndarray, np.ndarray]] = []
    while row.size:
        differ = low != high
        row, left, right, low, high = (x[differ] for x in (row, left, right, low, high))
        close = right - left == 1
        found.append((row[close], right[close]))
        row, left, right, low, high = (x[~close] for x in (row, left, right, low, high))
        if row.size:
            middle = (left + right) // 2
            value = _at(evaluate, channels, row, middle)
            row, left, right = np.tile(row, 2), np.concatenate([left, middle]), np.concatenate([middle, right])
            low, high = np.concatenate([low, value]), np.concatenate([value, high])
    if not found:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    return np.concatenate([r for r, _ in found]), np.concatenate([p for _, p in found])


def _at(evaluate: Evaluate, channels: int, channel: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Results at single codes of single channels; `evaluate` wants as many of each channel."""
    order = np.argsort(channel, kind="stable")
    counts = np.bincount(channel, minlength=channels)
    place = np.arange(channel.size) - np.repeat(np.cumsum(counts) - counts, counts)
    width = 1 << int(counts.max() - 1).bit_length()  # few different widths: each takes a model of its own
    table = np.full((channels, width), codes[0], np.int64)
    table[channel[order], place] = codes[order]
    results = np.zeros(channel.size, np.int64)
    results[order] = evaluate(table)[channel[order], place]
    return results


def _runs(evaluate: Evaluate, channels: int, lo: int, hi: int, channel: np.ndarray, place: np.ndarray) -> Runs:
    """Sort changes into runs."""
    order = np.lexsort((place, channel))
    channel, place = channel[order], place[order]
    counts = np.bincount(channel, minlength=channels)
    first = np.full((channels, int(counts.max()) + 1), hi, np.int64)
    first[:, 0] = lo
    at = 1 + np.arange(channel.size) - np.repeat(np.cumsum(counts) - counts, counts)
    first[channel, at] = place
    index = np.minimum(np.arange(first.shape[1]), counts[:, None])
    first = np.take_along_axis(first, index, 1)
    last = np.full_like(first, hi)
    last[:, :-1] = np.where(np.arange(first.shape[1] - 1) < counts[:, None], first[:, 1:] - 1, hi)
    return Runs(first, last, evaluate(first), counts + 1)
