"""One video frame through the SystemVerilog core: a 320x180 photograph to 640x360, every code compared.

    python -m benchmarks.rtl_frame [--model MODEL.onnx] [--size 320x180] [--channels 32] [--blocks 3] [--quick]

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
import onnx
import torch

from benchmarks.common import heading, rows
from xnorsr.flows.pictures import high_resolution, photograph
from xnorsr.hw.build import BuildOptions, build
from xnorsr.quant.export import to_qonnx
from xnorsr.quant.inference import low_resolution
from xnorsr.quant.zoo import SRResNetConfig, randomize
from xnorsr.quant.zoo import build as build_model
from xnorsr.sim import reference
from xnorsr.sim.compare import compare
from xnorsr.sim.rtlsim import RtlSim

LIMIT_SECONDS = 300.0


def network(args: argparse.Namespace, width: int, height: int) -> onnx.ModelProto | Path:
    """The given file, or a random network of the demo's shape."""
    if args.model is not None:
        return Path(args.model)
    torch.manual_seed(args.seed)
    cfg = SRResNetConfig(scale=2, colors="rgb", channels=args.channels, blocks=args.blocks)
    return to_qonnx(randomize(build_model(cfg), args.seed).eval(), 3, height, width)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the benchmark; fails if a code differs or it takes longer than wanted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model")
    parser.add_argument("--size", default="320x180")
    parser.add_argument("--channels", type=int, default=32)
    parser.add_argument("--blocks", type=int, default=3)
    parser.add_argument("--image", default="flower")
    parser.add_argument("--folding", default="auto")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="a small frame and network, for the test suite")
    args = parser.parse_args(argv)
    if args.quick:
        args.size, args.channels, args.blocks = "24x18", 8, 1
    width, height = (int(n) for n in args.size.split("x"))
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        built = build(
            network(args, width, height),
            out / "net",
            BuildOptions(frame=(width, height), folding=args.folding),
            hls=False,
        )
        scale = built.network.streams[built.network.outputs[0]].kind.width // width
        photo = high_resolution(photograph(args.image), scale, (width, height))
        colors = "rgb" if built.lowered.input_type.channels == 3 else "y"
        codes = np.moveaxis(low_resolution(photo, scale, colors), 0, -1).astype(np.int64)
        truth = reference.run(built.lowered, codes)
        sim = RtlSim(out / "net" / "rtl", out / "sim")
        start = time.perf_counter()
        sim.compile()
        compiled = time.perf_counter()
        result = sim.run(codes)
        done = time.perf_counter()
    equal = compare(built.lowered, truth, result.outputs[-1])
    heading(f"RTL simulation of {args.image}, {width} x {height} to {width * scale} x {height * scale}")
    rows(
        ("", "value"),
        [
            ("codes that differ", f"{equal.mismatches} of {equal.codes:,}"),
            ("compile, s", f"{compiled - start:.1f}"),
            ("simulate, s", f"{done - compiled:.1f}"),
            ("cycles of the frame", f"{result.cycles:,}"),
            ("cycles predicted", f"{sim.predicted_cycles:,}"),
            ("simulated cycles per second", f"{result.cycles / (done - compiled):,.0f}"),
        ],
    )
    if done - start > LIMIT_SECONDS:
        raise SystemExit(f"{done - start:.0f} s for compile and frame: more than the {LIMIT_SECONDS:.0f} s wanted")


if __name__ == "__main__":
    main()
