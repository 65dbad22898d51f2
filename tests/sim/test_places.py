"""Simulations in folders with any name, and on full disks."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from tests.networks import NetworkSpec, images, network
from xnorsr import children
from xnorsr.errors import UserError
from xnorsr.hw.build import BuildOptions, build
from xnorsr.sim.csim import CSim
from xnorsr.sim.rtlsim import RtlSim

#: Signs that make, shells, Verilator or C++ take for their own.
HOSTILE = "a b#c$d\"e:f%g'h;i(j)[k]\\l&m`n"
SPEC = NetworkSpec(channels=4)


def _build(out: Path) -> Path:
    return build(network(SPEC), out, BuildOptions()).out_dir


@pytest.mark.eda
@pytest.mark.slow
def test_a_folder_may_have_any_name(tmp_path: Path) -> None:
    out = _build(tmp_path / HOSTILE / "out")
    codes = next(iter(images(SPEC).values()))
    expected = CSim(out / "hls").run(codes)
    for _ in range(2):  # the second time over what the first one left
        sim = RtlSim(out / "rtl", out / "sim")
        sim.compile("-O0")
        np.testing.assert_array_equal(sim.run(codes).output, expected)


@pytest.mark.slow
@pytest.mark.parametrize("words", ["No space left on device", "File too large"])
def test_a_full_disk_is_called_so(tmp_path: Path, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    out = _build(tmp_path / "out")
    text = f"/usr/bin/ld: final link failed: {words}\n"

    def full(command: Any, *, stdout: Any, **_: Any) -> subprocess.CompletedProcess[str]:
        if stdout is not subprocess.PIPE:
            stdout.write(text)
        return subprocess.CompletedProcess(command, 1, text, "")

    monkeypatch.setattr(children, "run", full)
    with pytest.raises(UserError, match=r"hls: the disk is full\. Free some space there"):
        CSim(out / "hls").run(next(iter(images(SPEC).values())))
    with pytest.raises(UserError, match=r"plain: the disk is full\. Free some space there"):
        RtlSim(out / "rtl", out / "sim").compile()


@pytest.mark.eda
def test_unsafe_folder_of_temporary_files_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = _build(tmp_path / "a b")
    (tmp_path / "t m p").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "t m p"))
    with pytest.raises(UserError, match="Set TMPDIR to a folder with a plain path"):
        RtlSim(out / "rtl", out / "sim").compile()


@pytest.mark.slow
def test_build_takes_a_file_in_such_a_folder(tmp_path: Path) -> None:
    (tmp_path / HOSTILE).mkdir()
    onnx.save(network(SPEC), tmp_path / HOSTILE / "net.onnx")
    assert build(tmp_path / HOSTILE / "net.onnx", tmp_path / "out", BuildOptions()).network.nodes
