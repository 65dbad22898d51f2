"""Files and folders that come to be whole or not at all: written beside their place first, renamed at the end.

What a killed process left beside a place goes at the next start there: a temporary folder holds a file that its process
keeps locked, so that one whose process is gone can be told from one at work.

Failures are OSErrors: what a person is told of them is the caller's, who knows the option that names the place.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_LOCK, _OLD = ".xnorsr-lock", ".xnorsr-old"
_NAME = 40  # characters of the target's name in a temporary one: file systems allow 255 bytes in all


@contextmanager
def temporary_folder(target: Path, *, old: bool = False) -> Iterator[Path]:
    """An empty folder beside ``target`` (so on the same disk), removed at the end with what is in it.

    Parents of ``target`` are made, and stay. What killed processes left beside it is cleared away.

    Args:
        old: it keeps what stood at ``target``, which is put back if this process is killed and ``target`` is missing.

    Raises:
        OSError: no folder can be made there.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    clear_stale(target)
    outer = Path(tempfile.mkdtemp(dir=target.parent, prefix=_prefix(target)))
    lock = _locked(outer / _LOCK)
    try:
        if old:
            (outer / _OLD).touch()
        folder = outer / target.name
        folder.mkdir()  # with an ordinary folder's rights; mkdtemp's folders are for their owner alone
        yield folder
    finally:
        shutil.rmtree(outer, ignore_errors=True)
        os.close(lock)


def _prefix(target: Path) -> str:
    return f".{target.name[:_NAME]}-"


def _locked(path: Path) -> int:
    """A new file, locked before it is seen under its name; the lock ends with the process."""
    made = path.with_suffix(".new")
    lock = os.open(made, os.O_CREAT | os.O_RDWR, 0o644)
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    made.rename(path)
    return lock


def clear_stale(target: Path) -> None:
    """Remove the temporary folders and files of killed processes beside ``target``; put back what one had taken away.

    Nothing else is touched: a folder is one of ours by the lock file in it, a file by its name and its process.
    """
    with suppress(OSError):
        part = re.compile(rf"\.{re.escape(target.stem[:_NAME])}\.(\d+)\.part{re.escape(target.suffix)}")
        for entry in list(target.parent.iterdir()):
            if entry.name.startswith(_prefix(target)) and (entry / _LOCK).is_file():
                _clear_folder(entry, target)
            elif (made := part.fullmatch(entry.name)) and not _alive(int(made[1])):
                entry.unlink(missing_ok=True)


def _clear_folder(outer: Path, target: Path) -> None:
    with (outer / _LOCK).open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return  # its process is at work
        kept = outer / target.name
        if (outer / _OLD).exists() and kept.exists() and any(kept.iterdir()) and not os.path.lexists(target):
            kept.rename(target)
        shutil.rmtree(outer, ignore_errors=True)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def replace_folder(source: Path, target: Path) -> None:
    """Rename a folder to ``target``, which is replaced if it is a folder.

    Raises:
        OSError: it cannot be renamed; ``target`` is then as it was.
    """
    if not target.is_dir() or target.is_symlink():
        source.rename(target)
        return
    with temporary_folder(target, old=True) as aside:
        target.rename(aside)
        try:
            source.rename(target)
        except BaseException:
            aside.rename(target)
            raise


@contextmanager
def staged_file(target: Path) -> Iterator[Path]:
    """A path beside ``target`` to write to; it becomes ``target`` when the block ends without an error.

    The path keeps the target's suffix, after which some libraries choose a format. Parents of ``target`` are made.

    Raises:
        OSError: it cannot be written or renamed; what stood there is then as it was.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    clear_stale(target)
    staged = target.with_name(f".{target.stem[:_NAME]}.{os.getpid()}.part{target.suffix}")
    try:
        yield staged
        os.replace(staged, target)
    finally:
        with suppress(OSError):
            staged.unlink(missing_ok=True)
