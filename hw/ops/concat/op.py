"""Concatenation of the channels of several streams, and the requantization behind it: dense blocks, U-Nets."""

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
from ...rtl.module import CLOCK, STREAM_OUT, Instance, LayerModule, Wire, flag, layer, quant_parameters, requant_cycles
from ...types import Range, Requant, StreamType
from ..base import OneOutput, Op, Rng, Side, Sort, Timing, Wires
from ..phases import at_phases


@dataclass(frozen=True, eq=False)
class Concat(Wires, OneOutput):
    """Streams of one frame side by side: y = quant([x0 << shifts[0], x1 << shifts[1], ...]); exact without quant.

    Attributes:
        shifts: of each input, onto the finest lsb of all.
        quant: the same for all channels, or None.

    Bipolar streams may be joined with bipolar ones; then all shifts are 0 and quant is None.
    """

    op_type: ClassVar[str] = "Concat"
    summary: ClassVar[str] = "channels of several streams side by side, on a common grid, and the rounding behind it"
    hardware: ClassVar[str] = "joined words; round half to even, saturate where a Quant follows"
    coefficients: ClassVar[dict[str, Coefficient]] = {}
    shifts: tuple[int, ...]
    quant: Requant | None

    def frame_problem(self) -> str | None:
        return None

    def before_shuffle(self, inputs: tuple[StreamType, ...], factor: int, mode: str) -> Op | None:
        # CRD keeps the phases of a channel together; in DCR those of all inputs would have to be mixed.
        return at_phases(self, inputs, factor, mode, ()) if mode == "CRD" else None

    def golden(self, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        y = np.concatenate([x << shift for x, shift in zip(inputs, self.shifts, strict=True)], axis=-1)
        return (y if self.quant is None else self.quant(y),)

    @property
    def mid_bits(self) -> int:
        """Two's complement bits of the common grid."""
        ranges = [Range.of(kind) << shift for kind, shift in zip(self.inputs, self.shifts, strict=True)]
        return max(one.bits for one in ranges)

    def timing(self, side: Side) -> Timing:
        if side == "rtl":
            return self.pointwise(1, requant_cycles(self.quant, self.logic_levels))
        return self.pointwise(1, hls.PORTS + hls.STEP * (self.quant is not None))

    def flow(self, arrivals: Sequence[Times]) -> Passage:
        return together(arrivals, 1, self.timing("rtl").latency)

    def cost(self) -> Cost:
        if self.quant is None:
            return Cost(lut=2.0 * len(self.inputs))
        return control() + Cost(lut=coefficient("round") * self.output.word_bits, ff=1.0 * self.output.word_bits)

    def kernel(self, name: str) -> Kernel:
        check_bits(name, "its common grid", requant_bits(self.quant, self.mid_bits))
        parts = zip(self.inputs, self.shifts, strict=True)
        joined = ", ".join(f"xnorsr::Part<xnorsr::{pixels(kind)}, {shift}>" for kind, shift in parts)
        return Kernel(
            "concat",
            "xnorsr_concat.h",
            (("parts", f"Parts<{joined}>"), ("out", pixels(self.output)), ("quant", requant(self.quant))),
            (*size(self.input), ("MID_BITS", self.mid_bits)),
        )

    def module(self, name: str, index: int) -> LayerModule:
        made, bits, low = layer(name, self.op_type, self.inputs, self.outputs), self.mid_bits, 0
        made.wires.append(Wire("joined_data", self.output.channels * bits))
        for n, (kind, shift) in enumerate(zip(self.inputs, self.shifts, strict=True)):
            high = low + kind.channels * bits
            sizes: dict[str, object] = {
                "Channels": kind.channels,
                "InBits": kind.bits,
                "InSigned": flag(kind.signed),
                "Shift": shift,
                "OutBits": bits,
            }
            ports = {"data_i": f"in{n}_data_i", "data_o": f"joined_data[{high - 1}:{low}]"}
            made.instances.append(Instance("xnorsr_concat_part", f"u_part{n}", sizes, ports))
            low = high
        parameters: dict[str, object] = {
            "Inputs": len(self.inputs),
            "Channels": self.output.channels,
            "InBits": bits,
            "HasQuant": flag(self.quant),
            **quant_parameters("Out", self.quant),
            "OutBits": self.output.bits,
            "LogicLevels": self.logic_levels,
        }
        # A concatenation's last element is input 0.
        order = [f"in{n}" for n in reversed(range(len(self.inputs)))]
        ports = {
            "data_i": "joined_data",
            "valid_i": "{" + ", ".join(f"{one}_valid_i" for one in order) + "}",
            "ready_o": "{" + ", ".join(f"{one}_ready_o" for one in order) + "}",
        }
        made.instances.append(Instance("xnorsr_concat", f"u_{name}", parameters, CLOCK | ports | STREAM_OUT))
        return made

    def describe(self) -> str:
        channels = "+".join(str(kind.channels) for kind in self.inputs)
        return f"concatenate {channels}" + (" + round" if self.quant is not None else "")

    @property
    def sort(self) -> Sort:
        return "reshape"

    @classmethod
    def random(cls, rng: Rng) -> Op:
        from .random import random_concat

        return random_concat(rng)
