"""Mode previous in both projects: frame after frame, different pictures and then a still one, against one golden.

SCALES, whose units have a mean over the frame each, and RCAN with its attention, at small width: two pools behind each
other.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch

from xnorsr.hw.build import BuildOptions, BuildResult, build
from xnorsr.hw.golden import run, run_frames
from xnorsr.hw.graph.lower import lower
from xnorsr.quant import zoo
from xnorsr.quant.export import to_qonnx
from xnorsr.sim import reference
from xnorsr.sim.compare import compare
from xnorsr.sim.csim import CSim
from xnorsr.sim.rtlsim import RtlSim

#: `test_zoo_twins` has SCALES and RCAN in this mode too, over fewer frames.
pytestmark = [pytest.mark.eda, pytest.mark.exhaustive, pytest.mark.xdist_group("previous_twins")]

SEED = 11
NETWORKS: dict[str, dict[str, Any]] = {
    "scales": {"name": "srresnet", "scheme": "scales", "channels": 4, "blocks": 1, "upsampler": "single"},
    "rcan": {"name": "rcan", "channels": 4, "groups": 1, "blocks": 2, "reduction": 2, "upsampler": "single"},
}


@dataclass(frozen=True)
class Case:
    """A network, built in mode previous; frames: three pictures, the last of which stands still; what they give."""

    file: onnx.ModelProto
    built: BuildResult
    frames: list[np.ndarray]
    truths: list[reference.Execution]


@pytest.fixture(scope="module", params=NETWORKS)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    print(f"seed {SEED}")
    torch.manual_seed(SEED)
    model = zoo.randomize(zoo.build(zoo.NETWORKS.validate(NETWORKS[request.param])), SEED).eval()
    file = to_qonnx(model, 3, 6, 8)
    built = build(file, tmp_path_factory.mktemp(request.param) / "net", BuildOptions(pooling="previous"))
    rng = np.random.default_rng(SEED)
    pictures = [rng.integers(0, 256, (6, 8, 3)) for _ in range(3)]
    frames = [*pictures, *pictures[-1:] * built.network.frames_to_settle]
    return Case(file, built, frames, reference.run_frames(built.lowered, frames, all_tensors=True))


def test_the_still_picture_ends_as_mode_frame_has_it(case: Case) -> None:
    """It comes as frame 2 and is there after as many frames as pools follow each other, and one more.

    That it may not be there a frame earlier shows `tests/hw/graph/test_states.py`, whose start values are far off.
    """
    network, settle = case.built.network, case.built.network.frames_to_settle
    assert settle >= 3, "fewer than two pools behind each other show little"
    plain = lower(case.file).network
    settled = run(plain, case.frames[-1])[plain.outputs[0]]
    for n, (truth, streams) in enumerate(zip(case.truths, run_frames(network, case.frames), strict=True)):
        np.testing.assert_array_equal(truth.output, streams[network.outputs[0]])
        assert n < 2 + settle - 1 or (truth.output == settled).all()


@pytest.mark.parametrize("bit_true", [False, True], ids=["fast", "bit-true"])
def test_hls_equals_the_golden_frame_after_frame(case: Case, bit_true: bool) -> None:
    hls = CSim(case.built.out_dir / "hls", bit_true)
    types = {one.name: one.kind for one in hls.description.traced}
    for frame, truth in zip(case.frames, case.truths, strict=True):
        output, streams = hls.run(frame, trace=True)
        compare(case.built.lowered, truth, output, streams, types)
    hls.reset()
    output, _ = hls.run(case.frames[0], trace=True)
    compare(case.built.lowered, case.truths[0], output)


def test_rtl_equals_the_golden_frame_after_frame(case: Case, tmp_path: Path) -> None:
    """And takes the cycles that were predicted, alone and with frames back to back."""
    rtl = RtlSim(case.built.out_dir / "rtl", tmp_path, trace=True)
    rtl.compile(optimize="-O0")
    alone = rtl.run(case.frames[0])
    assert alone.cycles == rtl.predicted_cycles
    compare(case.built.lowered, case.truths[0], alone.output, alone.streams, rtl.types)
    result = rtl.run(np.stack(case.frames))
    print("pauses with seed 5")
    paused = rtl.run(np.stack(case.frames), idle=0.4, stall=0.4, seed=5)
    for one in (result, paused):
        for truth, outputs in zip(case.truths, one.outputs, strict=True):
            compare(case.built.lowered, truth, outputs)
        compare(case.built.lowered, case.truths[-1], one.output, one.streams, rtl.types)
    assert result.ends[-2] - result.ends[-3] == rtl.record["predicted"]["frame_interval"]
