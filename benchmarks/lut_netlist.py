"""A netlist of Xilinx LUTs, carry cells and registers as Yosys writes it: what it needs, and what it computes."""

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


@dataclass(frozen=True)
class Register:
    """One bit that comes so many enabled cycles later: a flip-flop, or a shift register in a LUT."""

    d: Bit
    cycles: int
    in_lut: bool


class LutNetlist:
    """Cells of one flattened module of `write_json`.

    Attributes:
        luts, carries: LUTs and inverters; carry cells.
        registers: flip-flops and shift registers by the net that they drive.

    Raises:
        ValueError: a cell that is none of these.
    """

    def __init__(self, path: Path, top: str) -> None:
        module = json.loads(path.read_text())["modules"][top]
        self.ports: dict[str, list[Bit]] = {name: port["bits"] for name, port in module["ports"].items()}
        self.luts: list[Lut] = []
        self.carries: list[dict[str, list[Bit]]] = []
        self.registers: dict[Bit, Register] = {}
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
        elif kind in ("FDRE", "FDSE"):
            self.registers[wires["Q"][0]] = Register(wires["D"][0], 1, in_lut=False)
        elif kind == "SRL16E":
            address = sum(int(wires[f"A{k}"][0]) << k for k in range(4))
            self.registers[wires["Q"][0]] = Register(wires["D"][0], address + 1, in_lut=True)
        elif kind not in ("$scopeinfo",):
            raise ValueError(f"unexpected cell {kind} in a popcount")

    @property
    def flip_flops(self) -> int:
        """Registers beside LUTs."""
        return sum(not one.in_lut for one in self.registers.values())

    @property
    def lut_cells(self) -> int:
        """LUTs, inverters and shift registers."""
        return len(self.luts) + len(self.registers) - self.flip_flops

    def carry_positions(self) -> int:
        """Used positions of carry cells whose select input no LUT of its own drives: each takes a LUT's place."""
        used = {bit for lut in self.luts for bit in lut.ins} | {bit for port in self.ports.values() for bit in port}
        for cell in self.carries:
            used |= {bit for name in ("S", "DI", "CI", "CYINIT") for bit in cell[name]}
        used = {bit for bit in used if isinstance(bit, int)}
        used |= {one.d for one in self.registers.values()}
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

    def _order(self, ends: list[Bit], known: set[Bit]) -> list[Bit]:
        """Nets that `ends` depend on, each behind those that it is computed from."""
        drivers = self._drivers()
        order: list[Bit] = []
        done, stack = set(known), list(ends)
        while stack:
            missing = [bit for bit in _inputs(drivers[stack[-1]]) if bit not in done] if stack[-1] not in done else []
            if missing:
                stack += missing
            elif (bit := stack.pop()) not in done:
                done.add(bit)
                order.append(bit)
        return order

    def _drivers(self) -> dict[Bit, Any]:
        drivers: dict[Bit, Any] = {lut.out: lut for lut in self.luts} | dict(self.registers)
        for cell in self.carries:
            for k in range(4):
                drivers[cell["O"][k]] = drivers[cell["CO"][k]] = (cell, k)
        return drivers

    def _entries(self) -> set[Bit]:
        """Constants, and nets of ports that nothing here drives."""
        drivers = self._drivers()
        return {"0", "1", "x"} | {bit for port in self.ports.values() for bit in port if bit not in drivers}

    def latency(self, output: str) -> int:
        """Registers between the inputs and an output port.

        Raises:
            ValueError: what meets in a cell, or leaves at the port, is not of one cycle.
        """
        drivers, ends = self._drivers(), self.ports[output]
        at: dict[Bit, int | None] = dict.fromkeys(self._entries(), 0) | dict.fromkeys(("0", "1", "x"))
        for bit in self._order(ends, set(at)):
            cycles = _cycle([at[i] for i in _inputs(drivers[bit])], f"net {bit}")
            driver = drivers[bit]
            at[bit] = cycles + driver.cycles if cycles is not None and isinstance(driver, Register) else cycles
        return _cycle([at[bit] for bit in ends], f"output {output}") or 0

    def evaluate(self, stimuli: dict[str, np.ndarray], output: str) -> np.ndarray:
        """Bits (samples, width) of an output port, `latency` cycles behind those of all input ports."""
        values: dict[Bit, np.ndarray] = {}
        for name, bits in stimuli.items():
            values |= {net: bits[:, k].astype(bool) for k, net in enumerate(self.ports[name])}
        samples = len(next(iter(stimuli.values())))
        values |= {"0": np.zeros(samples, bool), "x": np.zeros(samples, bool), "1": np.ones(samples, bool)}
        drivers = self._drivers()
        for bit in self._order(self.ports[output], set(values)):
            driver = drivers[bit]
            if isinstance(driver, Register):
                values[bit] = values[driver.d]
            elif isinstance(driver, Lut):
                index = sum(values[b].astype(np.int64) << k for k, b in enumerate(driver.ins))
                values[bit] = (np.uint64(driver.table) >> np.asarray(index, np.uint64)) & np.uint64(1) == 1
            else:
                cell, k = driver
                below = values[cell["CI"][0]] | values[cell["CYINIT"][0]] if k == 0 else values[cell["CO"][k - 1]]
                select = values[cell["S"][k]]
                carry = np.where(select, below, values[cell["DI"][k]])
                values[bit] = select ^ below if bit == cell["O"][k] else carry
        return np.stack([values[bit] for bit in self.ports[output]], axis=1)


def _inputs(driver: Any) -> tuple[Bit, ...]:
    """Nets that a cell's output depends on."""
    if isinstance(driver, Lut):
        return driver.ins
    if isinstance(driver, Register):
        return (driver.d,)
    cell, k = driver
    below = (cell["CI"][0], cell["CYINIT"][0]) if k == 0 else (cell["CO"][k - 1],)
    return (*below, cell["S"][k], cell["DI"][k])


def _cycle(cycles: list[int | None], what: str) -> int | None:
    """The cycle that all of them are of; None where all are constants.

    Raises:
        ValueError: there are several.
    """
    found = {cycle for cycle in cycles if cycle is not None}
    if len(found) > 1:
        raise ValueError(f"{what}: bits of the cycles {', '.join(map(str, sorted(found)))} meet")
    return found.pop() if found else None
