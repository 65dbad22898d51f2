"""Which files of an output folder are this program's: a list in the folder itself, so that only they are ever removed.

An entry that ends in ``*`` stands for all files whose names begin so (TensorBoard numbers its files itself).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from ..staging import staged_file

FILE, FORMAT = ".xnorsr-files.json", 1
LOCK = ".xnorsr-lock"  # held by the command that works in a folder; no content of it


def listed(folder: Path) -> set[str]:
    """Entries of a folder's list; none where there is no list, or one that cannot be read: then nothing is ours."""
    try:
        content = json.loads((folder / FILE).read_text(encoding="utf-8"))
        names = content["files"] if content["format"] == FORMAT else []
        return {name for name in names if isinstance(name, str) and _inside(name)}
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return set()


def _inside(name: str) -> bool:
    """Whether an entry is a place below the folder: a list that was tampered with must not lead out of it."""
    path = PurePosixPath(name)
    return bool(name.strip("*")) and not path.is_absolute() and ".." not in path.parts and "\0" not in name


def claim(folder: Path, names: Iterable[str]) -> None:
    """Add entries to a folder's list.

    Raises:
        OSError: the list cannot be written.
    """
    before = listed(folder)
    after = before | set(names)
    if after != before or not (folder / FILE).is_file():
        _write(folder, after)


def disclaim(folder: Path, names: Iterable[str]) -> None:
    """Take entries off a folder's list: a file that someone else puts there later is not ours.

    Raises:
        OSError: the list cannot be written.
    """
    before = listed(folder)
    after = before - set(names)
    if after != before:
        _write(folder, after)


def _write(folder: Path, names: set[str]) -> None:
    with staged_file(folder / FILE) as staged:
        staged.write_text(json.dumps({"format": FORMAT, "files": sorted(names)}, indent=0) + "\n", encoding="utf-8")


def files_below(folder: Path) -> set[str]:
    """Files and links below a folder, by their places in it; linked folders are not entered."""
    found: set[str] = set()
    for place, folders, names in os.walk(folder):
        links = [name for name in folders if (Path(place) / name).is_symlink()]
        found |= {(Path(place) / name).relative_to(folder).as_posix() for name in [*names, *links] if name != LOCK}
    return found


@contextmanager
def recording(folder: Path, work: Path) -> Iterator[None]:
    """Claim what appears below ``work``, a folder of tools' files in ``folder``, while the block runs."""
    before = files_below(work)
    try:
        yield
    finally:
        place = work.relative_to(folder).as_posix()
        with suppress(OSError):
            claim(folder, (f"{place}/{name}" for name in files_below(work) - before))


def owned(folder: Path) -> set[str]:
    """Files below a folder that its list claims, and the list; lists in folders below are theirs alone."""
    entries = listed(folder) | {FILE}
    starts = tuple(entry[:-1] for entry in entries if entry.endswith("*"))
    return {n for n in files_below(folder) if n in entries or (starts and n.startswith(starts))}


def remove(folder: Path, names: Iterable[str]) -> None:
    """Remove files below a folder, and the folders that are empty then.

    Raises:
        OSError: one cannot be removed.
    """
    parents: set[PurePosixPath] = set()
    for name in names:
        (folder / name).unlink(missing_ok=True)
        parents |= set(PurePosixPath(name).parents)
    for parent in sorted(parents, key=lambda p: -len(p.parts)):
        if parent.parts:
            with suppress(OSError):
                (folder / parent).rmdir()
