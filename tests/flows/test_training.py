"""The steps of training and export: what a training leaves behind decides how it is exported."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
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


def test_export_takes_its_default_frame_and_the_recipes_checks(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[int] = []
    plain = quant_export.execute

    def counting(model: object, codes: np.ndarray) -> np.ndarray:
        checked.append(len(codes))
        return plain(model, codes)

    monkeypatch.setattr(quant_export, "execute", counting)
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
    monkeypatch.setattr(quant_export, "export", lambda *args: seen.append(args[-1]))
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
