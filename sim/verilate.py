"""Compiles SystemVerilog with Verilator and runs cocotb benches on it, through cocotb's own runner."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Literal
from unittest import mock

from cocotb_tools.runner import Verilator

from .. import children, tools
from ..errors import UserError

# Wide constants (weights) are literals and parameters of the sources; Verilator's own limit is 64 Kbit.
_LITERALS = ["--max-num-width", str(1 << 22)]

#: Operations of a model up to which it is one file of C++, where compiling is to be short.
_ONE_FILE = 200_000
#: Paths that make reads as they are: no blank, no sign of its own or of the shell's.
_PLAIN = re.compile(r"[A-Za-z0-9/._+-]+")
#: What compilers and linkers print when nothing more can be written.
_FULL = ("No space left on device", "Disk quota exceeded", "File too large", "File size limit exceeded")


class BenchError(Exception):
    """A bench failed or did not run. The text holds the failing tests and the end of the simulator's log."""


class _Runner(Verilator):
    """cocotb's Verilator runner that exposes the top level's signals only.

    The stock runner makes every signal public (``--public-flat-rw``), which forbids most optimizations and makes a
    network simulate several times slower. Signals deeper down that a bench reads carry ``verilator public`` marks.
    """

    def _build_command(self) -> list[Any]:
        commands = super()._build_command()
        trace = [f"--trace-{wave_format()}", "--trace-structs"]
        swap = {"--public-flat-rw": ["--public-depth", "1"], "--trace": trace}
        return [[word for old in command for word in swap.get(old, [old])] for command in commands]

    def _execute_cmds(self, cmds: Sequence[Any], cwd: Any, stdout: Any = None) -> None:
        """As the stock runner's, but what runs ends with this process."""
        for command in cmds:
            done = children.run(command, cwd=cwd, env=self.env, stdout=stdout, stderr=subprocess.STDOUT)
            if done.returncode != 0:
                raise RuntimeError(f"{command[0]} ended with exit status {done.returncode}")


@cache
def wave_format() -> Literal["fst", "vcd"]:
    """Format of waveforms: FST, which is small, where the compiler finds the lz4 and zlib that it needs, else VCD."""
    test = "#include <lz4.h>\n#include <zlib.h>\nint main() { return !LZ4_versionNumber() + !zlibVersion(); }\n"
    with tempfile.TemporaryDirectory(prefix="xnorsr-") as folder:
        command = [os.environ.get("CXX", "g++"), "-xc++", "-", "-o", f"{folder}/test", "-llz4", "-lz"]
        try:
            found = subprocess.run(command, input=test, text=True, capture_output=True).returncode == 0
        except OSError:
            found = False  # no compiler: Verilator's makefile will say so
    return "fst" if found else "vcd"


def _make_variables(tool: tools.Tool, optimize: str) -> dict[str, str]:
    """Variables of Verilator's makefile: optimization levels, and the launcher that keeps the runtime's objects."""
    # The PyPI package was configured for a compiler that includes precompiled headers by itself; GCC has to be told.
    variables = {"MAKEFLAGS": f"OPT_FAST={optimize} OPT_SLOW=-O0 OPT_GLOBAL=-O2 CFG_CXXFLAGS_PCH_I=-include"}
    if tool.source == "PyPI":
        cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "xnorsr" / "objects"
        launcher = Path(__file__).with_name("objcache.py")
        runtime = Path(tool.env["VERILATOR_ROOT"]) / "include"
        variables["OBJCACHE"] = f"{sys.executable} -S -E {launcher} {cache} {runtime}"
    return variables


@contextmanager
def _plain_paths(folder: Path, sources: Sequence[Path]) -> Iterator[tuple[Path, list[Path]]]:
    """The folder and the sources at paths that make and Verilator take.

    Where theirs hold other characters, the work is done on copies in a temporary folder, and what was made is copied
    back; links would not do, since Verilator follows them.

    Raises:
        UserError: the folder of temporary files has such a path too.
    """
    if all(_PLAIN.fullmatch(str(path.absolute())) for path in (folder, *sources)):
        yield folder, list(sources)
        return
    with tempfile.TemporaryDirectory(prefix="xnorsr-") as name:
        root = Path(name).resolve()
        if not _PLAIN.fullmatch(str(root)):
            raise UserError(
                f"{root}: Verilator cannot work in a folder whose path has other characters than letters, digits, . _ "
                "- and +. Set TMPDIR to a folder with a plain path."
            )
        copies = [root / f"{number}{source.suffix}" for number, source in enumerate(sources)]
        for copy, source in zip(copies, sources, strict=True):
            shutil.copyfile(source, copy)
        work = root / "work"
        work.mkdir()
        try:
            yield work, copies
        finally:
            shutil.copytree(work, folder, dirs_exist_ok=True)


