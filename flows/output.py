"""Output folders: refused early when they cannot be written, filled all or nothing."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ..errors import UserError
from ..staging import staged_file, temporary_folder

PROBE_BYTES = 1 << 20
_FULL = (errno.ENOSPC, errno.EDQUOT)


def refuse_non_empty(out: Path, force: bool) -> None:
    """Refuse a folder that already holds something, unless forced.

    Raises:
        UserError: ``out`` is a file, or a non-empty folder and ``force`` is not set.
    """
    if out.exists() and not out.is_dir():
        raise UserError(f"output {out}: is a file; give a folder with --out.")
    if not force and out.is_dir() and any(out.iterdir()):
        raise UserError(
            f"output {out}: the folder is not empty. Give --force to replace what this command writes there, "
            "or another folder with --out."
        )


def check_writable(folder: Path) -> None:
    """Write a probe file of 1 MiB into the folder (into its nearest existing parent) and remove it.

    Permission bits are no reliable answer (root, network mounts, quotas); an actual write is.

    Raises:
        UserError: nothing can be created there, or the disk is full.
    """
    place = folder
    while not place.exists():
        place = place.parent
    if not place.is_dir():
        raise UserError(f"output {folder}: {place} is a file, not a folder; give another folder with --out.")
    try:
        with tempfile.NamedTemporaryFile(dir=place, prefix=".xnorsr-probe-") as probe:
            probe.write(b"\0" * PROBE_BYTES)
            probe.flush()
            os.fsync(probe.fileno())
    except OSError as e:
        raise write_error(folder, e) from e


def write_error(folder: Path, error: OSError) -> UserError:
    """The message for an output folder that cannot be written."""
    if error.errno in _FULL:
        return UserError(f"output {folder}: the disk is full. Free some space, or give another folder with --out.")
    return UserError(
        f"output {folder}: cannot write there ({error.strerror or error}). Give a folder that you may write with --out."
    )


@contextmanager
def output_folder(out: Path, force: bool) -> Iterator[Path]:
    """A temporary folder whose entries become those of ``out`` when the block ends without an error.

    After an error nothing is left: neither the temporary folder nor a changed ``out``. With ``force`` entries of the
    same name are replaced, others stay.

    Raises:
        UserError: ``out`` is refused (see `refuse_non_empty`, `check_writable`), or the disk fills up in the block.
    """
    refuse_non_empty(out, force)
    check_writable(out)
    with ExitStack() as stack:
        try:
            tmp = stack.enter_context(temporary_folder(out))
        except OSError as e:
            raise write_error(out, e) from e
        try:
            yield tmp
            _move_entries(tmp, out)
        except OSError as e:
            if e.errno in _FULL or e.errno == errno.EROFS:
                raise write_error(out, e) from e
            raise


def _move_entries(source: Path, out: Path) -> None:
    out.mkdir(exist_ok=True)
    for entry in sorted(source.iterdir()):
        target = out / entry.name
        if target.is_dir() and not target.is_symlink():
            shutil.rmtree(target)
        os.replace(entry, target)


def write_file(path: Path, data: bytes | str) -> None:
    """Write a file all or nothing: beside its place first, then renamed.

    Raises:
        UserError: the folder cannot be written, or the disk is full.
    """
    raw = data.encode() if isinstance(data, str) else data
    try:
        with staged_file(path) as staged:
            staged.write_bytes(raw)
    except OSError as e:
        raise write_error(path.parent, e) from e
