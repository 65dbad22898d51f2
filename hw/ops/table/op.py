"""A table of codes: any function of one code, sigmoid and tanh and GELU among them, behind which a Quant stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...hls import latency as hls
from ...hls.arrays import ints
from ...hls.kernel import Kernel, pixels, size
from ...resources.arrival import Passage, Times, together
from ...resources.cost import Coefficient, Cost, control, rom
from ...rtl.literals import rows
from ...rtl.module import Constant, LayerModule, layer
from ...types import StreamType
from ..base import NO_PARAMETERS, NO_WORK, Fold, Op, Parameters, Rng, Side, Sort, Timing, Work
from ..folds import ChannelFolded, check_fold
from ..phases import at_phases

#: The word of the memory, and a register behind it, as a block RAM has them.
STAGES = 2
#: Words of one row of a constant in SystemVerilog.
_ROW = 32


@dataclass(frozen=True, eq=False)
class Table(ChannelFolded):
    """Per channel: y = table[x], x the bits of the input's code as an unsigned number.

    Attributes:
        table: (1, 2**bits) codes for all channels, or (C, 2**bits).
        pe: channels that hardware looks up in one cycle, a divisor of C; 0 for all of them.
    """

    op_type: ClassVar[str] = "Table"
    summary: ClassVar[str] = "any function of one code of at most 12 bits behind which a Quant stands: exact"
    hardware: ClassVar[str] = "read-only memories shared by the folding; comparators where they cost less"
    coefficients: ClassVar[dict[str, Coefficient]] = {}
    table: np.ndarray
    pe: int = 0

    def frame_problem(self) -> str | None:
        return None

    def before_shuffle(self, inputs: tuple[StreamType, ...], factor: int, mode: str) -> Op | None:
        return at_phases(self, inputs, factor, mode, ("table",) if len(self.table) > 1 else ())

    def golden(self, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        (x,) = inputs
        word = x & ((1 << self.input.bits) - 1)
        channel = np.arange(self.output.channels) if len(self.table) > 1 else 0
        return (self.table[channel, word],)

    def timing(self, side: Side) -> Timing:
        folded = 1 + self.folds if self.folds > 1 else 0
        if side == "rtl":
            return self.pointwise(self.folds, STAGES + folded)
        return self.pointwise(self.folds, hls.PORTS + hls.STEP + self.folds)

    def flow(self, arrivals: Sequence[Times]) -> Passage:
        return together(arrivals, self.folds, self.timing("rtl").latency)

    def fold_cost(self) -> Cost:
        words = self.table.shape[1] * (self.folds if len(self.table) > 1 else 1)
        lane = rom(words, self.output.bits) + Cost(ff=2.0 * self.output.bits)
        cost = lane.times(self.lanes)
        if self.folds > 1:
            cost += Cost(lut=self.input.word_bits, ff=self.input.word_bits + 2.0 * self.output.word_bits)
        return cost

    def cost(self) -> Cost:
        return control() + self.fold_cost()

    def line_buffer_bits(self) -> int:
        return 0

    def work(self) -> Work:
        return NO_WORK

    def parameters(self) -> Parameters:
        return NO_PARAMETERS  # a function, nothing learned

    def kernel(self, name: str) -> Kernel:
        check_fold(name, self, Fold(self.lanes, 1))
        kind = self.input
        return Kernel(
            "table",
            "xnorsr_table.h",
            (("in", f"Pixels<{kind.channels}, {kind.bits}, false>"), ("out", pixels(self.output))),
            (*size(kind), ("II", self.folds), ("TABLES", len(self.table))),
            (ints("table", self.table, "[table][bits of the code]"),),
        )

    def module(self, name: str, index: int) -> LayerModule:
        made, bits = layer(name, self.op_type, self.inputs, self.outputs), self.output.bits
        words = self.table.reshape(-1, min(_ROW, self.table.shape[1]))
        made.constants.append(Constant("TableCodes", self.table.size * bits, rows(words, bits), "words"))
        return made.whole(
            "xnorsr_table",
            {
                "Channels": self.output.channels,
                "Pe": self.lanes,
                "InBits": self.input.bits,
                "Tables": len(self.table),
                "Codes": "TableCodes",
                "OutBits": bits,
            },
        )

    def describe(self) -> str:
        return f"table of {self.table.shape[1]} codes" + (" per channel" if len(self.table) > 1 else "")

    @property
    def sort(self) -> Sort:
        return "affine"

    @classmethod
    def random(cls, rng: Rng) -> Op:
        from .random import random_table

        return random_table(rng)
