"""`xnorsr sim --waves`: a waveform file on any machine, in the format that the machine can write."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image
from typer.testing import CliRunner

from tests.networks import NetworkSpec, network
from xnorsr.flows.cli import app
from xnorsr.sim import verilate


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """The format is looked for anew, and again after the test."""
    verilate.wave_format.cache_clear()
    yield
    verilate.wave_format.cache_clear()


@pytest.mark.parametrize(("compiler", "wanted"), [("true", "fst"), ("false", "vcd"), ("no-such-compiler", "vcd")])
def test_the_compiler_decides(compiler: str, wanted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", compiler)
    assert verilate.wave_format() == wanted


def test_fst_where_its_headers_are() -> None:
    """What the probe finds is what the preprocessor and the linker say, one by one."""
    there = all(
        subprocess.run(["g++", "-E", "-xc++", "-"], input=f"#include <{h}>\n".encode(), capture_output=True).returncode
        == 0
        for h in ("lz4.h", "zlib.h")
    )
    assert there or verilate.wave_format() == "vcd"


@pytest.mark.eda
def test_waves_of_a_simulation(tmp_path: Path) -> None:
    onnx.save(network(NetworkSpec(channels=4, height=3, width=4)), tmp_path / "net.onnx")
    pixels = np.random.default_rng(5).integers(0, 256, (3, 4, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    for args in (
        ["build", tmp_path / "net.onnx", "--out", tmp_path / "out", "--folding", "port"],
        ["sim", tmp_path / "out", "--image", tmp_path / "photo.png", "--level", "rtl", "--waves"],
    ):
        result = CliRunner().invoke(app, [str(a) for a in args])
        assert result.exit_code == 0, result.output
    said = " ".join(result.output.split())
    kind = verilate.wave_format()
    assert said.startswith(f"Waveforms: {kind.upper()}"), said
    assert ("a large file" in said) == (kind == "vcd")
    waves = tmp_path / "out" / "sim" / "rtl-waves" / "plain" / f"dump.{kind}"
    assert f"Waveforms: {waves}," in re.sub(r"\s", "", said).replace("Waveforms:", "Waveforms: ")
    assert waves.stat().st_size > 1000
    if kind == "fst":
        return
    # Every pixel that went in stands there, R in the high bits and G in the low ones, and signals of layers do too.
    text = waves.read_text()
    found = re.search(r"\$var wire +24 (\S+) s_axis_tdata \[23:0\] \$end", text)
    assert found is not None
    seen = {int(word, 2) for word in re.findall(rf"^b([01]+) {re.escape(found[1])}$", text, re.MULTILINE)}
    assert {r << 16 | b << 8 | g for r, g, b in pixels.reshape(-1, 3).tolist()} <= seen
    assert "u_video_in" in text and "conv_0_out_data" in text
