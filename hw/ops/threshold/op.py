"""Integer thresholds per channel: a sign, or a quantizer of few bits, behind any monotone chain of floats."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...hls import latency as hls
from ...hls.arrays import ints
from ...hls.kernel import Kernel, pixels, size
from ...resources.arrival import Passage, Times, together
from ...resources.cost import YOSYS_SOURCE, Coefficient, Cost, control
from ...rtl.literals import rows
from ...rtl.module import Constant, LayerModule, flag, layer
from ...types import StreamType, bits_for
from ..base import NO_WORK, NotFolded, OneOutput, Op, Parameters, Rng, Side, Sort, Timing, Work
from ..folds import array_bits
from ..phases import at_phases

COEFFICIENTS: dict[str, Coefficient] = {
    "compare": Coefficient(0.35, "LUT per bit", f"comparison with a constant; {YOSYS_SOURCE}"),
}


@dataclass(frozen=True, eq=False)
class Threshold(NotFolded, OneOutput):
    """Per channel: code = base + number of i with sign*x >= thresholds[i].

    Attributes:
        thresholds: (C, L) codes, ascending in i; L = 2**bits - 1 of the output at most; each in the range of
            sign*x or one above it (never reached).
        sign: (C,) +1 or -1.
        base: code where no threshold is reached; 0 for a bipolar output (L is 1 there).
    """

    op_type: ClassVar[str] = "Threshold"
    summary: ClassVar[str] = "sign with a threshold, or few bits, behind any monotone chain of floats: exact"
    hardware: ClassVar[str] = "integer comparators"
    coefficients: ClassVar[dict[str, Coefficient]] = COEFFICIENTS
    thresholds: np.ndarray
    sign: np.ndarray
    base: int

    @property
    def levels(self) -> int:
        """Thresholds per channel."""
        return int(self.thresholds.shape[1])

    def frame_problem(self) -> str | None:
        return None

    def before_shuffle(self, inputs: tuple[StreamType, ...], factor: int, mode: str) -> Op | None:
        return at_phases(self, inputs, factor, mode, ("thresholds", "sign"))

    def golden(self, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        (x,) = inputs
        return (self.base + ((self.sign * x)[..., None] >= self.thresholds).sum(-1),)

    def timing(self, side: Side) -> Timing:
        counting = 0 if self.levels == 1 else math.ceil(self.levels.bit_length() / self.logic_levels)
        return self.pointwise(1, hls.PORTS if side == "hls" else 1 + counting)

    def flow(self, arrivals: Sequence[Times]) -> Passage:
        return together(arrivals, 1, self.timing("rtl").latency)

    def cost(self) -> Cost:
        comparators = COEFFICIENTS["compare"].value * self.thresholds.size * self.input.bits
        return control() + Cost(lut=comparators, ff=self.output.word_bits)

    def line_buffer_bits(self) -> int:
        return 0

    def work(self) -> Work:
        return NO_WORK

    def parameters(self) -> Parameters:
        # One threshold per channel in the float network, however many levels the quantizer behind it has.
        return Parameters(0, 0, self.sign.size, array_bits(self.thresholds) + self.sign.size)

    def kernel(self, name: str) -> Kernel:
        return Kernel(
            "threshold",
            "xnorsr_threshold.h",
            (("in", pixels(self.input)), ("out", pixels(self.output))),
            (*size(self.input), ("LEVELS", self.levels), ("STEPS", self.levels.bit_length()), ("BASE", self.base)),
            (ints("threshold", self.thresholds, "[channel][level], ascending"), ints("sign", self.sign, "[channel]")),
        )

    def module(self, name: str, index: int) -> LayerModule:
        channels = self.input.channels
        bits, signed = bits_for(int(self.thresholds.min()), int(self.thresholds.max()))
        bits += not signed
        made = layer(name, self.op_type, self.inputs, self.outputs)
        made.constants.append(Constant("ThresholdCodes", channels * self.levels * bits, rows(self.thresholds, bits)))
        negate = rows((self.sign < 0).astype(np.int64).reshape(1, -1), 1)
        made.constants.append(Constant("NegateFlags", channels, negate, "all channels"))
        return made.whole(
            "xnorsr_threshold",
            {
                "Channels": channels,
                "InBits": self.input.bits,
                "InSigned": flag(self.input.signed),
                "Levels": self.levels,
                "ThresholdBits": bits,
                "Thresholds": "ThresholdCodes",
                "Negate": "NegateFlags",
                "Base": self.base,
                "OutBits": self.output.bits,
                "LogicLevels": self.logic_levels,
            },
        )

    def describe(self) -> str:
        return "sign(x − t) per channel" if self.output.bipolar else f"{self.levels} thresholds per channel"

    @property
    def sort(self) -> Sort:
        return "affine"

    @classmethod
    def random(cls, rng: Rng) -> Op:
        from .random import random_threshold

        return random_threshold(rng)
