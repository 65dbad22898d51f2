"""Commands that are killed, stopped or started twice: nothing is lost, nothing is left, and the next start goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest
from typer.testing import CliRunner

from tests.flows import tiny
from tests.networks import NetworkSpec, network
from xnorsr import children
from xnorsr.errors import UserError
from xnorsr.flows import manifest
from xnorsr.flows.cli import app
from xnorsr.flows.lock import locked
from xnorsr.flows.steps import training
from xnorsr.staging import clear_stale, temporary_folder

pytestmark = pytest.mark.xdist_group("kills")


def _start(text: str, *args: object) -> subprocess.Popen[str]:
    """A Python process that has said "ready" when this returns."""
    made = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(text), *map(str, args)], stdout=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background job ignores Ctrl-C
    )  # fmt: skip
    assert made.stdout is not None
    assert made.stdout.readline() == "ready\n"
    return made


def _kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


HOLDER = """
    import sys, time
    from pathlib import Path
    from xnorsr.flows.lock import locked
    with locked(Path(sys.argv[1])):
        print("ready", flush=True)
        time.sleep(60)
"""


def _hold(folder: Path) -> None:
    with locked(folder):
        pytest.fail("the block must not run")


def test_second_command_in_a_folder_is_told_of_the_first(tmp_path: Path) -> None:
    holder = _start(HOLDER, tmp_path / "out")
    try:
        with pytest.raises(UserError, match=rf"out: process {holder.pid} \(xnorsr .*\) is at work there\. Wait until"):
            _hold(tmp_path / "out")
    finally:
        _kill(holder)
    with locked(tmp_path / "out"):  # the lock of a killed process is none
        pass


def test_lock_leaves_nothing(tmp_path: Path) -> None:
    with locked(tmp_path / "a" / "b"):
        assert manifest.files_below(tmp_path / "a" / "b") == set()
    assert list(tmp_path.iterdir()) == []
    with locked(tmp_path / "a" / "b"):
        (tmp_path / "a" / "b" / "mine").touch()
    assert [p.name for p in (tmp_path / "a" / "b").iterdir()] == ["mine"]


@pytest.mark.parametrize("command", ["train", "run"])
def test_commands_take_the_lock(tmp_path: Path, command: str) -> None:
    photos = tiny.photographs(tmp_path)
    args = [command, "demo", "--out", str(tmp_path / "out"), *_sets([f'data.source="{photos}"', *tiny.SETTINGS])]
    with locked(tmp_path / "out"):
        result = CliRunner().invoke(app, args)
    assert result.exit_code == 2, result.output
    assert f"process {os.getpid()}" in " ".join(result.stderr.split())
    assert not (tmp_path / "out").exists()


def test_build_and_export_take_the_lock(tmp_path: Path) -> None:
    """A forced one would take the project away under a simulation."""
    model, photos = tmp_path / "net.onnx", tmp_path / "photos"
    photos.mkdir()
    onnx.save(network(NetworkSpec()), model)
    trained = tiny.train(tiny.photographs(photos), tmp_path / "trained")
    for args in (["build", str(model)], ["export", str(trained), "--frame", "6x5"]):
        with locked(tmp_path / "out"):
            result = CliRunner().invoke(app, [*args, "--out", str(tmp_path / "out"), "--force"])
        assert result.exit_code == 2, result.output
        assert f"process {os.getpid()}" in " ".join(result.stderr.split())
        assert not (tmp_path / "out").exists()


STAGER = """
    import sys, time
    from pathlib import Path
    from xnorsr.staging import temporary_folder
    with temporary_folder(Path(sys.argv[1]), old=sys.argv[2] == "old") as folder:
        if sys.argv[2] == "old":
            Path(sys.argv[1]).rename(folder)
        else:
            (folder / "half").write_text("half")
        print("ready", flush=True)
        time.sleep(60)
"""


def test_folder_of_a_killed_process_goes_at_the_next_start(tmp_path: Path) -> None:
    target = tmp_path / "export[1]"
    (tmp_path / ".export[1]-mine").mkdir()  # of a person, whatever it is called
    process = _start(STAGER, target, "new")
    try:
        clear_stale(target)
        assert len(list(tmp_path.iterdir())) == 2, "its process is at work"
    finally:
        _kill(process)
    with temporary_folder(target):
        assert len(list(tmp_path.iterdir())) == 2
    assert [p.name for p in tmp_path.iterdir()] == [".export[1]-mine"]


def test_folder_that_a_killed_process_had_moved_away_comes_back(tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.mkdir()
    (target / "precious").write_text("precious")
    _kill(_start(STAGER, target, "old"))
    assert not target.exists()
    clear_stale(target)
    assert (target / "precious").read_text() == "precious"
    assert list(tmp_path.iterdir()) == [target]


def test_file_of_a_killed_process_goes(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    for name in (f".r.{gone.pid}.part.json", f".r.{os.getpid()}.part.json", ".r.x.part.json"):
        (tmp_path / name).touch()
    clear_stale(tmp_path / "r.json")
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([f".r.{os.getpid()}.part.json", ".r.x.part.json"])


PARENT = """
    import sys
    from xnorsr import children
    print("ready", flush=True)
    children.run(["bash", "-c", "sleep 300 & echo $! > \\"$0\\"; wait", sys.argv[1]])
