"""Whether written projects can be read: by a C++ compiler and by Verilator, as far as they are there.

`build` asks before it hands a folder over: text that no tool reads is a bug of the emitters, to be found here and not
by whoever simulates.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from .. import children, tools
from ..errors import UserError
from .hls.description import Description
from .rtl.top import TOP

TIMEOUT_S = 120  # a tool that thinks longer than this about a large network has found no syntax error by then
_REPORT = "This is a bug of xnorsr: please report it with the network's file and the options."


def check_hls(folder: Path) -> bool:
    """Let the C++ compiler (CXX, else g++) read an HLS project, templates and all, without making code.

    Returns:
        Whether there is a compiler, and it came to an end in time.

    Raises:
        UserError: it refuses the project.
    """
    compiler = os.environ.get("CXX", "g++")
    if shutil.which(compiler) is None:
        return False
    project = Description.read(folder).project
    text = f'#include "firmware/{project}.cpp"\n#include "{project}_bridge.cpp"\n'
    flags = ["-std=c++14", "-fsyntax-only", "-w", "-DXNORSR_OPEN_AP_TYPES", "-isystem", "firmware/ap_types", "-I."]
    return _read("the HLS project", [compiler, *flags, "-xc++", "-"], folder, None, text)


def check_rtl(folder: Path) -> bool:
    """Let Verilator read a SystemVerilog project, parameters and all.

    Of layers that differ in nothing but their names and their constants' values it reads one: the others take most of
    the time and no other path through it.

    Returns:
        Whether there is a Verilator, and it came to an end in time.

    Raises:
        UserError: it refuses the project.
    """
    try:
        tool = tools.verilator()
    except UserError:
        return False
    seen: set[str] = set()
    flags = [
        "--lint-only",
        "-Wno-lint",
        "-Wno-style",
        "-Wno-fatal",
        "--max-num-width",
        str(1 << 22),
        "--top-module",
        TOP,
    ]
    # Copies with short relative names: Verilator stumbles over quotes and such in a path.
    with tempfile.TemporaryDirectory(prefix="xnorsr-") as name:
        work, files = Path(name), (folder / "files.f").read_text().split()
        for file in files:
            (work / file).parent.mkdir(exist_ok=True)
            (work / file).write_text(_without_double(folder / file, file, seen))
        return _read("the SystemVerilog project", [str(tool.path), *flags, *files], work, tool.environment(), "")


def _without_double(path: Path, file: str, seen: set[str]) -> str:
    """A file's text, or in its place, where one was seen that differs in names and constants only, its ports."""
    text = path.read_text()
    if not file.startswith("layers/"):
        return text
    name = path.stem.removeprefix("xnorsr_layer_")
    structure = re.sub(r"//.*|'s?h[0-9a-f_]+|Id\(\d+\)", "", text).replace(name, "")
    if structure not in seen:
        seen.add(structure)
        return text
    return text[: text.index(");")] + ");\nendmodule\n"


def _read(what: str, command: Sequence[str], folder: Path, env: dict[str, str] | None, text: str) -> bool:
    try:
        done = children.run(
            command, text_in=text, timeout=TIMEOUT_S, cwd=folder, env=env, text=True, errors="replace",
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return False
    if done.returncode == 0:
        return True
    errors = [line for line in done.stderr.splitlines() if "error" in line.lower()][:3]
    found = "\n".join(errors or done.stderr.splitlines()[-3:])
    raise UserError(f"{Path(command[0]).name} cannot read {what} that was made. {_REPORT} It says:\n{found}")
