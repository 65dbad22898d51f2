"""Which tools are installed, in which version, and how to get what is missing."""

from __future__ import annotations

import importlib.metadata
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass

from packaging.requirements import Requirement

from .. import tools
from ..errors import UserError

_APT = "install it with the system's package manager, for example apt-get install "
VENDOR = {"vitis_hls": "-version", "vitis-run": "--version", "v++": "--version", "vivado": "-version"}


@dataclass(frozen=True)
class Finding:
    """One tool or package.

    Attributes:
        name: what it is called.
        version: None when it is missing.
        where: path or origin; empty for Python packages.
        needed_for: what does not work without it.
        remedy: how to get it; empty when nothing has to be done.
        required: False for tools that only add something to the flow.
    """

    name: str
    version: str | None
    where: str
    needed_for: str
    remedy: str
    required: bool = True

    @property
    def ok(self) -> bool:
        """Whether it is installed in a version that works."""
        return not self.remedy


def _version_of(command: list[str]) -> str:
    """First version number that a tool prints about itself; "unknown" where it prints none."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    found = re.search(r"\d+\.\d+(\.\d+)?", done.stdout + done.stderr)
    return found.group(0) if found else "unknown"


def _on_path(name: str, args: list[str], needed_for: str, remedy: str, required: bool = True) -> Finding:
    where = shutil.which(name)
    if where is None:
        return Finding(name, None, "", needed_for, remedy, required)
    return Finding(name, _version_of([where, *args]), where, needed_for, "", required)


def _package(requirement: Requirement) -> Finding:
    remedy = f"pip install '{requirement.name}{requirement.specifier}'"
    try:
        version = importlib.metadata.version(requirement.name)
    except importlib.metadata.PackageNotFoundError:
        return Finding(requirement.name, None, "", "", remedy)
    fits = requirement.specifier.contains(version, prereleases=True)
    return Finding(requirement.name, version, "Python package", "", "" if fits else remedy)


def python_packages() -> list[Finding]:
    """The packages that xnorsr declares, against the versions that it asks for."""
    declared = [Requirement(text) for text in importlib.metadata.requires("xnorsr") or []]
    base = [r for r in declared if r.marker is None or r.marker.evaluate({"extra": ""})]
    return [_package(r) for r in sorted(base, key=lambda r: r.name)]


def _python() -> Finding:
    version = sys.version.split()[0]
    fits = (3, 11) <= sys.version_info < (3, 13)
    return Finding("python", version, sys.executable, "the whole flow", "" if fits else "use Python 3.11 or 3.12")


def _found_tool(name: str, find: Callable[[], tools.Tool], needed_for: str) -> Finding:
    """A tool that may be on PATH or in a Python package; `xnorsr.tools` decides which is new enough."""
    try:
        tool = find()
    except UserError as e:
        return Finding(name, None, "", needed_for, str(e))
    where = str(tool.path) if tool.source == "PATH" else "Python package"
    return Finding(name, ".".join(map(str, tool.version)), where, needed_for, "")


def programs() -> list[Finding]:
    """Outside tools: compilers, simulators, synthesis."""
    vendor = "optional; part of AMD Vitis, whose bin folder must be on PATH"
    return [
        _on_path("g++", ["--version"], "C-simulation, RTL simulation", _APT + "g++"),
        _on_path("make", ["--version"], "RTL simulation", _APT + "make"),
        _on_path("perl", ["--version"], "RTL simulation (Verilator's front end)", _APT + "perl"),
        _found_tool("verilator", tools.verilator, "RTL simulation"),
        _found_tool("yosys", tools.yosys, "estimate --synth"),
        *(_on_path(name, [arg], "build --synth", vendor, required=False) for name, arg in VENDOR.items()),
    ]


def examine() -> list[Finding]:
    """Everything that `xnorsr doctor` shows."""
    return [_python(), *programs(), *python_packages()]


def require_programs(names: list[str], step: str) -> None:
    """Refuse a step before it writes anything when a program that it needs is missing.

    Raises:
        UserError: names each missing program and how to get it.
    """
    missing = [name for name in names if shutil.which(name) is None]
    if missing:
        raise UserError(
            f"{step} needs {', '.join(missing)}, not found on PATH. {_APT.capitalize()}{' '.join(missing)}; "
            "`xnorsr doctor` shows what is still missing."
        )
