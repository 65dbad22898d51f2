"""A compiler launcher that compiles Verilator's runtime once per machine instead of once per bench.

Runs as ``python objcache.py FOLDER RUNTIME c++ ... -c -o x.o x.cpp`` (make's OBJCACHE). Sources under RUNTIME never
change between builds and include nothing of the model, yet take most of the compile time of a small one. Their
objects are kept in FOLDER under a hash of compiler, arguments and source. Everything else is compiled as asked. Needs
the standard library only.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path


def _key(command: list[str], source: Path, runtime: Path) -> str:
    version = subprocess.run([command[0], "--version"], capture_output=True, text=True).stdout
    headers = sorted(p.stat().st_mtime_ns for p in runtime.glob("*.h"))
    parts = [version, *command[1:], source.read_text(), str(headers)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def main(argv: list[str]) -> int:
    """Compile, or copy the kept object; returns the compiler's exit status."""
    folder, runtime, command = Path(argv[0]), Path(argv[1]), argv[2:]
    source = runtime / command[-1]
    if "-c" not in command or "-o" not in command or source.parent != runtime or not source.is_file():
        return subprocess.call(command)
    target = Path(command[command.index("-o") + 1])
    kept = folder / f"{_key(command, source, runtime)}.o"
    if kept.is_file():
        shutil.copyfile(kept, target)
        return 0
    status = subprocess.call(command)
    if status == 0:
        # Another process may write the same object: rename is atomic, and a cache that cannot be written is no error.
        part = folder / f"{kept.name}.{os.getpid()}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(target, part)
            part.replace(kept)
        except OSError:
            part.unlink(missing_ok=True)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
