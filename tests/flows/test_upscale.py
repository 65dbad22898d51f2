"""`xnorsr upscale`: the pictures are the network's own codes, whatever the file; what is no photograph is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms
from typer.testing import CliRunner

from xnorsr.flows.cli import app
from xnorsr.flows.steps import enlarging
from xnorsr.quant import inference, zoo
from xnorsr.quant.data import imresize
from xnorsr.quant.inference import self_ensemble, upscale
from xnorsr.quant.metrics import luma
from xnorsr.quant.saved import load_trained, save_trained
from xnorsr.quant.zoo import SRResNetConfig

ORIENTATION = 0x0112


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: networks rgb.pt and y.pt, photographs."""
    monkeypatch.chdir(tmp_path)
    for colors, scale in (("rgb", 2), ("y", 3)):
        cfg = SRResNetConfig(channels=4, blocks=1, colors=colors, scale=scale, skip="bilinear")  # type: ignore[arg-type]
        save_trained(zoo.randomize(zoo.build(cfg), 2), tmp_path / f"{colors}.pt")
    rng = np.random.default_rng(6)
    Image.fromarray(rng.integers(0, 256, (10, 14, 3), np.uint8)).save("a.png")
    Image.fromarray(rng.integers(0, 256, (9, 7), np.uint8)).save("grey.png")
    return tmp_path


def _run(*words: object, code: int = 0) -> str:
    done = CliRunner().invoke(app, ["upscale", *(str(w) for w in words)])
    assert done.exit_code == code, done.output
    return " ".join(done.output.split())


def _planes(file: str) -> np.ndarray:
    return np.ascontiguousarray(np.moveaxis(np.asarray(Image.open(file)), -1, 0))


@pytest.mark.slow
def test_codes_are_the_networks(place: Path) -> None:
    model = load_trained(place / "rgb.pt")
    assert "a-x2.png: 28 x 20 pixels" in _run("a.png", "--model", "rgb.pt")
    assert np.array_equal(_planes("a-x2.png"), upscale(model, _planes("a.png")))
    said = _run("a.png", "--model", "rgb.pt", "--self-ensemble", "--out", "e.png")
    assert "averaged over 8 flips and turns (self-ensemble)" in said
    assert np.array_equal(_planes("e.png"), self_ensemble(model, _planes("a.png")))
    assert not np.array_equal(_planes("e.png"), _planes("a-x2.png"))


@pytest.mark.usefixtures("place")
def test_a_large_photograph_goes_through_in_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    _run("a.png", "--model", "rgb.pt", "--out", "whole.png")
    sizes = []

    def small(model: torch.nn.Module, codes: np.ndarray) -> np.ndarray:
        sizes.append(codes.shape)
        return upscale(model, codes)

    monkeypatch.setattr(inference, "upscale", small)
    monkeypatch.setattr(inference.upscale_tiled, "__defaults__", (5,))
    _run("a.png", "--model", "rgb.pt", "--out", "tiled.png")
    assert len(sizes) == 2 * 3 and np.array_equal(_planes("tiled.png"), _planes("whole.png"))


