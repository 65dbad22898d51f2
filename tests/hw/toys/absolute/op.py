"""Absolute value with saturation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from xnorsr.hw.hls import latency as hls
from xnorsr.hw.hls.kernel import Kernel, pixels, size
from xnorsr.hw.ops.base import (
    NO_PARAMETERS,
    NO_WORK,
    NotFolded,
    OneOutput,
    Op,
    Parameters,
    Rng,
    Side,
    Sort,
    Timing,
    Work,
)
from xnorsr.hw.ops.phases import at_phases
from xnorsr.hw.ops.random import random_stream
from xnorsr.hw.resources.arrival import Passage, Times, together
from xnorsr.hw.resources.cost import Coefficient, Cost, coefficient, control
from xnorsr.hw.rtl.module import LayerModule, layer
from xnorsr.hw.types import StreamType


@dataclass(frozen=True, eq=False)
class Absolute(NotFolded, OneOutput):
    """Per channel: y = min(|x|, greatest code of the output)."""

    op_type: ClassVar[str] = "Absolute"
    summary: ClassVar[str] = "absolute value with saturation"
    hardware: ClassVar[str] = "negation, select, comparator"
    coefficients: ClassVar[dict[str, Coefficient]] = {}

    def frame_problem(self) -> str | None:
        return None

    def before_shuffle(self, inputs: tuple[StreamType, ...], factor: int, mode: str) -> Op | None:
        return at_phases(self, inputs, factor, mode, ())

    def golden(self, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        return (np.minimum(np.abs(inputs[0]), self.output.hi),)

    def timing(self, side: Side) -> Timing:
        return self.pointwise(1, hls.PORTS if side == "hls" else 1)

    def flow(self, arrivals: Sequence[Times]) -> Passage:
        return together(arrivals, 1, 1)

    def cost(self) -> Cost:
        return control() + Cost(lut=2 * coefficient("adder") * self.input.word_bits, ff=self.output.word_bits)

    def line_buffer_bits(self) -> int:
        return 0

    def work(self) -> Work:
        return NO_WORK

    def parameters(self) -> Parameters:
        return NO_PARAMETERS

    def kernel(self, name: str) -> Kernel:
        types = (("in", pixels(self.input)), ("out", pixels(self.output)))
        return Kernel("toy_absolute", "xnorsr_toy_absolute.h", types, (*size(self.input), ("MOST", self.output.hi)))

    def module(self, name: str, index: int) -> LayerModule:
        return layer(name, self.op_type, self.inputs, self.outputs).whole(
            "xnorsr_toy_absolute",
            {"Channels": self.input.channels, "InBits": self.input.bits, "OutBits": self.output.bits},
        )

    def describe(self) -> str:
        return f"absolute value up to {self.output.hi}"

    @property
    def sort(self) -> Sort:
        return "affine"

    @classmethod
    def random(cls, rng: Rng) -> Op:
        kind = random_stream(rng)
        kind = StreamType(kind.height, kind.width, kind.channels, kind.bits, True, 0)
        bits = int(rng.integers(1, kind.bits + 1))
        return cls((kind,), StreamType(kind.height, kind.width, kind.channels, bits, False, 0))
