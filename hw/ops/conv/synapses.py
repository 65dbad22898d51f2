"""Which inputs of a window have weights: a convolution that was filled up with zeros leaves out what they meet.

Strides, dilations, groups and kernels that are even or not square become odd square kernels of stride 1 and one group
(`whole`, `strided`), and whole blocks of their weights are zero: for all outputs alike, or, with groups, for some
outputs these and for others those. The window still holds all of it. What reads it, in both projects, are units side by
side, each for as many outputs that follow each other and with a list of its own of what it reads.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..folds import divisors

#: What must be left out, as a share of what is read without that, before it is left out; and before units differ.
#: Single zeros that training left would make a number that no folding divides, and each unit has a control of its own.
WORTH, WORTH_UNITS = 0.25, 0.5
#: Synapses without a weight, as a share of those with one, that are read all the same if that makes blocks larger, or
#: units fewer.
SLACK = 0.1
#: What all units together read at most, as a multiple of what one unit for all outputs would: each has what it reads in
#: registers. Groups read different channels; the phases of a transposed convolution would read the same ones again.
OVERLAP = 1.25


@dataclass(frozen=True)
class Synapses:
    """Blocks of channels that have weights.

    Attributes:
        block: channels of a block, a divisor of all.
        lists: for each unit the blocks that it reads, all equally many, at least one, ascending; block b of tap (i, j)
            is number (i*K + j)*(C/block) + b. A unit has O/len(lists) outputs.
        of: synapses of the whole window, K*K*C.
    """

    block: int
    lists: tuple[tuple[int, ...], ...]
    of: int

    @property
    def units(self) -> int:
        """Matrix-vector units, side by side."""
        return len(self.lists)

    @property
    def count(self) -> int:
        """Weights of one output channel."""
        return self.block * len(self.lists[0])

    @property
    def all(self) -> bool:
        """Whether nothing is left out."""
        return self.count == self.of

    def rows(self, weight: np.ndarray) -> np.ndarray:
        """Weights (O, K, K, C) as (O, synapses), those that are read."""
        blocks = weight.reshape(self.units, len(weight) // self.units, -1, self.block)
        read = [unit[:, list(numbers)] for unit, numbers in zip(blocks, self.lists, strict=True)]
        return np.stack(read).reshape(len(weight), -1)


def whole(weight: np.ndarray) -> Synapses:
    """All synapses of weights (O, K, K, C), a tap as a block."""
    return Synapses(weight.shape[3], (tuple(range(weight.shape[1] * weight.shape[2])),), int(weight[0].size))


def used(weight: np.ndarray) -> Synapses:
    """The synapses of weights (O, K, K, C) in which some output has a weight, in blocks as large as may be."""
    has = _needed(weight, 1)
    if _most(has) > (1 - WORTH) * has.shape[1]:
        return whole(weight)
    return _blocks(has, weight.shape[3])


def apart(weight: np.ndarray) -> Synapses:
    """As `used`, by units that read different synapses where each then reads at most half as many, and all of them
    hardly more.
    """
    together = used(weight)
    has = {n: _needed(weight, n) for n in divisors(len(weight))}
    least = _most(has[len(weight)])
    if least > (1 - WORTH_UNITS) * together.count:
        return together
    units = next(n for n, one in has.items() if _most(one) <= (1 + SLACK) * least)
    found = _blocks(has[units], weight.shape[3])
    return found if units * found.count <= OVERLAP * together.count else together


def _needed(weight: np.ndarray, units: int) -> np.ndarray:
    """(units, synapses): whether some output of a unit has a weight there."""
    return np.asarray(weight.reshape(units, len(weight) // units, -1).any(axis=1))


def _most(has: np.ndarray) -> int:
    """Synapses of the unit that reads most; (units, synapses)."""
    return max(int(has.sum(axis=1).max()), 1)


def _blocks(has: np.ndarray, channels: int) -> Synapses:
    """The largest blocks that read little more than must be."""
    least = _most(has)
    for block in reversed(divisors(channels)):
        needed = np.asarray(has.reshape(len(has), -1, block).any(axis=2))
        length = _most(needed)
        if block * length <= (1 + SLACK) * least:
            break
    # Where a unit needs fewer than another, it reads some that have no weight.
    first = np.argsort(~needed, axis=1, kind="stable")[:, :length]
    return Synapses(block, tuple(tuple(sorted(row)) for row in first.tolist()), has.shape[1])
