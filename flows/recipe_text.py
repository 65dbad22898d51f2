"""Recipes as text: the shipped ones in a list, and one with every field, its value and what is allowed."""

from __future__ import annotations

import json
import textwrap
from typing import Any

from pydantic import BaseModel

from .config import Recipe, recipe_path, shipped_recipes

_WIDTH = 100


def listing() -> list[list[str]]:
    """[name, what it is for] of each shipped recipe: the comment that its file begins with."""
    rows = []
    for name in shipped_recipes():
        head = []
        for line in recipe_path(name).read_text(encoding="utf-8").splitlines():
            if not line.startswith("#"):
                break
            head.append(line.lstrip("# ").rstrip())
        rows.append([name, " ".join(head)])
    return rows


def every_field(recipe: Recipe) -> str:
    """A recipe as TOML, every field with its value; what is allowed stands in a comment above it.

    Fields without a value (TOML has no null) are commented out. The text is a recipe itself and gives the same run.
    """
    return "\n".join(_table(recipe, "")).strip() + "\n"


def _table(section: BaseModel, name: str) -> list[str]:
    lines = [f"[{name}]"] if name else []
    inner: list[tuple[str, BaseModel]] = []
    values = section.model_dump(mode="json")
    for key, info in type(section).model_fields.items():
        value = getattr(section, key)
        if isinstance(value, BaseModel):
            inner.append((key, value))
            continue
        lines += textwrap.wrap(info.description or "", _WIDTH, initial_indent="# ", subsequent_indent="# ")
        lines.append(f"# {key} =" if values[key] is None else f"{key} = {_value(values[key])}")
    for key, value in inner:
        lines += ["", *_table(value, f"{name}.{key}" if name else key)]
    return lines


def _value(value: Any) -> str:
    """JSON's strings, numbers, truth values and lists are TOML's too."""
    return json.dumps(value, ensure_ascii=False)
