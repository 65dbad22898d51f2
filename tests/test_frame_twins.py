"""Mode frame in both projects: vectors of a frame's own pixels, and a frame alone takes exactly the predicted cycles.

Networks of three schemes and shapes with means over the frame, folded so that layers beside a pool are slower than what
its FIFO gives in a burst: one frame alone, several behind each other, and pauses.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from xnorsr.hw.build import BuildOptions, build
from xnorsr.hw.options import Folding
from xnorsr.hw.resources.bursts import room_for
from xnorsr.hw.resources.fifos import balanced_fifos
from xnorsr.quant import zoo
from xnorsr.quant.export import to_qonnx
from xnorsr.sim import reference
from xnorsr.sim.compare import compare
from xnorsr.sim.csim import CSim
from xnorsr.sim.rtlsim import RtlSim

pytestmark = [pytest.mark.eda, pytest.mark.slow]

SEED = 11
SMALL = {"channels": 8, "upsampler": "single"}
NETWORKS: dict[str, dict[str, Any]] = {
    "scales": {"name": "srresnet", "scheme": "scales", "blocks": 1},
    "ebsr": {"name": "srresnet", "scheme": "ebsr", "blocks": 1},
    "rcan": {"name": "rcan", "groups": 1, "blocks": 2, "reduction": 2},
}


@dataclass(frozen=True)
class Case:
    """A network, its folding and its frame, (height, width); whether something beside a pool is slower than it,
    if that is asked."""

    network: str
    folding: Folding
    frame: tuple[int, int]
    slower: bool | None = None

    def __str__(self) -> str:
        return f"{self.network}-{self.folding}-{self.frame[1]}x{self.frame[0]}"


CASES = [Case("scales", 40, (5, 7), True), Case("rcan", 40, (5, 7))]
MORE = [
    Case("ebsr", 40, (5, 7), False),
    Case("scales", "auto", (6, 8), True),
    Case("scales", "port", (7, 5), False),
    Case("scales", "full", (3, 3), True),
    Case("scales", 100, (9, 6), True),
    Case("ebsr", "auto", (6, 8)),
    Case("ebsr", 12, (8, 5)),
    Case("rcan", "auto", (6, 8)),
    Case("rcan", 12, (8, 5)),
]


@pytest.mark.parametrize("case", [*CASES, *(pytest.param(c, marks=pytest.mark.exhaustive) for c in MORE)], ids=str)
def test_a_frame_alone_takes_the_predicted_cycles(case: Case, tmp_path: Path) -> None:
    print(f"seed {SEED}")
    torch.manual_seed(SEED)
    model = zoo.randomize(zoo.build(zoo.NETWORKS.validate(SMALL | NETWORKS[case.network])), SEED).eval()
    built = build(to_qonnx(model, 3, *case.frame), tmp_path / "net", BuildOptions(folding=case.folding))
    assert built.network.pooling == "frame"
    changes = room_for(built.network, balanced_fifos(built.network, "rtl"))
    assert case.slower in (None, any(words > 0 for words in changes.values()))
    rng = np.random.default_rng(SEED)
    frames = [rng.integers(0, 256, (*case.frame, 3)) for _ in range(5)]
    truths = [reference.run(built.lowered, frame, all_tensors=True) for frame in frames]

    hls = CSim(tmp_path / "net" / "hls")
    rtl = RtlSim(tmp_path / "net" / "rtl", tmp_path / "sim", trace=True)
    output, streams = hls.run(frames[0], trace=True)
    compare(built.lowered, truths[0], output, streams, rtl.types)
    rtl.compile(optimize="-O0")
    alone = rtl.run(frames[0])
    compare(built.lowered, truths[0], alone.output, alone.streams, rtl.types)
    several = rtl.run(np.stack(frames))
    assert several.ends[-2] - several.ends[-3] == rtl.record["predicted"]["frame_interval"]
    print("pauses with seed 5")
    paused = rtl.run(np.stack(frames), idle=0.4, stall=0.4, seed=5)
    for one in (several, paused):
        for truth, outputs in zip(truths, one.outputs, strict=True):
            compare(built.lowered, truth, outputs)
        compare(built.lowered, truths[-1], one.output, one.streams, rtl.types)
    assert alone.cycles == rtl.predicted_cycles
