"""Running Yosys in a process of its own; `xnorsr.tools` decides which Yosys.

Run as a module (``python -m xnorsr.hw.resources.yosys SCRIPT``) it executes a script with pyosys.
"""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import time
from pathlib import Path

from ... import children, tools
from ...errors import UserError


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the process and those that it started (abc)."""
    children.stop(process)


def _wait(process: subprocess.Popen[bytes], timeout: float, stop: threading.Event | None) -> int:
    """Exit status; raises TimeoutExpired when the time is over or ``stop`` is set."""
    end = time.monotonic() + timeout
    while True:
        try:
            return process.wait(min(0.2, max(end - time.monotonic(), 0.0)))
        except subprocess.TimeoutExpired:
            if time.monotonic() >= end or (stop is not None and stop.is_set()):
                raise


def run_script(
    commands: list[str], folder: Path, name: str, timeout: float, stop: threading.Event | None = None
) -> Path:
    """Run Yosys commands in ``folder``; the script and the log are kept there as NAME.ys and NAME.log.

    Setting ``stop`` from another thread ends the process.

    Returns:
        Path of the log.

    Raises:
        UserError: Yosys is missing or too old, stopped with an error (quoted), or needed more than ``timeout`` seconds.
    """
    script = folder / f"{name}.ys"
    script.write_text("\n".join(commands) + "\n", encoding="utf-8")
    return run_module(__name__, [str(script.resolve())], folder, name, timeout, stop)


def run_module(
    module: str, arguments: list[str], folder: Path, name: str, timeout: float, stop: threading.Event | None = None
) -> Path:
    """Run a Python module that uses pyosys, in a process of its own in ``folder``; its log is NAME.log there.

    Returns and raises as `run_script`.
    """
    tools.yosys()
    log = folder / f"{name}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            children.kept([sys.executable, "-m", module, *arguments]),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            status = _wait(process, timeout, stop)
        except subprocess.TimeoutExpired:
            _stop(process)
            why = "was stopped" if stop is not None and stop.is_set() else f"took more than {timeout:.0f} s: allow more"
            raise UserError(f"Yosys {why} ({name}); log: {log}") from None
        except BaseException:
            _stop(process)
            raise
    if status != 0:
        raise UserError(f"Yosys failed on {name}: {_errors(log) or f'exit status {status}'}; log: {log}")
    return log


def _errors(log: Path) -> str:
    """The first errors in a log, else its end."""
    text = log.read_text(encoding="utf-8", errors="replace")
    errors = re.findall(r"^.*(?:ERROR:|\berror:).*$", text, re.MULTILINE | re.IGNORECASE)
    return "; ".join(errors[:3]) or "\n".join(text.splitlines()[-3:])


def _main(script: str) -> None:
    from pyosys import libyosys

    design = libyosys.Design()
    for line in Path(script).read_text(encoding="utf-8").splitlines():
        if line.strip():
            libyosys.run_pass(line, design)
    sys.stdout.flush()


if __name__ == "__main__":
    _main(sys.argv[1])
