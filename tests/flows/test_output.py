"""Output folders: refused in a sentence, filled all or nothing."""

from __future__ import annotations

import errno
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from xnorsr.errors import UserError
from xnorsr.flows import manifest
from xnorsr.flows.manifest import FILE as LIST
from xnorsr.flows.output import check_writable, disk_of, output_folder, refuse_non_empty, write_file

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
    assert _tree(tmp_path) == {"out", "out/a", f"out/{LIST}"}


def _write(out: Path, *names: str) -> None:
    """A command that writes files, each holding its name, and replaces what it wrote before."""
    with output_folder(out, force=True) as staged:
        for name in names:
            (staged / name).parent.mkdir(parents=True, exist_ok=True)
            (staged / name).write_text(name)


def test_force_replaces_own_files_and_keeps_others(tmp_path: Path) -> None:
    _write(tmp_path, "hls/old", "hls/sub/old", "rtl/old")
    (tmp_path / "hls" / "sub" / "mine.txt").write_text("mine")
    (tmp_path / "mine.txt").write_text("mine")
    _write(tmp_path, "hls/new", "rtl/new")
    mine = {"hls/sub/mine.txt", "mine.txt"}
    assert _tree(tmp_path) == {"hls", "hls/new", "hls/sub", "rtl", "rtl/new", LIST} | mine
    assert manifest.files_below(tmp_path) - manifest.owned(tmp_path) == mine
    assert manifest.listed(tmp_path) == {"hls/new", "rtl/new"}


@pytest.mark.parametrize("name", ["hls/new", "hls"])
def test_force_does_not_replace_a_file_of_ones_own(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("mine")
    with pytest.raises(UserError, match=rf"{name} is there, and is not in this program's list .* Move it away"):
        _write(tmp_path, "hls/new")
    assert (tmp_path / name).read_text() == "mine"
    assert manifest.files_below(tmp_path) == {name}


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "hls").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="hls is there"):
        _write(tmp_path / "out", "hls/new")
    assert _tree(tmp_path / "elsewhere") == set()


def test_list_that_was_tampered_with_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    out = tmp_path / "out"
    out.mkdir()
    names = ["../mine", str(tmp_path / "mine"), "", "a/../../mine", "*", 3]
    (out / LIST).write_text(json.dumps({"format": 1, "files": names}))
    assert manifest.owned(out) == {LIST}
    for damaged in (b"{", b"\xff", b"[]", b'{"files": 3, "format": 1}', b"[" * 100_000):
        (out / LIST).write_bytes(damaged)
        assert manifest.listed(out) == set()


def test_file_that_appeared_during_the_work_is_not_lost(tmp_path: Path) -> None:
    def meanwhile() -> None:
        with output_folder(tmp_path / "out", force=False) as staged:
            (staged / "a").write_text("new")
            (tmp_path / "out").mkdir()
            (tmp_path / "out" / "a").write_text("mine")

    with pytest.raises(UserError, match="not empty"):
        meanwhile()
    assert (tmp_path / "out" / "a").read_text() == "mine"


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


def _said_by_torch() -> None:
    raise RuntimeError("[enforce fail at inline_container.cc:664] . unexpected pos 64 vs 0")


def _wrapped() -> None:
    try:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
    except OSError as e:
        raise ValueError("could not save") from e


@pytest.mark.parametrize("fail", [_said_by_torch, _wrapped])
def test_full_disk_in_the_words_of_libraries(tmp_path: Path, fail: Callable[[], None]) -> None:
    with pytest.raises(UserError, match="the disk is full"), disk_of(tmp_path):
        fail()
    with pytest.raises(RuntimeError, match="something else"), disk_of(tmp_path):
        raise RuntimeError("something else")


def test_link_that_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / "out").symlink_to(tmp_path / "nowhere")
    with pytest.raises(UserError, match="is a link to something that does not exist"):
        refuse_non_empty(tmp_path / "out", force=True)
