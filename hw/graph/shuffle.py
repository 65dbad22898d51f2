"""Rewrite of the lowered stages: depth-to-space moves behind everything that works pixel by pixel.

Contract: PixelShuffle commutes with Residual (both inputs shuffled alike) and with Affine and Threshold (parameters
repeated for each phase), so the network runs at the low-resolution rate up to its last shuffle, which then carries
8-bit pixels and not accumulators. Values do not change; a moved stream's place in the reference is its tensor before
the shuffle. Where the shuffled stream is read by more than one stage, it stays.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..types import StreamType
from .context import Context, Reference, Stage
from .ops import Affine, Op, PixelShuffle, Residual, Threshold


def push_shuffles(context: Context, output: str) -> None:
    """Apply until nothing moves. `output` is the network's output tensor."""
    while any(_push(context, stage, output) for stage in list(context.stages)):
        pass


def _push(context: Context, stage: Stage, output: str) -> bool:
    """Move the shuffles right in front of one stage behind it, if all its inputs are shuffled alike."""
    if not isinstance(stage.op, Residual | Affine | Threshold):
        return False
    shuffles = []
    for name in stage.inputs:
        maker = next((s for s in context.stages if s.output == name), None)
        readers = [s for s in context.stages for i in s.inputs if i == name]
        if maker is None or not isinstance(maker.op, PixelShuffle) or len(readers) != 1 or name == output:
            return False
        shuffles.append(maker)
    first = shuffles[0].op
    assert isinstance(first, PixelShuffle)
    for other in shuffles[1:]:
        assert isinstance(other.op, PixelShuffle)
        if (other.op.factor, other.op.mode) != (first.factor, first.mode):
            return False
    inner = f"{stage.output}_phases"
    moved = _at_low_resolution(stage.op, tuple(s.op.input for s in shuffles), first)
    shuffle = PixelShuffle((moved.output,), stage.op.output, first.factor, first.mode)
    last = max(context.stages.index(s) for s in shuffles)
    at = context.stages.index(stage)
    assert last < at
    context.stages[at] = Stage(stage.name, moved, [s.inputs[0] for s in shuffles], inner)
    context.stages.insert(at + 1, Stage(shuffles[0].name, shuffle, [inner], stage.output))
    for s in shuffles:
        context.stages.remove(s)
        context.references.pop(s.output, None)
    if stage.output in context.references:
        context.references[inner] = Reference(context.references[stage.output].tensor, first.factor, first.mode)
    context.types[inner] = moved.output
    return True


def _at_low_resolution(op: Op, inputs: tuple[StreamType, ...], shuffle: PixelShuffle) -> Op:
    phases = shuffle.factor**2
    kind = inputs[0]
    out = replace(op.output, height=kind.height, width=kind.width, channels=op.output.channels * phases)
    changes: dict[str, object] = {"inputs": inputs, "output": out}
    for name in ("scale", "bias", "slope", "thresholds", "sign"):
        value = getattr(op, name, None)
        if value is not None:
            # CRD keeps a channel's phases together, DCR keeps a phase's channels together.
            changes[name] = (
                np.repeat(value, phases, axis=0)
                if shuffle.mode == "CRD"
                else np.tile(value, (phases,) + (1,) * (value.ndim - 1))
            )
    return op.replace(**changes)
