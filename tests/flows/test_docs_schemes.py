"""docs/schemes.md names every scheme and network, and its commands are ones that recipes take."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from xnorsr.flows.config import load_recipe
from xnorsr.quant.schemes import SCHEMES
from xnorsr.quant.zoo import NETWORKS

PAGE = (Path(__file__).parents[2] / "docs" / "schemes.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^    xnorsr train (.*)$", PAGE, re.MULTILINE)


def test_all_are_named() -> None:
    named = re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)
    assert sorted(named) == sorted([*SCHEMES.names(), *NETWORKS.names()])


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_load(command: str) -> None:
    recipe, *words = shlex.split(command)
    assert {*words[::2]} <= {"--set", "--out", "--from"}
    settings = [value for option, value in zip(words[::2], words[1::2], strict=True) if option == "--set"]
    found = load_recipe(recipe, settings)
    for text in settings:
        name, value = text.split("=", 1)
        held = found.model_dump(mode="json")
        for key in name.split("."):
            held = held[key]
        held = held["name"] if isinstance(held, dict) else held
        assert str(held).lower().replace("'", '"') == value.lower()


def test_there_are_commands() -> None:
    assert len(COMMANDS) >= 5
