"""The steps of training and export: what a training leaves behind decides how it is exported."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from tests.flows import tiny
from xnorsr.errors import UserError
from xnorsr.flows.cli import app
from xnorsr.flows.steps import training
from xnorsr.quant import export as quant_export


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a training of one step on two small photographs."""
    photos = tiny.photographs(tmp_path_factory.mktemp("photos"))
    return tiny.train(photos, tmp_path_factory.mktemp("trained") / "out", "export.random_checks=3")


@pytest.mark.slow
def test_export_takes_its_default_frame_and_the_recipes_checks(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[int] = []
    plain = quant_export.execute_all

    def counting(model: object, codes: np.ndarray) -> dict[str, np.ndarray]:
        checked.append(len(codes))
        return plain(model, codes)

    monkeypatch.setattr(quant_export, "execute_all", counting)
    done = CliRunner().invoke(app, ["export", str(trained), "--out", str(tmp_path / "x")])
    assert done.exit_code == 0, done.output
    assert np.load(tmp_path / "x" / "model.golden.npz")["lr"].shape == (3, 128, 128)
    assert checked == [1 + 3], "the held-out photograph and export.random_checks"
    training.export(trained, tmp_path / "y", (6, 5), random_checks=1)
    assert checked[1:] == [1 + 1]


def test_without_the_record_the_defaults_hold(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.copy(trained / "weights.pt", alone)
    seen: list[int] = []
    monkeypatch.setattr(quant_export, "export", lambda *args, **_: seen.append(args[-1]))
    training.export(alone, tmp_path / "x", (6, 5), images=[np.zeros((3, 5, 6), np.uint8)])
    assert seen == [2]


@pytest.mark.parametrize("text", ["{", "[]", "{}", json.dumps({"data": {"sauce": 1}})])
def test_a_damaged_record_is_named(trained: Path, tmp_path: Path, text: str) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(trained, copy)
    (copy / "recipe.json").write_text(text)
    with pytest.raises(UserError) as e:
        training.evaluate(copy)
    said = str(e.value)
    assert said.startswith(f"{copy / 'recipe.json'}: its section data cannot be read, it is damaged or of another vers")
    assert said.endswith("Remove the file to use the defaults, or train again.")


def _eval(trained: Path, *options: str) -> str:
    done = CliRunner().invoke(app, ["eval", str(trained), *options])
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.slow
def test_eval_as_table_file_and_figure(trained: Path, tmp_path: Path) -> None:
    """On a folder; the same figures everywhere, and where the network was averaged everything says so."""
    folder = tmp_path / "photos"
    folder.mkdir()
    photos = ["--images", str(tiny.photographs(folder))]
    found = {}
    for ours, options in {"ours": [], "self_ensemble": ["--self-ensemble"]}.items():
        file, figure = tmp_path / f"{ours}.csv", tmp_path / f"{ours}.png"
        said = _eval(trained, *photos, "--csv", str(file), "--figure", str(figure), *options)
        with file.open() as f:
            rows = list(csv.DictReader(f))
        assert [r["image"] for r in rows] == ["a", "b", "mean"]
        found[ours] = [float(r[f"{ours}_psnr_y"]) for r in rows]
        assert found[ours][2] == pytest.approx(sum(found[ours][:2]) / 2)
        assert all(f"{value:.2f}" in said for value in found[ours])
        with Image.open(figure) as image:
            heading = image.info["Title"]
        assert heading.startswith("x2, PSNR-Y in dB and SSIM-Y, 2 border pixels left out")
        averaged = ours == "self_ensemble"
        assert ("self-ensemble" in heading) == averaged and ("self-ensemble" in said) == averaged
    assert found["ours"] != found["self_ensemble"]


def test_eval_refuses_files_that_are_there_before_it_scores(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for option, name in (("--csv", "scores.csv"), ("--figure", "scores.png")):
        path = tmp_path / name
        path.write_text("mine")
        with monkeypatch.context() as patch:
            patch.setattr(training, "score_photos", lambda *_, **__: pytest.fail("it scored"))
            done = CliRunner().invoke(app, ["eval", str(trained), option, str(path)])
        assert done.exit_code == 2 and path.read_text() == "mine"
        assert f"{name}: there is already such a file. Give --force" in " ".join(done.stderr.split())
        _eval(trained, option, str(path), "--force")
        assert path.read_bytes() != b"mine"


def test_a_figure_shows_any_name_as_it_is(trained: Path, tmp_path: Path) -> None:
    """matplotlib takes $...$ for a formula."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("a$x_$", "b\\frac"):
        (tiny.photographs(folder) / "a.png").rename(folder / f"{name}.png")
    (folder / "b.png").unlink()
    _eval(trained, "--images", str(folder), "--figure", str(tmp_path / "scores.svg"))
    assert (tmp_path / "scores.svg").stat().st_size > 1000


def test_eval_refuses_a_figure_of_another_kind(trained: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["eval", str(trained), "--figure", str(tmp_path / "scores.xyz")])
    assert done.exit_code == 2
    assert "scores.xyz: give a file name that ends in .png, .svg, .pdf." in " ".join(done.output.split())


@pytest.mark.slow
def test_a_float_training_becomes_fixed_point(tmp_path: Path) -> None:
    """`train --from`: a table of what each quantization costs, then fine-tuning; what it began with is kept."""
    tiny.photographs(tmp_path)
    tiny.train(tmp_path, tmp_path / "float", "model.numerics.deployed=false", "model.scheme=e2fif")
    words = ["train", "demo", "--out", str(tmp_path / "fixed"), "--from", str(tmp_path / "float")]
    for setting in (f'data.source="{tmp_path}"', *tiny.SETTINGS, "model.scheme=e2fif"):
        words += ["--set", setting]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    rows = [line.split() for line in done.output.splitlines()]
    labels = ["none:", "weights", "scales,", "biases,", "slopes,", "residual", "activations", "residual"]
    assert [r[0] for r in rows if r and r[0] in labels] == labels
    record = json.loads((tmp_path / "fixed" / "start.json").read_text())
    assert record["anew"] == [] and record["source"].endswith("float/weights.pt")
    assert record["costs"][-1]["together"] == record["psnr_y_here"]
    assert f"{record['psnr_y']:.3f} as it was trained, {record['psnr_y_here']:.3f} converted" in done.output
    other = CliRunner().invoke(app, [*words, "--force", "--set", "model.channels=5"])
    assert other.exit_code == 2 and "model.channels (there 4, asked for 5)" in other.output.replace("\n", " ")
    assert CliRunner().invoke(app, ["train", "demo", "--images", "x"]).exit_code == 2
