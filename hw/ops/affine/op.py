"""Per-channel multiply-add, requantization, PReLU and requantization in one layer, each part optional."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ...resources.arrival import Passage, Times, together
from ...types import Requant, StreamType
from ..base import NO_WORK, Fold, Op, Parameters, Rng, Side, Sort, Timing, Work
from ..folds import ChannelFolded, check_fold
from ..phases import at_phases
from . import cost, emit

if TYPE_CHECKING:
    from ...hls.kernel import Kernel
    from ...resources.cost import Coefficient, Cost
    from ...rtl.module import LayerModule


@dataclass(frozen=True, eq=False)
class Affine(ChannelFolded):
    """Per channel: y = quant(prelu(mid(scale*x + bias))); each of the parts may be missing.

    Attributes:
        scale, bias: (C,) codes or None; bias is at the lsb of scale*x (of x where scale is None).
        mid: requantization between the affine and the PReLU, or None.
        slope: (C,) codes or None. x >= 0: x << slope_frac; x < 0: x * slope.
        slope_frac: fractional bits of the slope.
        quant: final requantization, or None (then the output is exact).
        param_bits: {"scale": bits, "bias": bits, "slope": bits}, two's complement, of those that are there.
        pe: channels that hardware works on in one cycle, a divisor of C; 0 for all of them.
    """

    op_type: ClassVar[str] = "Affine"
    summary: ClassVar[str] = (
        "scale, bias, BatchNorm, PReLU, LeakyReLU and ReLU per channel, and the rounding behind them"
    )
    hardware: ClassVar[str] = "multiply-add, select, round half to even, saturate; multipliers shared by the folding"
    coefficients: ClassVar[dict[str, Coefficient]] = {}
    scale: np.ndarray | None
    bias: np.ndarray | None
    mid: Requant | None
    slope: np.ndarray | None
    slope_frac: int
    quant: Requant | None
    param_bits: dict[str, int]
    pe: int = 0

    @property
    def columns(self) -> dict[str, np.ndarray]:
        """The parameters that are there."""
        named = {"scale": self.scale, "bias": self.bias, "slope": self.slope}
        return {key: array for key, array in named.items() if array is not None}

    def frame_problem(self) -> str | None:
        return None

    def before_shuffle(self, inputs: tuple[StreamType, ...], factor: int, mode: str) -> Op | None:
        return at_phases(self, inputs, factor, mode, ("scale", "bias", "slope"))

    def golden(self, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        (y,) = inputs
        y = y if self.scale is None else y * self.scale
        y = y if self.bias is None else y + self.bias
        y = y if self.mid is None else self.mid(y)
        y = y if self.slope is None else np.where(y >= 0, y << self.slope_frac, y * self.slope)
        return (y if self.quant is None else self.quant(y),)

    def timing(self, side: Side) -> Timing:
        return self.pointwise(self.folds, emit.hls_latency(self) if side == "hls" else emit.rtl_latency(self))

    def flow(self, arrivals: Sequence[Times]) -> Passage:
        return together(arrivals, self.folds, emit.rtl_latency(self))

    def fold_cost(self) -> Cost:
        return cost.lanes(self)

    def cost(self) -> Cost:
        return cost.affine(self)

    def line_buffer_bits(self) -> int:
        return 0

    def work(self) -> Work:
        return NO_WORK  # published tables count convolutions only

    def parameters(self) -> Parameters:
        count = sum(array.size for array in self.columns.values())
        bits = sum(array.size * self.param_bits[key] for key, array in self.columns.items())
        return Parameters(0, 0, count, bits)

    def kernel(self, name: str) -> Kernel:
        check_fold(name, self, Fold(self.lanes, 1))
        return emit.kernel(name, self)

    def module(self, name: str, index: int) -> LayerModule:
        return emit.module(name, self)

    def describe(self) -> str:
        parts = ["scale"] * (self.scale is not None) + ["bias"] * (self.bias is not None)
        parts += ["round"] * (self.mid is not None) + ["PReLU"] * (self.slope is not None)
        parts += ["round"] * (self.quant is not None)
        return " + ".join(parts) or "pass"

    @property
    def sort(self) -> Sort:
        return "affine"

    @classmethod
    def random(cls, rng: Rng) -> Op:
        from .random import random_affine

        return random_affine(rng)
