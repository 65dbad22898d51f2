"""Mode previous through the commands: build, simulation of a still photograph, estimate, the vendor's test bench."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image
from typer.testing import CliRunner

from tests.gated import gated
from xnorsr.flows.cli import app
from xnorsr.flows.facts import pooling_text
from xnorsr.flows.pictures import read_picture
from xnorsr.flows.steps.csynth import small_project
from xnorsr.hw.build import reopen
from xnorsr.hw.golden import run
from xnorsr.hw.graph.lower import lower

pytestmark = [pytest.mark.eda, pytest.mark.slow, pytest.mark.xdist_group("pooling")]

MEANS = "of the frame before (mode previous); a still picture settles with frame 3"


def _said(*args: str | Path) -> str:
    result = CliRunner().invoke(app, [str(a) for a in args])
    assert result.exit_code == 0, result.output
    return " ".join(result.output.split())


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pooling")
    onnx.save(gated(), folder / "net.onnx")
    said = _said("build", folder / "net.onnx", "--out", folder / "net", "--folding", "full", "--pooling", "previous")
    assert f"Means and sums over the frame: {MEANS}." in said
    return folder / "net"


def test_a_photograph_is_fed_until_it_settles(built: Path, tmp_path: Path) -> None:
    """And then is what mode frame makes of it."""
    codes = np.random.default_rng(8).integers(0, 256, (4, 5, 3), np.uint8)
    Image.fromarray(codes).save(tmp_path / "photo.png")
    said = _said("sim", built, "--image", tmp_path / "photo.png", "--out", tmp_path / "out.png")
    assert "0 of 240 codes differ from the reference, fed 3 times (mode previous)." in said
    plain = lower(gated()).network
    np.testing.assert_array_equal(read_picture(tmp_path / "out.png"), run(plain, codes)[plain.outputs[0]])


def test_estimate_says_whose_means(built: Path) -> None:
    assert f"means over the frame {MEANS}" in _said("estimate", built)
    assert "which waits for them in FIFOs" in pooling_text("frame", 1) and pooling_text(None, 1) == ""
    assert reopen(built).options.pooling == "previous"


def test_the_vendors_test_bench_sees_two_frames(built: Path, tmp_path: Path) -> None:
    """The static registers of the code that is synthesized carry the vectors, as hardware does."""
    folder = tmp_path / "hls"
    assert small_project(reopen(built), folder) == 2 * 240
    files = ["firmware/xnorsr_top.cpp", "xnorsr_top_test.cpp", "-o", "bench"]
    includes = ["-isystem", "firmware/ap_types"]
    subprocess.run(
        ["g++", "-std=c++14", "-O0", "-DXNORSR_BIT_TRUE", *includes, *files], cwd=tmp_path / "hls", check=True
    )
    done = subprocess.run([folder / "bench"], cwd=folder, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "2 frames, 0 codes differ\n"), done.stderr
