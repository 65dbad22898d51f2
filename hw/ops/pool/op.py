"""Sum or mean of each channel over the frame, one vector per frame: what channel attention begins with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from ...hls import latency as hls
from ...hls.arrays import ints
from ...hls.kernel import Kernel, pixels, requant, size
from ...hls.widths import check_bits, requant_bits
from ...resources.arrival import NEVER, Passage, Times, paced
from ...resources.cost import Coefficient, Cost, coefficient, control, multiplier
from ...rtl.literals import rows
from ...rtl.module import (
    CLOCK,
    STREAM_IN,
    STREAM_OUT,
    Constant,
    Instance,
    LayerModule,
    Wire,
    flag,
    layer,
    quant_parameters,
    requant_cycles,
)
from ...types import Range, Requant, StreamType
from ..base import NO_PARAMETERS, NO_WORK, Fold, FoldSpace, OneOutput, Op, Parameters, Rng, Side, Sort, Timing, Work
from ..folds import check_fold, divisors, space


@dataclass(frozen=True, eq=False)
class Pool(OneOutput):
    """Sum over the frame, (H, W, C) to (1, 1, C): y = quant(sum of x); exact without quant.

    A mean is a sum whose quant divides by the number of pixels. The vector of a frame is known when the frame is over,
    so what meets it waits: the FIFO beside holds the frame. With a `start` nothing waits: a frame gets the vector of
    the frame before, which a register holds.

    Attributes:
        pe: channels that are requantized in one cycle, a divisor of C; 0 for all of them. Sums take a pixel per cycle.
        start: codes that the first frame after reset gets, one for each channel; None: each frame gets its own vector.
    """

    op_type: ClassVar[str] = "Pool"
    summary: ClassVar[str] = (
        "sum or mean over the frame, rounded: one vector per frame; what meets it waits for it, or takes the vector of "
        "the frame before"
    )
    hardware: ClassVar[str] = (
        "accumulators, one divider shared by the channels; the FIFO beside holds the frame, or a register the vector"
    )
    coefficients: ClassVar[dict[str, Coefficient]] = {}
    quant: Requant | None
    pe: int = 0
    start: tuple[int, ...] | None = None

    @property
    def lanes(self) -> int:
        """Channels that are requantized per cycle."""
        return self.pe if self.pe and self.quant is not None else self.output.channels

    @property
    def folds(self) -> int:
        """Cycles that the requantization of a vector takes."""
        return self.output.channels // self.lanes

    @property
    def sum(self) -> Range:
        """Least and greatest sum."""
        return Range(self.input.lo * self.input.pixels, self.input.hi * self.input.pixels)

    def frame_problem(self) -> str | None:
        return None

    def before_shuffle(self, inputs: tuple[StreamType, ...], factor: int, mode: str) -> Op | None:
        return None

    def golden(self, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        total = inputs[0].sum((0, 1), keepdims=True)
        y = total if self.quant is None else self.quant(total)
        return (y,) if self.start is None else (inputs[1], y)

    def timing(self, side: Side) -> Timing:
        before = self.input.pixels - 1
        if self.start is not None:
            before -= self.input.pixels
        if side == "hls":
            latency = hls.PORTS + hls.STEP * (1 + (self.quant is not None)) + self.folds
            return Timing(1, latency, before, 0, 0, 0.0, self.input.pixels + self.folds)
        latency = 1 + requant_cycles(self.quant, self.logic_levels) + (1 + self.folds if self.folds > 1 else 0)
        latency += self.start is not None
        return Timing(1, latency, before, 0, 0, 0.0, max(self.input.pixels, self.folds))

    def flow(self, arrivals: Sequence[Times]) -> Passage:
        pixels_, latency = self.input.pixels, self.timing("rtl").latency
        last = left = NEVER  # cycles of the last pixel, and in which the sums before went on
        taken, out = [], []
        for frame in arrivals[0].reshape(-1, pixels_):
            earliest = frame.copy()
            earliest[0] = max(earliest[0], left)
            taken.append(paced(earliest, 1, last))
            last = int(taken[-1][-1])
            left = max(last + 1, left + self.folds)
            out.append(left + latency - 1)
        if self.start is not None:
            out = [NEVER, *out[:-1]]  # the vector of the first frame is there from reset on
        return Passage((np.concatenate(taken),), (np.array(out, np.int64),))

    def fold_space(self) -> FoldSpace | None:
        channels = self.output.channels
        legal = divisors(channels) if self.quant is not None else [channels]
        return space(Fold(self.lanes, 1), legal, [1], ("C", "1"))

    def folded(self, fold: Fold) -> Self:
        return self.replace(pe=fold.pe)

    def fold_cost(self) -> Cost:
        if self.quant is None:
            return Cost()
        bits, divisor = self.sum.bits, self.quant.odd_form[1]
        lane = Cost(lut=coefficient("round") * self.output.bits, ff=1.0 * self.output.bits)
        if divisor > 1:  # by the reciprocal, and the test for a tie
            lane += multiplier(bits + 2, bits + 2 + divisor.bit_length()) + multiplier(bits, divisor.bit_length())
            lane += Cost(lut=2.0 * bits, ff=4.0 * bits)
        cost = lane.times(self.lanes)
        if self.folds > 1:
            word = self.output.channels * bits
            cost += Cost(lut=word, ff=word + 2.0 * self.output.word_bits)
        return cost

    def cost(self) -> Cost:
        word = self.output.channels * self.sum.bits
        held = 0.0 if self.start is None else 1.0 * self.output.word_bits
        return control() + Cost(lut=coefficient("adder") * word, ff=1.0 * word + held) + self.fold_cost()

    def line_buffer_bits(self) -> int:
        return 0

    def work(self) -> Work:
        return NO_WORK

    def parameters(self) -> Parameters:
        return NO_PARAMETERS

    def kernel(self, name: str) -> Kernel:
        check_fold(name, self, Fold(self.lanes, 1))
        bits = self.sum.bits
        check_bits(name, "its sum over the frame", requant_bits(self.quant, bits))
        start = () if self.start is None else (ints("start", np.array(self.start), "[channel], of the first frame"),)
        return Kernel(
            "pool" if self.start is None else "pool_previous",
            "xnorsr_pool.h",
            (("in", pixels(self.input)), ("out", pixels(self.output)), ("quant", requant(self.quant))),
            (*size(self.input), ("PE", self.lanes), ("SUM_BITS", bits)),
            start,
        )

    def module(self, name: str, index: int) -> LayerModule:
        made = layer(name, self.op_type, self.inputs, self.outputs)
        parameters: dict[str, object] = {
            "Channels": self.output.channels,
            "Pe": self.lanes,
            "InBits": self.input.bits,
            "InSigned": flag(self.input.signed),
            "Beats": self.input.pixels,
            "SumBits": self.sum.bits,
            "HasQuant": flag(self.quant),
            **quant_parameters("Out", self.quant),
            "OutBits": self.output.bits,
            "LogicLevels": self.logic_levels,
        }
        if self.start is None:
            return made.whole("xnorsr_pool", parameters)
        bits = self.output.word_bits
        made.constants.append(Constant("Start", bits, rows(self.begin()[0], self.output.bits), "all channels"))
        made.wires += [Wire("vector_data", bits), Wire("vector_valid", 1), Wire("vector_ready", 1)]
        out = {"data_o": "vector_data", "valid_o": "vector_valid", "ready_i": "vector_ready"}
        made.whole("xnorsr_pool", parameters, STREAM_IN | out)
        into = {"data_i": "vector_data", "valid_i": "vector_valid", "ready_o": "vector_ready"}
        held = CLOCK | into | STREAM_OUT
        made.instances.append(Instance("xnorsr_previous", f"u_{name}_held", {"Bits": bits, "Start": "Start"}, held))
        return made

    def describe(self) -> str:
        what = "sum over the frame" if self.start is None else "sum over the frame before"
        return what + (" + round" if self.quant is not None else "")

    @property
    def sort(self) -> Sort:
        return "affine"

    @classmethod
    def random(cls, rng: Rng) -> Op:
        from .random import random_pool

        return random_pool(rng)
