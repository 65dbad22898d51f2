"""Resize by a whole factor in polyphase form: the phases of each pixel side by side, a pixel shuffle still to come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...hls import latency as hls
from ...hls.kernel import Kernel, pixels, requant, size
from ...hls.widths import check_bits, requant_bits
from ...resources.arrival import Passage, Times, together, window
from ...resources.cost import Coefficient, Cost, coefficient, control
from ...resources.cost import window as window_cost
from ...rtl.module import LayerModule, flag, layer, quant_parameters, requant_cycles
from ...types import Range, Requant, StreamType
from ..base import NothingLearned, OneOutput, Op, Rng, Side, Sort, Timing


def phase_weights(factor: int, mode: str) -> tuple[list[tuple[int, int, int]], int]:
    """([(weight of x[-1], of x[0], of x[+1]) for each phase], their sum) along one axis."""
    if mode == "nearest":
        return [(0, 1, 0)] * factor, 1
    den, step = (2 * factor, 1) if factor % 2 == 0 else (factor, 2)
    taps = []
    for i in range(factor):
        n = (2 * i + 1 - factor) // step
        taps.append((max(-n, 0), den - abs(n), max(n, 0)))
    return taps, den


def sum_cycles(factor: int, logic_levels: int) -> int:
    """Registers from the window to a bilinear sum, by the header of xnorsr_resize.

    Args:
        factor: r, 2 to 8.
        logic_levels: look-up tables between registers.
    """
    split = factor > 2 and factor % 2 == 0
    first = 1 if factor == 4 else 2
    return int(2 + first > logic_levels) + 2 * (1 + split)


@dataclass(frozen=True, eq=False)
class ResizePhases(NothingLearned, OneOutput):
    """Resize by r, in polyphase form: C channels to C*r*r channels at the same (H, W), a CRD shuffle still to come.

    out[c*r*r + i*r + j, y, x] is the resized image's (c, y*r+i, x*r+j). Edges repeat.
    nearest: x itself (floor, asymmetric). bilinear: half-pixel centres; phase i lies at d = (2i + 1 - r)/(2r) of
    the pixel, so along one axis (2r - |n|)*x[0] + |n|*x[sign(n)] with n = 2i + 1 - r, over 2r. For even r the
    weights are n/(2r); for odd r n is even, they are (n/2)/r.

    The exact integer sum S of both axes has the denominator D = (2r)**2 (even r) or r*r (odd r). A power of two goes
    into output.frac and quant is None; otherwise quant holds the divisor's odd part and is not None.
    """

    op_type: ClassVar[str] = "ResizePhases"
    summary: ClassVar[str] = "resize by 2, 3 or 4: nearest (asymmetric floor), bilinear (half-pixel centres)"
    hardware: ClassVar[str] = "polyphase: 3x3 window with constant weights, then a pixel shuffle"
    coefficients: ClassVar[dict[str, Coefficient]] = {}
    factor: int
    mode: str
    quant: Requant | None = None

    @property
    def lookahead(self) -> int:
        """Pixels between a pixel and its window's completion."""
        return self.input.width + 1 if self.mode == "bilinear" else 0

    def frame_problem(self) -> str | None:
        return None  # edges repeat, whatever the frame

    def before_shuffle(self, inputs: tuple[StreamType, ...], factor: int, mode: str) -> Op | None:
        return None

    def golden(self, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        (x,) = inputs
        h, w, c = x.shape
        taps, _ = phase_weights(self.factor, self.mode)
        padded = np.pad(x, ((1, 1), (1, 1), (0, 0)), mode="edge")
        phases = [
            sum(ty[a] * tx[b] * padded[a : a + h, b : b + w] for a in range(3) for b in range(3))
            for ty in taps
            for tx in taps
        ]
        y = np.stack(phases, -1).reshape(h, w, c * self.factor**2)
        return (y if self.quant is None else self.quant(y),)

    def timing(self, side: Side) -> Timing:
        if side == "hls":
            latency = hls.PORTS + hls.STEP + hls.STEP * (self.quant is not None)
            return Timing(1, latency, min(self.lookahead, self.input.pixels), 0, 0, 0.0, self.busy_at(1))
        if self.mode == "nearest":
            return self.pointwise(1, 0)
        latency = sum_cycles(self.factor, self.logic_levels) + requant_cycles(self.quant, self.logic_levels)
        return Timing(1, latency, self.lookahead, 0, 1, self.lookahead + latency + 1, self.busy_at(1))

    def flow(self, arrivals: Sequence[Times]) -> Passage:
        latency = self.timing("rtl").latency
        if not self.lookahead:
            return together(arrivals, 1, latency)
        flow = window(arrivals[0], self.input.pixels, self.lookahead, 1)
        return Passage((flow.accept,), (flow.out + latency,))

    def cost(self) -> Cost:
        if self.mode == "nearest":
            return Cost()
        sums = coefficient("adder") * self.output.channels * (self.input.bits + 2 * self.factor) * 3
        return control() + window_cost(self.input, 3) + Cost(lut=sums, ff=2.0 * self.output.word_bits)

    def line_buffer_bits(self) -> int:
        return 2 * self.input.width * self.input.word_bits if self.mode == "bilinear" else 0

    def kernel(self, name: str) -> Kernel:
        _, den = phase_weights(self.factor, self.mode)
        total = Range.of(self.input) * Range(0, den * den)
        check_bits(name, "its weighted sum", requant_bits(self.quant, total.bits))
        return Kernel(
            f"resize_{self.mode}",
            "xnorsr_resize.h",
            (("in", pixels(self.input)), ("out", pixels(self.output)), ("quant", requant(self.quant))),
            (*size(self.input), ("R", self.factor), ("SUM_BITS", total.bits)),
        )

    def module(self, name: str, index: int) -> LayerModule:
        return layer(name, self.op_type, self.inputs, self.outputs).whole(
            "xnorsr_resize",
            {
                "Width": self.input.width,
                "Height": self.input.height,
                "Channels": self.input.channels,
                "InBits": self.input.bits,
                "InSigned": flag(self.input.signed),
                "Factor": self.factor,
                "Bilinear": flag(self.mode == "bilinear"),
                "HasQuant": flag(self.quant),
                **quant_parameters("Out", self.quant),
                "OutBits": self.output.bits,
                "LogicLevels": self.logic_levels,
            },
        )

    def describe(self) -> str:
        return f"{self.mode} ×{self.factor}"

    @property
    def sort(self) -> Sort:
        return "reshape"

    @classmethod
    def random(cls, rng: Rng) -> Op:
        from .random import random_resize

        return random_resize(rng)
