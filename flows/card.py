"""The card of a trained network as Markdown."""

from __future__ import annotations

import re
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ..quant.pretrained import Card
from .console import plain


def _escaped(text: object) -> str:
    """Foreign text that Markdown takes for nothing but text: its marks behind backslashes, one line."""
    return re.sub(r"([\\`*_{}\[\]<>#|&])", r"\\\1", " ".join(plain(text).split()))


def markdown(card: Card) -> str:
    """card.md: everything in it is of the card."""
    env = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    env.filters["md"] = _escaped
    text = env.get_template("card.md.jinja").render(card=card)
    return re.sub(r"\n{3,}", "\n\n", text)
