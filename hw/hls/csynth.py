"""The vendor's C-synthesis reports: the initiation interval of each loop, held against what the project asks for.

Reports are those that Vitis HLS documents: an XML file for each function below ``syn/report``, with one element for
each loop under PerformanceEstimates/SummaryOfLoopLatency. They were tried on hand-written ones only.
"""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ...errors import UserError
from .description import FILE

#: Every loop of a project is pipelined to take a step per cycle.
WANTED = 1


@dataclass(frozen=True)
class Loop:
    """One loop of a report.

    Attributes:
        function, name: where it stands.
        interval: cycles between its steps; None where it is not pipelined.
    """

    function: str
    name: str
    interval: int | None


def loops(reports: Path) -> list[Loop]:
    """All loops of the reports in a folder.

    Raises:
        UserError: a report cannot be read.
    """
    return [loop for path in sorted(reports.glob("*_csynth.xml")) for loop in _of(path)]


def _of(path: Path) -> Iterator[Loop]:
    try:
        found = ET.parse(path).getroot().find("PerformanceEstimates/SummaryOfLoopLatency")
        yield from _nested(path.name.removesuffix("_csynth.xml"), found if found is not None else ())
    except (ET.ParseError, ValueError) as error:
        raise UserError(
            f"{path}: not a C-synthesis report that can be read ({error}). Run the synthesis again."
        ) from error


def _nested(function: str, parent: ET.Element | tuple[()], inside: str = "") -> Iterator[Loop]:
    """Loops have elements of their own below them: figures, and loops within."""
    for element in parent:
        if not any(child.tag in ("TripCount", "Latency") for child in element):
            continue
        interval = element.findtext("PipelineII")
        name = inside + (element.findtext("Name") or element.tag)
        within = list(_nested(function, element, f"{name}/"))
        yield from within
        if interval is not None or not within:  # around pipelined loops stands one that is none
            yield Loop(function, name, int(interval) if interval is not None else None)


def check_intervals(reports: Path) -> list[Loop]:
    """The loops, each with the interval that was asked for.

    Raises:
        UserError: names each loop that misses it, the interval wanted, and the one found.
    """
    found = loops(reports)
    missed = [loop for loop in found if loop.interval != WANTED]
    if missed:
        text = "; ".join(
            f"loop '{loop.name}' of {loop.function}: initiation interval {WANTED} wanted, "
            + (f"{loop.interval} found" if loop.interval is not None else "not pipelined")
            for loop in missed
        )
        raise UserError(f"C-synthesis missed the cycles of {len(missed)} of {len(found)} loops: {text}. See {reports}.")
    return found


def without_loop(project: Path, found: list[Loop]) -> list[str]:
    """Layers of a project that no function with a loop is named after: their loop has vanished, or has another name."""
    layers = [layer["name"] for layer in json.loads((project / FILE).read_text(encoding="utf-8"))["layers"]]
    return [name for name in layers if not any(f"{name}_cfg" in loop.function for loop in found)]
