"""Which inputs of a window have weights: a convolution that was filled up with zeros leaves out what they meet.

Strides, dilations and kernels that are even or not square become odd square kernels of stride 1 (`whole`, `strided`),
and whole blocks of their channels have no weight in any output. The window still holds those; the engine does not read
them, in neither project.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..folds import divisors

#: What must be left out, as a share of all, before anything is: single zeros that training left would make a number
#: that no folding divides.
WORTH = 0.25
#: Synapses without a weight, as a share of those with one, that are read all the same if that makes groups larger.
SLACK = 0.1


@dataclass(frozen=True)
class Synapses:
    """Groups of channels that have weights.

    Attributes:
        group: channels of a group, a divisor of all.
        numbers: group g of tap (i, j) is number (i*K + j)*(C/group) + g; ascending, at least one.
        of: synapses of the whole window, K*K*C.
    """

    group: int
    numbers: tuple[int, ...]
    of: int

    @property
    def count(self) -> int:
        """Weights of one output channel."""
        return self.group * len(self.numbers)

    @property
    def all(self) -> bool:
        """Whether nothing is left out."""
        return self.count == self.of

    def rows(self, weight: np.ndarray) -> np.ndarray:
        """Weights (O, K, K, C) as (O, synapses), those that are read."""
        grouped = weight.reshape(len(weight), -1, self.group)
        return grouped[:, list(self.numbers)].reshape(len(weight), -1)


def whole(weight: np.ndarray) -> Synapses:
    """All synapses of weights (O, K, K, C), a tap as a group."""
    return Synapses(weight.shape[3], tuple(range(weight.shape[1] * weight.shape[2])), int(weight[0].size))


def used(weight: np.ndarray) -> Synapses:
    """The synapses of weights (O, K, K, C) in which some output has a weight, in groups as large as may be."""
    everything = whole(weight)
    has = weight.any(axis=0).reshape(-1)
    least = max(int(has.sum()), 1)
    if least > (1 - WORTH) * has.size:
        return everything
    for group in reversed(divisors(weight.shape[3])):
        numbers = np.flatnonzero(has.reshape(-1, group).any(axis=1))
        found = Synapses(group, tuple(numbers.tolist()) or (0,), everything.of)
        if found.count <= (1 + SLACK) * least:
            return found
    return found  # groups of one channel
