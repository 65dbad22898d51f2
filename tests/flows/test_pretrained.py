"""Trained networks as packages: packed from a training, named instead of a checkpoint, run, and what is refused.

The folder of those that come with the package is replaced by an empty one, or by one that holds a tiny network.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.flows import tiny
from xnorsr.flows.card import markdown
from xnorsr.flows.cli import app
from xnorsr.flows.config import load_recipe
from xnorsr.flows.steps import packing, training
from xnorsr.quant import pretrained
from xnorsr.quant.inference import upscale
from xnorsr.quant.saved import load_trained
from xnorsr.quant.zoo import NETWORKS

NAME = "tiny-w1a1-x2"
FOLDERS = pretrained.FOLDER


def _said(*words: object) -> str:
    done = CliRunner().invoke(app, [str(w) for w in words])
    assert done.exit_code == 0, done.output
    return " ".join(done.output.split())


def _refused(*words: object) -> str:
    done = CliRunner().invoke(app, [str(w) for w in words])
    assert done.exit_code == 2, done.output
    return " ".join(done.output.split())


class Shop:
    """A training, the sets that it is measured on, and what it was packed to."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.photos, self.set = root / "holidays", root / "fives"
        for folder in (self.photos, self.set):
            folder.mkdir()
            tiny.photographs(folder)
        self.trained = tiny.train(self.photos, root / "trained", f'data.cache="{root / "cache"}"')
        self.shelf = root / "shelf"
        self.words = ("pack", self.trained, "--name", NAME, "--images", self.set, "--out", self.shelf)
        self.said = _said(*self.words, "--terms", "holidays=my own")
        self.folder = self.shelf / NAME


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return Shop(tmp_path_factory.mktemp("shop"))


@pytest.fixture
def stocked(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """The tiny network comes with the package."""
    monkeypatch.setattr(pretrained, "FOLDER", shop.shelf)
    return shop


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "none").mkdir()
    monkeypatch.setattr(pretrained, "FOLDER", tmp_path / "none")


def check_whole(folder: Path) -> None:
    """Everything that a folder of a trained network says of itself."""
    card = pretrained.card_of(folder)
    assert card.name == folder.name
    pretrained.check_name(folder.name, "--name")
    assert {p.name for p in folder.iterdir()} == set(packing.FILES)
    data = (folder / pretrained.WEIGHTS).read_bytes()
    assert (len(data), hashlib.sha256(data).hexdigest()) == (card.weights_bytes, card.weights_sha256)
    assert (folder / pretrained.CARD_TEXT).read_text() == markdown(card), "no figure is typed by hand"
    model = load_trained(folder / pretrained.WEIGHTS)
    assert NETWORKS.validate(card.model) == model.cfg, "fields that are younger than the card have their defaults"
    assert load_recipe(str(folder / pretrained.RECIPE)).model == model.cfg
    course = json.loads((folder / "training.json").read_text())
    assert (course["steps"], course["minutes"], course["hardware"]) == (card.steps, card.minutes, card.hardware)
    assert card.scores and card.data and all(one.terms for one in card.data)


def test_those_that_come_with_the_package_are_whole() -> None:
    """Files that git leaves alone, such as .gitkeep, are none of theirs."""
    assert FOLDERS.is_dir()
    for folder in (p for p in FOLDERS.iterdir() if p.is_dir()):
        check_whole(folder)


@pytest.mark.slow
def test_a_packed_network_is_whole_and_names_no_place(shop: Shop) -> None:
    check_whole(shop.folder)
    for path in shop.folder.iterdir():
        assert str(shop.root).encode() not in path.read_bytes(), path.name
    recipe = tomllib.loads((shop.folder / pretrained.RECIPE).read_text())
    assert set(recipe) == {"data", "model", "train", "export"}
    assert recipe["data"]["source"] == ["holidays"] and recipe["data"]["holdout"] == ["b"]
    card = pretrained.card_of(shop.folder)
    assert [(d.name, d.photographs, d.terms) for d in card.data] == [("holidays", 1, "my own")]
    assert card.holdout == ["b"] and not card.latent and card.binary_weights == 2 * 4 * 4 * 9
    assert "PyTorch" in card.hardware and "| fives | 2 |" in (shop.folder / "card.md").read_text()
    assert "| fives | 2 |" in shop.said and f"Packed: {shop.folder}" in shop.said


def test_figures_of_the_card_are_those_of_eval(shop: Shop) -> None:
    score = pretrained.card_of(shop.folder).scores[0]
    mean = training.mean_score(training.evaluate(shop.trained, [str(shop.set)]))
    assert (score.psnr_y, score.ssim_y) == (mean.psnr, mean.ssim)
    assert (score.bicubic_psnr_y, score.bicubic_ssim_y) == (mean.bicubic_psnr, mean.bicubic_ssim)