"""


def _running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _until(condition: Callable[[], bool], seconds: float = 20) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return condition()


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux to tell of the parent's end")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_grandchildren_end_with_us(tmp_path: Path, number: signal.Signals) -> None:
    place = tmp_path / "pid"
    parent = _start(PARENT, place)
    assert _until(lambda: place.is_file() and place.read_text().strip() != "")
    grandchild = int(place.read_text())
    assert _running(grandchild)
    parent.send_signal(number)
    parent.communicate()
    assert _until(lambda: not _running(grandchild))


def test_child_gives_status_and_output() -> None:
    done = children.run(["bash", "-c", "echo out; echo err >&2; exit 3"], stdout=-1, stderr=-1, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (3, "out\n", "err\n")
    assert children.run(["bash", "-c", "kill -9 $$"]).returncode == 128 + 9
    assert children.run(["/no/such/program"], stderr=-1).returncode == 127


def _sets(values: list[str]) -> list[str]:
    return [word for value in values for word in ("--set", value)]


@pytest.fixture
def args(tmp_path: Path) -> list[str]:
    """Options of a tiny training."""
    (tmp_path / "photos").mkdir()
    photos = tiny.photographs(tmp_path / "photos")
    return ["--out", str(tmp_path / "out"), *_sets([f'data.source="{photos}"', *tiny.SETTINGS])]


@pytest.mark.slow
@pytest.mark.parametrize("command", ["train", "run"])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_signal_is_told_and_the_next_start_goes_on(
    tmp_path: Path, args: list[str], command: str, number: signal.Signals, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the first checkpoint: there is a folder with a record and a log."""

    def stopped(*given: Any, **_: Any) -> None:
        (given[3] / "log").mkdir(exist_ok=True)
        (given[3] / "log" / "events.out.tfevents.1").touch()
        os.kill(os.getpid(), number)
        time.sleep(5)

    monkeypatch.setattr(training, "train_network", stopped)
    for _ in range(2):
        result = CliRunner().invoke(app, [command, "demo", *args])
        said = " ".join(result.output.split())
        assert result.exit_code == code, (result.output, result.exception)
        assert f"Stopped by {number.name}. " in said and "the same command, without --force, continues" in said
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    assert not list(tmp_path.rglob(".xnorsr-lock"))


def test_training_is_not_continued_with_other_settings(
    tmp_path: Path, args: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*given: Any, **_: Any) -> None:
        (given[3] / "checkpoints").mkdir(exist_ok=True)
        (given[3] / "checkpoints" / "last.ckpt").touch()
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "train_network", interrupted)
    assert CliRunner().invoke(app, ["train", "demo", *args]).exit_code == 130
    before = (tmp_path / "out" / "recipe.json").read_bytes()
    for field, value in (("lr", "0.5"), ("batch", "2"), ("seed", "9"), ("steps", "7"), ("schedule", "step")):
        result = CliRunner().invoke(app, ["train", "demo", *args, *_sets([f"train.{field}={value}"])])
        assert result.exit_code == 2, result.output
        said = " ".join(result.stderr.split())
        assert f"begun with other settings: train.{field} (before " in said and "Set them as before" in said
    assert (tmp_path / "out" / "recipe.json").read_bytes() == before
    for field in ("threads", "workers", "validate_steps"):
        assert CliRunner().invoke(app, ["train", "demo", *args, *_sets([f"train.{field}=1"])]).exit_code == 130
    (tmp_path / "out" / "recipe.json").write_text("[")
    result = CliRunner().invoke(app, ["train", "demo", *args])
    assert result.exit_code == 2 and "is damaged or of another version" in " ".join(result.stderr.split())


@pytest.mark.slow
def test_force_keeps_the_files_of_others(tmp_path: Path, args: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    out = tmp_path / "out"
    monkeypatch.setattr(training, "train_network", interrupted)
    assert CliRunner().invoke(app, ["run", "demo", *args]).exit_code == 130
    mine = ["train/notes.txt", "train/log/mine", "hls/mine.cpp", "mine", "deep/build.json"]
    for name in mine:
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text(name)
    manifest.claim(out / "deep", ["build.json"])  # another project's folder, put there
    result = CliRunner().invoke(app, ["run", "demo", *args, "--force"])
    assert result.exit_code == 130, result.output
    assert all((out / name).read_text() == name for name in mine)
    said = " ".join(result.output.split())
    assert "not written by this program:" in said and "train/notes.txt" in said
    assert manifest.files_below(out) - manifest.owned(out) - {f"train/{n}" for n in manifest.owned(out / "train")} == {
        *mine,
        f"deep/{manifest.FILE}",
    }


@pytest.mark.slow
@pytest.mark.parametrize("command", ["train", "run"])
def test_full_disk_in_training(args: list[str], command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise RuntimeError("[enforce fail at inline_container.cc:664] . unexpected pos 64 vs 0")

    monkeypatch.setattr(training, "train_network", full)
    result = CliRunner().invoke(app, [command, "demo", *args])
    assert result.exit_code == 2, result.output
    assert "the disk is full. Free some space" in " ".join(result.stderr.split())
