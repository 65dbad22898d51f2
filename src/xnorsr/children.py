"""Compilers, simulators and synthesizers as child processes that never outlive this one, nor do those they start.

Run as a script (``python children.py COMMAND ...``) this file is the child's keeper: it leads a process group, and the
kernel tells it when its parent is gone, even by kill -9. Needs the standard library only.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

_PR_SET_PDEATHSIG = 1  # of Linux's prctl


def kept(command: Sequence[str | os.PathLike[str]]) -> list[str]:
    """The command with its keeper in front; start it with ``start_new_session=True``."""
    return [sys.executable, "-S", "-E", __file__, str(os.getpid()), *map(str, command)]


def stop(process: subprocess.Popen[Any]) -> None:
    """End a child that was started with `kept`, and those that it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def run(
    command: Sequence[str | os.PathLike[str]],
    *,
    text_in: str | None = None,
    timeout: float | None = None,
    **options: Any,
) -> subprocess.CompletedProcess[Any]:
    """`subprocess.run` without its check, whose child ends with this process and with whatever ends the wait.

    Args:
        text_in: what the child reads; give ``text=True`` as well.
        timeout: seconds.

    Raises:
        subprocess.TimeoutExpired: the child was ended after so many seconds.
    """
    if text_in is not None:
        options["stdin"] = subprocess.PIPE
    with subprocess.Popen(kept(command), start_new_session=True, **options) as process:
        try:
            out, err = process.communicate(text_in, timeout)
        except BaseException:
            stop(process)
            raise
    return subprocess.CompletedProcess(list(map(str, command)), process.returncode, out, err)


def _end_with_parent(parent: int) -> None:
    """Let the kernel send SIGTERM when the parent is gone; elsewhere than on Linux nothing can be asked for."""
    try:
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    except (ImportError, OSError, AttributeError):
        return
    if os.getppid() != parent:
        os.killpg(0, signal.SIGKILL)


def _keep(arguments: list[str]) -> int:
    signal.signal(signal.SIGTERM, lambda *_: os.killpg(0, signal.SIGKILL))
    _end_with_parent(int(arguments[0]))
    try:
        status = subprocess.call(arguments[1:])
    except OSError as error:
        print(f"{arguments[1]}: {error.strerror}", file=sys.stderr)
        return 127
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(_keep(sys.argv[1:]))