@pytest.mark.slow
def test_packing_again_gives_the_same_bytes(shop: Shop, tmp_path: Path) -> None:
    words = (*shop.words[:-1], tmp_path, "--terms", "holidays=my own")
    for _ in range(2):
        _said(*words, "--force")
        for name in packing.FILES:
            assert (tmp_path / NAME / name).read_bytes() == (shop.folder / name).read_bytes(), name
    assert [p.name for p in tmp_path.iterdir()] == [NAME]


@pytest.mark.slow
def test_a_name_stands_for_a_checkpoint(stocked: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    there = _said("eval", stocked.trained, "--images", stocked.set)
    for name in (NAME, f"pretrained:{NAME}", stocked.folder):
        assert _said("eval", name, "--images", stocked.set) == there
    _said("export", stocked.trained, "--out", "a", "--frame", "12x10")
    _said("export", NAME, "--out", "b", "--frame", "12x10")
    one, two = (np.load(tmp_path / name / "model.golden.npz") for name in "ab")
    model = load_trained(stocked.trained / "weights.pt")
    assert np.array_equal(upscale(model, two["lr"]), two["sr"]), "codes of the QONNX file are the checkpoint's"
    assert not np.array_equal(one["lr"], two["lr"]), "its own photographs need not be here: embedded ones are taken"


@pytest.mark.slow
def test_training_begins_with_a_name(stocked: Shop, tmp_path: Path) -> None:
    fields = [w for s in (*tiny.SETTINGS, f'data.source="{stocked.photos}"') for w in ("--set", s)]
    said = _said("train", "demo", "--from", NAME, "--out", tmp_path / "out", *fields)
    assert "PSNR-Y in dB:" in said
    assert json.loads((tmp_path / "out" / "start.json").read_text())["source"] == f"pretrained:{NAME}"
    shelf = ("--images", stocked.set, "--out", tmp_path / "shelf", "--terms", "holidays=my own")
    _said("pack", tmp_path / "out", "--name", "second", *shelf)
    assert pretrained.card_of(tmp_path / "shelf" / "second").began == f"pretrained:{NAME}"


def test_what_is_there_goes_before_a_name(stocked: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / NAME).mkdir()
    assert f"{NAME}: holds no weights.pt" in _refused("eval", NAME)
    _said("eval", f"pretrained:{NAME}", "--images", stocked.set)


@pytest.mark.usefixtures("stocked")
def test_unknown_names_are_refused_with_those_there_are() -> None:
    wanted = "tiny-w1a1-x3: no such file or folder, and no trained network of that name comes with the package. Did you"
    for words in (["eval"], ["export"], ["train", "demo", "--from"], ["run", "demo", "--pretrained"]):
        said = _refused(*words, "tiny-w1a1-x3")
        assert wanted in said and f"There are: {NAME}." in said
    assert f"There are: {NAME}." in _refused("eval", "pretrained:../other")


@pytest.mark.usefixtures("empty")
def test_nothing_comes_with_this_version() -> None:
    assert "None comes with this version." in _refused("eval", "tiny")
    assert "No trained network comes with this version" in _said("zoo", "--trained")


def test_list(stocked: Shop) -> None:
    said = _said("zoo", "--trained")
    score = pretrained.card_of(stocked.folder).scores[0].psnr_y
    assert f"{NAME} srresnet, w1a1, x2, rgb" in said and f"fives {score:.2f}" in said
    assert "--trained: the other options have no effect" in _refused("zoo", "--trained", "--scale", "4")


@pytest.mark.parametrize("name", ["Tiny", "-a", "a--b", "a_b", "a/b", "..", "9a", "a" * 41, "a\n", ""])
def test_names_that_are_none(shop: Shop, tmp_path: Path, name: str) -> None:
    words = ("pack", shop.trained, f"--name={name}", "--images", shop.set, "--out", tmp_path / "x")
    assert "a name has lower-case letters, digits and single hyphens" in _refused(*words)
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ([], 'training set holidays: its terms are not known here. Say on what terms its photographs may be used: --t'),
        (["--terms", "holidays"], "--terms holidays: give SET=TEXT"),
        (["--terms", "holidays=x", "--terms", "t91=y"], "--terms t91: is no set that was trained on. They are: holi"),
        (["--terms", "holidays=x", "--hardware", "y"], "--hardware: the training has recorded what it ran on."),
        (["--terms", "holidays=x", "--images", "TRAINED"], ": the network was trained on it. Name a set that it never"),
        (["--terms", "holidays=x", "--images", "SET"], "two sets are called fives. Rename one of them."),
        (["--terms", "holidays=x", "--images", "nowhere"], "image nowhere does not exist"),
    ],
)  # fmt: skip
def test_what_pack_refuses(shop: Shop, tmp_path: Path, more: list[str], said: str) -> None:
    places = {"TRAINED": str(shop.photos), "SET": str(shop.set)}
    words = (*shop.words[:-1], tmp_path, *(places.get(word, word) for word in more))
    assert said in _refused(*words)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_what_cannot_be_packed(shop: Shop, tmp_path: Path) -> None:
    rest = ("--name", "a", "--images", shop.set, "--out", tmp_path / "shelf", "--terms", "holidays=x")
    assert "is not the output of a training; give the output folder of" in _refused("pack", shop.folder, *rest)
    copy = tmp_path / "copy"
    shutil.copytree(shop.trained, copy)
    course = json.loads((copy / "training.json").read_text())
    (copy / "training.json").write_text(json.dumps({k: v for k, v in course.items() if k != "hardware"}))
    assert "the training did not record what it ran on" in _refused("pack", copy, *rest)
    _said("pack", copy, *rest, "--hardware", "an *old* machine")
    assert "an \\*old\\* machine" in (tmp_path / "shelf" / "a" / "card.md").read_text()
    (copy / "training.json").write_text("{}")
    assert "training.json: is damaged" in _refused("pack", copy, *rest, "--force")
    (copy / "recipe.json").unlink()
    assert "recipe.json is missing or damaged" in _refused("pack", copy, *rest, "--force")


