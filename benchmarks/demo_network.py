"""The network that hardware benchmarks build: a given file, or a random network of the demo's shape."""

from __future__ import annotations

import argparse
from pathlib import Path

import onnx
import torch

from xnorsr.quant import pretrained
from xnorsr.quant.export import to_qonnx
from xnorsr.quant.saved import load_trained
from xnorsr.quant.zoo import SRResNetConfig, build, randomize


def add_options(parser: argparse.ArgumentParser, size: str) -> None:
    """Options of `network`, and --folding; `size` is the default frame."""
    parser.add_argument("--model", help="QONNX file; left out: a random network")
    parser.add_argument("--pretrained", help="a trained network that comes with the package, by its name")
    parser.add_argument("--size", default=size, help="low-resolution frame, WIDTHxHEIGHT")
    parser.add_argument("--channels", type=int, default=32)
    parser.add_argument("--blocks", type=int, default=3)
    parser.add_argument("--folding", default="port")
    parser.add_argument("--seed", type=int, default=0)


def frame(args: argparse.Namespace) -> tuple[int, int]:
    """(width, height) of --size."""
    width, height = (int(n) for n in args.size.split("x"))
    return width, height


def network(args: argparse.Namespace) -> onnx.ModelProto | Path:
    """The file of --model, the network of --pretrained, or a random x2 one with so many --channels and --blocks."""
    if args.model is not None:
        return Path(args.model)
    if args.pretrained is not None:
        trained = load_trained(pretrained.folder_of(args.pretrained) / pretrained.WEIGHTS).eval()
        width, height = frame(args)
        return to_qonnx(trained, 3, height, width)
    torch.manual_seed(args.seed)
    width, height = frame(args)
    cfg = SRResNetConfig(scale=2, colors="rgb", channels=args.channels, blocks=args.blocks, skip="bilinear")
    return to_qonnx(randomize(build(cfg), args.seed).eval(), 3, height, width)
