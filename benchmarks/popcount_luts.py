"""LUTs of XNOR-popcount structures after Yosys's synth_xilinx, against a plain loop sum and a plain compressor tree.

    python -m benchmarks.popcount_luts [--quick] [--family xc7,xcup] [--only auto,tree]

Each structure is measured with the registers that builds give it, `stages` of them, and without (columns `comb.`); a
loop has no registers. `LUT` is the number of cells LUT1..LUT6 (inverters and shift registers included); limits are on
`LUT/MAC` of both. `carry` is the number of positions of carry cells without a LUT of their own (the ends of chains),
each of which takes a LUT's place on the device, so `+carry/MAC` is what a device needs if it packs nothing. `FF` are
flip-flops, `levels` those of the deepest path between two registers, a carry chain counted as one, as
`xnorsr estimate --synth` counts them. `packed/MAC` is as
`+carry/MAC` with each pair of LUTs that fits one dual-output LUT counted once. Yosys's processor time is that of the
slower of both, with its wall time; the limit is on the former. Weights are random +-1. Every mapped netlist is compared
with NumPy, and its registers are counted on every path. Structures that share nothing between outputs are measured on a
few outputs (their LUT/MAC does not depend on the number). The run ends with an error if a limit is exceeded.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.common import heading, rows
from benchmarks.lut_netlist import LutNetlist
from xnorsr.hw.resources.synth import COVER_SCRIPT
from xnorsr.hw.resources.timing import worst_paths
from xnorsr.hw.resources.yosys import run_script
from xnorsr.hw.rtl import popcount
from xnorsr.hw.rtl.popcount_stages import assign

# FINN's own estimate for a binary matrix-vector unit, LUT per binary MAC and cycle.
FINN_LUT_PER_MAC = 6.6
# Up to this many MACs both COVER_SCRIPT and Yosys's own script are run, and the one with fewer LUTs counts.
BOTH_SCRIPTS = 2400
TIMEOUT = 3600.0
SECONDS = 180  # most CPU seconds of Yosys
LIBRARY = Path(popcount.__file__).parent / "lib"
COLUMNS = (
    "structure", "inputs", "outputs", "stages", "LUT", "carry", "FF", "levels", "LUT/MAC", "+carry/MAC", "comb. LUT",
    "comb. LUT/MAC", "comb. +carry/MAC", "comb. packed/MAC", "limit", "Yosys s", "CPU s",
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One synthesis: a style at a size; variable weights where ``variable``. limit: most LUT/MAC; 0 for none."""

    style: str
    inputs: int
    outputs: int
    limit: float = 0.0
    variable: bool = False


FULL = [
    Case("auto", 576, 64, 0.75), Case("auto", 144, 16, 0.85), Case("auto", 144, 4, 1.25, True),
    Case("loop", 144, 2, 0, True), Case("tree", 144, 2, 0, True),
    Case("loop", 144, 4), Case("tree", 144, 4), Case("slices", 144, 4), Case("groups6", 144, 16),
    Case("groups6_chains", 144, 16), Case("groups3_chains", 144, 16), Case("cse", 144, 16),
    Case("loop", 576, 1), Case("tree", 576, 1), Case("slices", 576, 1), Case("groups3_chains", 576, 64),
    Case("groups6_chains", 576, 64), Case("groups6", 576, 64),
]  # fmt: skip
QUICK = [
    Case("loop", 72, 2), Case("tree", 72, 8), Case("groups3_chains", 72, 8), Case("auto", 72, 8, 0.85),
    Case("tree", 72, 2, 0, True), Case("auto", 72, 2, 1.25, True),
]  # fmt: skip


