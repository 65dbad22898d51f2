"""What networks of the size that papers train cost as hardware: every convolutional architecture, from formulas.

    python -m benchmarks.paper_width [--frame 320x180] [--fps 60] [--clock 200] [--only NAME ...] [--schemes NAME ...]
        [--out build/paper_width] [--write docs/results.md] [--quick]

Random weights, x2, 64 channels where an architecture has that field, the sizes of `Network.PAPER` or, for very deep
networks, `DEPTHS`, each with the schemes of the two papers. Means over the frame are those of the frame before
(--pooling previous). LUT, FF, BRAM36, URAM and DSP are of the smallest listed part (by LUTs) that holds them all, else
of the largest one. A network that cannot be built stands in the table with the reason. Large networks take many
minutes: each row is kept in --out as soon as it is there, and an interrupted table goes on where it was.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import onnx
import torch

from benchmarks import runs
from benchmarks.common import heading, rows
from xnorsr import hw, quant
from xnorsr.errors import UserError
from xnorsr.hw.build import BuildOptions, model_graph, prepare
from xnorsr.hw.graph.load import own_frame
from xnorsr.hw.graph.lower import Lowered
from xnorsr.hw.hls.plugin.graph import network_of
from xnorsr.hw.network import Network
from xnorsr.hw.resources.account import Estimate, estimate
from xnorsr.hw.resources.clock import logic_levels
from xnorsr.hw.resources.devices import Device, devices, dsp_width
from xnorsr.quant import zoo
from xnorsr.quant.config import NetworkConfig
from xnorsr.quant.export import to_qonnx

#: Architectures of convolutions, the cheapest to count first.
CONVOLUTIONAL = ("srresnet", "srgan", "lapsrn", "edsr", "rdn", "rcan")
SCHEMES = ("bnn", "scales")
#: BNN-SR's activations where 8 bits are too many: sums of RDN's widest convolutions would need 25 bits.
ACT_BITS = {"rdn": 4}
#: Fewer blocks than papers have, where PyTorch's exporter, which keeps every tensor of a whole frame, would need more
#: than 16 GB or hours. Each further block costs what one of those costs; `blocks` and `groups` stand in the table.
DEPTHS: dict[str, dict[str, int]] = {
    "edsr": {"blocks": 8},
    "rdn": {"blocks": 2, "layers": 8},
    "rcan": {"groups": 1, "blocks": 4},
}
CHANNELS, SCALE, SEED = 64, 2, 1
_SMALL = 8  # side of the frame that a network is exported with where its constants belong to none
_POOLS = {"ReduceSum", "ReduceMean", "GlobalAveragePool"}
COLUMNS = ("network", "scheme", "size", "LUT", "FF", "BRAM36", "URAM", "DSP", "fps", "bottleneck", "smallest part")


def size(name: str, scheme: str, small: dict[str, Any]) -> NetworkConfig:
    """The configuration of an architecture at paper width.

    Args:
        small: fields of a quick run that replace those of the paper's size, where the architecture has them.
    """
    network = zoo.NETWORKS[name]
    fields = network.Config.model_fields
    wide = {"channels": CHANNELS} if "channels" in fields else {}
    chosen: dict[str, Any] = {"name": scheme}
    if scheme == "bnn" and name in ACT_BITS:
        chosen["act_bits"] = ACT_BITS[name]
    table = {"name": name, "scheme": chosen, "scale": SCALE, **wide, **network.PAPER, **DEPTHS.get(name, {})}
    return zoo.NETWORKS.validate(table | {key: value for key, value in small.items() if key in fields})


def exported(cfg: NetworkConfig, frame: tuple[int, int]) -> onnx.ModelProto:
    """The network's QONNX file with random weights, for (width, height) where its constants belong to a frame."""
    torch.manual_seed(SEED)
    model = zoo.randomize(zoo.build(cfg), SEED).eval()
    file = to_qonnx(model, model.cfg.image_channels, _SMALL, _SMALL)
    if own_frame(file) is not None:
        file = to_qonnx(model, model.cfg.image_channels, frame[1], frame[0])
    return file


def smallest(lowered: Lowered, options: BuildOptions) -> tuple[Device | None, Estimate]:
    """(The smallest part that holds the network, or None; the account on it, or on the largest part)."""
    networks: dict[tuple[int, int], Network] = {}
    found: dict[tuple[int, int], Estimate] = {}
    last: Estimate | None = None
    for part in sorted(devices().values(), key=lambda one: one.lut):
        kind = logic_levels(options.clock_mhz, part.part), dsp_width(part.part)
        before = found.get(kind)  # look-up tables and DSP slices are the same on all parts of a kind
        if before is not None and (before.lut > part.lut or before.dsp > part.dsp or before.ff > part.ff):
            continue
        if kind not in networks:
            with tempfile.TemporaryDirectory(prefix="xnorsr-") as folder:
                chosen = options.model_copy(update={"part": part.part})
                networks[kind] = network_of(model_graph(lowered, chosen, Path(folder) / "hls"))
        last = found[kind] = estimate(networks[kind], options.clock_mhz, part.part)
        if max(last.utilisation.values()) <= 1:
            return part, last
    assert last is not None
    return None, last


