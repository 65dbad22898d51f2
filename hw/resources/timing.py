"""Cycle behaviour of the modules that operators become: the numbers that the schedule rests on."""

from __future__ import annotations

from typing import Protocol

from ..graph.ops import Conv, Op
from .costs import folds


class Timing(Protocol):
    """What the schedule asks of the modules; `hw.rtl.timing` answers for the SystemVerilog library."""

    def interval(self, op: Op) -> int:
        """Cycles between two pixels that the operator takes, at least."""

    def latency(self, op: Op) -> int:
        """Cycles from the moment in which all that an output needs has been taken until it stands at the output."""


class DefaultTiming:
    """Modules with one register stage each; a folded convolution works `folds` cycles on a pixel."""

    def interval(self, op: Op) -> int:
        """Cycles a pixel: the folding of a convolution, else 1."""
        return folds(op) if isinstance(op, Conv) else 1

    def latency(self, op: Op) -> int:
        """The interval and one register."""
        return self.interval(op) + 1
