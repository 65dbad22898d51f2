"""Files and folders that come to be whole or not at all: written beside their place first, renamed at the end.

Failures are OSErrors: what a person is told of them is the caller's, who knows the option that names the place.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def temporary_folder(target: Path) -> Iterator[Path]:
    """An empty folder beside ``target`` (so on the same disk), removed at the end with what is in it.

    Parents of ``target`` are made, and stay.

    Raises:
        OSError: no folder can be made there.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    outer = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}-"))
    try:
        folder = outer / target.name
        folder.mkdir()  # with an ordinary folder's rights; mkdtemp's folders are for their owner alone
        yield folder
    finally:
        shutil.rmtree(outer, ignore_errors=True)


@contextmanager
def staged_folder(target: Path) -> Iterator[Path]:
    """A temporary folder that becomes ``target`` when the block ends without an error.

    A folder that stood there is replaced as a whole; until then, and after an error, it is as it was.

    Raises:
        OSError: the folder cannot be made or renamed.
    """
    with temporary_folder(target) as folder:
        yield folder
        replace_folder(folder, target)


def replace_folder(source: Path, target: Path) -> None:
    """Rename a folder to ``target``, which is replaced if it is a folder.

    Raises:
        OSError: it cannot be renamed; ``target`` is then as it was.
    """
    if not target.is_dir() or target.is_symlink():
        source.rename(target)
        return
    with temporary_folder(target) as aside:
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
    staged = target.with_name(f".{target.stem}.{os.getpid()}.part{target.suffix}")
    try:
        yield staged
        os.replace(staged, target)
    finally:
        with suppress(OSError):
            staged.unlink(missing_ok=True)
