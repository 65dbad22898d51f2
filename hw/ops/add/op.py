"""Addition of two streams, and the requantization behind it: residual connections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...hls import latency as hls
from ...hls.kernel import Kernel, pixels, requant, size
from ...hls.widths import check_bits, requant_bits
from ...resources.arrival import Passage, Times, together
from ...resources.cost import Coefficient, Cost, coefficient, control
from ...rtl.module import STREAM_OUT, LayerModule, flag, layer, quant_parameters, requant_cycles
from ...types import Range, Requant, StreamType
from ..base import OneOutput, Op, Rng, Side, Sort, Timing, Wires
from ..phases import at_phases


@dataclass(frozen=True, eq=False)
class Add(Wires, OneOutput):
    """Two streams of one frame added: y = quant((a << shift_a) + (b << shift_b)); exact where quant is None.

    Attributes:
        subtract: the second one is subtracted.
    """

    op_type: ClassVar[str] = "Add"
    summary: ClassVar[str] = "sum or difference of two streams, and the rounding behind it"
    hardware: ClassVar[str] = "adder, round half to even, saturate; the FIFO of a skip is computed"
    coefficients: ClassVar[dict[str, Coefficient]] = {}
    shift_a: int
    shift_b: int
    quant: Requant | None
    subtract: bool = False

    def frame_problem(self) -> str | None:
        return None

    def before_shuffle(self, inputs: tuple[StreamType, ...], factor: int, mode: str) -> Op | None:
        return at_phases(self, inputs, factor, mode, ())

    def golden(self, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        a, b = inputs
        b = -b if self.subtract else b
        y = (a << self.shift_a) + (b << self.shift_b)
        return (y if self.quant is None else self.quant(y),)

    def timing(self, side: Side) -> Timing:
        if side == "rtl":
            return self.pointwise(1, 1 + requant_cycles(self.quant, self.logic_levels))
        return self.pointwise(1, hls.PORTS + hls.STEP + hls.STEP * (self.quant is not None))

    def flow(self, arrivals: Sequence[Times]) -> Passage:
        return together(arrivals, 1, self.timing("rtl").latency)

    def cost(self) -> Cost:
        bits = self.output.bits
        rounding = coefficient("round") * bits if self.quant is not None else 0.0
        luts = self.output.channels * (coefficient("adder") * bits + rounding)
        return control() + Cost(lut=luts, ff=2.4 * self.output.word_bits)

    def kernel(self, name: str) -> Kernel:
        a, b = self.inputs
        left, right = Range.of(a) << self.shift_a, Range.of(b) << self.shift_b
        right = right * Range(-1, -1) if self.subtract else right
        sum_bits = max((left + right).bits, left.bits, Range.of(b).bits + self.shift_b)
        check_bits(name, "its sum", requant_bits(self.quant, sum_bits))
        return Kernel(
            "add",
            "xnorsr_add.h",
            (("in_a", pixels(a)), ("in_b", pixels(b)), ("out", pixels(self.output)), ("quant", requant(self.quant))),
            (
                *size(a),
                ("SHIFT_A", self.shift_a),
                ("SHIFT_B", self.shift_b),
                ("SUBTRACT", int(self.subtract)),
                ("SUM_BITS", sum_bits),
            ),
        )

    def module(self, name: str, index: int) -> LayerModule:
        a, b = self.inputs
        parameters: dict[str, object] = {
            "Channels": a.channels,
            "ABits": a.bits,
            "ASigned": flag(a.signed),
            "ShiftA": self.shift_a,
            "BBits": b.bits,
            "BSigned": flag(b.signed),
            "ShiftB": self.shift_b,
            "Subtract": flag(self.subtract),
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
        return layer(name, self.op_type, self.inputs, self.outputs).whole("xnorsr_add", parameters, ports | STREAM_OUT)

    def describe(self) -> str:
        return ("subtract" if self.subtract else "add") + (" + round" if self.quant is not None else "")

    @property
    def sort(self) -> Sort:
        return "residual"

    @classmethod
    def random(cls, rng: Rng) -> Op:
        from .random import random_add

        return random_add(rng)
