"""A network of plain brevitas.nn with float scales through both projects: every stream's codes, and the cycles."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from brevitas.quant import Int8WeightPerChannelFloat
from torch import nn

from tests import foreign
from xnorsr.hw.build import BuildOptions, build, reopen
from xnorsr.sim import reference
from xnorsr.sim.compare import compare
from xnorsr.sim.csim import CSim
from xnorsr.sim.rtlsim import RtlSim

FRAME = (5, 6)


@pytest.mark.eda
def test_a_foreign_binary_network_in_hls_and_rtl(tmp_path: Path) -> None:
    """Sums of different scales, BatchNorm, slopes of both signs, float64 sums, shared multipliers."""
    net = foreign.calibrated(foreign.Binary(channels=4, depth=1, norm_behind=True), frame=FRAME)
    built = build(foreign.exported(net, FRAME), tmp_path / "net", BuildOptions(folding=12))
    assert built.lowered.reference.double
    built = reopen(tmp_path / "net")
    frames = [foreign.codes_for(FRAME, seed=n) for n in range(2)] + [np.full((*FRAME, 3), 255)]
    truths = [reference.run(built.lowered, frame, all_tensors=True) for frame in frames]
    hls = CSim(tmp_path / "net" / "hls")
    rtl = RtlSim(tmp_path / "net" / "rtl", tmp_path / "sim", trace=True)
    for frame, truth in zip(frames, truths, strict=True):
        output, streams = hls.run(frame, trace=True)
        assert compare(built.lowered, truth, output, streams, rtl.types).codes > 0
    rtl.compile(optimize="-O0")
    alone = rtl.run(frames[0])
    assert alone.cycles == rtl.predicted_cycles
    result = rtl.run(np.stack(frames), idle=0.3, stall=0.3, seed=7)
    for truth, output in zip(truths, result.outputs, strict=True):
        compare(built.lowered, truth, output)
    compare(built.lowered, truths[-1], result.output, result.streams, rtl.types)


@pytest.mark.eda
@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: foreign.DEFAULTS.espcn(4, channels=4), id="espcn"),
        pytest.param(lambda: foreign.DEFAULTS.bbcu(4, 1), id="bbcu", marks=pytest.mark.exhaustive),
        pytest.param(lambda: foreign.DEFAULTS.ECBSR(4, 1), id="ecbsr", marks=pytest.mark.exhaustive),
        pytest.param(lambda: foreign.DEFAULTS.fsrcnn(4, 2, 1), id="fsrcnn", marks=pytest.mark.exhaustive),
        pytest.param(
            lambda: foreign.DEFAULTS.deep(Int8WeightPerChannelFloat, 4, 2),
            id="deep",
            marks=pytest.mark.exhaustive,
        ),
    ],
)
def test_networks_of_the_docs(make: Callable[[], nn.Module], tmp_path: Path) -> None:
    """Those of docs/examples, narrower: both projects give the file's own codes, in the cycles that are predicted."""
    model = foreign.exported(foreign.DEFAULTS.as_trained(make(), frame=FRAME), FRAME)
    built = build(model, tmp_path / "net", BuildOptions(folding=24))
    codes = foreign.codes_for(FRAME, seed=3)
    truth = reference.run(built.lowered, codes, all_tensors=True)
    rtl = RtlSim(tmp_path / "net" / "rtl", tmp_path / "sim", trace=True)
    output, streams = CSim(tmp_path / "net" / "hls").run(codes, trace=True)
    assert compare(built.lowered, truth, output, streams, rtl.types).codes > 0
    rtl.compile(optimize="-O0")
    result = rtl.run(codes)
    compare(built.lowered, truth, result.output, result.streams, rtl.types)
    assert result.cycles == rtl.predicted_cycles
