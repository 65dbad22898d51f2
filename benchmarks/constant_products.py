"""Fixed-point convolutions of a network by DSP slices and by constant weights, each alone: account and Yosys.

    python -m benchmarks.constant_products [--model MODEL.onnx] [--layers head_conv,tail_conv] [--family xcup] [--quick]

Without --model the network is the demo's shape with random weights, whose signed digits are more than trained ones
have. For each layer: at its folding (--folding), and digit by digit of its activations in as many cycles. Must hold:
without slices there is none, nor a latch, and the account's LUTs are within 25 % of Yosys's.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks import demo_network
from benchmarks.common import heading, rows
from benchmarks.single_layer import PARTS, measured
from xnorsr.hw.build import BuildOptions, model_graph, prepare
from xnorsr.hw.hls.plugin.graph import network_of
from xnorsr.hw.network import Network
from xnorsr.hw.ops.base import Op
from xnorsr.hw.ops.conv import Conv
from xnorsr.hw.resources.account import estimate
from xnorsr.hw.resources.clock import logic_levels
from xnorsr.hw.resources.unrolling import Unroll, unrolled

WITHIN = 0.25
COLUMNS = ("layer", "cycles", "LUT, formula", "LUT, Yosys", "FF, formula", "FF, Yosys", "DSP", "levels", "ns")


def folded(args: argparse.Namespace) -> Network:
    """The network, folded, as HLS has it."""
    folding = int(args.folding) if args.folding.isdigit() else args.folding
    options = BuildOptions(frame=demo_network.frame(args), folding=folding, part=PARTS[args.family])
    with tempfile.TemporaryDirectory() as folder:
        graph = model_graph(prepare(demo_network.network(args), options), options, Path(folder) / "hls")
    return network_of(graph)


def account_rows(network: Network, args: argparse.Namespace, fixed: Sequence[str]) -> list[list[str]]:
    """The whole network by formulas, for each way to choose layers with constant weights."""
    part, made = PARTS[args.family], []
    ways: dict[str, Unroll] = {"never": "never", "auto": "auto", "fixed point": list(fixed), "all": "all"}
    for title, how in ways.items():
        found = estimate(unrolled(network, how, args.folding, part), 200.0, part)
        made.append([title, *(f"{n:,.9g}" for n in (found.lut, found.ff, found.bram36, found.dsp))])
    return made


def main(argv: Sequence[str] | None = None) -> None:
    """Run the benchmark; ends with an error if one of these is not so."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    demo_network.add_options(parser, size="256x256")
    parser.add_argument("--layers", help="names, comma-separated; left out: all")
    parser.add_argument("--family", choices=tuple(PARTS), default="xcup")
    parser.add_argument("--digits-only", action="store_true", help="constant weights alone")
    parser.add_argument("--account", action="store_true", help="the whole network by formulas, no synthesis")
    parser.add_argument("--quick", action="store_true", help="a small network, for the test suite")
    args = parser.parse_args(argv)
    if args.quick:
        args.channels, args.blocks, args.layers = 4, 1, "head_conv"
    network = folded(args)
    made = {n.name: n.op for n in network.nodes if isinstance(n.op, Conv) and not n.op.binary}
    heading(f"{PARTS[args.family]}, whole network by formulas")
    rows(("constant weights", "LUT", "FF", "BRAM36", "DSP"), account_rows(network, args, list(made)))
    if args.account:
        return
    names = args.layers.split(",") if args.layers else list(made)
    table, missed = [], []
    for name in names:
        other = made[name].constant_weights()
        for op in ([made[name]] if not args.digits_only else []) + ([other] if other is not None else []):
            table.append(_row(name, op, args.family, missed))
    heading(f"{args.family}, at most {logic_levels(200.0, PARTS[args.family])} levels beside a chain")
    rows(COLUMNS, table)
    if missed:
        raise SystemExit("; ".join(missed))


def _row(name: str, op: Op, family: str, missed: list[str]) -> list[str]:
    (found, timing), account = measured(op, family), op.cost()
    if found.latches or (op.rtl_note and found.dsp):
        missed.append(f"{name}: {found.latches} latches, {found.dsp} DSP slices")
    if op.rtl_note and abs(account.lut / found.lut - 1) > WITHIN:
        missed.append(f"{name}, {op.rtl_note}: {account.lut:,.0f} LUT estimated, {found.lut:,} by Yosys")
    cycles = str(op.timing("rtl").interval)
    figures = [f"{n:,.0f}" for n in (account.lut, found.lut, account.ff, found.ff, found.dsp)]
    return [
        f"{name}, {op.rtl_note or 'slices'}",
        cycles,
        *figures,
        str(timing.beside_chain),
        f"{timing.worst.delay:.2f}",
    ]


if __name__ == "__main__":
    main()
