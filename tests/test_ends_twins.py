"""Ends of few bits in both projects: two binary bases on 8-bit pixels, a narrower tail, a trunk of 10 bits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from xnorsr.hw.build import BuildOptions, build
from xnorsr.quant import zoo
from xnorsr.quant.export import to_qonnx
from xnorsr.sim import reference
from xnorsr.sim.compare import compare
from xnorsr.sim.csim import CSim
from xnorsr.sim.rtlsim import RtlSim

pytestmark = pytest.mark.eda


def test_both_projects_equal_the_file(tmp_path: Path) -> None:
    cfg = zoo.NETWORKS.validate(
        {
            "name": "srresnet",
            "channels": 4,
            "blocks": 1,
            "head_weights": "binary2",
            "tail_weights": "int3",
            "tail_bits": 4,
            "tail_channels": 2,
            "numerics": {"trunk_bits": 10},
        }
    )
    model = zoo.randomize(zoo.build(cfg), 7).eval()
    built = build(to_qonnx(model, 3, 5, 6), tmp_path / "net", BuildOptions(folding=6))
    print("seed 7")
    frame = np.random.default_rng(7).integers(0, 256, (5, 6, 3))
    truth = reference.run(built.lowered, frame, all_tensors=True)
    rtl = RtlSim(tmp_path / "net" / "rtl", tmp_path / "sim", trace=True)
    rtl.compile(optimize="-O0")
    output, streams = CSim(tmp_path / "net" / "hls").run(frame, trace=True)
    compare(built.lowered, truth, output, streams, rtl.types)
    result = rtl.run(frame)
    compare(built.lowered, truth, result.output, result.streams, rtl.types)
    assert result.cycles == rtl.record["predicted"]["cycles_per_frame"]
    assert len(np.unique(output)) > 4
