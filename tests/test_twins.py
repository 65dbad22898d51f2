"""The twins: one network, one golden, HLS and RTL. Every stream's codes, the cycles, the FIFOs.

The matrix is `tests.networks.MATRIX`: both schemes, all scales, odd and non-square frames down to 3x3, paddings,
numbers of channels that are no power of two; the images are random ones and the extremes. Each network is built
once for each folding here.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.gated import gated
from tests.networks import CASES, MATRIX, NetworkSpec, images, network, pyramid
from xnorsr.hw.build import BuildOptions, BuildResult, build
from xnorsr.sim import reference
from xnorsr.sim.compare import compare
from xnorsr.sim.csim import CSim
from xnorsr.sim.reference import Execution
from xnorsr.sim.rtlsim import RtlResult, RtlSim

pytestmark = pytest.mark.eda

#: Seeds of the cases that take longest, or have what others have.
LONG = (1, 2, 3, 4, 6, 9, 10, 11)
PARAMETERS = [pytest.param(*case, marks=[pytest.mark.exhaustive] * (case[0].seed in LONG)) for case in CASES]
PARAMETERS += [pytest.param(MATRIX[0], 3, marks=pytest.mark.exhaustive)]


def check_rtl(built: BuildResult, sim: RtlSim, truths: list[Execution], alone: RtlResult, result: RtlResult) -> None:
    """Codes of all frames, cycles exactly as predicted, FIFOs no deeper than their use rounded up, or two words more.

    Cycles are a frame's alone, and the interval is between frames that others follow: the last windows of a frame wait
    for pixels of the next one where there is one.
    """
    for truth, output in zip(truths, result.outputs, strict=True):
        compare(built.lowered, truth, output)
    compare(built.lowered, truths[-1], result.output, result.streams, sim.types)
    predicted = sim.record["predicted"]
    assert alone.cycles == predicted["cycles_per_frame"]
    assert result.ends[-2] - result.ends[-3] == predicted["frame_interval"]
    for name, (used, depth) in result.occupancy.items():
        assert depth <= max(used + 2, 1 << max(used - 1, 0).bit_length()), f"FIFO {name}: {depth}, used {used}"


@pytest.mark.parametrize(("spec", "folding"), PARAMETERS, ids=str)
def test_hls_and_rtl_equal_the_reference(spec: NetworkSpec, folding: str | int, tmp_path: Path) -> None:
    built = build(network(spec), tmp_path / "net", BuildOptions(folding=folding))
    frames = list(images(spec).values())
    truths = [reference.run(built.lowered, frame, all_tensors=True) for frame in frames]

    hls = CSim(tmp_path / "net" / "hls")
    rtl = RtlSim(tmp_path / "net" / "rtl", tmp_path / "sim", trace=True)
    for frame, truth in zip(frames, truths, strict=True):
        output, streams = hls.run(frame, trace=True)
        compare(built.lowered, truth, output, streams, rtl.types)

    rtl.compile(optimize="-O0")
    # FIFOs of skips may hold many tiny frames: enough of them go through that the deepest one can fill.
    deepest = max((f["depth"] for f in rtl.record["fifos"].values()), default=0)
    turns = 1 + 3 * deepest // (len(frames) * spec.height * spec.width)
    check_rtl(built, rtl, truths * turns, rtl.run(frames[0]), rtl.run(np.stack(frames * turns)))
    print(f"pauses with seed {spec.seed}")
    paused = rtl.run(np.stack(frames), idle=0.4, stall=0.4, seed=spec.seed)
    for truth, output in zip(truths, paused.outputs, strict=True):
        compare(built.lowered, truth, output)


@pytest.mark.parametrize(
    "folding", ["port", *(pytest.param(f, marks=pytest.mark.exhaustive) for f in ("full", 40))], ids=str
)
def test_two_outputs_with_frames_of_their_own(folding: str | int, tmp_path: Path) -> None:
    """LapSRN's shape: x2 and x4 at once, one port each, layers behind a shuffle; every stream, port and cycle."""
    built = build(pyramid(), tmp_path / "net", BuildOptions(folding=folding))
    assert [(k.width, k.height) for k in built.lowered.output_types.values()] == [(12, 10), (24, 20)]
    frames = list(images(NetworkSpec(height=5, width=6, seed=13)).values())
    truths = [reference.run(built.lowered, frame, all_tensors=True) for frame in frames]
    hls = CSim(tmp_path / "net" / "hls")
    rtl = RtlSim(tmp_path / "net" / "rtl", tmp_path / "sim", trace=True)
    for frame, truth in zip(frames, truths, strict=True):
        found = hls.simulate(frame, trace=True)
        counted = compare(built.lowered, truth, found.outputs, found.streams, rtl.types)
        assert counted.codes == 3 * (12 * 10 + 24 * 20)
    rtl.compile(optimize="-O0")
    alone = rtl.run(frames[0])
    assert alone.cycles == rtl.predicted_cycles
    several = rtl.run(np.stack(frames))
    compare(built.lowered, truths[-1], several.outputs[-1], several.streams, rtl.types)
    print("pauses with seed 5")
    paused = rtl.run(np.stack(frames), idle=0.3, stall=0.3, seed=5)
    for result in (several, paused):
        for truth, outputs in zip(truths, result.outputs, strict=True):
            compare(built.lowered, truth, outputs)


@pytest.mark.parametrize(
    "folding", ["full", *(pytest.param(f, marks=pytest.mark.exhaustive) for f in ("port", 40, "min"))], ids=str
)
def test_gates_attention_and_dense_blocks(folding: str | int, tmp_path: Path) -> None:
    """Products, broadcasts, tables, sums over the frame, a concatenation and a transposed convolution in one network.

    A sum waits for the last pixel of its frame, which no slower branch of the same fork may hold back.
    """
    built = build(gated(), tmp_path / "net", BuildOptions(folding=folding))
    frames = list(images(NetworkSpec(height=4, width=5, seed=13)).values())
    truths = [reference.run(built.lowered, frame, all_tensors=True) for frame in frames]
    hls = CSim(tmp_path / "net" / "hls")
    rtl = RtlSim(tmp_path / "net" / "rtl", tmp_path / "sim", trace=True)
    for frame, truth in zip(frames, truths, strict=True):
        output, streams = hls.run(frame, trace=True)
        compare(built.lowered, truth, output, streams, rtl.types)
    rtl.compile(optimize="-O0")
    alone = rtl.run(frames[0])
    assert alone.cycles == rtl.predicted_cycles
    several = rtl.run(np.stack(frames * 4))
    assert several.ends[-2] - several.ends[-3] == rtl.record["predicted"]["frame_interval"]
    compare(built.lowered, truths[-1], several.outputs[-1], several.streams, rtl.types)
    print("pauses with seed 5")
    paused = rtl.run(np.stack(frames), idle=0.4, stall=0.4, seed=5)
    for result in (several, paused):
        for truth, found in zip(truths * 4, result.outputs, strict=False):
            compare(built.lowered, truth, found)
