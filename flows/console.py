"""Output to the terminal."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.table import Table

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)


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
            with console.status(f"{what} ..."):
                yield
        else:
            console.print(f"[bold]{what}[/]")
            yield
        self.times[name] = time.perf_counter() - start
        console.print(f"[green]✓[/] {what} [dim]{self.times[name]:.1f} s[/]")


def table(title: str, columns: list[str], rows: list[list[str]], numeric: int = 1) -> Table:
    """A plain table; columns from ``numeric`` on are aligned to the right and never broken."""
    made = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for i, column in enumerate(columns):
        right = i >= numeric
        made.add_column(column, justify="right" if right else "left", overflow="fold", no_wrap=right)
    for row in rows:
        made.add_row(*row)
    return made
