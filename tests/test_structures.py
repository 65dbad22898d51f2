"""Whole networks with the popcounts that are synthesized: equal to the reference on a photograph, in as many cycles.

Elsewhere networks are simulated with $countones, and structures alone or in single layers.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import numpy as np
import pytest

from benchmarks import demo_network
from xnorsr.errors import MismatchError
from xnorsr.flows.pictures import high_resolution, photograph
from xnorsr.hw.build import BuildOptions, BuildResult, build
from xnorsr.quant.inference import low_resolution
from xnorsr.sim import reference
from xnorsr.sim.compare import compare
from xnorsr.sim.rtlsim import RtlSim

pytestmark = pytest.mark.eda


def _built(size: str, channels: int, blocks: int, folding: str, folder: Path) -> BuildResult:
    """A random network of the demo's shape."""
    parser = argparse.ArgumentParser()
    demo_network.add_options(parser, size)
    args = parser.parse_args(["--channels", str(channels), "--blocks", str(blocks)])
    options = BuildOptions(frame=demo_network.frame(args), folding=folding)
    return build(demo_network.network(args), folder, options, hls=False)


def _simulated(built: BuildResult, work: Path, optimize: str) -> RtlSim:
    """Simulate the middle of a photograph; the simulation, whose codes are all equal and whose cycles are predicted.

    Raises:
        MismatchError: a code differs.
    """
    kind = built.lowered.input_type
    photo = high_resolution(photograph("flower"), 2, (kind.width, kind.height))
    codes = np.moveaxis(low_resolution(photo, 2, "rgb"), 0, -1).astype(np.int64)
    truth = reference.run(built.lowered, codes)
    sim = RtlSim(built.out_dir / "rtl", work, structures=True)
    sim.compile(optimize)
    result = sim.run(codes)
    assert compare(built.lowered, truth, result.outputs[-1]).codes == 4 * kind.pixels * 3
    assert result.cycles == sim.predicted_cycles and not result.occupancy
    assert len(np.unique(result.output)) > 16, "a picture, not a grey frame"
    return sim


def test_a_small_network_of_constant_weights(tmp_path: Path) -> None:
    """Sums shared between outputs."""
    _simulated(_built("10x6", 4, 1, "full", tmp_path / "net"), tmp_path / "sim", "-O0")


def test_a_small_network_of_weights_from_memories(tmp_path: Path) -> None:
    """And a structure that counts wrong is seen, so structures are what is simulated."""
    built = _built("10x6", 4, 1, "port", tmp_path / "net")
    _simulated(built, tmp_path / "sim", "-O0")
    file = built.out_dir / "rtl" / "lib" / "xnorsr_popcounts.sv"
    wrong, changed = re.subn(r"\.x_i\(x_i\)", ".x_i(~x_i)", file.read_text(), count=1)
    assert changed == 1
    file.write_text(wrong)
    with pytest.raises(MismatchError):
        _simulated(built, tmp_path / "wrong", "-O0")
