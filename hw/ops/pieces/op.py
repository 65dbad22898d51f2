"""Straight pieces per channel and the rounding behind them: any chain of floats that ends in a Quant, by its steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ...resources.arrival import Passage, Times, together
from ...types import Requant, StreamType, bits_for
from ..base import NO_WORK, Fold, Op, Parameters, Rng, Side, Sort, Timing, Work
from ..folds import ChannelFolded, check_fold
from ..phases import at_phases
from . import cost, emit

if TYPE_CHECKING:
    from ...hls.kernel import Kernel
    from ...resources.cost import Coefficient, Cost
    from ...rtl.module import LayerModule


@dataclass(frozen=True, eq=False)
class Pieces(ChannelFolded):
    """Per channel: y = quant(scale[p]*x + bias[p]), p the number of splits that x reaches.

    Attributes:
        splits: (C, P - 1) codes, ascending in each row; in the range of x or one above it (never reached).
        scale, bias: (C, P) codes of each piece; bias is at the lsb of scale*x.
        quant: the rounding.
        pe: channels that hardware works on in one cycle, a divisor of C; 0 for all of them.
    """

    op_type: ClassVar[str] = "Pieces"
    summary: ClassVar[str] = (
        "any chain of float scales, biases, BatchNorm, PReLU and clips that ends in a quantizer: exact at every step"
    )
    hardware: ClassVar[str] = (
        "comparators choose among constants, multiply-add, round half to even, saturate; multipliers shared by the "
        "folding"
    )
    coefficients: ClassVar[dict[str, Coefficient]] = cost.COEFFICIENTS
    splits: np.ndarray
    scale: np.ndarray
    bias: np.ndarray
    quant: Requant
    pe: int = 0

    @property
    def count(self) -> int:
        """P, pieces per channel."""
        return int(self.scale.shape[1])

    @property
    def param_bits(self) -> dict[str, int]:
        """Two's complement bits of a split, a scale and a bias."""
        arrays = {"split": self.splits, "scale": self.scale, "bias": self.bias}
        return {key: _signed_bits(array) for key, array in arrays.items()}

    def frame_problem(self) -> str | None:
        return None

    def before_shuffle(self, inputs: tuple[StreamType, ...], factor: int, mode: str) -> Op | None:
        return at_phases(self, inputs, factor, mode, ("splits", "scale", "bias"))

    def golden(self, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        (x,) = inputs
        piece = (x[..., None] >= self.splits).sum(-1)
        channel = np.arange(x.shape[-1])
        return (self.quant(self.scale[channel, piece] * x + self.bias[channel, piece]),)

    def timing(self, side: Side) -> Timing:
        return self.pointwise(self.folds, emit.hls_latency(self) if side == "hls" else emit.rtl_latency(self))

    def flow(self, arrivals: Sequence[Times]) -> Passage:
        return together(arrivals, self.folds, emit.rtl_latency(self))

    def fold_cost(self) -> Cost:
        return cost.lanes(self)

    def cost(self) -> Cost:
        return cost.pieces(self)

    def line_buffer_bits(self) -> int:
        return 0

    def work(self) -> Work:
        return NO_WORK  # published tables count convolutions only

    def parameters(self) -> Parameters:
        bits, count = self.param_bits, self.scale.size + self.bias.size + self.splits.size
        stored = self.scale.size * bits["scale"] + self.bias.size * bits["bias"] + self.splits.size * bits["split"]
        return Parameters(0, 0, count, stored)

    def kernel(self, name: str) -> Kernel:
        check_fold(name, self, Fold(self.lanes, 1))
        return emit.kernel(name, self)

    def module(self, name: str, index: int) -> LayerModule:
        return emit.module(name, self)

    def describe(self) -> str:
        what = "straight piece" if self.count == 1 else f"{self.count} straight pieces"
        return f"{what} + round, {self.param_bits['scale']}-bit scales"

    @property
    def sort(self) -> Sort:
        return "affine"

    @classmethod
    def random(cls, rng: Rng) -> Op:
        from .random import random_pieces

        return random_pieces(rng)


def _signed_bits(codes: np.ndarray) -> int:
    if not codes.size:
        return 1
    bits, signed = bits_for(int(codes.min()), int(codes.max()))
    return bits + (not signed)
