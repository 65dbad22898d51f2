"""One stream to several readers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...hls import latency as hls
from ...hls.kernel import Kernel, size
from ...resources.arrival import Passage, Times
from ...resources.cost import Coefficient, Cost
from ...rtl.module import STREAM_IN, LayerModule, Wire, layer
from ...types import StreamType
from ..base import Op, Rng, Side, Sort, Timing, Wires


@dataclass(frozen=True, eq=False)
class Fork(Wires):
    """Every beat of the input goes to each output. The lowering puts one where a tensor has several readers.

    Attributes:
        copies: number of outputs, 2 or more.
    """

    op_type: ClassVar[str] = "Fork"
    summary: ClassVar[str] = "a tensor with several readers"
    hardware: ClassVar[str] = "one handshake bit per copy, no data register"
    coefficients: ClassVar[dict[str, Coefficient]] = {}
    copies: int

    @property
    def outputs(self) -> tuple[StreamType, ...]:
        return self.inputs * self.copies

    def frame_problem(self) -> str | None:
        return None

    def before_shuffle(self, inputs: tuple[StreamType, ...], factor: int, mode: str) -> Op | None:
        return None  # forks are made when shuffles have moved

    def golden(self, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        return inputs * self.copies

    def timing(self, side: Side) -> Timing:
        return self.pointwise(1, hls.PORTS if side == "hls" else 0)

    def flow(self, arrivals: Sequence[Times]) -> Passage:
        return Passage((arrivals[0],), (arrivals[0],) * self.copies)

    def cost(self) -> Cost:
        return Cost(lut=5, ff=2)

    def kernel(self, name: str) -> Kernel:
        return Kernel("fork", "xnorsr_fork.h", (), size(self.input))

    def module(self, name: str, index: int) -> LayerModule:
        bits, outs = self.input.word_bits, range(self.copies)
        made = layer(name, self.op_type, self.inputs, self.outputs)
        made.wires.append(Wire("copy_data", bits))
        made.assigns += [(f"out{n}_data_o", "copy_data") for n in outs]
        # A concatenation's last element is output 0.
        valid = "{" + ", ".join(f"out{n}_valid_o" for n in reversed(outs)) + "}"
        ready = "{" + ", ".join(f"out{n}_ready_i" for n in reversed(outs)) + "}"
        ports = STREAM_IN | {"data_o": "copy_data", "valid_o": valid, "ready_i": ready}
        return made.whole("xnorsr_fork", {"Bits": bits, "Outputs": self.copies}, ports)

    def describe(self) -> str:
        return "one stream to several"

    @property
    def sort(self) -> Sort:
        return "fork"

    @classmethod
    def random(cls, rng: Rng) -> Op:
        from ..random import random_stream

        return Fork((random_stream(rng),), int(rng.integers(2, 5)))
