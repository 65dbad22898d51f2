"""Straight pieces through the steps of a function: a multiplier, an offset and a common shift, proved at every step.

A piece a*x + b, rounded half to even at 2**shift, gives the result k on a run of codes exactly where it does so at the
run's first and last code, for a*x + b is monotone. So each run gives two lower and two upper bounds of a*x + b. Whether
real a and b within all of them exist is a question of one unknown: the room for b is a concave function of a. A piece
takes as many runs as have one; then the smallest shift is taken at which whole numbers a and b fit into that room, and
that is decided in integers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .steps import Runs

MAX_SHIFT = 48
MAX_PIECES = 16
_ITERATIONS = 64  # of the bisection for the slope with the most room
_EXCHANGES = 40  # of the bounds that decide it
_FAR = 1 << 60  # beyond every number that is looked at: differences of two fit int64


@dataclass(frozen=True)
class Fit:
    """Pieces of all channels; channels with fewer repeat their last one, from one above the greatest code on.

    Attributes:
        splits: (C, P - 1) first code of each piece but the first.
        scale, bias: (C, P) of each piece, at the lsb 2**-shift of a result's.
        shift: of the rounding.
    """

    splits: np.ndarray
    scale: np.ndarray
    bias: np.ndarray
    shift: int


def fit(runs: Runs, lo: int, hi: int) -> Fit | None:
    """As few pieces as there are; None where a channel needs more than MAX_PIECES, or more than MAX_SHIFT bits.

    Args:
        runs: the function.
        lo, hi: least and greatest result of any channel, where the rounding saturates.
    """
    bounds = _Bounds(runs, lo, hi)
    starts = bounds.cut()
    if len(starts) > MAX_PIECES:
        return None
    pieces = [bounds.whole(start, end) for start, end in zip(starts, [*starts[1:], runs.count], strict=True)]
    if any(piece is None for piece in pieces):
        return None
    shift = max(int(s.max()) for _, _, s in pieces)  # type: ignore[misc]
    scale = np.stack([a << (shift - s) for a, _, s in pieces], 1)  # type: ignore[misc]
    bias = np.stack([b << (shift - s) for _, b, s in pieces], 1)  # type: ignore[misc]
    above = int(runs.last.max()) + 1
    columns = []
    for start in starts[1:]:
        there = np.minimum(start, runs.first.shape[1] - 1)
        code = np.take_along_axis(runs.first, there[:, None], 1)[:, 0]
        columns.append(np.where(start < runs.count, code, above))
    splits = np.stack(columns, 1) if columns else np.zeros((len(scale), 0), np.int64)
    return Fit(splits, scale, bias, shift)


def _between(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """A b between two bounds, beside the one where there is no other."""
    middle = low + (high - low) // 2
    return np.where(high >= _FAR, np.where(low <= -_FAR, 0, low), np.where(low <= -_FAR, high, middle))


class _Bounds:
    """Bounds of a*x + b at the first and the last code of each run, (C, 2n)."""

    def __init__(self, runs: Runs, lo: int, hi: int) -> None:
        self.runs = runs
        self.at = np.concatenate([runs.first, runs.last], 1)
        self.code = np.concatenate([runs.result, runs.result], 1)
        self.run = np.tile(np.arange(runs.first.shape[1]), 2)
        self.below, self.above = self.code > lo, self.code < hi  # where there is a bound from below, from above
        self.steepest = float(hi - lo + 1)
        self.shifts = min(MAX_SHIFT, 60 - (2 * max(hi, -lo) + 1).bit_length())

    def cut(self) -> list[np.ndarray]:
        """(C,) first run of each piece, one array a piece; a channel that needs fewer has its number of runs there."""
        count, starts = self.runs.count, list[np.ndarray]()
        start = np.zeros(len(count), np.int64)
        while np.any(start < count) and len(starts) <= MAX_PIECES:
            starts.append(start)
            good, bad = np.minimum(start + 1, count), count + 1
            ask = count.copy()  # the whole rest first: most chains are one piece or two
            while np.any(good < bad - 1):
                fits = self._slope(start, ask)[1] > 1e-9
                fits |= ask <= start + 1
                good, bad = np.where(fits, np.maximum(good, ask), good), np.where(fits, bad, np.minimum(bad, ask))
                ask = np.where(good < bad - 1, (good + bad) // 2, good)
            start = good
        return starts

    def _inside(self, start: np.ndarray, end: np.ndarray) -> np.ndarray:
        return (self.run >= start[:, None]) & (self.run < end[:, None])

    def _slope(self, start: np.ndarray, end: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """((C,) the slope with the most room for b between the bounds of runs start..end-1, (C,) that room).

        A few bounds decide: the slope is looked for between those that are known, and the tightest ones at that slope
        join them, until none is new or there is no room between them.
        """
        inside = self._inside(start, end)
        centre = np.where(inside, self.at, 0).sum(1, keepdims=True) // np.maximum(inside.sum(1, keepdims=True), 1)
        x = (self.at - centre).astype(np.float64)
        least = np.where(inside & self.below, self.code - 0.5, -np.inf)
        most = np.where(inside & self.above, self.code + 0.5, np.inf)
        rows = np.arange(len(x))
        slope = best = np.zeros(len(x))
        room, promised = np.full(len(x), -np.inf), np.full(len(x), np.inf)
        known = np.zeros((len(x), 0), np.int64)
        for _ in range(_EXCHANGES):
            low, high = least - slope[:, None] * x, most - slope[:, None] * x
            tightest = np.stack([low.argmax(1), high.argmin(1)], 1)
            here = high[rows, tightest[:, 1]] - low[rows, tightest[:, 0]]
            best, room = np.where(here > room, slope, best), np.maximum(here, room)
            if np.all((promised <= 0) | (room >= promised * (1 - 1e-9))):
                break
            known = np.concatenate([known, tightest], 1)
            slope, promised = self._widest(*(np.take_along_axis(v, known, 1) for v in (x, least, most)))
        return best, room

    def _widest(self, x: np.ndarray, least: np.ndarray, most: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The slope with the most room, and that room, of few bounds: the room is concave, so bisection finds it."""
        rows = np.arange(len(x))
        left, right = np.full(len(x), -self.steepest), np.full(len(x), self.steepest)
        best, room = np.zeros(len(x)), np.full(len(x), -np.inf)
        for _ in range(_ITERATIONS):
            a = (left + right) / 2
            low, high = least - a[:, None] * x, most - a[:, None] * x
            at_low, at_high = low.argmax(1), high.argmin(1)
            here = high[rows, at_high] - low[rows, at_low]
            best, room = np.where(here > room, a, best), np.maximum(here, room)
            rising = x[rows, at_low] > x[rows, at_high]  # the room grows with a
            left, right = np.where(rising, a, left), np.where(rising, right, a)
        return best, room

    def whole(self, start: np.ndarray, end: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
        """(a, b, shift), each (C,) int64, of the smallest shift for each channel; None where none is found."""
        slope, room = self._slope(start, end)
        inside = self._inside(start, end)
        done = ~inside.any(1)
        a, b, shifts = (np.zeros(len(slope), np.int64) for _ in range(3))
        reach = float(np.abs(self.at).max()) + 1
        least = int(np.floor(-np.log2(np.clip(room, 1e-12, 0.25)).min())) - 1  # a whole b needs room for one
        for shift in range(max(least, 1), self.shifts + 1):
            for rounded in (np.rint, np.floor, np.ceil):
                number = rounded(slope * 2.0**shift)
                short = np.abs(number) * reach < _FAR  # the product fits int64
                tried = np.where(short, number, 0).astype(np.int64)
                low, high = self._room(inside, tried, shift)
                new = ~done & short & (low <= high)
                a, shifts = np.where(new, tried, a), np.where(new, shift, shifts)
                b = np.where(new, _between(low, high), b)
                done |= new
            if done.all():
                return a, b, shifts
        return None

    def _room(self, inside: np.ndarray, a: np.ndarray, shift: int) -> tuple[np.ndarray, np.ndarray]:
        """Least and greatest b that keep a*x + b within all bounds: ties go to the even result."""
        odd = self.code & 1
        half = np.int64(1) << (shift - 1)
        product = a[:, None] * self.at
        least = (2 * self.code - 1) * half + odd - product
        most = (2 * self.code + 1) * half - odd - product
        low = np.where(inside & self.below, least, -_FAR).max(1)
        return low, np.where(inside & self.above, most, _FAR).min(1)
