"""What an operator computes, and what it has learned, as published tables count it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Work:
    """Multiply-accumulates per beat of the fastest input, and what they are made with.

    Attributes:
        binary, fixed: with binary and with wider weights.
        planes: bit planes of the input of the binary ones (1 for a bipolar one); 0 where there are none.
        kernel: K of a convolution; 0 elsewhere.
    """

    binary: float
    fixed: float
    planes: int
    kernel: int


@dataclass(frozen=True)
class Parameters:
    """Learned constants of a layer.

    Attributes:
        binary, fixed: number of weights of each kind; biases count as fixed.
        per_channel: number of parameters per channel (scales, biases, slopes, thresholds).
        bits: bits of all of them.
    """

    binary: int
    fixed: int
    per_channel: int
    bits: int


NO_WORK = Work(0.0, 0.0, 0, 0)
NO_PARAMETERS = Parameters(0, 0, 0, 0)
