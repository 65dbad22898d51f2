"""Quality against cost: the same network with other bits in head, tail and residual stream, and what each costs.

    python -m benchmarks.quality_cost --from build/train --train-data T91 BSDS200 General100 --test-data Set5 Set14
        --steps 2000 [--seeds 1] [--only NAME ...] [--out build/quality_cost] [--write docs/results.md]
        [--figure docs/images/quality_cost.svg] [--quick]

Every setting is fine-tuned for as many steps from one trained network: that of --from (a training's folder, its
weights, a checkpoint of one that goes on, or a name of those that come along), or one that is trained here first for
--base-steps. Cost is that of the account, from formulas, at --frame, --part, --clock and --folding. Resumable, as
`compare_schemes` is.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks import runs
from benchmarks.common import heading, rows
from benchmarks.compare_schemes import arguments, caption, check_names, quick, sections
from benchmarks.cost_figure import Point, draw
from xnorsr.errors import UserError
from xnorsr.hw.build import BuildOptions, model_graph, prepare
from xnorsr.hw.hls.plugin.graph import network_of
from xnorsr.hw.resources.account import Estimate, estimate
from xnorsr.quant.export import to_qonnx
from xnorsr.quant.training import load_trained, save_trained
from xnorsr.quant.zoo import NETWORKS, Network

NETWORK: dict[str, Any] = {"name": "srresnet", "scale": 2, "channels": 32, "blocks": 4, "skip": "bilinear"}
BASE = "base"
_SMALL = 8  # side of the frame that a network is exported with; the account's frame is another

#: What differs from the base, by worth: what is likely to be chosen comes first. A network that several of them mean is
#: trained once.
SETTINGS: dict[str, dict[str, Any]] = {
    BASE: {},
    "trunk 10 bits": {"numerics": {"trunk_bits": 10}},
    "tail 2 bases": {"tail_weights": "binary2"},
    "tail input 6 bits": {"tail_bits": 6},
    "tail 2 bases, input 4, trunk 10": {
        "tail_weights": "binary2",
        "tail_bits": 4,
        "numerics": {"trunk_bits": 10},
    },
    "head 1 basis": {"head_weights": "binary"},
    "tail 1 basis": {"tail_weights": "binary"},
    "tail 4 bits": {"tail_weights": "int4"},
    "trunk 12 bits": {"numerics": {"trunk_bits": 12}},
    "tail 16 channels": {"tail_channels": 16},
    "tail input 4 bits": {"tail_bits": 4},
    "head 4 bits": {"head_weights": "int4"},
    "tail 2 bits": {"tail_weights": "int2"},
    "tail 3 bits": {"tail_weights": "int3"},
    "head 2 bases": {"head_weights": "binary2"},
    "head 2 bits": {"head_weights": "int2"},
    "head 3 bits": {"head_weights": "int3"},
    "all cheap": {
        "head_weights": "binary2",
        "tail_weights": "binary2",
        "tail_bits": 6,
        "numerics": {"trunk_bits": 10},
    },
    "tail 16 channels, 2 bases, trunk 10": {
        "tail_channels": 16,
        "tail_weights": "binary2",
        "numerics": {"trunk_bits": 10},
    },
    "head 8 bits": {"head_weights": "fixed"},
    "tail 8 bits": {"tail_weights": "fixed"},
    "tail input 9 bits": {"tail_bits": 9},
    "trunk 14 bits": {"numerics": {"trunk_bits": 14}},
}


@dataclass(frozen=True)
class Row:
    """One network of the table.

    Attributes:
        names: of the settings that mean it.
        results: one for each seed.
        cost: its account.
    """

    names: list[str]
    results: list[runs.Result]
    cost: Estimate

    @property
    def fits(self) -> bool:
        """Whether the part has what it needs."""
        return max(self.cost.utilisation.values()) <= 1

    def cells(self) -> list[str]:
        """The table's cells: names, quality on each set, resources, whether they are there, minutes."""
        _, *scores, _, _, minutes = runs.cells(self.results)
        c = self.cost
        counts = [f"{c.lut:,}", f"{c.ff:,}", f"{c.bram36:g}", str(c.uram), str(c.dsp)]
        return ["; ".join(self.names), *scores, *counts, "yes" if self.fits else "no", minutes]

    def psnr(self, name: str) -> float:
        """Mean PSNR-Y in dB on a set."""
        return sum(r.sets[name][0] for r in self.results) / len(self.results)


def changed(base: Mapping[str, Any], setting: str) -> dict[str, Any]:
    """Fields of the base's network with those of a setting, all of them."""
    changes = SETTINGS[setting]
    numerics = {**base.get("numerics", {}), **changes.get("numerics", {})}
    table = {**base, **changes, "numerics": numerics}
    found: dict[str, Any] = NETWORKS.validate(table).model_dump(mode="json")
    return found


def distinct(base: Mapping[str, Any], names: list[str]) -> list[tuple[list[str], dict[str, Any]]]:
    """The networks that settings mean, each once, in the order of the first name of each; with all names of each."""
    found: list[tuple[list[str], dict[str, Any]]] = []
    for name in names:
        model = changed(base, name)
        same = next((held for held, other in found if other == model), None)
        if same is None:
            found.append(([name], model))
        else:
            same.append(name)
    return found


