"""Files and folders that come to be whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from xnorsr.staging import replace_folder, staged_file, temporary_folder

pytestmark = pytest.mark.quick


@contextmanager
def staged_folder(target: Path) -> Iterator[Path]:
    """As commands do it: a folder is filled beside its place, then takes it."""
    with temporary_folder(target) as folder:
        yield folder
        replace_folder(folder, target)


def _tree(folder: Path) -> set[str]:
    return {str(p.relative_to(folder)) for p in folder.rglob("*")}


def _folder(path: Path, *files: str) -> Path:
    path.mkdir(parents=True)
    for name in files:
        (path / name).write_text(name)
    return path


def _half_done_folder(target: Path, error: BaseException) -> None:
    with staged_folder(target) as staged:
        (staged / "half").write_text("half")
        raise error


def _half_done_file(target: Path, error: BaseException) -> None:
    with staged_file(target) as staged:
        staged.write_text("half")
        raise error


def test_folder_appears_at_the_end(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "out"
    with staged_folder(target) as staged:
        assert staged.parent.parent == target.parent, "beside the target, so that a rename does"
        assert not target.exists()
        (staged / "a").write_text("1")
    assert _tree(tmp_path) == {"deep", "deep/out", "deep/out/a"}


def test_folder_has_ordinary_rights(tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    with staged_folder(tmp_path / "out"):
        pass
    rights = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("out", "plain")]
    assert rights[0] == rights[1]


def test_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    _folder(tmp_path / "out", "old")
    with staged_folder(tmp_path / "out") as staged:
        (staged / "new").write_text("new")
        assert (tmp_path / "out" / "old").exists()
    assert _tree(tmp_path) == {"out", "out/new"}


@pytest.mark.parametrize("error", [ZeroDivisionError(), KeyboardInterrupt(), OSError(errno.ENOSPC, "full")])
def test_nothing_is_left_after_an_error(tmp_path: Path, error: BaseException) -> None:
    with pytest.raises(type(error)):
        _half_done_folder(tmp_path / "new", error)
    with pytest.raises(type(error)):
        _half_done_file(tmp_path / "new.txt", error)
    assert _tree(tmp_path) == set()


def test_what_was_there_stays_after_an_error(tmp_path: Path) -> None:
    _folder(tmp_path / "out", "old")
    with pytest.raises(ZeroDivisionError):
        _half_done_folder(tmp_path / "out", ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        _half_done_file(tmp_path / "out" / "old", ZeroDivisionError())
    assert _tree(tmp_path) == {"out", "out/old"} and (tmp_path / "out" / "old").read_text() == "old"


def test_failed_rename_puts_the_old_folder_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target, source = _folder(tmp_path / "out", "old"), _folder(tmp_path / "part", "new")
    rename = Path.rename

    def fail(self: Path, to: Any) -> Path:
        if self == source:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return rename(self, to)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(OSError, match="Input/output error"):
        replace_folder(source, target)
    assert _tree(tmp_path) == {"out", "out/old", "part", "part/new"}


def test_file_in_the_place_of_the_folder_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(NotADirectoryError), staged_folder(tmp_path / "out"):
        pass
    assert (tmp_path / "out").read_text() == "mine" and _tree(tmp_path) == {"out"}


def test_file_keeps_its_suffix_while_it_is_written(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "net.golden.npz"
    with staged_file(target) as staged:
        assert staged.suffix == ".npz" and staged.parent == target.parent
        staged.write_text("new")
        assert not target.exists()
    assert _tree(tmp_path) == {"deep", "deep/net.golden.npz"}


def test_failed_replace_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "r.json").write_text("old")

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="No space left"), staged_file(tmp_path / "r.json") as staged:
        staged.write_text("new")
    assert (tmp_path / "r.json").read_text() == "old" and _tree(tmp_path) == {"r.json"}


def test_temporary_folder_goes(tmp_path: Path) -> None:
    with temporary_folder(tmp_path / "out") as folder:
        (folder / "a").write_text("1")
        assert len(list(tmp_path.iterdir())) == 1 and next(tmp_path.iterdir()).name.startswith(".out-")
    assert _tree(tmp_path) == set()


def test_place_that_no_one_can_write() -> None:
    with pytest.raises(OSError, match="xnorsr"), temporary_folder(Path("/proc/xnorsr/out")):
        pytest.fail("the block must not run")
    with pytest.raises(OSError, match="xnorsr"), staged_file(Path("/proc/xnorsr/out.txt")):
        pytest.fail("the block must not run")
