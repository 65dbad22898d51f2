"""A whole network through Yosys's synth_xilinx, layer by layer, beside the analytic account of the same network.

    python -m benchmarks.network_synthesis [--model MODEL.onnx] [--families xc7,xcup] [--channels 32] [--blocks 3]
    python -m benchmarks.network_synthesis --rtl FOLDER --families xc7

Without --model the network is the demo's shape with random weights. Prints LUT, FF, BRAM36 and DSP of each layer and
of the whole network by both accounts, and the ratio; then the slowest path into each layer, and the estimated clock
beside the asked one. With --rtl it is a SystemVerilog project that exists, of an older version for example: Yosys's
figures alone. Must hold: no latch, and for xc7 the account's LUTs are within 20 % of Yosys's.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks import demo_network
from benchmarks.common import heading, rows
from xnorsr.flows.config import EstimateConfig
from xnorsr.flows.steps import cost
from xnorsr.flows.timing import clock_text, path_text
from xnorsr.hw.build import BuildOptions, build
from xnorsr.hw.resources.synth import synthesize

PARTS = {"xc7": "xc7k325t", "xcup": "xck26"}
KEYS = ("lut", "ff", "bram36", "dsp")
PATHS = ("slowest path into", "ns", "levels", "beside a chain", "carry bits", "fan-out", "from")
WITHIN = 0.2


def table(account: cost.Account) -> list[list[str]]:
    """One row per layer, then the sum: each figure as analytic / Yosys."""
    measured, found = account.measured, account.synthesis
    assert measured is not None and found is not None
    made = [
        [layer.name, *(f"{getattr(layer, key):,.9g} / {measured[layer.name][key]:,.9g}" for key in KEYS)]
        for layer in account.estimate.layers
    ]
    total = [(getattr(account.estimate, key), getattr(found.total, key)) for key in KEYS]
    made.append(["whole", *(f"{a:,.9g} / {b:,.9g}" for a, b in total)])
    made.append(["ratio", *(f"{a / b:.2f}" if b else "" for a, b in total)])
    return made


def paths(account: cost.Account) -> list[list[str]]:
    """One row per layer: its slowest path, and its deepest one beside one carry chain."""
    return [
        [
            name,
            f"{one.worst.delay:.2f}",
            str(one.levels),
            str(one.beside_chain),
            str(one.worst.carry_bits),
            f"{one.worst.fan_out:,}",
            path_text(one.worst),
        ]
        for name, one in account.clock.layers().items()
    ]


def made_before(rtl: Path, family: str) -> list[str]:
    """Prints what Yosys makes of a project, and the clock; returns what does not hold."""
    with tempfile.TemporaryDirectory() as folder:
        found = synthesize(rtl, family, out=Path(folder) / "synth")
    heading(f"{rtl.resolve().name}, {family}, {found.tool}, {found.seconds:.0f} s")
    whole, timing = found.total, found.timing
    figures = (f"{whole.lut:,}", f"{whole.ff:,}", f"{whole.bram36:g}", f"{whole.dsp:,}")
    clock = (str(timing.levels), f"{timing.worst.delay:.2f}", f"{timing.estimated_mhz:.0f}")
    rows(("LUT", "FF", "BRAM36", "DSP", "levels", "slowest ns", "estimated MHz"), [[*figures, *clock]])
    return [f"{family}: {whole.latches} latches"] if whole.latches else []


def main(argv: Sequence[str] | None = None) -> None:
    """Run the benchmark; ends with an error if one of these is not so."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    demo_network.add_options(parser, size="256x256")
    parser.add_argument("--families", default="xc7,xcup", help="families of synth_xilinx, comma-separated")
    parser.add_argument(
        "--unroll", choices=("auto", "never", "all"), default="auto", help="layers with constant weights"
    )
    parser.add_argument("--rtl", type=Path, help="SystemVerilog project to take instead, made by any version")
    parser.add_argument("--quick", action="store_true", help="a small network, for the test suite")
    args = parser.parse_args(argv)
    if args.quick:
        args.channels, args.blocks, args.families = 8, 1, "xc7"
    missed: list[str] = []
    if args.rtl is not None:
        for family in args.families.split(","):
            missed += made_before(args.rtl, family)
        if missed:
            raise SystemExit("; ".join(missed))
        return
    with tempfile.TemporaryDirectory() as folder:
        for family in args.families.split(","):
            out = Path(folder) / family
            size, part = demo_network.frame(args), PARTS[family]
            options = BuildOptions(frame=size, folding=args.folding, part=part, unroll=args.unroll)
            built = build(demo_network.network(args), out, options, hls=False)
            account = cost.account(built, out / "rtl", EstimateConfig(synth=True, family=family))
            analytic, found = account.estimate, account.synthesis
            assert found is not None
            heading(f"{family}, analytic / {found.tool}, {found.seconds:.0f} s")
            rows(("layer", "LUT", "FF", "BRAM36", "DSP"), table(account))
            rows(
                ("slowest path into", "ns", "levels", "beside a chain", "carry bits", "fan-out", "from"), paths(account)
            )
            print(f"{found.timing.levels} levels at most; {clock_text(account.clock.to_dict())}")
            if found.total.latches:
                missed.append(f"{family}: {found.total.latches} latches")
            if family == "xc7" and abs(analytic.lut / found.total.lut - 1) > WITHIN:
                missed.append(f"{family}: {analytic.lut:,} LUT estimated, {found.total.lut:,} by Yosys")
    if missed:
        raise SystemExit("; ".join(missed))


if __name__ == "__main__":
    main()
