"""Every convolutional architecture of the zoo with schemes of both papers, as twins: HLS in both forms and RTL.

Small widths, random weights, odd frames, a folding of its own for each combination. Every stream's codes are compared
with one golden; cycles are those predicted, for a frame alone and between frames.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from xnorsr.hw.build import BuildOptions, BuildResult, build
from xnorsr.quant import zoo
from xnorsr.quant.export import to_qonnx
from xnorsr.sim import reference
from xnorsr.sim.compare import compare
from xnorsr.sim.csim import CSim
from xnorsr.sim.reference import Execution
from xnorsr.sim.rtlsim import RtlSim

pytestmark = [pytest.mark.eda, pytest.mark.slow]

ARCHITECTURES: dict[str, dict[str, Any]] = {
    "srresnet": {"channels": 4, "blocks": 1},
    "srgan": {"channels": 6, "blocks": 1},
    "edsr": {"channels": 4, "blocks": 2},
    "rdn": {"channels": 4, "growth": 4, "blocks": 1, "layers": 2},
    "rcan": {"channels": 4, "groups": 1, "blocks": 1, "reduction": 2},
    "lapsrn": {"channels": 4, "depth": 1},
}
SCHEMES: dict[str, dict[str, Any]] = {
    "bnn": {"name": "bnn", "act_bits": 2},
    "scales": {"name": "scales"},
    "e2fif": {"name": "e2fif"},
    "bbcu": {"name": "bbcu"},
}
FRAMES = ((5, 7), (7, 5), (3, 9), (6, 6), (5, 3))
FOLDINGS: tuple[int | str, ...] = ("port", 24, "full", "60fps", 7)
#: Run by `make test`; the others are exhaustive.
COMMON = {("rdn", "e2fif"), ("rcan", "bbcu"), ("lapsrn", "scales")}


@dataclass(frozen=True)
class Case:
    """One combination."""

    architecture: str
    scheme: str
    frame: tuple[int, int]
    folding: int | str
    pooling: str
    seed: int

    def __str__(self) -> str:
        height, width = self.frame
        return f"{self.architecture}-{self.scheme}-{width}x{height}-{self.folding}-{self.pooling}"


def _cases() -> list[Any]:
    found = []
    for i, (architecture, scheme) in enumerate(product(ARCHITECTURES, SCHEMES)):
        # Frames and foldings in turn; where there is a mean over the frame, both modes.
        frame, folding = FRAMES[i % len(FRAMES)], FOLDINGS[(i // 2) % len(FOLDINGS)]
        modes = ("frame", "previous") if scheme == "scales" or architecture == "rcan" else ("frame",)
        for mode in modes:
            case = Case(architecture, scheme, frame, folding, mode, 100 + i)
            common = (architecture, scheme) in COMMON and mode == modes[i % len(modes)]
            found.append(pytest.param(case, id=str(case), marks=() if common else pytest.mark.exhaustive))
    return found


def _built(case: Case, out: Path) -> BuildResult:
    torch.manual_seed(case.seed)
    fields = {"name": case.architecture, "scheme": SCHEMES[case.scheme], **ARCHITECTURES[case.architecture]}
    if case.architecture == "lapsrn":
        fields["scale"] = 4
    model = zoo.randomize(zoo.build(zoo.NETWORKS.validate(fields)), case.seed).eval()
    file = to_qonnx(model, 3, *case.frame, all_outputs=case.architecture == "lapsrn")
    return build(file, out, BuildOptions(folding=case.folding, pooling=case.pooling))


def _hls_equals(built: BuildResult, frames: list[np.ndarray], truths: list[Execution], bit_true: bool) -> None:
    hls = CSim(built.out_dir / "hls", bit_true)
    types = {one.name: one.kind for one in hls.description.traced}
    for frame, truth in zip(frames, truths, strict=True):
        found = hls.simulate(frame, trace=True)
        assert compare(built.lowered, truth, found.outputs, found.streams, types).codes > 0


@pytest.mark.parametrize("case", _cases())
def test_hls_and_rtl_equal_the_reference(case: Case, tmp_path: Path) -> None:
    built = _built(case, tmp_path / "net")
    rng = np.random.default_rng(case.seed)
    print(f"seed {case.seed}")
    frames = [rng.integers(0, 256, (*case.frame, 3)), np.zeros((*case.frame, 3), int), np.full((*case.frame, 3), 255)]
    truths = reference.run_frames(built.lowered, frames, all_tensors=True)
    for bit_true in (False, True):
        _hls_equals(built, frames, truths, bit_true)

    rtl = RtlSim(built.out_dir / "rtl", tmp_path / "sim", trace=True)
    rtl.compile(optimize="-O0")
    alone = rtl.run(frames[0])
    compare(built.lowered, truths[0], alone.outputs[0], alone.streams, rtl.types)
    # FIFOs of skips may hold many tiny frames: enough of them go through that the deepest one can fill.
    deepest = max((f["depth"] for f in rtl.record["fifos"].values()), default=0)
    turns = 2 + 3 * deepest // (len(frames) * case.frame[0] * case.frame[1])
    following = reference.run_frames(built.lowered, frames * turns, all_tensors=True)
    several = rtl.run(np.stack(frames * turns))
    paused = rtl.run(np.stack(frames * turns), idle=0.4, stall=0.4, seed=case.seed)
    for result in (several, paused):
        for truth, outputs in zip(following, result.outputs, strict=True):
            compare(built.lowered, truth, outputs)
        compare(built.lowered, following[-1], result.outputs[-1], result.streams, rtl.types)
    assert several.ends[-2] - several.ends[-3] == rtl.record["predicted"]["frame_interval"]
    assert alone.cycles == rtl.predicted_cycles
