"""What a run refuses before it trains, files that would be lost, and results that were wrong without a word."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from PIL import Image
from typer.testing import CliRunner

from tests.flows import tiny
from tests.networks import Builder, NetworkSpec, network
from xnorsr.errors import UserError
from xnorsr.flows import png16
from xnorsr.flows.cli import app
from xnorsr.flows.pictures import SSIM_WINDOW, check_scorable, image_codes, sample_codes
from xnorsr.flows.steps import training
from xnorsr.hw.types import StreamType
from xnorsr.quant.data.images import Photo, read_photo
from xnorsr.quant.inference import bicubic_score

pytestmark = pytest.mark.xdist_group("refusals")


def invoke(*args: object) -> Any:
    return CliRunner().invoke(app, [str(a) for a in args])


def refused(result: Any, *wanted: str) -> None:
    said = " ".join(result.stderr.split())
    assert result.exit_code == 2, (result.output, result.exception)
    assert said.startswith("error:") and "Traceback" not in said
    for text in wanted:
        assert text in said, said


def _sets(*values: str) -> list[str]:
    return [word for value in values for word in ("--set", value)]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    (tmp_path / "photos").mkdir()
    return tiny.photographs(tmp_path / "photos")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        (["hardware.folding={nosuch=[1, 1]}"], "folding of unknown layer 'nosuch'; layers that fold: "),
        (["hardware.folding={blocks_0_first_conv=[3, 1]}"], "PE=3 does not divide"),
        (["hardware.pixels_per_beat=3"], "--pixels-per-beat 3: allowed for layer"),
        (["hardware.folding='0fps'"], "not allowed. Allowed: cycles per low-resolution pixel"),
        (["hardware.part='xczu99eg'"], "unknown part or board 'xczu99eg'"),
        (["train.binary_weights=false"], "train a second one with `xnorsr train --from` its weights.pt, and go"),
        (["sim.crop=[1, 1]"], "has 2 x 2 pixels to score (multiples of the enlargement, 2); at least 16 x 16"),
        (["sim.crop=[2, 2]"], "at least 16 x 16 are needed. Give a larger photograph or crop"),
        (["sim.crop=[100, 100]"], "too few to cut 200 x 200 out of its middle"),
        (["data.holdout=[]"], "data.holdout is empty: name a photograph to simulate with sim.image."),
        (["data.patch=64"], "image a of 48x40 pixels is smaller than a patch: data.patch 64 times model.scale 2"),
        (["sim.image='PHOTOS'"], "is a folder; give a file"),
        (["sim.image='PHOTOS/none.png'"], "does not exist"),
    ],
)
def test_run_refuses_before_it_trains(
    tmp_path: Path, photos: Path, settings: list[str], wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trained(*_: Any, **__: Any) -> None:
        raise AssertionError("it trained")

    monkeypatch.setattr(training, "train_network", trained)
    args = _sets(f'data.source="{photos}"', *tiny.SETTINGS, *(s.replace("PHOTOS", str(photos)) for s in settings))
    refused(invoke("run", "demo", "--out", tmp_path / "out", *args), wanted)
    assert not (tmp_path / "out").exists()


def test_photograph_that_is_too_small_to_be_scored(tmp_path: Path, photos: Path) -> None:
    weights = tiny.train(photos, tmp_path / "out")
    Image.fromarray(np.zeros((15, 40, 3), np.uint8)).save(tmp_path / "small.png")
    refused(invoke("eval", weights, "--images", tmp_path / "small.png"), "small", "40 x 14 pixels to score")
    Image.fromarray(np.zeros((15, 40, 3), np.uint8)).save(photos / "b.png")
    for command in ("train", "run"):
        args = ["--out", tmp_path / "new", *_sets(f'data.source="{photos}"', *tiny.SETTINGS)]
        refused(invoke(command, "demo", *args), "image b has 40 x 14 pixels to score")
    assert not (tmp_path / "new").exists()


@pytest.mark.slow
def test_photographs_that_no_training_held_out_must_be_named(tmp_path: Path, photos: Path) -> None:
    weights = tiny.train(photos, tmp_path / "out", "data.holdout=[]")
    refused(invoke("eval", weights), "data.holdout is empty: name photographs to evaluate on with --images.")
    settings = _sets(f'data.source="{photos}"', *tiny.SETTINGS, "data.holdout=[]")
    result = invoke("train", "demo", "--from", weights, "--out", tmp_path / "anew", *settings)
    refused(result, "data.holdout is empty: name photographs to say on what quantization costs with --images.")
    assert not (tmp_path / "anew").exists()


@pytest.mark.quick
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_least_size_is_that_of_the_score(scale: int) -> None:
    rng = np.random.default_rng(4)
    least = next(n for n in range(scale, 99, scale) if n - 2 * scale >= SSIM_WINDOW)
    for side, good in ((least, True), (least - scale, False)):
        photo = Photo("p", rng.integers(0, 256, (side, 64, 3), np.uint8))
        if good:
            check_scorable(photo, scale)
            assert np.isfinite(bicubic_score(photo, scale)[1])
        else:
            with pytest.raises(UserError, match=f"at least {least} x {least} are needed"):
                check_scorable(photo, scale)
            with pytest.raises(ValueError, match="SSIM needs"):
                bicubic_score(photo, scale)


@pytest.mark.slow
def test_photographs_of_the_same_name_are_all_scored(tmp_path: Path, photos: Path) -> None:
    weights = tiny.train(photos, tmp_path / "out")
    rng = np.random.default_rng(7)
    for folder in ("d1", "d2"):
        (tmp_path / folder).mkdir()
        Image.fromarray(rng.integers(0, 256, (30, 30, 3), np.uint8)).save(tmp_path / folder / "x.png")
    rows = training.evaluate(weights, [str(tmp_path / "d1"), str(tmp_path / "d2"), "coffee"])
    assert [row.name for row in rows] == [str(tmp_path / "d1" / "x"), str(tmp_path / "d2" / "x"), "coffee"]
    alone = [training.evaluate(weights, [str(tmp_path / d)])[0] for d in ("d1", "d2")]
    assert [row.psnr for row in rows[:2]] == [row.psnr for row in alone] and rows[0].psnr != rows[1].psnr
    assert [row.name for row in alone] == ["x", "x"]


@pytest.mark.quick
@pytest.mark.parametrize("turn", range(1, 9))
def test_photograph_is_turned_as_the_camera_was(tmp_path: Path, turn: int) -> None:
    upright = np.random.default_rng(1).integers(0, 256, (5, 8, 3), np.uint8)
    steps = {  # from the upright picture to what a camera stores with this orientation
        1: lambda p: p, 2: lambda p: p[:, ::-1], 3: lambda p: p[::-1, ::-1], 4: lambda p: p[::-1],
        5: lambda p: p.transpose(1, 0, 2), 6: np.rot90, 7: lambda p: p[::-1, ::-1].transpose(1, 0, 2),
        8: lambda p: np.rot90(p, -1),
    }  # fmt: skip
    stored = steps[turn](upright)
    note = Image.Exif()
    note[0x0112] = turn
    Image.fromarray(np.ascontiguousarray(stored)).save(tmp_path / "p.png", exif=note)
    np.testing.assert_array_equal(read_photo(tmp_path / "p.png").pixels, upright)


def test_files_are_not_overwritten_or_misnamed(tmp_path: Path) -> None:
    onnx.save(network(NetworkSpec()), tmp_path / "net.onnx")
    (tmp_path / "a.json").write_text("mine")
    refused(invoke("estimate", tmp_path / "net.onnx", "--json", tmp_path / "a.json"), "already such a file", "--force")
    assert (tmp_path / "a.json").read_text() == "mine"
    refused(invoke("estimate", tmp_path / "net.onnx", "--json", tmp_path), "is a folder; give a file with --json")
    refused(invoke("estimate", tmp_path / "net.onnx", "--force"), "--force: has no effect without --json")
    assert invoke("estimate", tmp_path / "net.onnx", "--json", tmp_path / "a.json", "--force").exit_code == 0
    assert '"estimate"' in (tmp_path / "a.json").read_text()
    for name in ("x.jpg", "x", "x.tif"):
        refused(invoke("sim", tmp_path, "--image", "i.png", "--out", tmp_path / name), "give a name that ends in .png")


@pytest.mark.parametrize("command", ["train", "run", "build", "export"])
def test_output_that_is_a_file_or_a_link_to_nothing(tmp_path: Path, photos: Path, command: str) -> None:
    onnx.save(network(NetworkSpec()), tmp_path / "net.onnx")
    settings = _sets(f'data.source="{photos}"', *tiny.SETTINGS)
    given = {"build": [tmp_path / "net.onnx"], "export": [tmp_path]}.get(command, ["demo", *settings])
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    (tmp_path / "weights.pt").touch()
    for name, wanted in (("file", "file: is a file"), ("link", "is a link to something that does not exist")):
        for force in ([], ["--force"]):
            result = invoke(command, *given, "--out", tmp_path / name, *force)
            if command == "export":  # the checkpoint is looked at first
                refused(result)
            else:
                refused(result, wanted)
    assert (tmp_path / "file").read_text() == "mine" and not (tmp_path / "nowhere").exists()


@pytest.mark.quick
def test_a_folder_in_the_place_of_a_file(tmp_path: Path) -> None:
    refused(invoke("train", tmp_path), f"recipe {tmp_path}: is a folder")
    with pytest.raises(UserError, match="is a folder"):
        read_photo(tmp_path)
    (tmp_path / "x.toml").write_bytes(b"\xff\xfe")
    refused(invoke("train", tmp_path / "x.toml"), "not valid TOML", "Correct the file")
    (tmp_path / "x.toml").write_text("a = " + "[" * 5000)
    refused(invoke("train", tmp_path / "x.toml"), "not valid TOML")
    (tmp_path / "x.toml").write_text("[train]\nsteps = " + "9" * 6000)
    refused(invoke("train", tmp_path / "x.toml"), "x.toml")


@pytest.mark.quick
def test_pictures_of_16_bits(tmp_path: Path) -> None:
    seed = 8
    rng = np.random.default_rng(seed)
    for shape in ((1, 1, 1), (5, 7, 3), (4, 3, 1)):
        codes = rng.integers(0, 65536, shape)
        np.testing.assert_array_equal(png16.decode(png16.encode(codes)), codes)
        if shape[2] == 1:
            (tmp_path / "p.png").write_bytes(png16.encode(codes))
            np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "p.png")), codes[..., 0])
    smooth = np.add.outer(np.arange(40) * 600, np.arange(50) * 700).astype(np.uint16)
    Image.fromarray(smooth).save(tmp_path / "q.png", optimize=True)  # with the filters that the encoder likes
    np.testing.assert_array_equal(png16.decode((tmp_path / "q.png").read_bytes())[..., 0], smooth)
    data = png16.encode(rng.integers(0, 65536, (5, 7, 3)))
    for _ in range(200):
        at = int(rng.integers(len(data)))
        with pytest.raises(ValueError, match=r"."):
            png16.decode(data[:at])
    kind = StreamType(5, 7, 3, 10, False, 10)
    (tmp_path / "cut.png").write_bytes(data[:60])
    with pytest.raises(UserError, match=r"cut\.png cannot be read: .* Give another file"):
        image_codes(tmp_path / "cut.png", kind)
    Image.fromarray(np.zeros((5, 7, 3), np.uint8)).save(tmp_path / "8.png")
    with pytest.raises(UserError, match=r"3 channels of 10 unsigned bits; .* PNG of 16 bits .* 0 to 1,023, or a \.npy"):
        image_codes(tmp_path / "8.png", kind)
    np.save(tmp_path / "f.npy", np.zeros((5, 7, 3)))
    with pytest.raises(UserError, match="holds no integers"):
        image_codes(tmp_path / "f.npy", kind)


@pytest.mark.quick
@pytest.mark.parametrize("kind", [StreamType(5, 7, 3, 10, False, 10), StreamType(5, 7, 4, 6, True, 2)])
def test_sample_of_a_stream_that_is_no_picture(kind: StreamType) -> None:
    codes = sample_codes(kind, 2)
    assert codes.shape == kind.shape and kind.lo <= codes.min() < codes.max() <= kind.hi


@pytest.mark.slow
def test_network_of_10_bits_is_simulated(tmp_path: Path) -> None:
    b = Builder(6, 7, 3, 0)
    onnx.save(b.model(b.quant(b.quant("lr", 10, 10, signed=False), 9, 9, signed=False), 3, 6, 7), tmp_path / "n.onnx")
    assert invoke("build", tmp_path / "n.onnx", "--out", tmp_path / "out").exit_code == 0
    codes = np.random.default_rng(3).integers(0, 1024, (6, 7, 3))
    (tmp_path / "i.png").write_bytes(png16.encode(codes))
    result = invoke("sim", tmp_path / "out", "--image", tmp_path / "i.png", "--out", tmp_path / "o.png")
    assert result.exit_code == 0, (result.output, result.exception)
    found = png16.decode((tmp_path / "o.png").read_bytes())
    assert found.shape == codes.shape and 255 < found.max() <= 511
    (tmp_path / "i.png").write_bytes(png16.encode(codes + 5000))
    refused(invoke("sim", tmp_path / "out", "--image", tmp_path / "i.png"), "allowed are 0 to 1023")
