"""Printing, for all benchmarks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def heading(text: str) -> None:
    """Print the heading of a part of the output."""
    print(f"\n== {text}", flush=True)


def rows(columns: Sequence[str], table: Sequence[Sequence[Any]]) -> None:
    """Print a table as plain text, the first column aligned to the left, the others to the right."""
    cells = [[str(c) for c in row] for row in [columns, *table]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(columns))]
    for row in cells:
        print("  ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))]))
    print(flush=True)
