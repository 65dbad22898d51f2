"""Greatest of groups of channels: behind a pixel unshuffle a max pool."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...hls import latency as hls
from ...hls.kernel import Kernel, pixels, size
from ...resources.arrival import Passage, Times, together
from ...resources.cost import Coefficient, Cost, coefficient, control
from ...rtl.module import LayerModule, flag, layer
from ...types import StreamType
from ..base import OneOutput, Op, Rng, Side, Sort, Timing, Wires
from ..phases import at_phases


@dataclass(frozen=True, eq=False)
class Maximum(Wires, OneOutput):
    """Output channel c is the greatest of the input channels n*C + c over all n, C the number of output channels.

    Of signs it is +1 where one of them is.
    """

    op_type: ClassVar[str] = "Maximum"
    summary: ClassVar[str] = "max pool whose windows lie side by side: behind a pixel unshuffle the greatest of a block"
    hardware: ClassVar[str] = "comparators in a pipelined tree"
    coefficients: ClassVar[dict[str, Coefficient]] = {}

    @property
    def count(self) -> int:
        """Channels that each output channel is the greatest of; 2 or more."""
        return self.input.channels // self.output.channels

    @property
    def levels(self) -> int:
        """Comparators one after the other."""
        return (self.count - 1).bit_length()

    def frame_problem(self) -> str | None:
        return None

    def before_shuffle(self, inputs: tuple[StreamType, ...], factor: int, mode: str) -> Op | None:
        # CRD keeps the phases of a channel together; in DCR those of all groups would have to be mixed.
        return at_phases(self, inputs, factor, mode, ()) if mode == "CRD" else None

    def golden(self, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        h, w, _ = inputs[0].shape
        return (inputs[0].reshape(h, w, self.count, -1).max(axis=2),)

    def timing(self, side: Side) -> Timing:
        return self.pointwise(1, hls.PORTS + self.levels if side == "hls" else self.levels)

    def flow(self, arrivals: Sequence[Times]) -> Passage:
        return together(arrivals, 1, self.timing("rtl").latency)

    def cost(self) -> Cost:
        bits = (self.count - 1) * self.output.word_bits
        return control() + Cost(lut=(coefficient("adder") + 1.0) * bits, ff=1.0 * bits)  # comparison, multiplexer

    def kernel(self, name: str) -> Kernel:
        return Kernel(
            "maximum",
            "xnorsr_maximum.h",
            (("in", pixels(self.input)), ("out", pixels(self.output))),
            (*size(self.input), ("COUNT", self.count)),
        )

    def module(self, name: str, index: int) -> LayerModule:
        return layer(name, self.op_type, self.inputs, self.outputs).whole(
            "xnorsr_maximum",
            {
                "Channels": self.output.channels,
                "Bits": self.input.bits,
                "Signed": flag(self.input.signed),
                "Count": self.count,
            },
        )

    def describe(self) -> str:
        return f"greatest of {self.count}"

    @property
    def sort(self) -> Sort:
        return "fixed"

    @classmethod
    def random(cls, rng: Rng) -> Op:
        from .random import random_maximum

        return random_maximum(rng)
