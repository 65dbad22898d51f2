"""Netlists with registers: what they compute and how many registers stand on a path."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.lut_netlist import LutNetlist


def _netlist(folder: Path, cells: dict[str, Any]) -> LutNetlist:
    """Inputs a and b on nets 2 and 3, output y on net 9."""
    ports = {name: {"bits": [bit]} for name, bit in (("a", 2), ("b", 3), ("y", 9))}
    (folder / "n.json").write_text(json.dumps({"modules": {"n": {"ports": ports, "cells": cells}}}))
    return LutNetlist(folder / "n.json", "n")


def _cell(kind: str, init: str = "0", **wires: int | str) -> dict[str, Any]:
    return {"type": kind, "parameters": {"INIT": init}, "connections": {name: [bit] for name, bit in wires.items()}}


def test_registers_on_every_path(tmp_path: Path) -> None:
    """a and b through two registers each, b's in a look-up table; their exclusive or through a third."""
    shift = _cell("SRL16E", D=3, A0="1", A1="0", A2="0", A3="0", Q=6)
    made = _netlist(
        tmp_path,
        {
            "r1": _cell("FDRE", D=2, Q=4), "r2": _cell("FDRE", D=4, Q=5), "s": shift,
            "l": _cell("LUT2", "0110", I0=5, I1=6, O=7), "r3": _cell("FDRE", D=7, Q=9),
        },
    )  # fmt: skip
    assert (made.latency("y"), made.flip_flops, made.lut_cells) == (3, 3, 2)
    a, b = np.array([[0, 0, 1, 1]]).T, np.array([[0, 1, 0, 1]]).T
    assert made.evaluate({"a": a, "b": b}, "y")[:, 0].tolist() == [0, 1, 1, 0]


def test_bits_of_different_cycles_do_not_meet(tmp_path: Path) -> None:
    cells = {"r": _cell("FDRE", D=2, Q=4), "l": _cell("LUT2", "0110", I0=4, I1=3, O=9)}
    with pytest.raises(ValueError, match="net 9: bits of the cycles 0, 1 meet"):
        _netlist(tmp_path, cells).latency("y")
