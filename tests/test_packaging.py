"""What is installed: the wheel's content, the entry points, the pinned set, the licence."""

from __future__ import annotations

import importlib.metadata
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

pytestmark = pytest.mark.xdist_group("packaging")

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
SOURCES = ("quant", "hw", "flows", "sim", "src")
DATA = {".sv", ".svh", ".h", ".cpp", ".jinja", ".toml", ".tcl"}


def _wanted() -> set[str]:
    """Modules and data of the source folders, by their place in the wheel."""
    return {
        f"xnorsr/{path.relative_to(ROOT)}"
        for folder in ("quant", "hw", "flows", "sim")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".py", *DATA} and "__pycache__" not in path.parts
    } | {f"xnorsr/{path.relative_to(ROOT)}" for path in (ROOT / "quant/zoo/pretrained").glob("*/*")}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """A wheel made from a copy of the sources, so that no earlier build is in it."""
    copy = tmp_path_factory.mktemp("source")
    for name in SOURCES:
        ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
        shutil.copytree(ROOT / name, copy / name, symlinks=True, ignore=ignored)
    for name in ("pyproject.toml", "LICENSE", "README.md"):
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, copy / name)
    done = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", "dist"],
        cwd=copy, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    (made,) = (copy / "dist").glob("*.whl")
    return zipfile.ZipFile(made)


@pytest.mark.slow
def test_wheel_holds_modules_and_data(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    assert _wanted() - names == set()
    kinds = {Path(n).suffix for n in names}
    assert {".sv", ".h", ".jinja", ".toml"} <= kinds
    assert {"xnorsr/__init__.py", "xnorsr/errors.py", "xnorsr/flows/recipes/demo.toml"} <= names
    assert "xnorsr/flows/templates/report.html.jinja" in names
    assert any(n.endswith("licenses/LICENSE") for n in names)


def test_wheel_holds_nothing_else(wheel: zipfile.ZipFile) -> None:
    tops = {n.split("/")[0] for n in wheel.namelist()}
    assert tops == {"xnorsr", f"xnorsr-{PROJECT['version']}.dist-info"}


def test_wheel_names_its_entry_points(wheel: zipfile.ZipFile) -> None:
    (name,) = (n for n in wheel.namelist() if n.endswith("entry_points.txt"))
    text = wheel.read(name).decode()
    assert "xnorsr = xnorsr.flows.cli:main" in text
    assert "[hls4ml.backends]\nXnorVitis = xnorsr.hw.hls.plugin.entry:register" in text


def test_plain_hls4ml_finds_the_backend() -> None:
    from hls4ml.backends import get_available_backends

    assert "xnorvitis" in get_available_backends()


@pytest.mark.quick
def test_command_is_installed() -> None:
    (found,) = (e for e in importlib.metadata.entry_points(group="console_scripts") if e.name == "xnorsr")
    assert callable(found.load())


@pytest.mark.quick
def test_help_needs_no_heavy_package() -> None:
    code = (
        "import sys; from typer.testing import CliRunner; from xnorsr.flows.cli import app\n"
        "assert 'doctor' in CliRunner().invoke(app, ['--help']).output\n"
        "print(sorted({'torch', 'hls4ml', 'brevitas', 'onnx', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def _pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text().split()
    return {re.sub(r"[-_.]+", "-", line.partition("==")[0]).lower(): line.partition("==")[2] for line in lines}


@pytest.mark.quick
def test_constraints_pin_every_declared_dependency_within_its_range() -> None:
    pins = _pins()
    declared = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]
    for requirement in map(Requirement, declared):
        pin = pins.get(re.sub(r"[-_.]+", "-", requirement.name).lower())
        assert pin, f"{requirement.name} is missing from constraints.txt"
        assert requirement.specifier.contains(pin), f"constraints.txt pins {requirement.name} to {pin}"


@pytest.mark.quick
def test_constraints_name_plain_versions_only() -> None:
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        assert re.fullmatch(r"[A-Za-z0-9_.\-]+==[0-9][0-9A-Za-z.]*", line), line


@pytest.mark.quick
def test_versions_agree() -> None:
    from xnorsr import __version__

    assert __version__ == PROJECT["version"]
    assert f"## [{__version__}]" in (ROOT / "CHANGELOG.md").read_text()


@pytest.mark.quick
def test_licence_is_whole() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text
    assert PROJECT["license"] == "Apache-2.0"
