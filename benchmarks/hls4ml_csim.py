"""The same binarized network through stock hls4ml 1.3 and through xnorsr: codes that differ, and C-simulation's speed.

    python -m benchmarks.hls4ml_csim [--channels 64] [--size 32] [--quick]

Network: 8-bit RGB in, 3x3 head, binary 3x3 convolutions (W1A1, zero padding, each with affine, PReLU and skip), tail
to 12 channels of 12 bits. xnorsr's kernels are simulated in both of their forms: the fast one, machine integers, and
the one that is synthesized. It ends before the pixel shuffle and the global skip: stock hls4ml has no DepthToSpace.
Weights are random and adverse: thresholds on and off the grid, scales of both signs, saturation. Speed is measured
in processor time of the simulation alone; both run in one thread.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import Tensor, nn

import benchmarks.stock_hls4ml as stock
from benchmarks.common import heading, rows
from xnorsr.hw.build import BuildOptions, build
from xnorsr.quant.export import to_qonnx
from xnorsr.quant.layers import FixedConv, act_scale, constant_quant, statistics_quant, trunk_quant
from xnorsr.quant.zoo import ResidualBlock, SRResNetConfig, randomize
from xnorsr.quant.zoo.block import start_gain
from xnorsr.sim.csim import CSim
from xnorsr.sim.reference import run as execute

PIXEL = 2.0**-8
WANTED_RATIO = 10.0


class Body(nn.Module):
    """The zoo's SRResNet for x2 without pixel shuffle and global skip."""

    def __init__(self, cfg: SRResNetConfig) -> None:
        super().__init__()
        numerics, gain = cfg.numerics, start_gain(cfg.blocks)
        self.input = constant_quant(8, PIXEL, signed=False)
        self.head = FixedConv(3, cfg.channels, 3, numerics)
        self.trunk = trunk_quant(numerics)
        self.blocks = nn.Sequential(
            *[ResidualBlock(cfg.channels, cfg.body_kernel, cfg.scheme, numerics, gain) for _ in range(cfg.blocks)]
        )
        self.tail_in = statistics_quant(cfg.tail_bits)
        self.tail = FixedConv(cfg.channels, 12, 3, numerics)
        self.output = constant_quant(cfg.residual_bits, 2.0 ** (1 - cfg.residual_bits))

    def forward(self, image: Tensor) -> Tensor:
        x = self.blocks(self.trunk(self.head(self.input(image), PIXEL)))
        y: Tensor = self.output(self.tail(self.tail_in(x), act_scale(self.tail_in)))
        return y


def network(channels: int, blocks: int, size: int, seed: int) -> onnx.ModelProto:
    """QONNX of the random network for size x size pixels; each block holds two binary convolutions."""
    torch.manual_seed(seed)
    model = randomize(Body(SRResNetConfig(channels=channels, blocks=blocks)), seed)
    return to_qonnx(model, 3, size, size)


def timed(simulation: CSim, codes: np.ndarray, seconds: float) -> tuple[np.ndarray, float]:
    """Output codes and processor seconds per frame, the mean of as many runs as fit into the given seconds."""
    output = simulation.run(codes)
    runs, begin = 0, time.process_time()
    while (spent := time.process_time() - begin) < seconds:
        simulation.run(codes)
        runs += 1
    return output, spent / runs


def main(arguments: list[str] | None = None) -> None:
    """Run and print; raises if a code of ours differs from the reference, or if ours is not fast enough."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--channels", type=int, default=64)
    parser.add_argument("--blocks", type=int, default=2, help="two binary convolutions each")
    parser.add_argument("--size", type=int, default=32, help="width and height of the frame in pixels")
    parser.add_argument("--strategy", default="Resource", help="hls4ml's Strategy: Latency, Resource")
    parser.add_argument("--reuse", type=int, default=1, help="hls4ml's ReuseFactor")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="a tiny network, one stock configuration")
    args = parser.parse_args(arguments)
    configurations = list(stock.CONFIGURATIONS)
    if args.quick:
        args.channels, args.blocks, args.size = 2, 1, 6
        configurations = configurations[:1]
    model = network(args.channels, args.blocks, args.size, args.seed)
    codes = np.random.default_rng(args.seed).integers(0, 256, (args.size, args.size, 3))
    pixels = args.size**2
    heading(
        f"{args.channels} channels, {2 * args.blocks} binary 3x3 layers, {args.size}x{args.size} pixels, "
        f"seed {args.seed}"
    )
    table = []
    with tempfile.TemporaryDirectory(prefix="xnorsr-bench-") as folder:
        begin = time.perf_counter()
        built = build(model, Path(folder) / "ours", BuildOptions(folding="port"), rtl=False)
        converted = time.perf_counter()
        reference = execute(built.lowered, codes).output
        speeds, wrong = [], 0
        for form, bit_true in (("fast form", False), ("as synthesized", True)):
            compiling = time.perf_counter()
            simulation = CSim(built.out_dir / "hls", bit_true)
            simulation.run(codes)
            compiled = time.perf_counter()
            output, seconds = timed(simulation, codes, 0.2 if args.quick else 2.0)
            differ = int((output != reference).sum())
            wrong += differ
            speeds.append(pixels / seconds)
            table.append(
                [f"xnorsr, {form}", differ, f"{speeds[-1]:,.0f}", f"{converted - begin:.1f}",
                 f"{compiled - compiling:.1f}", ""]
            )  # fmt: skip
        ours = speeds[0]
        best = 0.0
        frac = built.network.streams[built.network.outputs[0]].kind.frac
        for name in configurations:
            values = codes.transpose(2, 0, 1) * PIXEL
            place = Path(folder) / name.replace(" ", "_")
            got = stock.run(model, values, frac, place, name, args.strategy, args.reuse)
            speed = pixels / got.seconds
            best = max(best, speed)
            differ = int((got.codes != reference).sum())
            table.append(
                [f"hls4ml, {name}", differ, f"{speed:,.0f}", f"{got.convert_seconds:.1f}", f"{got.compile_seconds:.1f}",
                 f"{ours / speed:,.0f}, {speeds[1] / speed:,.1f}"]
            )  # fmt: skip
    columns = [
        "",
        f"differ, of {reference.size:,}",
        "pixels/s",
        "convert s",
        "compile s",
        "xnorsr is times faster, in both forms",
    ]
    rows(columns, table)
    print("Traps of stock hls4ml that were worked around:")
    for name in configurations:
        print(f"  {name}: {', '.join(stock.CONFIGURATIONS[name])}")
    for trap, text in stock.TRAPS.items():
        print(f"  {trap}: {text}")
    if wrong:
        raise AssertionError(f"xnorsr: {wrong} of {2 * reference.size} codes differ from the reference")
    if not args.quick and ours < WANTED_RATIO * best:
        raise AssertionError(f"xnorsr is {ours / best:.1f} times faster; it must be {WANTED_RATIO:g} times")


if __name__ == "__main__":
    main()
