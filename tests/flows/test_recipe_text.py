"""Recipes as text."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from xnorsr.flows.cli import app
from xnorsr.flows.config import load_recipe, shipped_recipes
from xnorsr.flows.recipe_text import every_field, listing

pytestmark = pytest.mark.quick


def test_every_recipe_is_listed_with_what_it_is_for() -> None:
    assert [name for name, _ in listing()] == shipped_recipes()
    assert all(len(what) > 30 for _, what in listing())
    said = CliRunner().invoke(app, ["recipes"])
    assert said.exit_code == 0
    for name in shipped_recipes():
        assert name in said.output


@pytest.mark.parametrize("name", shipped_recipes())
def test_the_text_is_the_same_recipe(name: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    said = CliRunner().invoke(app, ["recipes", name])
    assert said.exit_code == 0, said.output
    path.write_text(said.output)
    assert load_recipe(str(path)) == load_recipe(name)


def test_overrides_and_comments() -> None:
    text = every_field(load_recipe("demo", ["train.steps=7", 'sim.image="a \\"b\\".png"']))
    assert "steps = 7\n" in text and 'image = "a \\"b\\".png"\n' in text
    assert "# crop =\n" in text
    lines = text.splitlines()
    assert lines[lines.index("steps = 7") - 1] == "# training steps"
    refused = CliRunner().invoke(app, ["recipes", "--set", "train.steps=7"])
    assert refused.exit_code == 2 and "Name a recipe as well" in refused.stderr
