"""Splits an elaborated design into what one run of Yosys works on: RTLIL files, and a plan as JSON.

Run as a module (``python -m xnorsr.hw.resources.split DESIGN TOP LEAST``) so that the memory that Yosys takes for the
whole design is free again when the batches run. LEAST is `netlist.REPEATED`, or ``whole`` for one batch with all.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..rtl.popcount import CONSTANT

if TYPE_CHECKING:
    from .netlist import Netlist

#: Characters of netlist below which a layer gets no process of its own, since Yosys needs seconds to start.
SMALL = 500_000

#: Characters of a part of a layer from which on it is worked on once, without optimization across its border.
REPEATED = 20_000

PLAN = "plan.json"


@dataclass
class Batch:
    """What one run of Yosys works on; its RTLIL is NAME.il.

    Attributes:
        name: name of its files.
        children: modules in the top that are worked on; the others are black boxes.
        counted: those of ``children`` that are kept apart and get a row each (all or none).
        kept: modules that are not to be dissolved: ``counted`` and repeated parts below.
        large: there is a child above `SMALL` in it.
        constant: a popcount with constant weights is in each of ``children``, or, in a batch of all, in one.
    """

    name: str
    children: list[str]
    counted: list[str]
    kept: list[str]
    large: bool
    constant: bool


@dataclass
class Plan:
    """All batches; ``first`` gives for each child of the top the one that stands for it, itself where none is equal."""

    batches: list[Batch]
    first: dict[str, str]

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        path.write_text(json.dumps(asdict(self)) + "\n", encoding="utf-8")

    @staticmethod
    def read(path: Path) -> Plan:
        """Read what `write` wrote."""
        raw = json.loads(path.read_text(encoding="utf-8"))
        return Plan([Batch(**b) for b in raw["batches"]], raw["first"])


def groups(sizes: dict[str, int]) -> list[list[str]]:
    """Children in groups, the largest first: large ones alone, small ones together up to the length `SMALL`."""
    made: list[list[str]] = []
    room = 0
    for child in sorted(sizes, key=lambda c: -sizes[c]):
        if sizes[child] > room:
            made.append([])
            room = SMALL
        made[-1].append(child)
        room -= sizes[child]
    return made or [[]]


def plan(netlist: Netlist, least: int | None) -> Plan:
    """Batches of a design, whose equal parts are made one.

    Args:
        least: see `Netlist.fold`; None: one batch in which nothing is kept apart, and no child has a row.
    """
    if least is None:
        return Plan([_batch(netlist, "whole", netlist.children(), [])], {})
    netlist.fold(least)
    prints = {child: netlist.fingerprint(child) for child in netlist.children()}
    first = {same: child for child, same in reversed(prints.items())}
    sizes: tuple[dict[str, int], dict[str, int]] = {}, {}  # a batch is mapped in one way
    for child in first.values():
        sizes[_constant(netlist, child)][child] = netlist.size(child)
    grouped = [group for one in sizes if one for group in groups(one)] or [[]]
    batches = [_batch(netlist, f"batch{n}", group, group) for n, group in enumerate(grouped)]
    return Plan(batches, {child: first[same] for child, same in prints.items()})


def _batch(netlist: Netlist, name: str, children: list[str], counted: list[str]) -> Batch:
    return Batch(
        name=name,
        children=children,
        counted=counted,
        kept=netlist.kept(counted),
        large=max(map(netlist.size, children), default=0) > SMALL,
        constant=any(_constant(netlist, child) for child in children),
    )


def _constant(netlist: Netlist, child: str) -> bool:
    """Whether a popcount with constant weights is in it."""
    return any(CONSTANT in module for module in netlist.closure(child))


def main(design: str, top: str, least: str) -> None:
    """Write the plan and the batches' RTLIL into the folder that this runs in."""
    from .netlist import Netlist

    netlist = Netlist.read(Path(design), top)
    made = plan(netlist, None if least == "whole" else int(least))
    for batch in made.batches:
        Path(f"{batch.name}.il").write_text(netlist.text(batch.children), encoding="utf-8")
    made.write(Path(PLAN))


if __name__ == "__main__":
    main(*sys.argv[1:])