def test_a_place_that_holds_something_else_is_left_alone(shop: Shop, tmp_path: Path) -> None:
    words = (*shop.words[:-1], tmp_path, "--terms", "holidays=my own", "--force")
    (tmp_path / NAME).mkdir()
    (tmp_path / NAME / "mine.txt").write_text("x")
    assert "is there and is no packed network" in _refused(*words)
    for name in packing.FILES:
        shutil.copy(shop.folder / name, tmp_path / NAME)
    assert "holds mine.txt besides a packed network" in _refused(*words)
    (tmp_path / NAME / "mine.txt").unlink()
    assert "there is a packed network already. Give --force" in _refused(*words[:-1])


@pytest.mark.parametrize("text", ["{", "[]", '{"format": 2}', '{"name": "a"}'])
def test_a_damaged_card_is_named(stocked: Shop, tmp_path: Path, text: str) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(stocked.folder, copy)
    (copy / pretrained.CARD).write_text(text)
    said = _refused("run", "demo", "--pretrained", copy)
    assert f"{copy}/card.json: is damaged or of another version" in said


def test_what_run_refuses(stocked: Shop, tmp_path: Path) -> None:
    words = ("run", "demo", "--pretrained", NAME, "--out", tmp_path / "x")
    assert "--set train.steps=3: has no effect with --pretrained" in _refused(*words, "--set", "train.steps=3")
    assert "is no packed network, it holds no card.json" in _refused(*words[:3], stocked.trained)
    seen = ("--set", f'data.source="{stocked.photos}"', "--set", 'data.holdout=["a"]')
    said = _refused(*words, *seen)
    assert f"photograph a: the network {NAME} was trained on its set, holidays. Name others" in said
    assert not (tmp_path / "x").exists()


@pytest.fixture(scope="module")
def ran(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with the tiny network and without simulation, interrupted before its build and continued."""
    out = tmp_path_factory.mktemp("run") / "out"
    fields = [
        f'data.source="{shop.set}"',
        'data.holdout=["b"]',
        "sim.levels=[]",
        "estimate.synth=false",
        "sim.crop=[12, 10]",
    ]
    words = ["run", "demo", "--pretrained", NAME, "--out", str(out), *(w for f in fields for w in ("--set", f))]
    real: Any = training.export

    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pretrained, "FOLDER", shop.shelf)
        patch.setattr(training, "export", interrupted)
        assert CliRunner().invoke(app, words).exit_code == 130
        patch.setattr(training, "export", real)
        said = _said(*words)
    assert f"Trained network {NAME} done before" in said
    return out


@pytest.mark.eda
def test_run_takes_the_network_as_it_is(ran: Path, shop: Shop) -> None:
    results = json.loads((ran / "results.json").read_text())
    assert list(results["times"]) == ["network", "evaluate", "export", "build", "estimate", "report"]
    assert results["model"]["channels"] == 4 and "training" not in results
    assert results["pretrained"]["name"] == NAME
    golden = np.load(ran / "export" / "model.golden.npz")
    model = load_trained(shop.trained / "weights.pt")
    assert np.array_equal(upscale(model, golden["lr"]), golden["sr"])


@pytest.mark.eda
def test_report_has_the_card_instead_of_the_curve(ran: Path) -> None:
    page = (ran / "report.html").read_text()
    assert f"Trained network {NAME}" in page and "It was not trained in this run" in page
    assert "<td>holidays</td>" in page and "my own" in page and "<td>fives</td>" in page
    assert "L1 loss" not in page and "<h2>Training</h2>" not in page
    assert f"--pretrained {NAME} --set" in page
