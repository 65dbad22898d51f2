"""Parameters per channel of an operator that moves in front of a depth-to-space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from ..types import StreamType
from .base import OneOutput

O = TypeVar("O", bound=OneOutput)  # noqa: E741


def at_phases(op: O, inputs: tuple[StreamType, ...], factor: int, mode: str, per_channel: Sequence[str]) -> O:
    """An operator that works pixel by pixel, on the factor*factor phases of each of its channels.

    Args:
        inputs: types of its inputs before the depth-to-space.
        factor, mode: of the depth-to-space, "CRD" or "DCR".
        per_channel: fields that hold an array with channels along its first axis, or None.
    """
    phases, kind = factor**2, inputs[0]
    out = replace(op.output, height=kind.height, width=kind.width, channels=op.output.channels * phases)
    changes: dict[str, object] = {"inputs": inputs, "output": out}
    for name in per_channel:
        value = getattr(op, name)
        if value is not None:
            # CRD keeps the phases of a channel together, DCR keeps the channels of a phase together.
            changes[name] = (
                np.repeat(value, phases, axis=0)
                if mode == "CRD"
                else np.tile(value, (phases,) + (1,) * (value.ndim - 1))
            )
    return op.replace(**changes)
