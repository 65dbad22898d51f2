"""One video frame through the SystemVerilog core: a 320x180 photograph to 640x360, every code compared.

    python -m benchmarks.rtl_frame [--model MODEL.onnx] [--size 320x180] [--channels 32] [--blocks 3] [--structures]
        [--quick]

With --structures popcounts are those that synthesis gets, gate by gate, instead of $countones: what is synthesized is
simulated. They do not depend on the frame: `--structures --size 64x48` has all of the demo's. No time limit then, and
the C++ compiler does not optimize, which would take much longer.

Without --model the network is the demo's shape with random weights: speed and equality do not depend on training.
Prints wall time of compiling and simulating, simulated cycles per second, predicted and simulated cycles of the frame.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks import demo_network
from benchmarks.common import heading, rows
from xnorsr.flows.pictures import high_resolution, photograph
from xnorsr.hw.build import BuildOptions, build
from xnorsr.quant.inference import low_resolution
from xnorsr.sim import reference
from xnorsr.sim.compare import compare
from xnorsr.sim.rtlsim import RtlSim

LIMIT_SECONDS = 300.0


def main(argv: Sequence[str] | None = None) -> None:
    """Run the benchmark; ends with an error if a code differs or the time limit is exceeded."""
    parser = argparse.ArgumentParser(description=__doc__)
    demo_network.add_options(parser, size="320x180")
    parser.add_argument("--image", default="flower")
    parser.add_argument("--structures", action="store_true", help="popcounts as they are synthesized")
    parser.add_argument("--quick", action="store_true", help="a small frame and network, for the test suite")
    args = parser.parse_args(argv)
    if args.quick:
        args.size, args.channels, args.blocks = "24x18", 8, 1
    width, height = demo_network.frame(args)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        built = build(
            demo_network.network(args),
            out / "net",
            BuildOptions(frame=(width, height), folding=args.folding),
            hls=False,
        )
        scale = built.network.streams[built.network.outputs[0]].kind.width // width
        photo = high_resolution(photograph(args.image), scale, (width, height))
        colors = "rgb" if built.lowered.input_type.channels == 3 else "y"
        codes = np.moveaxis(low_resolution(photo, scale, colors), 0, -1).astype(np.int64)
        truth = reference.run(built.lowered, codes)
        sim = RtlSim(out / "net" / "rtl", out / "sim", structures=args.structures)
        start = time.perf_counter()
        sim.compile("-O0" if args.structures else None)
        compiled = time.perf_counter()
        result = sim.run(codes)
        done = time.perf_counter()
    equal = compare(built.lowered, truth, result.outputs[-1])
    what = ", popcounts as synthesized" if args.structures else ""
    heading(f"RTL simulation of {args.image}, {width} x {height} to {width * scale} x {height * scale}{what}")
    rows(
        ("", "value"),
        [
            ("codes compared, all equal", f"{equal.codes:,}"),
            ("compile, s", f"{compiled - start:.1f}"),
            ("simulate, s", f"{done - compiled:.1f}"),
            ("cycles of the frame", f"{result.cycles:,}"),
            ("cycles predicted", f"{sim.predicted_cycles:,}"),
            ("simulated cycles per second", f"{result.cycles / (done - compiled):,.0f}"),
        ],
    )
    if done - start > LIMIT_SECONDS and not args.structures:
        raise SystemExit(f"{done - start:.0f} s for compile and frame: the limit is {LIMIT_SECONDS:.0f} s")


if __name__ == "__main__":
    main()
