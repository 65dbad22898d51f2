"""The estimated clock of single layers beside the clock that a router gives for the same netlist.

    python -m benchmarks.routed_clock [--router ecp5|gowin|vivado] [--layers 4] [--channels 8] [--part PART]

Layers of a network of the demo's shape are synthesized alone, placed and routed. With ecp5 and gowin (nextpnr, the
optional packages of the extra `routing`) it is Yosys's netlist, to which the estimate is for the same cells; for gowin
with a register at each port, since its nextpnr routes nothing out of context. With vivado, where it is on PATH, Vivado
synthesizes the layer's SystemVerilog itself, out of context, and the estimate is that of Yosys's netlist for the part's
family. Must hold: the routed clock is within a factor of WITHIN of the estimate.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks import demo_network
from benchmarks.common import heading, rows
from benchmarks.routers import NEXTPNR, nextpnr_clock, scanned, vivado_clock
from xnorsr.hw.build import BuildOptions, build
from xnorsr.hw.resources import yosys
from xnorsr.hw.resources.devices import device
from xnorsr.hw.resources.synth import UNROLL_LIMIT
from xnorsr.hw.resources.timing import Timing, worst_paths

#: A router's clock over the estimate, or the other way round.
WITHIN = 2.0
#: Yosys's commands by family; Xilinx's others are alike.
FLOWS = {"ecp5": "synth_ecp5", "gowin": "synth_gowin -family gw5a"}
COLUMNS = ("layer", "levels", "slowest ns", "estimated MHz", "routed MHz", "routed / estimated", "s")


def mapped(rtl: Path, module: str, folder: Path, family: str) -> tuple[Path, Timing]:
    """One layer through Yosys alone: its netlist in ``folder``, and what that leaves."""
    sources, top = folder / "sources.f", module
    sources.write_text(f'-F "{rtl.resolve() / "files.f"}"\n', encoding="utf-8")
    if family == "gowin":
        top = f"scan_{module}"
        _read(folder, module, "write_json ports.json")
        ports = json.loads((folder / "ports.json").read_text(encoding="utf-8"))["modules"][module]["ports"]
        text = scanned(module, {name: (port["direction"], len(port["bits"])) for name, port in ports.items()})
        (folder / f"{top}.sv").write_text(text, encoding="utf-8")
        sources.write_text(sources.read_text(encoding="utf-8") + f"{top}.sv\n", encoding="utf-8")
    flow = FLOWS.get(family, f"synth_xilinx -family {family} -flatten -noiopad -noclkbuf")
    _read(folder, top, f"{flow} -top {top}", f"write_json {top}.json")
    return folder / f"{top}.json", worst_paths(folder / f"{top}.json", family)


def _read(folder: Path, top: str, *commands: str) -> None:
    """Read the files of sources.f, then run Yosys's commands on them."""
    read = f"read_slang --top {top} --unroll-limit {UNROLL_LIMIT} -D SYNTHESIS -f sources.f"
    yosys.run_script([read, *commands], folder, top, 1800)


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
    parser.add_argument("--router", choices=(*NEXTPNR, "vivado"), default="ecp5")
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
    if args.router in NEXTPNR and importlib.util.find_spec(NEXTPNR[args.router][0]) is None:
        which = f"nextpnr for {args.router}"
        print(f"{which} is not installed; get it with: pip install 'xnorsr[routing]'. Nothing was routed.")
        return
    table, missed = [], []
    ratios: list[float | None] = []
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        options = BuildOptions(frame=demo_network.frame(args), folding=args.folding, clock_mhz=args.clock)
        build(demo_network.network(args), work / "network", options, hls=False)
        rtl = work / "network" / "rtl"
        family = device(args.part).family if args.router == "vivado" else args.router
        for module in _layers(rtl, args.layers):
            start = time.monotonic()
            netlist, found = mapped(rtl, module, work, family)
            routed: float | None
            if vivado is not None and args.router == "vivado":
                sources = [str(rtl / file) for file in json.loads((rtl / "project.json").read_text())["files"]]
                routed = vivado_clock(vivado, module, args.part, 1000.0 / args.clock, sources, work)
            else:
                routed = nextpnr_clock(args.router, netlist, work, 3600)
            ratio = routed / found.estimated_mhz if routed else None
            clocks = (f"{routed:.0f}", f"{ratio:.2f}") if routed and ratio else ("none found", "-")
            figures = (f"{found.worst.delay:.2f}", f"{found.estimated_mhz:.0f}", *clocks)
            table.append([module, str(found.levels), *figures, f"{time.monotonic() - start:.0f}"])
            ratios.append(ratio)
            if ratio and not 1 / WITHIN <= ratio <= WITHIN:
                missed.append(f"{module}: {routed:.0f} MHz routed, {found.estimated_mhz:.0f} MHz estimated")
    heading(f"{args.router}: {found.grade}")
    rows(COLUMNS, table)
    if not any(ratios):
        missed.append(f"{args.router} found no path between registers in any of these layers")
    if missed:
        raise SystemExit("; ".join(missed))


if __name__ == "__main__":
    main()
