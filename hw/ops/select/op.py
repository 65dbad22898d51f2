"""Channels of a stream in any order: a part of them, some of them several times. Wires."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from ...hls import latency as hls
from ...hls.kernel import Kernel, pixels, size
from ...resources.arrival import Passage, Times
from ...resources.cost import Coefficient, Cost
from ...rtl.literals import rows
from ...rtl.module import Constant, LayerModule, layer
from ...types import StreamType
from ..base import OneOutput, Op, Rng, Side, Sort, Timing, Wires


@dataclass(frozen=True, eq=False)
class Select(Wires, OneOutput):
    """Output channel n is input channel channels[n].

    Attributes:
        channels: of the input, any of them any number of times.
    """

    op_type: ClassVar[str] = "Select"
    summary: ClassVar[str] = "a part of the channels, in any order, any of them several times"
    hardware: ClassVar[str] = "wires"
    coefficients: ClassVar[dict[str, Coefficient]] = {}
    channels: tuple[int, ...]

    def frame_problem(self) -> str | None:
        return None

    def before_shuffle(self, inputs: tuple[StreamType, ...], factor: int, mode: str) -> Op | None:
        phases, (kind,) = factor**2, inputs
        if mode == "CRD":
            channels = [n * phases + phase for n in self.channels for phase in range(phases)]
        else:
            channels = [phase * self.input.channels + n for phase in range(phases) for n in self.channels]
        out = replace(self.output, height=kind.height, width=kind.width, channels=len(channels))
        return Select(inputs, out, tuple(channels))

    def golden(self, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        return (inputs[0][..., list(self.channels)],)

    def timing(self, side: Side) -> Timing:
        return self.pointwise(1, hls.PORTS if side == "hls" else 0)

    def flow(self, arrivals: Sequence[Times]) -> Passage:
        return Passage((arrivals[0],), (arrivals[0],))

    def cost(self) -> Cost:
        return Cost()

    def kernel(self, name: str) -> Kernel:
        channels = ", ".join(map(str, self.channels))
        return Kernel(
            "select",
            "xnorsr_select.h",
            (("in", pixels(self.input)), ("out", pixels(self.output)), ("channels", f"Numbers<{channels}>")),
            size(self.input),
        )

    def module(self, name: str, index: int) -> LayerModule:
        made = layer(name, self.op_type, self.inputs, self.outputs)
        bits = max(max(self.channels).bit_length(), 1)
        numbers = np.array(self.channels, np.int64).reshape(-1, 1)
        made.constants.append(Constant("SelectCodes", len(numbers) * bits, rows(numbers, bits)))
        parameters: dict[str, object] = {
            "Channels": self.input.channels,
            "Bits": self.input.bits,
            "Outputs": len(numbers),
            "IndexBits": bits,
            "Select": "SelectCodes",
        }
        return made.whole("xnorsr_select", parameters)

    def describe(self) -> str:
        return f"{len(self.channels)} of {self.input.channels} channels"

    @property
    def sort(self) -> Sort:
        return "reshape"

    @classmethod
    def random(cls, rng: Rng) -> Op:
        from .random import random_select

        return random_select(rng)
