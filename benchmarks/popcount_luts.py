"""LUTs of XNOR-popcount structures after Yosys's synth_xilinx, against a plain loop sum and a plain compressor tree.

    python -m benchmarks.popcount_luts [--quick] [--family xc7,xcup] [--only auto,tree]

Columns: `LUT` is the number of cells LUT1..LUT6 (inverters included); limits are on `LUT/MAC`. `carry` is the number
of positions of carry cells without a LUT of their own (the ends of chains), each of which takes a LUT's place on the
device, so `+carry/MAC` is what a device needs if it packs nothing. `packed/MAC` is the same with each pair of LUTs that
fits one dual-output LUT counted once. Yosys's time is given as wall time and as processor time; the limit is on the
latter. Weights are random +-1. Every mapped netlist is compared with NumPy. Structures that share nothing between
outputs are measured on a few outputs (their LUT/MAC does not depend on the number). The run ends with an error if a
limit is exceeded.
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
from xnorsr.hw.resources.yosys import run_script
from xnorsr.hw.rtl import popcount

# FINN's own estimate for a binary matrix-vector unit, LUT per binary MAC and cycle.
FINN_LUT_PER_MAC = 6.6
# Up to this many MACs both COVER_SCRIPT and Yosys's own script are run, and the one with fewer LUTs counts.
BOTH_SCRIPTS = 2400
TIMEOUT = 3600.0
SECONDS = 180  # most CPU seconds of Yosys
LIBRARY = Path(popcount.__file__).parent / "lib"
COLUMNS = (
    "structure", "inputs", "outputs", "LUT", "carry", "LUT/MAC", "+carry/MAC", "packed/MAC",
    "limit", "Yosys s", "CPU s",
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


def synthesize(text: str, family: str, folder: Path, script: str) -> tuple[LutNetlist, float, float]:
    """Yosys's netlist of module `popcount`, its wall-clock and CPU seconds. An empty script is Yosys's own."""
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
    return LutNetlist(folder / "popcount.json", "popcount"), time.perf_counter() - start, cpu_seconds() - cpu


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


def measure(case: Case, family: str) -> tuple[list[object], bool]:
    """A table row, and whether its limits hold."""
    weights = np.random.default_rng(0).integers(0, 2, (case.outputs, case.inputs))
    if case.variable:
        text = popcount.generate_variable(case.inputs, case.outputs, "popcount", case.style)
    else:
        text = popcount.generate(weights, "popcount", case.style)
    with tempfile.TemporaryDirectory() as folder:
        scripts = [COVER_SCRIPT] + [""] * (case.inputs * case.outputs <= BOTH_SCRIPTS)
        runs = [synthesize(text, family, Path(folder), script) for script in scripts]
    netlist, seconds, cpu = min(runs, key=lambda run: len(run[0].luts))
    check(netlist, case, weights)
    macs = case.inputs * case.outputs
    cells, carry = len(netlist.luts), netlist.carry_positions()
    packed = (cells + carry - netlist.dual_pairs()) / macs
    row = [
        case.style + (" (variable)" if case.variable else ""), case.inputs, case.outputs, cells, carry,
        f"{cells / macs:.3f}", f"{(cells + carry) / macs:.3f}", f"{packed:.3f}", case.limit or "",
        f"{seconds:.0f}", f"{cpu:.0f}",
    ]  # fmt: skip
    return row, not case.limit or (cells / macs <= case.limit and cpu <= SECONDS)


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
