"""Tools read written projects before `build` hands them over; nothing is written where goldens differ."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.networks import Builder, floats
from xnorsr.errors import MismatchError, UserError
from xnorsr.hw.build import build
from xnorsr.hw.ops.affine import Affine
from xnorsr.hw.parse import check_hls, check_rtl
from xnorsr.sim.csim import CSim

pytestmark = pytest.mark.eda


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("parse") / "built"
    build(floats(0), folder)
    return folder


def test_what_was_built_can_be_read(project: Path) -> None:
    assert check_hls(project / "hls")
    assert check_rtl(project / "rtl")


def test_broken_layer_is_an_internal_error(project: Path, tmp_path: Path) -> None:
    rtl = tmp_path / "rtl"
    shutil.copytree(project / "rtl", rtl)
    layer = sorted((rtl / "layers").glob("*conv*.sv"))[0]
    layer.write_text(layer.read_text().replace("endmodule", "endmodul"))
    with pytest.raises(
        UserError, match=r"(?s)cannot read the SystemVerilog project.*a bug of xnorsr: please report.*%Error"
    ):
        check_rtl(rtl)


def test_parameters_are_read_not_only_the_syntax(project: Path, tmp_path: Path) -> None:
    rtl = tmp_path / "rtl"
    shutil.copytree(project / "rtl", rtl)
    shuffle = next((rtl / "layers").glob("*depthtospace*.sv"))
    shuffle.write_text(shuffle.read_text().replace(".Factor(2)", ".NoSuch(2)"))
    with pytest.raises(UserError, match=r"(?s)verilator cannot read the SystemVerilog project"):
        check_rtl(rtl)


def test_broken_kernel_is_an_internal_error(project: Path, tmp_path: Path) -> None:
    hls = tmp_path / "hls"
    shutil.copytree(project / "hls", hls)
    source = next((hls / "firmware").glob("*.cpp"))
    source.write_text(source.read_text() + "\nint broken = ;\n")
    with pytest.raises(UserError, match=r"(?s)cannot read the HLS project.*a bug of xnorsr: please report.*error"):
        check_hls(hls)


def test_no_compiler_no_check(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert not check_hls(project / "hls")


def test_nothing_is_written_where_the_golden_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = Affine.golden
    monkeypatch.setattr(Affine, "golden", lambda self, *x: (original(self, *x)[0] ^ 1,))
    with pytest.raises(MismatchError, match=r"this is a bug of xnorsr, please report it with the file"):
        build(floats(0), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
def test_resize_in_the_middle_through_c_simulation(mode: str, tmp_path: Path) -> None:
    b = Builder(5, 6, 3, 3)
    x = b.quant(b.fixed_conv(b.quant("lr", 8, 8, signed=False), 3, 4, 3), 12, 9)
    x = b.quant(b.fixed_conv(b.quant(b.resize(x, 2, mode), 8, 5), 4, 3, 3), 8, 8, signed=False)
    built = build(b.model(x, 3, 10, 12), tmp_path / "out")
    codes = np.random.default_rng(4).integers(0, 256, (5, 6, 3))
    from xnorsr.sim.reference import run

    np.testing.assert_array_equal(CSim(tmp_path / "out" / "hls").run(codes), run(built.lowered, codes).output)