def test_orientation_and_profile(place: Path) -> None:
    """A camera's note is obeyed, and not kept to be obeyed again; numbers go on meaning the same colours."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    Image.open("a.png").save("turned.png", exif=exif, icc_profile=profile)
    _run("turned.png", "--model", "rgb.pt")
    picture = Image.open("turned-x2.png")
    assert picture.info["icc_profile"] == profile and ORIENTATION not in picture.getexif()
    upright = np.ascontiguousarray(np.rot90(_planes("a.png"), -1, (1, 2)))
    assert np.array_equal(_planes("turned-x2.png"), upscale(load_trained(place / "rgb.pt"), upright))


def test_grey_through_a_network_of_colours(place: Path) -> None:
    said = _run("grey.png", "--model", "rgb.pt")
    assert "grey.png is grey: it goes through the network as three equal channels, and comes back grey." in said
    picture = Image.open("grey-x2.png")
    assert picture.mode == "L" and picture.size == (14, 18)
    rgb = upscale(load_trained(place / "rgb.pt"), np.stack([np.asarray(Image.open("grey.png"))] * 3))
    wanted = rgb.astype(float).transpose(1, 2, 0) @ np.array([65.481, 128.553, 24.966]) / 219
    assert np.abs(np.asarray(picture) - wanted.clip(0, 255)).max() <= 0.5 + 1e-9


def test_a_network_of_luminance(place: Path) -> None:
    """Of a grey photograph, its codes; of colours Y is the network's, Cb and Cr are bicubic."""
    model = load_trained(place / "y.pt")
    assert "luminance" not in _run("grey.png", "--model", "y.pt")
    assert np.array_equal(
        np.asarray(Image.open("grey-x3.png")), upscale(model, np.asarray(Image.open("grey.png"))[None])[0]
    )
    Image.fromarray(np.full((8, 9, 3), (200, 100, 50), np.uint8) + np.arange(9, dtype=np.uint8)[:, None]).save("c.png")
    assert "sees luminance only: the colours of c.png are enlarged bicubically" in _run("c.png", "--model", "y.pt")
    pixels = np.asarray(Image.open("c.png"))
    found = np.asarray(Image.open("c-x3.png"), np.float64)
    smooth = np.stack([imresize(pixels[..., i], 3) for i in range(3)], -1)
    y = upscale(model, np.rint(luma(pixels))[None].astype(np.uint8))[0]
    inside = ((found > 0) & (found < 255)).all(-1)
    assert inside.sum() > 50
    assert np.abs(luma(found) - y)[inside].max() <= 0.5
    for a, b in ((0, 1), (1, 2)):  # what luma's coefficients leave of colour: differences of channels
        difference = (found[..., a] - found[..., b]) - (smooth[..., a] - smooth[..., b])
        assert np.abs(difference)[inside].max() <= 1.0 + 1e-9


def test_several_into_a_folder(place: Path) -> None:
    _run("a.png", "grey.png", "--model", "rgb.pt", "--out", "new/folder")
    assert sorted(p.name for p in (place / "new" / "folder").iterdir()) == ["a-x2.png", "grey-x2.png"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["a.png", "none.png"], "image none.png does not exist; name another file"),
        (["a.png", "rgb.pt"], "image rgb.pt cannot be read, it is damaged or no image"),
        (
            ["a.png", "alpha.png"],
            "image alpha.png is of mode RGBA; convert it to 8-bit RGB over a background, as it has",
        ),
        (["a.png", "palette.png"], "image palette.png is of mode P; convert it to 8-bit RGB"),
        (
            ["a.png", "--out", "x.jpg"],
            "--out x.jpg: pictures are written as PNG. Give a name that ends in .png, or a f",
        ),
        (["a.png", "grey.png", "--out", "x.png"], "--out x.png: is one file for 2 photographs. Give a folder."),
        (["a.png", "sub/a.png"], "image sub/a.png: would go to a-x2.png, as a.png does. Enlarge them one by one"),
        (["a.png", "--out", "a.png", "--force"], "output a.png: is a photograph that is to be enlarged. Give another"),
        (["a.png", "--out", "there.png"], "output there.png: there is already such a file. Give --force to replace it"),
        (["a.png", "--out", "a.png/x"], "a.png is a file, not a folder"),
    ],
)
def test_refusals_before_anything_is_written(place: Path, words: list[str], said: str) -> None:
    Image.new("RGBA", (8, 8)).save("alpha.png")
    Image.new("P", (8, 8)).save("palette.png")
    (place / "sub").mkdir()
    Image.new("RGB", (8, 8)).save("sub/a.png")
    (place / "there.png").write_bytes(b"mine")
    before = sorted(place.rglob("*"))
    assert said in _run(*words, "--model", "rgb.pt", code=2)
    assert sorted(place.rglob("*")) == before and (place / "there.png").read_bytes() == b"mine"


def test_replaced_when_forced_and_unknown_models(place: Path) -> None:
    (place / "there.png").write_bytes(b"mine")
    _run("a.png", "--model", "rgb.pt", "--out", "there.png", "--force")
    assert _planes("there.png").shape == (3, 20, 28)
    assert "no-such-network: no such file or folder, and no" in _run("a.png", "--model", "no-such-network", code=2)


@pytest.mark.parametrize("words", ["not enough memory: you tried to allocate memory", "CUDA out of memory"])
def test_too_little_memory_is_said_and_leaves_nothing(place: Path, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise RuntimeError(words)

    monkeypatch.setattr(enlarging, "upscale_tiled", full)
    before = sorted(place.iterdir())
    assert "there is not enough memory" in _run("a.png", "--model", "rgb.pt", code=2)
    assert sorted(place.iterdir()) == before
