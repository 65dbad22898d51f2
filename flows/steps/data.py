"""Fetching data sets, with a progress bar."""

from __future__ import annotations

from pathlib import Path

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from ...quant.data import fetch
from ..console import console


def get(name: str) -> Path:
    """The folder of a data set, fetched with a progress bar where it is not there.

    Raises:
        UserError: see `quant.data.fetch.get`.
    """
    columns = (TextColumn(name), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(name, total=None, visible=False)

        def show(have: int, total: int) -> None:
            bar.update(task, completed=have, total=total or None, visible=True)

        return fetch.get(name, progress=show)


def rows() -> list[list[str]]:
    """Name, whether it is here, what it is, number of images; of every data set."""
    return [[d["name"], "here" if d["here"] else "", d["about"], str(d["images"])] for d in fetch.describe()]
