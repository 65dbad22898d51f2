"""The HLS project as a folder: writing it whole or not at all, and compiling it for C-simulation."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from ... import children
from ...errors import UserError
from ...staging import replace_folder, temporary_folder
from ..network import Network
from .description import Description
from .text import write_into


def write_project(network: Network, project: str, config: dict[str, Any], out_dir: Path) -> Path:
    """Write the HLS project of a network into a new folder.

    The project is written beside it and renamed, so a failure leaves nothing behind.

    Args:
        network: the layers.
        project: name of the project, an identifier.
        config: hls4ml's configuration.
        out_dir: does not exist, or is empty.

    Returns:
        `out_dir`.

    Raises:
        UserError: `out_dir` is not empty or cannot be written, or a layer cannot be built.
    """
    out_dir = Path(out_dir)
    if out_dir.exists() and (not out_dir.is_dir() or any(out_dir.iterdir())):
        raise UserError(f"{out_dir}: not an empty folder. Choose another one, or remove it first.")
    with ExitStack() as stack:
        try:
            staged = stack.enter_context(temporary_folder(out_dir))
        except OSError as error:
            raise UserError(f"{out_dir}: cannot be written ({error.strerror}). Choose a folder that can.") from error
        try:
            write_into(network, project, config, staged, ".")
            replace_folder(staged, out_dir)
        except OSError as error:
            raise UserError(f"{out_dir}: cannot be written ({error.strerror}). Make room or choose another.") from error
    return out_dir


def compile_project(out_dir: Path, trace: bool = False, bit_true: bool = False) -> Path:
    """Compile the C-simulation library of a written project, unless it is up to date.

    Args:
        out_dir: the project's folder.
        trace: with each layer's codes.
        bit_true: the code that is synthesized instead of the fast form; slow.

    Returns:
        The library.

    Raises:
        UserError: no project there, no compiler, or the compiler fails.
    """
    out_dir = Path(out_dir).resolve()
    described = Description.read(out_dir)
    suffix = ("-trace" if trace else "") + ("-bittrue" if bit_true else "")
    library = out_dir / "firmware" / f"{described.project}-{described.stamp}{suffix}.so"
    if _is_ours(library) and library.stat().st_mtime >= _newest(out_dir):
        return library
    compiler = os.environ.get("CXX", "g++")
    if shutil.which(compiler) is None:
        raise UserError(
            f"C++ compiler '{compiler}' not found. Install g++ (Debian and Ubuntu: apt install g++), "
            "or set CXX to your compiler."
        )
    options = [*(["--trace"] if trace else []), *(["--bit-true"] if bit_true else [])]
    script = ["bash", "build_lib.sh", *options]
    done = children.run(
        script, cwd=out_dir, text=True, errors="replace", stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    if done.returncode or not library.is_file():
        raise _failed(out_dir, compiler, done.stdout + done.stderr)
    _hash_file(library).write_text(_hash(library), encoding="utf-8")
    return library


def _failed(out_dir: Path, compiler: str, output: str) -> UserError:
    """What a failed compilation means: a full disk, or sources that are not as they were written."""
    if "No space left on device" in output or "File too large" in output:
        return UserError(f"{out_dir}: the disk is full. Free some space there, or build into another folder.")
    log = out_dir / "build_lib.log"
    with suppress(OSError):
        log.write_text(output, encoding="utf-8")
    errors = [line for line in output.splitlines() if "error" in line][:3]
    text = (
        f"'{compiler}' failed on {out_dir}; its output is in {log}. If a file there was changed or is missing, build "
        "it again: xnorsr build"
    )
    return UserError("\n".join([text, *errors]))


def _hash_file(library: Path) -> Path:
    return library.with_name(f"{library.name}.sha256")


def _hash(library: Path) -> str:
    return hashlib.sha256(library.read_bytes()).hexdigest()


def _is_ours(library: Path) -> bool:
    """Whether a library is there and is the one that was compiled; another one could do anything when it is loaded."""
    try:
        return _hash_file(library).read_text(encoding="utf-8") == _hash(library)
    except (OSError, ValueError):
        return False


def _newest(out_dir: Path) -> float:
    """Time of the latest change to a source of the library."""
    firmware = out_dir / "firmware"
    sources = [*out_dir.glob("*.cpp"), *firmware.glob("*.cpp"), *firmware.rglob("*.h"), out_dir / "build_lib.sh"]
    return max((path.stat().st_mtime for path in sources if path.is_file()), default=0.0)