def build(
    top: str,
    sources: Sequence[Path],
    folder: Path,
    *,
    defines: Mapping[str, object] | None = None,
    waves: bool = False,
    args: Sequence[str] = (),
    optimize: str = "-O0",
) -> None:
    """Compile ``sources`` with ``top`` as top level into ``folder``.

    Args:
        waves: compile waveform dumping in, as `wave_format` says.
        args: more arguments for Verilator.
        optimize: the C++ compiler's level for the model; -O0 for benches, -O2 pays for whole frames.

    Raises:
        UserError: Verilator is missing or too old.
        BenchError: Verilator or the C++ compiler refuses; the text is its output.
    """
    tool = tools.verilator()
    folder.mkdir(parents=True, exist_ok=True)
    with (
        mock.patch.dict(os.environ, {**tool.environment(), **_make_variables(tool, optimize)}),
        _plain_paths(folder, sources) as (plain_folder, plain_sources),
    ):
        log = plain_folder / "build.log"
        # Small files are compiled side by side, each after a precompiled header: for large models. What is not to be
        # optimized much is small, and takes half the processor time in one file.
        split = [] if optimize == "-O2" else ["--output-split", str(_ONE_FILE)]
        try:
            _Runner().build(
                sources=plain_sources,
                hdl_toplevel=top,
                build_dir=plain_folder,
                defines=dict(defines or {}),
                waves=waves,
                timescale=("1ns", "1ps"),
                # Warnings are the lint test's; illegal parameters stop.
                build_args=[*_LITERALS, *split, "-Wno-fatal", "-Werror-USERFATAL", *args],
                log_file=log,
            )
        except (SystemExit, Exception) as error:
            text = log.read_text(errors="replace")[-6000:] if log.exists() else ""
            if any(words in text for words in _FULL):
                raise UserError(f"{folder}: the disk is full. Free some space there, or use another folder.") from error
            raise BenchError(f"cannot compile {top} with Verilator: {error}\n{text}") from error


def lint(top: str, sources: Sequence[Path], *, args: Sequence[str] = ()) -> None:
    """Check ``sources`` with all of Verilator's warnings.

    Raises:
        UserError: Verilator is missing or too old.
        BenchError: there is a warning or an error; the text is Verilator's output.
    """
    tool = tools.verilator()
    command = [str(tool.path), "--lint-only", "-Wall", *_LITERALS, "--top-module", top, *args]
    result = subprocess.run([*command, *map(str, sources)], capture_output=True, text=True, env=tool.environment())
    if result.returncode != 0 or result.stderr:
        raise BenchError(f"Verilator on {top}:\n{result.stderr}")


def run(
    top: str,
    folder: Path,
    test_module: str,
    *,
    env: Mapping[str, str] | None = None,
    test_filter: str | None = None,
    waves: bool = False,
    plusargs: Sequence[str] = (),
) -> None:
    """Run the cocotb tests of ``test_module`` on what `build` made in ``folder``.

    Args:
        env: variables the bench reads.
        test_filter: a regular expression of tests to run, all when None.
        waves: write ``dump.fst`` or ``dump.vcd``, as `wave_format` says (only when built with waves).
        plusargs: arguments for the model's ``$value$plusargs``.

    Raises:
        BenchError: a test failed, or none ran.
    """
    results = folder / "results.xml"
    results.unlink(missing_ok=True)
    log = folder / "run.log"
    with mock.patch.dict(os.environ, tools.verilator().environment()):
        runner = _Runner()
        try:
            runner.test(
                test_module=test_module,
                hdl_toplevel=top,
                hdl_toplevel_lang="verilog",
                build_dir=folder,
                test_dir=folder,
                results_xml=str(results),
                extra_env={"COCOTB_LOG_LEVEL": "WARNING", **(env or {})},
                test_filter=test_filter,
                waves=waves,
                plusargs=list(plusargs),
                log_file=log,
            )
        except (SystemExit, Exception) as error:
            raise BenchError(f"{test_module} on {top}: {error}\n{log.read_text(errors='replace')[-6000:]}") from error
    _raise_failures(results, log)


def _raise_failures(results: Path, log: Path) -> None:
    cases = list(ET.parse(results).iter("testcase")) if results.exists() else []
    failed = [c.get("name") for c in cases if c.find("failure") is not None or c.find("error") is not None]
    if failed or not cases:
        what = f"failed: {', '.join(map(str, failed))}" if failed else "no test ran"
        raise BenchError(f"{what}\n{log.read_text(errors='replace')[-8000:]}")


def dump_json(path: Path, content: object) -> Path:
    """Write what a bench reads back with `json.loads`; returns the path."""
    path.write_text(json.dumps(content))
    return path
