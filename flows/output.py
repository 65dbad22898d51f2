"""Output folders: refused early when they cannot be written, filled all or nothing."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from ..errors import UserError
from ..staging import replace_folder, staged_file, temporary_folder
from . import manifest
from .console import say

PROBE_BYTES = 1 << 20
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def refuse_non_empty(out: Path, force: bool) -> None:
    """Refuse a folder that already holds something, unless forced.

    Raises:
        UserError: ``out`` is a file, or a non-empty folder and ``force`` is not set.
    """
    check_is_folder(out)
    if not force and out.is_dir() and any(entry.name != manifest.LOCK for entry in out.iterdir()):
        raise UserError(
            f"output {out}: the folder is not empty. Give --force to replace what this command writes there, "
            "or another folder with --out."
        )


def check_is_folder(out: Path) -> None:
    """Refuse what is there and is no folder, and a link that leads nowhere.

    Raises:
        UserError: it is.
    """
    if os.path.lexists(out) and not out.exists():
        raise UserError(f"output {out}: is a link to something that does not exist; give a folder with --out.")
    if out.exists() and not out.is_dir():
        raise UserError(f"output {out}: is a file; give a folder with --out.")


def check_new_file(path: Path, force: bool, option: str) -> None:
    """Refuse the place of an output file where nothing can be written, or where something is, unless forced.

    Raises:
        UserError: a folder or, without ``force``, a file is there; or its folder cannot be written.
    """
    if path.is_dir():
        raise UserError(f"output {path}: is a folder; give a file with {option}.")
    if os.path.lexists(path) and not force:
        raise UserError(
            f"output {path}: there is already such a file. Give --force to replace it, or another name with {option}."
        )
    check_writable(path.parent)


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
    if error.errno in FULL:
        return UserError(f"output {folder}: the disk is full. Free some space, or give another folder with --out.")
    return UserError(
        f"output {folder}: cannot write there ({error.strerror or error}). Give a folder that you may write with --out."
    )


@contextmanager
def disk_of(folder: Path) -> Iterator[None]:
    """Let a block say that the disk of an output folder is full, in whatever words the libraries in it say that.

    Raises:
        UserError: the disk is full.
    """
    try:
        yield
    except Exception as e:
        if (full := _full(e)) is not None:
            raise write_error(folder, full) from e
        raise


def _full(error: BaseException | None) -> OSError | None:
    """The failed write behind an error; PyTorch's own writer gives a RuntimeError without errno."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in FULL:
            return error
        if isinstance(error, RuntimeError) and any(
            w in str(error) for w in ("inline_container", "PytorchStreamWriter")
        ):
            return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        error = error.__cause__ or error.__context__
    return None


@contextmanager
def output_folder(out: Path, force: bool) -> Iterator[Path]:
    """A temporary folder whose entries become those of ``out`` when the block ends without an error.

    After an error nothing is left: neither the temporary folder nor a changed ``out``. With ``force`` what an earlier
    command wrote in the place of the entries is replaced; foreign files stay.

    Raises:
        UserError: ``out`` is refused (see `refuse_non_empty`, `check_writable`), the disk fills up in the block, or a
            foreign file stands in the place of one of the entries.
    """
    refuse_non_empty(out, force)
    check_writable(out)
    new = [place for place in out.parents if not place.exists()]
    with ExitStack() as stack:
        stack.callback(remove_empty, new)
        try:
            tmp = stack.enter_context(temporary_folder(out))
        except OSError as e:
            raise write_error(out, e) from e
        try:
            yield tmp
            refuse_non_empty(out, force)  # another command may have filled it meanwhile
            _move_entries(tmp, out)
        except OSError as e:
            if e.errno in FULL or e.errno == errno.EROFS:
                raise write_error(out, e) from e
            raise


def remove_empty(folders: Iterable[Path]) -> None:
    """Remove folders that are empty, the deepest first; others stay."""
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()


def _move_entries(source: Path, out: Path) -> None:
    """Move what was made into its place; files of an earlier command in the same entries go, foreign ones stay."""
    out.mkdir(exist_ok=True)
    made = manifest.files_below(source)
    tops = {entry.name for entry in source.iterdir()}
    mine = {name for name in manifest.owned(out) if name.split("/")[0] in tops}
    _refuse_foreign(out, made, mine)
    manifest.claim(out, made)  # first, so that whatever a kill leaves is known as ours
    for top in sorted(tops):
        below = manifest.files_below(out / top)
        if (out / top).is_dir() and below <= {name.removeprefix(f"{top}/") for name in mine}:
            replace_folder(source / top, out / top)
        else:
            _merge(source / top, out / top)
    manifest.remove(out, mine - made)
    manifest.disclaim(out, mine - made)


def _refuse_foreign(out: Path, made: Iterable[str], mine: set[str]) -> None:
    """Refuse to write over a file that the list does not name, over a folder, or through a link to one."""
    for name in sorted(made):
        for place in (Path(name), *Path(name).parents[:-1]):
            there, last = out / place, str(place) == name
            linked = there.is_symlink() and str(place) not in mine
            if linked or (there.exists() and (there.is_dir() == last or (last and name not in mine))):
                raise UserError(
                    f"output {out}: {place} is there, and is not in this program's list of the files that it wrote, so "
                    "--force does not replace it. Move it away, or give another folder with --out."
                )


def _merge(source: Path, target: Path) -> None:
    if not source.is_dir():
        os.replace(source, target)
        return
    target.mkdir(exist_ok=True)
    for entry in sorted(source.iterdir()):
        _merge(entry, target / entry.name)


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


def clear(folders: Iterable[Path]) -> None:
    """Remove what the folders' lists name; say what stays.

    Raises:
        UserError: a file cannot be removed.
    """
    for folder in folders:
        try:
            manifest.remove(folder, manifest.owned(folder))
        except OSError as e:
            raise write_error(folder, e) from e


def claim(folder: Path, names: Iterable[str]) -> None:
    """Add files that will be written to a folder's list.

    Raises:
        UserError: a foreign file is there already; the folder cannot be written, or the disk is full.
    """
    wanted = set(names)
    _refuse_foreign(folder, {n for n in wanted if n[-1] != "*"}, manifest.owned(folder))
    try:
        manifest.claim(folder, wanted)
    except OSError as e:
        raise write_error(folder, e) from e


def tell_kept(folder: Path, ours: Iterable[str] = ()) -> None:
    """Say which files of a folder --force left alone, other than ``ours``."""
    names = sorted(manifest.files_below(folder) - set(ours))
    if names:
        shown = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
        say(f"Kept in {folder}, not written by this program: {shown}", "yellow")
