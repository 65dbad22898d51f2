"""Product of two streams, and the requantization behind it: gates, attention, re-scaling by the input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...hls import latency as hls
from ...hls.kernel import Kernel, pixels, requant, size
from ...hls.widths import check_bits, requant_bits
from ...resources.arrival import Passage, Times, together
from ...resources.cost import Coefficient, Cost, coefficient, control, multiplier
from ...rtl.module import STREAM_OUT, LayerModule, flag, layer, quant_parameters, requant_cycles
from ...types import Range, Requant, StreamType
from ..base import NO_PARAMETERS, NO_WORK, Fold, Op, Parameters, Rng, Side, Sort, Timing, Work
from ..folds import ChannelFolded, check_fold
from ..phases import at_phases

#: Operands, product and result, as a DSP slice registers them.
STAGES = 3


@dataclass(frozen=True, eq=False)
class Product(ChannelFolded):
    """Two streams of one frame multiplied channel by channel: y = quant(a * b); exact where quant is None.

    Attributes:
        pe: channels that hardware multiplies in one cycle, a divisor of C; 0 for all of them.
    """

    op_type: ClassVar[str] = "Product"
    summary: ClassVar[str] = "product of two streams, one of them broadcast where its shape asks for that, rounded"
    hardware: ClassVar[str] = "multipliers shared by the folding, round half to even, saturate"
    coefficients: ClassVar[dict[str, Coefficient]] = {}
    quant: Requant | None
    pe: int = 0

    def frame_problem(self) -> str | None:
        return None

    def before_shuffle(self, inputs: tuple[StreamType, ...], factor: int, mode: str) -> Op | None:
        return at_phases(self, inputs, factor, mode, ())

    def golden(self, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        y = inputs[0] * inputs[1]
        return (y if self.quant is None else self.quant(y),)

    def timing(self, side: Side) -> Timing:
        folded = 1 + self.folds if self.folds > 1 else 0
        if side == "rtl":
            return self.pointwise(self.folds, STAGES + requant_cycles(self.quant, self.logic_levels) + folded)
        return self.pointwise(self.folds, hls.PORTS + hls.STEP * (1 + (self.quant is not None)) + self.folds)

    def flow(self, arrivals: Sequence[Times]) -> Passage:
        return together(arrivals, self.folds, self.timing("rtl").latency)

    def fold_cost(self) -> Cost:
        a, b = self.inputs
        rounding = coefficient("round") * self.output.bits if self.quant is not None else 0.0
        lane = multiplier(a.bits, b.bits) + Cost(lut=rounding, ff=2.0 * (a.bits + b.bits) + self.output.bits)
        cost = lane.times(self.lanes)
        if self.folds > 1:
            words = a.word_bits + b.word_bits
            cost += Cost(lut=words, ff=words + 2.0 * self.output.word_bits)
        return cost

    def cost(self) -> Cost:
        return control() + self.fold_cost()

    def line_buffer_bits(self) -> int:
        return 0

    def work(self) -> Work:
        return NO_WORK  # published tables count convolutions only

    def parameters(self) -> Parameters:
        return NO_PARAMETERS

    def kernel(self, name: str) -> Kernel:
        check_fold(name, self, Fold(self.lanes, 1))
        a, b = self.inputs
        bits = (Range.of(a) * Range.of(b)).bits
        check_bits(name, "its product", requant_bits(self.quant, bits))
        return Kernel(
            "product",
            "xnorsr_product.h",
            (("in_a", pixels(a)), ("in_b", pixels(b)), ("out", pixels(self.output)), ("quant", requant(self.quant))),
            (*size(a), ("II", self.folds), ("BITS", bits)),
        )

    def module(self, name: str, index: int) -> LayerModule:
        a, b = self.inputs
        parameters: dict[str, object] = {
            "Channels": a.channels,
            "Pe": self.lanes,
            "ABits": a.bits,
            "ASigned": flag(a.signed),
            "BBits": b.bits,
            "BSigned": flag(b.signed),
            "HasQuant": flag(self.quant),
            **quant_parameters("Out", self.quant),
            "OutBits": self.output.bits,
            "LogicLevels": self.logic_levels,
        }
        ports = {
            f"{letter}_{signal}": f"in{n}_{signal}"
            for n, letter in enumerate("ab")
            for signal in ("data_i", "valid_i", "ready_o")
        }
        made = layer(name, self.op_type, self.inputs, self.outputs)
        return made.whole("xnorsr_multiply", parameters, ports | STREAM_OUT)

    def describe(self) -> str:
        return "multiply" + (" + round" if self.quant is not None else "")

    @property
    def sort(self) -> Sort:
        return "affine"

    @classmethod
    def random(cls, rng: Rng) -> Op:
        from .random import random_product

        return random_product(rng)
