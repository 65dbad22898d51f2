"""Built folders, recipes and states that someone damaged: each is a clear error, or is made good."""

from __future__ import annotations

import json
import os
import random
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from PIL import Image
from typer.testing import CliRunner

from tests.networks import NetworkSpec, network
from xnorsr.errors import UserError
from xnorsr.flows import state
from xnorsr.flows.cli import app
from xnorsr.flows.steps import training

pytestmark = pytest.mark.xdist_group("damage")


def invoke(*args: object) -> Any:
    return CliRunner().invoke(app, [str(a) for a in args])


def refused(result: Any, *wanted: str) -> None:
    said = " ".join(result.stderr.split())
    assert result.exit_code == 2, (result.output, result.exception)
    assert said.startswith("error:") and "Traceback" not in said
    for text in wanted:
        assert text in said, said


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A built folder with the library of its C-simulation, and an image beside it."""
    root = tmp_path_factory.mktemp("damage")
    onnx.save(network(NetworkSpec()), root / "net.onnx")
    pixels = np.random.default_rng(2).integers(0, 256, (6, 7, 3), np.uint8)
    Image.fromarray(pixels).save(root / "i.png")
    assert invoke("build", root / "net.onnx", "--out", root / "out").exit_code == 0
    assert invoke("sim", root / "out", "--image", root / "i.png").exit_code == 0
    return root


@pytest.fixture
def built(original: Path, tmp_path: Path) -> Path:
    """A copy of it to damage."""
    shutil.copytree(original / "out", tmp_path / "out")
    shutil.copy(original / "i.png", tmp_path)
    return tmp_path / "out"


def _edit(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        content = json.loads(path.read_text())
        change(content)
        path.write_text(json.dumps(content))

    return damage


DAMAGES: dict[str, Callable[[Path], Any]] = {
    "truncated": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "empty": lambda path: path.write_bytes(b""),
    "not UTF-8": lambda path: path.write_bytes(b'{"a": "\xff"}'),
    "a list": lambda path: path.write_text("[]"),
    "nested": lambda path: path.write_text("[" * 100_000),
    "no keys": lambda path: path.write_text("{}"),
    "null": lambda path: path.write_text("null"),
}


@pytest.mark.slow
@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", ["build.json", "hls/xnorsr.json", "rtl/project.json"])
def test_damaged_description(built: Path, name: str, damage: str) -> None:
    DAMAGES[damage](built / name)
    again = f"Build it again: xnorsr build MODEL.onnx --out {built} --force"
    for level in ("hls", "rtl"):
        refused(invoke("sim", built, "--image", built.parent / "i.png", "--level", level), str(built), again)
    refused(invoke("estimate", built), again)


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        (lambda r: r.pop("format"), "is of format 1, this version reads 4"),
        (lambda r: r.update(format=99), "is of format 99, this version reads 4"),
        (lambda r: r.update(options=[]), "its options are not allowed"),
        (lambda r: r["options"].update(part="[exec x]"), "its options are not allowed"),
        (lambda r: r["options"].update(clock_mhz=True), "its options are not allowed"),
        (lambda r: r.pop("changes"), "is damaged (KeyError: 'changes')"),
        (lambda r: r.update(sha256=None), "is damaged"),
        (lambda r: r["sha256"].pop("model.onnx"), "model.onnx is not as it was built"),
        (lambda r: r["sha256"].update({"../../x": "0"}), "../../x is not as it was built"),
    ],
)
def test_record_of_a_build(built: Path, change: Callable[[dict[str, Any]], Any], wanted: str) -> None:
    _edit(change)(built / "build.json")
    refused(invoke("sim", built, "--image", built.parent / "i.png"), wanted, "Build it again: xnorsr build")


def test_size_of_a_buffer_is_not_believed(built: Path) -> None:
    """With a smaller output the library would write past its array."""
    _edit(lambda r: r["outputs"][0]["type"].update(height=1))(built / "hls/xnorsr.json")
    refused(invoke("sim", built, "--image", built.parent / "i.png"), "hls/xnorsr.json is not as it was built")


def test_model_that_is_gone_or_another(built: Path) -> None:
    onnx.save(network(NetworkSpec(seed=9)), built / "model.onnx")
    refused(invoke("sim", built, "--image", built.parent / "i.png"), "model.onnx is not as it was built")
    (built / "model.onnx").unlink()
    refused(invoke("sim", built, "--image", built.parent / "i.png"), "no build.json and model.onnx in it")


def _library(built: Path) -> Path:
    (found,) = (built / "hls/firmware").glob("*.so")
    return found


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["deleted", "garbage", "another"])
def test_library_that_is_not_ours_is_compiled_again(built: Path, damage: str) -> None:
    library = _library(built)
    if damage == "another":
        shutil.copy("/proc/self/exe", library)
    else:
        library.write_bytes(b"garbage")
    if damage == "deleted":
        library.unlink()
    result = invoke("sim", built, "--image", built.parent / "i.png")
    assert result.exit_code == 0, (result.output, result.exception)
    assert "0 of 504 codes differ" in " ".join(result.output.split())
    assert _library(built).stat().st_size > 10_000


@pytest.mark.slow
def test_edited_sources(built: Path) -> None:
    source = next((built / "hls/firmware").glob("*.cpp"))
    source.write_text(source.read_text() + "\nnot C++\n")
    os.utime(source, (time.time() + 5, time.time() + 5))
    refused(
        invoke("sim", built, "--image", built.parent / "i.png"),
        "failed on", "build_lib.log. If a file there was changed or is missing, build it again: xnorsr build",
    )  # fmt: skip
    top = built / "rtl/xnorsr_top.sv"
    if not top.is_file():
        top = next((built / "rtl").glob("*.sv"))
    top.write_text(top.read_text() + "\nnot SystemVerilog\n")
    refused(
        invoke("sim", built, "--image", built.parent / "i.png", "--level", "rtl"),
        "does not compile; Verilator's output is in", "build it again: xnorsr build", "rror",
    )  # fmt: skip
    top.unlink()
    refused(
        invoke("sim", built, "--image", built.parent / "i.png", "--level", "rtl"),
        f"{top.name} is missing. Build the project again",
    )  # fmt: skip


@pytest.mark.quick
@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_state_of_a_run(tmp_path: Path, damage: str) -> None:
    content = {"recipe": {}, "estimate": {}, "results": {"times": {}}}
    state.write(tmp_path, content)
    assert state.read(tmp_path) == content
    DAMAGES[damage](tmp_path / state.FILE)
    with pytest.raises(UserError, match=r"\.run\.json: is damaged, or another version .* Give --force to start again"):
        state.read(tmp_path)


@pytest.mark.quick
def test_state_with_one_other_byte(tmp_path: Path) -> None:
    seed = 3
    rng = random.Random(seed)
    content = {"recipe": {"a": 1}, "estimate": {}, "results": {"times": {"train": 1.5}}}
    state.write(tmp_path, content)
    data = (tmp_path / state.FILE).read_bytes()
    for _ in range(50):
        at = rng.randrange(len(data))
        (tmp_path / state.FILE).write_bytes(data[:at] + bytes([data[at] ^ 1 << rng.randrange(7)]) + data[at + 1 :])
        found: Any = "refused"
        with suppress(UserError):
            found = state.read(tmp_path)
        assert found in ("refused", content), (seed, at)


@pytest.mark.quick
@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_record_of_a_training(tmp_path: Path, damage: str) -> None:
    (tmp_path / training.RECORD).write_text('{"data": {}}')
    DAMAGES[damage](tmp_path / training.RECORD)
    with pytest.raises(UserError, match=r"recipe\.json: its section data cannot be read, it is damaged"):
        training._record(tmp_path / training.RECORD, "data")