def row(name: str, scheme: str, args: argparse.Namespace) -> list[str]:
    """One line of the table."""
    cfg = size(name, scheme, args.small)
    fields = cfg.model_dump()
    told = ", ".join(f"{fields[key]} {key}" for key in ("groups", "blocks", "layers", "depth") if key in fields)
    if scheme == "bnn":
        told += f", {fields['scheme']['act_bits']}-bit activations"
    began = time.perf_counter()
    try:
        file = exported(cfg, args.frame)
        pooling = "previous" if any(node.op_type in _POOLS for node in file.graph.node) else None
        options = BuildOptions(frame=args.frame, clock_mhz=args.clock, folding=f"{args.fps:g}fps", pooling=pooling)
        part, cost = smallest(prepare(file, options), options)
    except UserError as error:
        return [name, scheme, told, *["-"] * 7, f"not built: {error}"]
    slowest = max(cost.layers, key=lambda one: one.cycles_per_pixel)
    print(f"{name}, {scheme}: {time.perf_counter() - began:.0f} s, {len(cost.layers)} layers", flush=True)
    return [
        name,
        scheme,
        told,
        *(f"{getattr(cost, key):,.9g}" for key in ("lut", "ff", "bram36", "uram", "dsp")),
        f"{cost.fps:.1f}",
        f"{slowest.name}, {slowest.cycles_per_pixel:g} cycles/px",
        part.part if part is not None else f"none ({', '.join(_excess(cost))})",
    ]


def kept(name: str, scheme: str, args: argparse.Namespace) -> list[str]:
    """One line of the table, counted once for the same network, frame, rate, clock and state of the code."""
    table = [size(name, scheme, args.small).model_dump(mode="json"), args.frame, args.fps, args.clock, _code()]
    key = json.dumps(table, sort_keys=True)
    path: Path = args.out / f"{name}-{scheme}.json"
    if path.is_file() and (before := json.loads(path.read_text()))["key"] == key:
        cells: list[str] = before["cells"]
        return cells
    made = row(name, scheme, args)
    args.out.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps({"key": key, "cells": made}, indent=1) + "\n")
    os.replace(part, path)
    return made


@functools.cache
def _code() -> str:
    """A digest of the package: figures of other code are counted anew."""
    digest = hashlib.sha256()
    folders = [Path(str(package.__file__)).resolve().parent for package in (hw, quant)]  # a checkout has links to them
    for file in sorted(path for folder in folders for path in folder.rglob("*") if path.suffix in (".py", ".toml")):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _excess(cost: Estimate) -> list[str]:
    """What the part lacks."""
    return [f"{share:.1f} x {key.upper()}" for key, share in cost.utilisation.items() if share > 1]


def main(argv: Sequence[str] | None = None) -> None:
    """Count all networks and print, and with --write write, the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frame", default="320x180", help="low-resolution frame, WIDTHxHEIGHT")
    parser.add_argument("--fps", type=float, default=60.0)
    parser.add_argument("--clock", type=float, default=200.0, help="MHz")
    parser.add_argument("--only", nargs="+", choices=CONVOLUTIONAL, default=list(CONVOLUTIONAL), metavar="NAME")
    parser.add_argument("--schemes", nargs="+", choices=SCHEMES, default=list(SCHEMES), metavar="NAME")
    parser.add_argument("--out", type=Path, default=Path("build/paper_width"), help="rows that are counted already")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="page with the lines <!-- paper_width -->")
    parser.add_argument("--quick", action="store_true", help="small networks, for the test suite")
    args = parser.parse_args(argv)
    width, height = (int(n) for n in args.frame.split("x"))
    args.frame = (width, height)
    args.small = {"channels": 8, "blocks": 1, "groups": 1, "growth": 8, "layers": 2, "depth": 2} if args.quick else {}
    table = []
    for name in CONVOLUTIONAL:
        for scheme in SCHEMES:
            asked = name in args.only and scheme in args.schemes
            table.append(kept(name, scheme, args) if asked else [name, scheme, *["-"] * 8, "not asked for"])
    heading(f"x{SCALE} at paper width, {width}x{height} low-resolution pixels, {args.fps:g} fps at {args.clock:g} MHz")
    rows(COLUMNS, table)
    if args.write is not None:
        command = f"    python -m benchmarks.paper_width{_asked(args)}"
        text = [
            "",
            f"{command} --write {args.write}",
            "",
            f"Formulas, random weights; x{SCALE}, {width} x {height} low-resolution pixels, asked for {args.fps:g} "
            f"frames per second at {args.clock:g} MHz (which is not checked). Means over the frame are those of the "
            "frame before.",
        ]
        runs.write(args.write, "paper_width", text, [list(COLUMNS), *table])


def _asked(args: argparse.Namespace) -> str:
    """The options that choose rows, as they are typed."""
    only = f" --only {' '.join(args.only)}" if len(args.only) < len(CONVOLUTIONAL) else ""
    return only + (f" --schemes {' '.join(args.schemes)}" if len(args.schemes) < len(SCHEMES) else "")


if __name__ == "__main__":
    main()
