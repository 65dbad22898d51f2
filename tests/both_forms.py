"""The HLS project in its fast form and as it is synthesized, against the reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from xnorsr.hw.graph.lower import Lowered
from xnorsr.hw.types import StreamType
from xnorsr.sim.compare import compare
from xnorsr.sim.csim import CSim
from xnorsr.sim.reference import Execution


def check_hls(
    lowered: Lowered,
    project: Path,
    frames: Sequence[np.ndarray],
    truths: Sequence[Execution],
    types: Mapping[str, StreamType],
) -> None:
    """Every stream's codes of every frame, in both forms."""
    for bit_true in (False, True):
        hls = CSim(project, bit_true=bit_true)
        for frame, truth in zip(frames, truths, strict=True):
            output, streams = hls.run(frame, trace=True)
            assert compare(lowered, truth, output, streams, types).codes > 0
