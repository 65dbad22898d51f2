"""Networks of plain brevitas.nn that go down and up through both projects: every stream's codes, and the cycles."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from torch import nn

from tests import foreign
from tests.both_forms import check_hls
from xnorsr.hw.build import BuildOptions, build, reopen
from xnorsr.sim import reference
from xnorsr.sim.compare import compare
from xnorsr.sim.rtlsim import RtlSim

FRAME = (8, 12)


@pytest.mark.eda
@pytest.mark.parametrize(
    ("make", "folding", "wanted"),
    [
        (lambda: foreign.unet(2), 24, {"Conv", "Concat", "PixelUnshuffle", "Maximum", "PixelShuffle"}),
        pytest.param(
            foreign.Parts,
            4,
            {"Conv", "Concat", "PixelUnshuffle", "Select", "PixelShuffle", "Add"},
            marks=pytest.mark.exhaustive,
        ),
    ],
    ids=["unet", "parts"],
)
def test_down_and_up_in_hls_and_rtl(
    make: Callable[[], nn.Module], folding: int, wanted: set[str], tmp_path: Path
) -> None:
    """Strided and transposed convolutions, pools, shuffles both ways, skips over them: no code differs."""
    net = foreign.calibrated(make(), frame=FRAME)
    build(foreign.exported(net, FRAME), tmp_path / "net", BuildOptions(folding=folding))
    built = reopen(tmp_path / "net")
    assert wanted <= {node.op.op_type for node in built.lowered.network.nodes}
    frames = [foreign.codes_for(FRAME, seed=n) for n in range(2)] + [np.full((*FRAME, 3), 255)]
    truths = [reference.run(built.lowered, frame, all_tensors=True) for frame in frames]
    rtl = RtlSim(tmp_path / "net" / "rtl", tmp_path / "sim", trace=True)
    check_hls(built.lowered, tmp_path / "net" / "hls", frames, truths, rtl.types)
    rtl.compile(optimize="-O0")
    alone = rtl.run(frames[0])
    compare(built.lowered, truths[0], alone.output)
    assert alone.cycles == rtl.predicted_cycles
    result = rtl.run(np.stack(frames), idle=0.3, stall=0.3, seed=7)
    for truth, output in zip(truths, result.outputs, strict=True):
        compare(built.lowered, truth, output)
    compare(built.lowered, truths[-1], result.output, result.streams, rtl.types)
