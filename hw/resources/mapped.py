"""The mapped netlist as a project of its own, which simulation takes like the SystemVerilog that it was made from.

Cells are Yosys's own models (cells_sim.v of its Xilinx library). They are there for 7-series look-up tables, carry
chains, flip-flops, memories in slices and DSP48E1. Block RAM, UltraRAM and DSP48E2 have no model that computes, so
networks that need them are refused here: frames whose lines fit into slices need none for xc7.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from ... import tools
from ...errors import UserError
from .synth import synthesize

FAMILY = "xc7"
#: Cells without a model that computes.
EMPTY = ("RAMB18E1", "RAMB36E1", "RAMB18E2", "RAMB36E2", "URAM288", "DSP48E2")


def mapped_project(rtl: Path, folder: Path, timeout: float = 1800.0) -> dict[str, int]:
    """Map a whole SystemVerilog project into one netlist, and write that as a project.

    Args:
        rtl: folder of the project.
        folder: folder to write: netlist.v, cells_sim.v and project.json, and the synthesis in ``synth``.
        timeout: seconds that Yosys may take.

    Returns:
        Number of cells by type.

    Raises:
        UserError: as `synthesize`, or the netlist has cells without a model.
    """
    folder.mkdir(parents=True, exist_ok=True)
    synthesize(rtl, FAMILY, out=folder / "synth", per_layer=False, timeout=timeout, keep_netlist=True)
    report = json.loads((folder / "synth" / "whole.json").read_text(encoding="utf-8"))
    cells: dict[str, int] = report["design"]["num_cells_by_type"]
    if empty := [kind for kind in EMPTY if cells.get(kind)]:
        raise UserError(
            f"{rtl}: the netlist has {cells[empty[0]]} {empty[0]}, of which Yosys has no model that computes. Build a "
            "frame whose lines are shorter, or fewer channels."
        )
    shutil.copyfile(folder / "synth" / "whole_netlist.v", folder / "netlist.v")
    library = tools.yosys().path / "share" / "xilinx" / "cells_sim.v"
    shutil.copyfile(library, folder / library.name)
    record = json.loads((rtl / "project.json").read_text(encoding="utf-8"))
    # FIFOs and inner streams are not there any more under their names.
    record |= {"files": ["netlist.v", library.name], "fifos": {}, "streams": {}}
    (folder / "project.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return {kind: number for kind, number in cells.items() if not kind.startswith("$")}
