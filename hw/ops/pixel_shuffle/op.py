"""Pixel shuffle (depth to space): the stream's rate grows by the factor squared."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from ...hls import latency as hls
from ...hls.kernel import Kernel, pixels, size
from ...resources.arrival import Passage, Times
from ...resources.cost import Coefficient, Cost, control, memory, ram_style
from ...rtl.module import LayerModule, flag, layer
from ...types import StreamType
from ..base import NothingLearned, OneOutput, Op, Rng, Side, Sort, Timing
from .schedule import shuffle

#: Cycles of xnorsr_pixel_shuffle from a pixel to its first output.
LATENCY = 4


@dataclass(frozen=True, eq=False)
class PixelShuffle(NothingLearned, OneOutput):
    """Depth to space: C*r*r channels at (H, W) to C channels at (r*H, r*W). The stream's rate grows by r*r.

    Attributes:
        factor: r.
        mode: "CRD": out[c, y*r+i, x*r+j] = in[c*r*r + i*r + j, y, x] (PyTorch); "DCR": in[(i*r+j)*C + c, y, x].
        pixels_per_beat: neighbouring output pixels that a beat holds, the left one in the low bits. More than one only
            in the network's last layer, and in RTL only: HLS streams carry one pixel per beat.
    """

    op_type: ClassVar[str] = "PixelShuffle"
    summary: ClassVar[str] = "pixel shuffle by 2 or more, in PyTorch's and in TensorFlow's order of channels"
    hardware: ClassVar[str] = "ring of lines; several pixels per beat at the output port"
    coefficients: ClassVar[dict[str, Coefficient]] = {}
    factor: int
    mode: str
    pixels_per_beat: int = 1

    def legal_pixels_per_beat(self) -> list[int]:
        """Divisors of r, and m*r for each m that divides the input's width, ascending."""
        r, width = self.factor, self.input.width
        few = {n for n in range(1, r + 1) if r % n == 0}
        return sorted(few | {m * r for m in range(1, width + 1) if width % m == 0})

    def with_pixels_per_beat(self, count: int) -> Self | None:
        return self.replace(pixels_per_beat=count) if count in self.legal_pixels_per_beat() else None

    def frame_problem(self) -> str | None:
        return None

    def before_shuffle(self, inputs: tuple[StreamType, ...], factor: int, mode: str) -> Op | None:
        return None  # two shuffles in a row stay two

    def golden(self, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        (x,) = inputs
        h, w, _ = x.shape
        r, c = self.factor, self.output.channels
        if self.mode == "CRD":
            return (x.reshape(h, w, c, r, r).transpose(0, 3, 1, 4, 2).reshape(h * r, w * r, c),)
        return (x.reshape(h, w, r, r, c).transpose(0, 2, 1, 3, 4).reshape(h * r, w * r, c),)

    def timing(self, side: Side) -> Timing:
        r, width = self.factor, self.input.width
        if side == "hls":
            # A line comes in while the one before goes out, a pixel every r*r cycles.
            return Timing(r * r, hls.PORTS, width, width, 0, 0.0, self.busy_at(r * r))
        # As much as its first output lines take stands in its ring, and once more where pixels come evenly.
        line = width * (r - 1) / r
        return Timing(1, LATENCY, line, line, 0, 0.0, self.busy_at(1))

    def flow(self, arrivals: Sequence[Times]) -> Passage:
        flow = shuffle(arrivals[0], self.input.width, self.factor, self.pixels_per_beat)
        return Passage((flow.accept,), (flow.out,))

    @property
    def lanes(self) -> int:
        """Memories side by side: neighbouring pixels that a beat needs at once."""
        return max(self.pixels_per_beat // self.factor, 1)

    @property
    def places(self) -> int:
        """Words of each of them."""
        return math.ceil(2 * (self.input.width // self.lanes) * (self.factor - 1) / self.factor) + 4

    def cost(self) -> Cost:
        logic = Cost(lut=50 + self.input.word_bits / 3, ff=50 + self.output.word_bits)
        return control() + memory(self.places, self.input.word_bits).times(self.lanes) + logic

    def line_buffer_bits(self) -> int:
        return 2 * self.input.width * self.input.word_bits

    def kernel(self, name: str) -> Kernel:
        return Kernel(
            "pixel_shuffle",
            "xnorsr_pixel_shuffle.h",
            (("in", pixels(self.input)), ("out", pixels(self.output))),
            (*size(self.input), ("R", self.factor), ("CRD", int(self.mode == "CRD"))),
        )

    def module(self, name: str, index: int) -> LayerModule:
        made = layer(name, self.op_type, self.inputs, self.outputs, self.pixels_per_beat)
        return made.whole(
            "xnorsr_pixel_shuffle",
            {
                "Width": self.input.width,
                "Channels": self.output.channels,
                "Bits": self.output.bits,
                "Factor": self.factor,
                "Dcr": flag(self.mode == "DCR"),
                "Style": ram_style(self.places, self.input.word_bits),
                "PixelsPerBeat": self.pixels_per_beat,
            },
        )

    def describe(self) -> str:
        return f"×{self.factor}"

    @property
    def sort(self) -> Sort:
        return "reshape"

    @classmethod
    def random(cls, rng: Rng) -> Op:
        from .random import random_shuffle

        return random_shuffle(rng)