def cpu_seconds() -> float:
    """CPU time of this process and its finished children (ABC is one)."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


@dataclass(frozen=True)
class Mapped:
    """What Yosys made of a structure: the netlist, the levels of its deepest path between registers, seconds."""

    netlist: LutNetlist
    levels: int
    seconds: float
    cpu: float


def synthesize(text: str, family: str, folder: Path, script: str) -> Mapped:
    """Yosys's netlist of module `popcount`. An empty script is Yosys's own."""
    (folder / "popcount.sv").write_text(text)
    options = f"-family {family} -top popcount -flatten -noiopad -noclkbuf -nodsp -nowidelut"
    commands = [f'scratchpad -set abc9.script "{script}"'] * bool(script) + [
        f"read_slang --top popcount --keep-hierarchy -D SYNTHESIS {LIBRARY}/xnorsr_match3.sv {folder}/popcount.sv",
        f"synth_xilinx {options}",
        "setattr -mod -unset keep_hierarchy A:keep_hierarchy",
        "flatten",
        f"write_json {folder}/popcount.json",
    ]
    start, cpu = time.perf_counter(), cpu_seconds()
    # A process of its own: mapping depends on cell numbers, which Yosys continues from one design to the next.
    run_script(commands, folder, "yosys", TIMEOUT)
    spent = time.perf_counter() - start, cpu_seconds() - cpu
    netlist = LutNetlist(folder / "popcount.json", "popcount")
    levels = worst_paths(folder / "popcount.json", family).levels if netlist.registers else 0
    return Mapped(netlist, levels, *spent)


def check(netlist: LutNetlist, case: Case, weights: np.ndarray) -> None:
    """Raises AssertionError if the mapped netlist counts wrong."""
    rng = np.random.default_rng(1)
    x = rng.integers(0, 2, (64, case.inputs))
    x[0], x[1] = 0, 1
    stimuli = {"x_i": x}
    expected = popcount.reference(weights, x)
    if case.variable:
        varied = rng.integers(0, 2, (64, case.outputs, case.inputs))
        varied[1] = 1
        stimuli["w_i"] = varied.reshape(64, -1)
        expected = (x[:, None, :] == varied).sum(axis=2)
    bits = netlist.evaluate(stimuli, "count_o").reshape(64, case.outputs, -1)
    np.testing.assert_array_equal(bits @ (1 << np.arange(bits.shape[2])), expected)


def stages(case: Case, weights: np.ndarray) -> int:
    """Register stages of a structure in a build; 0 for one that has none."""
    if case.style == "loop":
        return 0
    if case.variable:
        return assign(popcount.build_variable(case.inputs, 1, case.style), popcount.LEVELS).count
    if case.style == "auto":
        return popcount.constant_stages(case.inputs, case.outputs)
    return assign(popcount.build(weights, case.style), popcount.LEVELS, popcount.ENTRY).count


def mapped(case: Case, weights: np.ndarray, family: str, pipeline: int) -> Mapped:
    """The smaller of what Yosys's scripts make, checked."""
    if case.variable:
        text = popcount.generate_variable(case.inputs, case.outputs, "popcount", case.style, pipeline)
    else:
        text = popcount.generate(weights, "popcount", case.style, pipeline)
    with tempfile.TemporaryDirectory() as folder:
        scripts = [COVER_SCRIPT] + [""] * (case.inputs * case.outputs <= BOTH_SCRIPTS)
        runs = [synthesize(text, family, Path(folder), script) for script in scripts]
    found = min(runs, key=lambda run: run.netlist.lut_cells)
    check(found.netlist, case, weights)
    cycles = found.netlist.latency("count_o")
    assert cycles == pipeline, f"{case}: {cycles} registers on a path, not {pipeline}"
    return found


def measure(case: Case, family: str) -> tuple[list[object], bool]:
    """A table row, and whether its limits hold."""
    weights = np.random.default_rng(0).integers(0, 2, (case.outputs, case.inputs))
    macs, pipeline = case.inputs * case.outputs, stages(case, weights)
    plain = mapped(case, weights, family, 0)
    registered = mapped(case, weights, family, pipeline) if pipeline else None
    row: list[object] = [case.style + (" (variable)" if case.variable else ""), case.inputs, case.outputs]
    if registered is None:
        row += [""] * 7
    else:
        cells, carry = registered.netlist.lut_cells, registered.netlist.carry_positions()
        row += [pipeline, cells, carry, registered.netlist.flip_flops, registered.levels]
        row += [f"{cells / macs:.3f}", f"{(cells + carry) / macs:.3f}"]
    cells, carry = plain.netlist.lut_cells, plain.netlist.carry_positions()
    packed = cells + carry - plain.netlist.dual_pairs()
    row += [cells, f"{cells / macs:.3f}", f"{(cells + carry) / macs:.3f}", f"{packed / macs:.3f}", case.limit or ""]
    both = [plain] if registered is None else [plain, registered]
    slowest = max(both, key=lambda run: run.cpu)
    row += [f"{slowest.seconds:.0f}", f"{slowest.cpu:.0f}"]
    most = max(run.netlist.lut_cells for run in both) / macs
    return row, not case.limit or (most <= case.limit and slowest.cpu <= SECONDS)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the cases for each family and print one table per family."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small sizes, under a minute")
    parser.add_argument("--family", default="xc7,xcup", help="families of synth_xilinx, comma-separated")
    parser.add_argument("--only", default="", help="structures to measure, comma-separated")
    arguments = parser.parse_args(argv)
    only = set(filter(None, arguments.only.split(",")))
    missed = []
    for family in arguments.family.split(","):
        table = []
        for case in QUICK if arguments.quick else FULL:
            if only and case.style not in only:
                continue
            row, kept = measure(case, family)
            table.append(row)
            print(f"{family}: {' '.join(map(str, row))}", flush=True)
            if not kept:
                missed.append(f"{family} {case}")
        heading(f"{family} (FINN's own formula: {FINN_LUT_PER_MAC} LUT per binary MAC)")
        rows(COLUMNS, table)
    if missed:
        raise SystemExit("more LUTs than the limit, or more than 180 s of Yosys: " + "; ".join(missed))


if __name__ == "__main__":
    main()