def account(weights: Path, options: BuildOptions) -> Estimate:
    """The account of a trained network, from formulas."""
    model = load_trained(weights)
    lowered = prepare(to_qonnx(model, model.cfg.image_channels, _SMALL, _SMALL), options)
    with tempfile.TemporaryDirectory(prefix="xnorsr-") as folder:
        network = network_of(model_graph(lowered, options, Path(folder) / "hls"))
    return estimate(network, options.clock_mhz, options.part)


def base_network(args: argparse.Namespace, small: dict[str, Any], data: dict[str, Any]) -> tuple[Path, Network]:
    """The trained network that all settings begin with: kept in --out, so that one that goes on is taken as it was.

    Raises:
        UserError: it is in its float form, or --out holds another one.
    """
    weights, told = args.out / "base" / "weights.pt", args.out / "base" / "from.json"
    source = "trained here" if args.begin is None else str(args.begin)
    if told.is_file() and (before := json.loads(told.read_text())["from"]) != source:
        raise UserError(
            f"{args.out}: was begun with the network {before}; name another folder with --out, or remove it"
        )
    weights.parent.mkdir(parents=True, exist_ok=True)
    if not weights.is_file():
        if args.begin is None:
            train = {"steps": args.base_steps, "batch": args.batch, "ema": 0.999, "threads": args.threads}
            runs.train_into(runs.Run(BASE, 1, {**NETWORK, **small}, train, data), weights.parent)
        else:
            save_trained(runs.trained(args.begin), weights)
        told.write_text(json.dumps({"from": source}) + "\n")
    model = load_trained(weights)
    if not model.cfg.numerics.deployed:
        raise UserError(f"{source}: is a float form; convert it with `xnorsr train --from` first")
    return weights, model


def options(parser: argparse.ArgumentParser) -> None:
    """Options besides those of all comparisons."""
    parser.add_argument(
        "--from",
        dest="begin",
        type=Path,
        metavar="TRAINED",
        help="folder, weights, checkpoint, or name",
    )
    parser.add_argument(
        "--base-steps", type=int, default=20000, help="of the training before, where there is no --from"
    )
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--patch", type=int, default=32)
    parser.add_argument("--lr", type=float, default=5e-4)
    parser.add_argument("--frame", default="960x540", help="low-resolution frame of the account, WIDTHxHEIGHT")
    parser.add_argument("--part", default="xck26-sfvc784-2LV-c")
    parser.add_argument("--clock", type=float, default=200.0, help="MHz")
    parser.add_argument("--folding", default="60fps")
    parser.add_argument("--figure", type=Path, metavar="FILE", help="PSNR-Y against LUT and DSP, .svg or .png")
    parser.add_argument("--out", type=Path, default=Path("build/quality_cost"))


def tell(args: argparse.Namespace, table: list[Row]) -> list[list[str]]:
    """Prints the table, and returns it with its header."""
    sets = list(table[0].results[0].sets)
    header = ["PSNR-Y in dB / SSIM-Y", *sets, "LUT", "FF", "BRAM36", "URAM", "DSP", "fits", "minutes"]
    made = [row.cells() for row in table]
    heading(f"Quality against cost, x2, fixed point; {where(args, table)}")
    rows(header, made)
    return [header, *made]


def where(args: argparse.Namespace, table: list[Row]) -> str:
    """Frame, part, clock, folding and rate of the account, in words."""
    rates = sorted({f"{row.cost.fps:.1f}" for row in table})
    return (
        f"{args.frame} pixels in on {args.part} at {args.clock:g} MHz, folding {args.folding}: {', '.join(rates)} fps"
    )


def main(given: list[str] | None = None) -> None:
    """Run, print, draw and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments(parser)
    options(parser)
    parser.set_defaults(steps=2000, seeds=[1])
    args = parser.parse_args(given)
    names = check_names(parser, args, list(SETTINGS))
    torch.set_num_threads(args.threads)
    with tempfile.TemporaryDirectory() as folder:
        small: dict[str, Any] = {}
        if args.quick:
            quick(args, Path(folder))
            args.batch, args.patch, args.base_steps, args.frame = 1, 8, 2, "32x18"
            small = {"channels": 4, "blocks": 1}
        width, height = (int(n) for n in args.frame.split("x"))
        build = BuildOptions(frame=(width, height), part=args.part, clock_mhz=float(args.clock), folding=args.folding)
        sets = runs.folders(args.test_data)
        train, data = sections(args)
        start, base = base_network(args, small, data)
        table = []
        for same, model in distinct(base.cfg.model_dump(mode="json"), names):
            each = [runs.Run(same[0], seed, model, train, data, weights=start) for seed in args.seeds]
            results = [runs.execute(run, args.out, sets) for run in each]
            table.append(Row(same, results, account(args.out / each[0].folder / "weights.pt", build)))
    made = tell(args, table)
    if args.figure:
        first = next(iter(sets))
        points = [Point("; ".join(r.names), r.psnr(first), r.cost.lut, r.cost.dsp, r.fits) for r in table]
        draw(points, f"PSNR-Y on {first} in dB", args.figure)
    if args.write:
        text = [*caption(args, "quality_cost", given), "", f"Account: {where(args, table)}."]
        runs.write(args.write, "quality_cost", text, made)


if __name__ == "__main__":
    main()
