"""A netlist of Xilinx LUTs and carry cells as Yosys writes it: what it needs on the device, and what it computes."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

Bit = int | str  # a net's number, or a constant "0", "1", "x"


@dataclass(frozen=True)
class Lut:
    """One LUT cell: inputs from the lowest on, its truth table as an integer, its output."""

    ins: tuple[Bit, ...]
    table: int
    out: int


class LutNetlist:
    """Cells of one flattened module of `write_json`.

    Raises:
        ValueError: a cell that is neither LUT, inverter nor carry cell.
    """

    def __init__(self, path: Path, top: str) -> None:
        module = json.loads(path.read_text())["modules"][top]
        self.ports: dict[str, list[Bit]] = {name: port["bits"] for name, port in module["ports"].items()}
        self.luts: list[Lut] = []
        self.carries: list[dict[str, list[Bit]]] = []
        for cell in module["cells"].values():
            self._add(cell["type"], cell["connections"], cell["parameters"])

    def _add(self, kind: str, wires: dict[str, list[Any]], parameters: dict[str, Any]) -> None:
        if re.fullmatch(r"LUT[1-6]", kind):
            ins = tuple(wires[f"I{k}"][0] for k in range(int(kind[3])))
            self.luts.append(Lut(ins, int(parameters["INIT"].replace("x", "0"), 2), wires["O"][0]))
        elif kind == "INV":  # becomes a LUT of one input
            self.luts.append(Lut((wires["I"][0],), 1, wires["O"][0]))
        elif kind == "CARRY4":
            self.carries.append(wires)
        elif kind not in ("$scopeinfo",):
            raise ValueError(f"unexpected cell {kind} in a popcount")

    def carry_positions(self) -> int:
        """Used positions of carry cells whose select input no LUT of its own drives: each takes a LUT's place."""
        used = {bit for lut in self.luts for bit in lut.ins} | {bit for port in self.ports.values() for bit in port}
        for cell in self.carries:
            used |= {bit for name in ("S", "DI", "CI", "CYINIT") for bit in cell[name]}
        used = {bit for bit in used if isinstance(bit, int)}
        drivers = {lut.out for lut in self.luts}
        extra = 0
        for cell in self.carries:
            last = max((k for k in range(4) if {cell["O"][k], cell["CO"][k]} & used), default=-1)
            for bit in cell["S"][: last + 1]:
                extra += bit not in drivers
                drivers.discard(bit)
        return extra

    def dual_pairs(self) -> int:
        """Pairs of LUT cells that fit one dual-output LUT: at most five distinct inputs together, and at most one of
        the two drives a carry cell's select input. Found greedily, so there may be more."""
        selects = {bit for cell in self.carries for bit in cell["S"]}
        free = {k for k, lut in enumerate(self.luts) if len(set(lut.ins)) <= 5}
        inputs = [frozenset(bit for bit in lut.ins if isinstance(bit, int)) for lut in self.luts]
        by_net: dict[Bit, list[int]] = defaultdict(list)
        for k in sorted(free):
            for bit in inputs[k]:
                by_net[bit].append(k)
        pairs = 0
        for k in sorted(free, key=lambda k: (-len(inputs[k]), k)):
            if k not in free:
                continue
            fits: list[tuple[int, int]] = []
            for other in {other for bit in inputs[k] for other in by_net[bit] if other in free and other != k}:
                both = self.luts[k].out in selects and self.luts[other].out in selects
                if not both and len(inputs[k] | inputs[other]) <= 5:
                    fits.append((-len(inputs[k] & inputs[other]) - len(inputs[other]), other))
            if fits:
                free -= {k, min(fits)[1]}
                pairs += 1
        return pairs

    def evaluate(self, stimuli: dict[str, np.ndarray], output: str) -> np.ndarray:
        """Bits (samples, width) of an output port for bits (samples, width) of all input ports."""
        values: dict[Bit, np.ndarray] = {}
        for name, bits in stimuli.items():
            values |= {net: bits[:, k].astype(bool) for k, net in enumerate(self.ports[name])}
        samples = len(next(iter(stimuli.values())))
        values |= {"0": np.zeros(samples, bool), "x": np.zeros(samples, bool), "1": np.ones(samples, bool)}
        drivers: dict[Bit, Any] = {lut.out: lut for lut in self.luts}
        for cell in self.carries:
            for k in range(4):
                drivers[cell["O"][k]] = drivers[cell["CO"][k]] = (cell, k)
        stack: list[Bit] = list(self.ports[output])
        while stack:
            bit = stack[-1]
            if bit in values:
                stack.pop()
                continue
            driver = drivers[bit]
            needed = driver.ins if isinstance(driver, Lut) else _carry_inputs(*driver)
            missing = [b for b in needed if b not in values]
            if missing:
                stack += missing
            elif isinstance(driver, Lut):
                index = sum(values[b].astype(np.int64) << k for k, b in enumerate(driver.ins))
                values[bit] = (np.uint64(driver.table) >> np.asarray(index, np.uint64)) & np.uint64(1) == 1
            else:
                cell, k = driver
                below = values[cell["CI"][0]] | values[cell["CYINIT"][0]] if k == 0 else values[cell["CO"][k - 1]]
                select = values[cell["S"][k]]
                values[cell["O"][k]] = select ^ below
                values[cell["CO"][k]] = np.where(select, below, values[cell["DI"][k]])
        return np.stack([values[bit] for bit in self.ports[output]], axis=1)


def _carry_inputs(cell: dict[str, list[Bit]], k: int) -> list[Bit]:
    below = [cell["CI"][0], cell["CYINIT"][0]] if k == 0 else [cell["CO"][k - 1]]
    return [*below, cell["S"][k], cell["DI"][k]]
