"""One channel for all channels, one vector for all pixels of a frame: how other shapes meet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...hls import latency as hls
from ...hls.kernel import Kernel, pixels
from ...resources.arrival import Passage, Times, paced
from ...resources.cost import Coefficient, Cost, control
from ...rtl.module import LayerModule, layer
from ...types import StreamType
from ..base import OneOutput, Op, Rng, Side, Sort, Timing, Wires


@dataclass(frozen=True, eq=False)
class Broadcast(Wires, OneOutput):
    """One channel, one pixel per frame, or both, repeated to the channels and pixels of the output."""

    op_type: ClassVar[str] = "Broadcast"
    summary: ClassVar[str] = "one channel repeated for all channels, one vector per frame for all pixels"
    hardware: ClassVar[str] = "wires; a register and a counter of pixels for a vector"
    coefficients: ClassVar[dict[str, Coefficient]] = {}

    @property
    def beats(self) -> int:
        """Beats of the output for each of the input."""
        return self.output.pixels // self.input.pixels

    @property
    def copies(self) -> int:
        """Channels of the output for each of the input."""
        return self.output.channels // self.input.channels

    def frame_problem(self) -> str | None:
        return None

    def before_shuffle(self, inputs: tuple[StreamType, ...], factor: int, mode: str) -> Op | None:
        return None

    def golden(self, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        return (np.broadcast_to(inputs[0], self.output.shape).copy(),)

    def timing(self, side: Side) -> Timing:
        held = int(self.beats > 1)  # the next vector comes in while the last copy of the one before goes out
        return Timing(self.beats, hls.PORTS if side == "hls" else held, 0, held, 0, 0.0, self.busy_at(self.beats))

    def flow(self, arrivals: Sequence[Times]) -> Passage:
        latency = self.timing("rtl").latency
        copies = paced(np.repeat(arrivals[0] + latency, self.beats), 1)
        return Passage((copies[:: self.beats] - latency,), (copies,))

    def cost(self) -> Cost:
        return control() + Cost(ff=1.0 * self.input.word_bits) if self.beats > 1 else Cost()

    def kernel(self, name: str) -> Kernel:
        return Kernel(
            "broadcast",
            "xnorsr_broadcast.h",
            (("in", pixels(self.input)), ("out", pixels(self.output))),
            (("COUNT", self.output.pixels), ("BEATS", self.beats)),
        )

    def module(self, name: str, index: int) -> LayerModule:
        return layer(name, self.op_type, self.inputs, self.outputs).whole(
            "xnorsr_broadcast", {"Bits": self.input.word_bits, "Copies": self.copies, "Beats": self.beats}
        )

    def describe(self) -> str:
        return "one vector to all pixels" if self.beats > 1 else "one channel to all"

    @property
    def sort(self) -> Sort:
        return "reshape"

    @classmethod
    def random(cls, rng: Rng) -> Op:
        from .random import random_broadcast

        return random_broadcast(rng)
