"""Runs Tcl where there is one: Python's own, or tclsh."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from pathlib import Path

import pytest


def run_tcl(text: str, result: str, folder: Path) -> str:
    """Value of the expression `result`, words as Tcl substitutes them, after a script; skips without a Tcl.

    The script is read from a file in `folder`, as those that are tested are; what it prints is not part of the value.
    """
    script = folder / "harness.tcl"
    if importlib.util.find_spec("_tkinter") is not None:
        from tkinter import Tcl  # not at the head: some Pythons come without

        script.write_text(text, encoding="utf-8")
        interpreter = Tcl()
        interpreter.eval(f"source -encoding utf-8 {{{script}}}")
        return str(interpreter.eval(f"return -level 0 {result}"))
    if (tclsh := shutil.which("tclsh")) is None:
        pytest.skip("no Tcl: get it with apt-get install tcl, or take a Python with tkinter")
    told = f"fconfigure stdout -encoding utf-8 -translation lf\nputs -nonewline \\x1d\nputs -nonewline {result}\n"
    script.write_text(f"{text}\n{told}", encoding="utf-8")
    made = subprocess.run([tclsh, "-encoding", "utf-8", script], check=True, capture_output=True).stdout
    return made.decode().partition("\x1d")[2]
