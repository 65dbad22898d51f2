"""One command at a time in a folder. The lock ends with its process, however that ends."""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import UserError
from .manifest import LOCK
from .output import check_is_folder, remove_empty, write_error


@contextmanager
def locked(folder: Path, option: str = "--out") -> Iterator[None]:
    """Keep other commands out of a folder while the block runs; the folder is made if need be.

    A folder that was made and is still empty at the end goes again.

    Raises:
        UserError: another process works there, which is named; or no file can be made there.
    """
    check_is_folder(folder)
    new = [place for place in (folder, *folder.parents) if not place.exists()]
    path = folder / LOCK
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = _take(path, folder, option)
    except OSError as e:
        remove_empty(new)
        raise write_error(folder, e) from e
    try:
        yield
    finally:
        with suppress(OSError):
            path.unlink()  # while it is locked: whoever waits sees that its file is gone, and makes a new one
        os.close(lock)
        remove_empty(new)


def _take(path: Path, folder: Path, option: str) -> int:
    while True:
        lock = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.exists() and os.path.samestat(os.fstat(lock), path.stat()):
                os.ftruncate(lock, 0)
                os.write(lock, f"process {os.getpid()} (xnorsr {' '.join(sys.argv[1:2])})".encode())
                return lock
        except BlockingIOError:
            other = os.pread(lock, 200, 0).decode(errors="replace").strip() or "another process"
            os.close(lock)
            raise UserError(
                f"{folder}: {other} is at work there. Wait until it ends, or give another folder with {option}."
            ) from None
        except BaseException:
            os.close(lock)
            raise
        os.close(lock)
