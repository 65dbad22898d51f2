"""Pixel unshuffle (space to depth): the stream's rate falls by the factor squared."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...hls import latency as hls
from ...hls.kernel import Kernel, pixels, size
from ...resources.arrival import Passage, Times, paced
from ...resources.cost import Coefficient, Cost, control
from ...resources.memories import fifo_cost, fifo_cycles, fifo_style
from ...rtl.module import LayerModule, flag, layer
from ...types import StreamType
from ..base import NothingLearned, OneOutput, Op, Rng, Side, Sort, Timing


@dataclass(frozen=True, eq=False)
class PixelUnshuffle(NothingLearned, OneOutput):
    """Space to depth: C channels at (H, W) to C*r*r channels at (H/r, W/r). The stream's rate falls by r*r.

    Attributes:
        factor: r; H and W are multiples of it.
        mode: "CRD": out[c*r*r + i*r + j, y, x] = in[c, y*r+i, x*r+j] (PyTorch); "DCR": out[(i*r+j)*C + c, y, x]
            (ONNX's SpaceToDepth).
    """

    op_type: ClassVar[str] = "PixelUnshuffle"
    summary: ClassVar[str] = "pixel unshuffle by 2 or more, in PyTorch's and in ONNX's order of channels"
    hardware: ClassVar[str] = "a FIFO for each line of a block, which also spread its pixels evenly"
    coefficients: ClassVar[dict[str, Coefficient]] = {}
    factor: int
    mode: str

    def frame_problem(self) -> str | None:
        r, kind = self.factor, self.input
        if kind.height % r == 0 and kind.width % r == 0:
            return None
        return (
            f"frames of {kind.width} x {kind.height} pixels do not divide into blocks of {r} x {r}. Build the network "
            "for frames whose blocks are whole, with --frame WxH."
        )

    def before_shuffle(self, inputs: tuple[StreamType, ...], factor: int, mode: str) -> Op | None:
        return None  # a shuffle and what undoes it stay two

    def golden(self, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        (x,) = inputs
        h, w, c = x.shape
        r = self.factor
        blocks = x.reshape(h // r, r, w // r, r, c)
        order = (0, 2, 4, 1, 3) if self.mode == "CRD" else (0, 2, 1, 3, 4)
        return (blocks.transpose(order).reshape(h // r, w // r, c * r * r),)

    @property
    def part_bits(self) -> int:
        """Bits that a line gives to an output pixel: a word of its FIFO."""
        return self.factor * self.input.word_bits

    @property
    def depths(self) -> list[int]:
        """Words of the FIFO of each line of a block, as xnorsr_pixel_unshuffle has them.

        Lines of a block come one after the other, pixel by pixel, while pixels of the block leave evenly, from the last
        line's first one on: what line n holds at most when it has come, and 4 words for the pipeline.
        """
        r, words = self.factor, self.output.width
        shares = [2 * r - n - 2 for n in range(r - 1)] + [r - 1]  # of a line's words, in parts of r
        return [math.ceil(words * share / r) + 4 for share in shares]

    def timing(self, side: Side) -> Timing:
        r, width, whole = self.factor, self.input.width, self.input.pixels
        if side == "hls":
            # The lines of a block come in while those of the block before go out, a pixel every r*r cycles.
            return Timing(1, hls.PORTS, r * width + r * r - 1, 0, 0, 0.0, whole + r * width)
        latency = fifo_cycles(self.depths[-1], self.part_bits)
        # The first pixel of a line of blocks needs all lines but the last one, and a word of that.
        return Timing(1, latency, (r - 1) * (width + 1), r, 0, 0.0, whole)

    def flow(self, arrivals: Sequence[Times]) -> Passage:
        # Its FIFOs never run full as long as nothing stops what leaves them: a pixel is taken as it comes.
        taken = paced(arrivals[0], 1)
        last = taken.reshape(-1, self.input.width)[self.factor - 1 :: self.factor, self.factor - 1 :: self.factor]
        return Passage((taken,), (last.ravel() + self.timing("rtl").latency,))

    def cost(self) -> Cost:
        total = control() + Cost(lut=20.0, ff=self.part_bits - self.input.word_bits)
        for depth in self.depths:
            total += fifo_cost(depth, self.part_bits, fifo_style(depth, self.part_bits))
        return total

    def line_buffer_bits(self) -> int:
        return sum(self.depths) * self.part_bits

    def kernel(self, name: str) -> Kernel:
        return Kernel(
            "pixel_unshuffle",
            "xnorsr_pixel_unshuffle.h",
            (("in", pixels(self.input)), ("out", pixels(self.output))),
            (*size(self.input), ("R", self.factor), ("CRD", int(self.mode == "CRD"))),
        )

    def module(self, name: str, index: int) -> LayerModule:
        styles = [fifo_style(depth, self.part_bits) for depth in self.depths]
        return layer(name, self.op_type, self.inputs, self.outputs).whole(
            "xnorsr_pixel_unshuffle",
            {
                "Width": self.input.width,
                "Channels": self.input.channels,
                "Bits": self.input.bits,
                "Factor": self.factor,
                "Dcr": flag(self.mode == "DCR"),
                "Styles": "{" + ", ".join(f"2'd{style}" for style in reversed(styles)) + "}",
            },
        )

    def describe(self) -> str:
        return f"÷{self.factor}"

    @property
    def sort(self) -> Sort:
        return "reshape"

    @classmethod
    def random(cls, rng: Rng) -> Op:
        from .random import random_unshuffle

        return random_unshuffle(rng)
