"""The netlist that Yosys leaves of a whole network, simulated on a crop of a photograph, every code compared.

    python -m benchmarks.mapped_netlist [--model MODEL.onnx] [--size 10x8] [--channels 4] [--blocks 1] [--quick]

Look-up tables, carry chains, flip-flops, memories in slices and DSP slices of synth_xilinx (xc7) are simulated with the
models of Yosys's own cell library by Verilator, through the same bench as the SystemVerilog. Must hold: 0 codes differ
from the reference execution, and the frame takes as many cycles as predicted. Block RAM has no model there: the lines
of the frame, and the words that the skip holds, have to fit into slices.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks import demo_network
from benchmarks.common import heading, rows
from xnorsr.flows.pictures import sample_codes
from xnorsr.hw.build import BuildOptions, build
from xnorsr.hw.resources.mapped import mapped_project
from xnorsr.sim import reference
from xnorsr.sim.compare import compare
from xnorsr.sim.rtlsim import RtlSim


def main(argv: Sequence[str] | None = None) -> None:
    """Run the benchmark; ends with an error if a code differs, or the cycles are not the predicted ones."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    demo_network.add_options(parser, size="10x8")
    parser.set_defaults(channels=4, blocks=1)
    parser.add_argument("--quick", action="store_true", help="a smaller network, for the test suite")
    args = parser.parse_args(argv)
    if args.quick:
        args.size, args.channels, args.folding = "6x5", 2, 72
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        options = BuildOptions(frame=demo_network.frame(args), folding=args.folding, part="xc7a100t")
        built = build(demo_network.network(args), out / "net", options, hls=False)
        start = time.perf_counter()
        cells = mapped_project(out / "net" / "rtl", out / "mapped")
        mapped = time.perf_counter()
        scale = built.network.streams[built.network.outputs[0]].kind.width // built.network.input_type.width
        codes = sample_codes(built.network.input_type, scale)
        truth = reference.run(built.lowered, codes)
        sim = RtlSim(out / "mapped", out / "sim")
        sim.compile("-O0")
        compiled = time.perf_counter()
        result = sim.run(codes)
        done = time.perf_counter()
    equal = compare(built.lowered, truth, result.outputs[-1])
    heading(f"Mapped netlist, {codes.shape[1]} x {codes.shape[0]} pixels of a photograph")
    rows(
        ("", "value"),
        [
            ("codes compared, all equal", f"{equal.codes:,}"),
            ("cycles of the frame", f"{result.cycles:,}"),
            ("cycles predicted", f"{sim.predicted_cycles:,}"),
            *((kind, f"{number:,}") for kind, number in sorted(cells.items())),
            ("map, s", f"{mapped - start:.1f}"),
            ("compile, s", f"{compiled - mapped:.1f}"),
            ("simulate, s", f"{done - compiled:.1f}"),
        ],
    )
    if result.cycles != sim.predicted_cycles:
        raise SystemExit(f"{result.cycles:,} cycles simulated, {sim.predicted_cycles:,} predicted")


if __name__ == "__main__":
    main()
