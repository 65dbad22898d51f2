"""Output folders: refused in a sentence, filled all or nothing."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest

from xnorsr.errors import UserError
from xnorsr.flows.output import check_writable, output_folder, refuse_non_empty, write_file

pytestmark = pytest.mark.quick


def _failing(code: int) -> Any:
    def fail(*_: Any, **__: Any) -> Any:
        raise OSError(code, os.strerror(code))

    return fail


def _half_done(out: Path, error: BaseException) -> None:
    """Work that stops in the midst."""
    with output_folder(out, force=False) as staged:
        (staged / "half").write_text("half")
        raise error


def _tree(folder: Path) -> set[str]:
    return {str(p.relative_to(folder)) for p in folder.rglob("*")}


def test_second_run_is_refused_without_force(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with output_folder(out, force=False) as staged:
        (staged / "a").write_text("1")
    with pytest.raises(UserError, match=r"out: the folder is not empty\. Give --force to replace .* with --out"):
        refuse_non_empty(out, force=False)
    with pytest.raises(UserError, match="not empty"), output_folder(out, force=False):
        pytest.fail("the block must not run")
    assert _tree(tmp_path) == {"out", "out/a"}


def test_force_replaces_own_entries_and_keeps_others(tmp_path: Path) -> None:
    (tmp_path / "hls").mkdir()
    (tmp_path / "hls" / "old").write_text("old")
    (tmp_path / "mine.txt").write_text("mine")
    with output_folder(tmp_path, force=True) as staged:
        (staged / "hls").mkdir()
        (staged / "hls" / "new").write_text("new")
    assert _tree(tmp_path) == {"hls", "hls/new", "mine.txt"}


def test_failure_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        _half_done(tmp_path / "out", ZeroDivisionError())
    assert _tree(tmp_path) == set()


def test_interrupt_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        _half_done(tmp_path / "out", KeyboardInterrupt())
    assert _tree(tmp_path) == set()


def test_read_only_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Root may write anywhere, so the probe's own file creation is made to fail as a read-only mount does.
    monkeypatch.setattr(tempfile, "NamedTemporaryFile", _failing(errno.EROFS))
    with pytest.raises(UserError, match=r"output .*out: cannot write there \(Read-only file system\)\. .*--out"):
        check_writable(tmp_path / "out")
    with pytest.raises(UserError, match="cannot write there"), output_folder(tmp_path / "out", force=False):
        pytest.fail("the block must not run")
    assert _tree(tmp_path) == set()


def test_folder_that_no_one_can_write() -> None:
    with pytest.raises(UserError, match=r"output /proc/xnorsr: cannot write there"):
        check_writable(Path("/proc/xnorsr"))


def test_full_disk_is_seen_by_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", _failing(errno.ENOSPC))
    with pytest.raises(UserError, match=r"output .*: the disk is full\. Free some space, or give another folder"):
        check_writable(tmp_path)
    assert _tree(tmp_path) == set()


def test_disk_fills_up_during_the_work(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="the disk is full"):
        _half_done(tmp_path / "out", OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    assert _tree(tmp_path) == set()


def test_file_in_the_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(UserError, match=r"out: is a file; give a folder with --out"):
        refuse_non_empty(tmp_path / "out", force=True)
    with pytest.raises(UserError, match=r"out is a file, not a folder"):
        check_writable(tmp_path / "out" / "deeper")


def test_write_file_is_all_or_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_file(tmp_path / "deep" / "r.json", "old")
    monkeypatch.setattr(os, "replace", _failing(errno.ENOSPC))
    with pytest.raises(UserError, match="the disk is full"):
        write_file(tmp_path / "deep" / "r.json", "new")
    assert (tmp_path / "deep" / "r.json").read_text() == "old"
    assert _tree(tmp_path) == {"deep", "deep/r.json"}
