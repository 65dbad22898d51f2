"""Bad input, as a person meets it: exit code 2, one message that says what to do, no traceback, nothing written."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from PIL import Image
from typer.testing import CliRunner

from tests.flows import tiny
from tests.networks import QONNX, Builder, NetworkSpec, network
from xnorsr.flows.cli import app
from xnorsr.flows.steps import training

pytestmark = pytest.mark.xdist_group("errors")

RUNNER = CliRunner()


def _refused(args: list[str], *wanted: str) -> None:
    """The command ends with code 2 and a message that holds all of ``wanted``."""
    result = RUNNER.invoke(app, args)
    said = " ".join(result.stderr.split())
    assert result.exit_code == 2, result.output
    assert "Traceback" not in said
    assert said.startswith("error:"), said
    for text in wanted:
        assert text in said, said


def _sets(values: list[str]) -> list[str]:
    return [word for value in values for word in ("--set", value)]


def _save(path: Path, pixels: np.ndarray) -> Path:
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two small photographs, a and b."""
    return tiny.photographs(tmp_path_factory.mktemp("photos"))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, photos: Path) -> Path:
    """The folder of a finished training of one step."""
    return tiny.train(photos, tmp_path_factory.mktemp("trained") / "out")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A QONNX file."""
    path = tmp_path_factory.mktemp("model") / "net.onnx"
    onnx.save(network(NetworkSpec()), path)
    return path


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, model: Path) -> Path:
    """A built folder, for frames of 7 x 6 pixels."""
    out = tmp_path_factory.mktemp("built") / "out"
    result = RUNNER.invoke(app, ["build", str(model), "--out", str(out)])
    assert result.exit_code == 0, result.output
    return out


@pytest.fixture
def out(tmp_path: Path) -> Iterator[Path]:
    """An output folder that must not be made."""
    yield tmp_path / "out"
    assert not (tmp_path / "out").exists()


# Images


def _sixteen_bit(path: Path) -> None:
    Image.fromarray(np.zeros((6, 7), np.uint16)).save(path)


def _with_alpha(path: Path) -> None:
    _save(path, np.zeros((6, 7, 4), np.uint8))


def _cut_short(path: Path) -> None:
    _save(path, np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8))
    path.write_bytes(path.read_bytes()[:2000])


def _no_image(path: Path) -> None:
    path.write_text("not a picture")


def _grey(path: Path) -> None:
    _save(path, np.zeros((6, 7), np.uint8))


def _other_size(path: Path) -> None:
    _save(path, np.zeros((7, 6, 3), np.uint8))


IMAGES = [
    (lambda path: None, "does not exist"),
    (_sixteen_bit, "convert it to 8-bit RGB"),
    (_with_alpha, "is of mode RGBA; convert it to 8-bit RGB"),
    (_cut_short, "it is damaged or no image"),
    (_no_image, "it is damaged or no image"),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "wanted"),
    [
        *IMAGES,
        (_grey, "is grey, the network takes RGB: convert it"),
        (_other_size, "xnorsr build MODEL.onnx --frame 6x7"),
    ],
)
@pytest.mark.parametrize("level", ["hls", "rtl"])
def test_image_of_sim(
    built: Path, tmp_path: Path, out: Path, level: str, make: Callable[[Path], None], wanted: str
) -> None:
    image = tmp_path / "image.png"
    make(image)
    _refused(["sim", str(built), "--image", str(image), "--level", level, "--out", str(out / "sr.png")], wanted)
    assert not (built / "sim").exists()


@pytest.mark.parametrize(("make", "wanted"), IMAGES[1:])
def test_image_of_training(tmp_path: Path, out: Path, make: Callable[[Path], None], wanted: str) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    make(folder / "image.png")
    for command in ("train", "run"):
        _refused([command, "demo", "--out", str(out), *_sets([f'data.source="{folder}"', "data.holdout=[]"])], wanted)


@pytest.mark.parametrize("command", ["train", "run"])
def test_image_folder(tmp_path: Path, out: Path, photos: Path, command: str) -> None:
    folder = tmp_path / "photos"
    args = [command, "demo", "--out", str(out), "--set"]
    _refused([*args, f'data.source="{folder}"'], f"image folder {folder} does not exist")
    folder.mkdir()
    _refused([*args, f'data.source="{folder}"'], f"image folder {folder} holds no image; supported are .png")
    _refused([*args, f'data.source="{photos}"'], "data.holdout names astronaut, which data.source does not hold")


def test_images_of_eval(trained: Path, tmp_path: Path) -> None:
    _refused(["eval", str(trained), "--images", "chealsea"], "image chealsea does not exist", "astronaut, chelsea")
    _refused(["eval", str(trained), "--images", str(tmp_path)], "holds no image")


# Recipes and options


@pytest.mark.parametrize("command", ["train", "run"])
@pytest.mark.parametrize(
    ("setting", "wanted"),
    [
        ("train.step=1", "--set train.step=1: train.step: unknown field. Did you mean 'steps'?"),
        ("model.scale=5", "--set model.scale=5: model.scale = 5: input should be 2, 3 or 4"),
        ("train.steps=many", "train.steps = 'many': input should be a valid integer"),
    ],
)
def test_recipe_field(out: Path, command: str, setting: str, wanted: str) -> None:
    _refused([command, "demo", "--out", str(out), "--set", setting], wanted)


def test_recipe_file(out: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "mine.toml"
    recipe.write_text("[model]\nchanels = 16\n")
    _refused(["run", str(recipe), "--out", str(out)], f"recipe {recipe}: model.chanels: unknown field", "'channels'")
    _refused(["run", "dmo", "--out", str(out)], "Did you mean 'demo'?")


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        (["--frame", "7"], "--frame 7: give width and height"),
        (["--folding", "quick"], "--folding quick: folding = 'quick': not allowed. Allowed: cycles per low-resolution"),
        (["--affine-bits", "99"], "--affine-bits 99: affine_bits = 99: input should be less than or equal to 16"),
        (["--clock", "0"], "--clock 0.0: clock_mhz = 0.0: input should be greater than or equal to 0.1"),
        (["--pixels-per-beat", "3"], "--pixels-per-beat 3: allowed for layer depthtospace_0 are 1, 2, 14 (divisors of"),
        (["--folding", "{nosuch=[1,1]}"], "folding of unknown layer 'nosuch'; layers that fold: conv_0"),
    ],
)
def test_build_option(model: Path, out: Path, options: list[str], wanted: str) -> None:
    _refused(["build", str(model), "--out", str(out), *options], wanted)


def test_folding_that_does_not_divide(model: Path, built: Path, out: Path) -> None:
    layer = "conv_0"
    _refused(
        ["build", str(model), "--out", str(out), "--folding", f"{{{layer}=[3,1]}}"],
        f"folding of layer {layer}: PE=3 does not divide O=8; take one of 1, 2, 4, 8",
    )


def test_unknown_part(model: Path) -> None:
    _refused(["estimate", str(model), "--part", "kv26"], "unknown part or board 'kv26': did you mean kv260")


def test_unknown_level(built: Path, tmp_path: Path) -> None:
    _refused(["sim", str(built), "--image", "x.png", "--level", "gates"], "--level gates: allowed are hls and rtl")


# Networks


def _truncated(path: Path) -> None:
    data = network(NetworkSpec()).SerializeToString()
    path.write_bytes(data[: len(data) * 9 // 10])


def _ending_in(node: Callable[[Builder, str], str]) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        b = Builder(6, 7, 3, 0)
        onnx.save(b.model(node(b, b.quant("lr", 8, 8, signed=False)), 3, 6, 7), path)

    return make


def _softmax(b: Builder, x: str) -> str:
    return b.quant(b.node("Softmax", [x]), 8, 8, signed=False)


def _scale_of_nothing(b: Builder, x: str) -> str:
    return b.node("Quant", [x, b.constant(0.0), b.constant(0.0), b.constant(8.0)], QONNX, signed=1, narrow=0)


def _dynamic(path: Path) -> None:
    made = network(NetworkSpec())
    made.graph.input[0].type.tensor_type.shape.dim[3].dim_param = "width"
    onnx.save(made, path)


@pytest.mark.parametrize("command", ["build", "estimate"])
@pytest.mark.parametrize(
    ("make", "wanted"),
    [
        (lambda path: None, ["there is no such file", "xnorsr export"]),
        (_truncated, ["truncated", "Export it again"]),
        (_ending_in(_softmax), ["Softmax 'Softmax_0': this operator is not supported. Leave it out:"]),
        (_ending_in(_scale_of_nothing), ["Quant 'Quant_", "scale"]),
        (_dynamic, ["input 'lr' has the dynamic shape", "--frame WxH"]),
    ],
)
def test_network(tmp_path: Path, out: Path, command: str, make: Callable[[Path], None], wanted: list[str]) -> None:
    path = tmp_path / "net.onnx"
    make(path)
    place = ["--out", str(out)] if command == "build" else ["--json", str(out / "account.json")]
    _refused([command, str(path), *place], *wanted)


def test_folder_that_holds_no_build(tmp_path: Path) -> None:
    image = _save(tmp_path / "i.png", np.zeros((6, 7, 3), np.uint8))
    _refused(
        ["sim", str(tmp_path), "--image", str(image)], "no build.json", f"xnorsr build MODEL.onnx --out {tmp_path}"
    )


def test_options_of_an_estimate_of_a_built_folder(built: Path) -> None:
    _refused(
        ["estimate", str(built), "--clock", "100"],
        "what was built keeps its own --clock. Leave that out, or give the QONNX file.",
    )


# Output folders


def _commands(model: Path, trained: Path) -> list[list[str]]:
    return [["train", "demo"], ["run", "demo"], ["build", str(model)], ["export", str(trained)]]


@pytest.mark.parametrize("which", range(4), ids=["train", "run", "build", "export"])
def test_output_that_is_not_empty(model: Path, trained: Path, tmp_path: Path, which: int) -> None:
    (tmp_path / "mine").write_text("mine")
    _refused([*_commands(model, trained)[which], "--out", str(tmp_path)], "the folder is not empty. Give --force")
    assert [p.name for p in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize("which", range(4), ids=["train", "run", "build", "export"])
def test_output_on_a_full_disk(
    model: Path, trained: Path, out: Path, which: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    _refused([*_commands(model, trained)[which], "--out", str(out)], "the disk is full. Free some space", "--out")


@pytest.mark.parametrize("which", range(4), ids=["train", "run", "build", "export"])
def test_output_that_is_read_only(
    model: Path, trained: Path, out: Path, which: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_only(*_: Any, **__: Any) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(tempfile, "NamedTemporaryFile", read_only)
    _refused([*_commands(model, trained)[which], "--out", str(out)], "cannot write there (Read-only file system)")


def test_picture_that_is_there(built: Path, tmp_path: Path) -> None:
    image = _save(tmp_path / "i.png", np.zeros((6, 7, 3), np.uint8))
    _refused(
        ["sim", str(built), "--image", str(image), "--out", str(image)], "there is already such a file. Give --force"
    )


# Tools


@pytest.mark.parametrize("level", ["hls", "rtl"])
def test_missing_compiler(built: Path, tmp_path: Path, out: Path, level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    image = _save(tmp_path / "i.png", np.zeros((6, 7, 3), np.uint8))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    args = ["sim", str(built), "--image", str(image), "--level", level, "--out", str(out / "sr.png")]
    _refused(args, f"simulation at level {level} needs g++", "not found on PATH", "xnorsr doctor")


def test_missing_compiler_stops_a_run_before_it_trains(
    tmp_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    _refused(["run", "demo", "--out", str(out)], "simulation at level hls needs g++, not found on PATH")


def test_doctor_names_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    result = RUNNER.invoke(app, ["doctor"])
    said = " ".join(result.output.split())
    assert result.exit_code == 1
    assert "g++: install it with the system's package manager, for example apt-get install g++" in said


# Checkpoints


def test_checkpoint_of_another_architecture(trained: Path, photos: Path) -> None:
    (trained / "weights.pt").rename(trained / "weights.away")
    try:
        settings = _sets([f'data.source="{photos}"', *tiny.SETTINGS, "model.channels=8"])
        _refused(
            ["train", "demo", "--out", str(trained), *settings],
            "is of another architecture: model.channels (checkpoint 4, asked for 8)",
        )
        _refused(["eval", str(trained)], "the training there is unfinished")
    finally:
        (trained / "weights.away").rename(trained / "weights.pt")


@pytest.mark.parametrize("command", ["eval", "export"])
def test_checkpoint_that_is_none(tmp_path: Path, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    _refused([command, "nosuch.pt"], "nosuch.pt does not exist")
    _refused([command, str(tmp_path)], "holds no weights.pt; give the output folder of `xnorsr train`")
    (tmp_path / "weights.pt").write_bytes(b"PK")
    _refused([command, str(tmp_path)], "cannot be read, it is damaged or of another program")
    assert [p.name for p in tmp_path.iterdir()] == ["weights.pt"]


# Ctrl-C


@pytest.mark.slow
@pytest.mark.parametrize("command", ["train", "run"])
def test_interrupt_says_how_to_go_on(
    tmp_path: Path, photos: Path, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "train_network", interrupted)
    settings = _sets([f'data.source="{photos}"', *tiny.SETTINGS])
    result = RUNNER.invoke(app, [command, "demo", "--out", str(tmp_path / "out"), *settings])
    said = " ".join(result.output.split())
    assert result.exit_code == 130
    assert "Interrupted." in said
    assert "the same command, without --force, continues" in said
