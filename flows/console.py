"""Output to the terminal. Names of files and layers are foreign text: they are printed as they are, never as markup."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.status import Status
from rich.table import Table
from rich.text import Text

# Without emoji: a file called :smile:.png is called so.
console = Console(highlight=False, emoji=False)
errors = Console(stderr=True, highlight=False, emoji=False)


def plain(text: object) -> str:
    """Foreign text that a terminal cannot take for commands: control characters and lone surrogates (bytes of a file
    name that are no UTF-8) as escapes; line ends stay."""
    kept = (c if c == "\n" or (c.isprintable() and not "\ud800" <= c <= "\udfff") else _escape(c) for c in str(text))
    return "".join(kept)


def _escape(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii") if character != "\t" else " "


def styled(*parts: str | tuple[str, str]) -> Text:
    """Foreign text of several styles: each part as it is, or (as it is, its style)."""
    pairs = [(part, "") if isinstance(part, str) else part for part in parts]
    return Text.assemble(*((plain(text), style) for text, style in pairs))


def say(text: object, style: str = "", to: Console = console) -> None:
    """Print text as it is, without markup and without breaking lines, so that paths can be copied."""
    to.print(Text(plain(text)), style=style, soft_wrap=True)


def status(text: str) -> Status:
    """Show text, as it is, while a block runs."""
    return console.status(Text(plain(text)))


class Clock:
    """Wall time of named steps, in seconds, in the order in which they ran."""

    def __init__(self, times: dict[str, float] | None = None) -> None:
        self.times: dict[str, float] = dict(times or {})

    @contextmanager
    def step(self, name: str, what: str, spinner: bool = True) -> Iterator[None]:
        """Time a block; show what is being done while it runs, and then how long it took.

        ``spinner`` is False for blocks that draw a progress bar of their own.
        """
        start = time.perf_counter()
        if spinner:
            with status(f"{what} ..."):
                yield
        else:
            say(what, "bold")
            yield
        self.times[name] = time.perf_counter() - start
        console.print(styled(("✓", "green"), f" {what} ", (f"{self.times[name]:.1f} s", "dim")))


def table(title: str, columns: list[str], rows: Sequence[Sequence[str | Text]], numeric: int = 1) -> Table:
    """A plain table; columns from ``numeric`` on are aligned to the right and never broken. Cells are no markup."""
    made = Table(title=Text(title), title_justify="left", box=None, pad_edge=False, header_style="bold")
    for i, column in enumerate(columns):
        right = i >= numeric
        made.add_column(Text(column), justify="right" if right else "left", overflow="fold", no_wrap=right)
    for row in rows:
        made.add_row(*(cell if isinstance(cell, Text) else Text(plain(cell)) for cell in row))
    return made
