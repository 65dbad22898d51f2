"""Schemes at equal budget: one network, as many steps, patches and seeds for each; PSNR-Y and SSIM-Y on test sets.

    python -m benchmarks.compare_schemes --train-data T91 BSDS200 General100 --test-data Set5 Set14 B100 --steps 20000
        --seeds 1 2 [--only NAME ...] [--deployed] [--colors rgb y] [--out build/compare_schemes]
        [--write docs/results.md] [--short README.md] [--quick]

SRResNet x2 with 32 channels and a body of 8 binary convolutions; head and tail, one convolution each, stay real. Each
run has a folder of its own: an interrupted comparison goes on where it was, what is finished is not trained again.
With --colors rgb y every scheme is trained on colours and on luminance alone, and a row says what that is worth; that
table has a section of its own on the page. --short writes the first two sets, beside what papers report of larger
networks.
"""

from __future__ import annotations

import argparse
import shlex
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks import runs
from benchmarks.common import rows
from xnorsr.quant.data import embedded_path, read_photo

NETWORK = {"name": "srresnet", "scale": 2, "channels": 32, "blocks": 4, "skip": "nearest"}
SCHEMES: dict[str, dict[str, Any]] = {
    "full precision": {"name": "float"},
    "8 bit": {"name": "int8"},
    "BNN-SR": {"name": "bnn"},
    "SCALES": {"name": "scales"},
    "SCALES without the layer-wise factor": {"name": "scales", "layer_factor": False},
    "SCALES without spatial re-scaling": {"name": "scales", "spatial": False},
    "SCALES without channel-wise re-scaling": {"name": "scales", "channel": False},
    "SCALES, weights start x 4": {"name": "scales"},
    "EBSR": {"name": "ebsr"},
    "BBCU-L": {"name": "bbcu"},
    "BSRC": {"name": "bsrc"},
    "E2FIF": {"name": "e2fif"},
    "W1A1": {"name": "w1a1"},
    "Bi-Real": {"name": "bireal"},
    "plain BNN": {"name": "sign"},
}
#: Factors on fields of the training in which a row differs. Real weights diverge at the rate that suits latent ones.
#: Four times as large weights make up for SCALES' two sigmoids, both of which start at one half.
FACTORS: dict[str, dict[str, float]] = {
    "full precision": {"lr": 0.25},
    "8 bit": {"lr": 0.25},
    "SCALES, weights start x 4": {"latent_start": 4.0},
}
#: PSNR-Y of Set5 and Set14 at x2 as others report it, of SRResNet bodies of 64 channels and 16 blocks.
PUBLISHED = {
    "full precision": "38.00 / 33.59",
    "BNN-SR": "35.66 / 31.56, as later papers quote it",
    "SCALES": "about 0.2 above E2FIF",
    "BBCU-L": "37.58 / 33.18",
    "BSRC": "37.61 / 33.09, averages over flips",
    "E2FIF": "37.50 / 32.96",
}
COLORS = {"rgb": "RGB", "y": "luminance"}
#: What must hold at equal budget on these sets, and is only told of others: the first above the second.
ORDER = (("SCALES", "E2FIF"), ("E2FIF", "plain BNN"))
HELD = ("Set5", "Set14")


def model(name: str, deployed: bool, colors: str) -> dict[str, Any]:
    """The network with a scheme; in the float form as published, so BNN-SR on real activations."""
    scheme = dict(SCHEMES[name])
    deployed = deployed and scheme["name"] != "float"
    if scheme["name"] == "bnn":
        scheme["real_activations"] = not deployed
    return {**NETWORK, "colors": colors, "scheme": scheme, "numerics": {"deployed": deployed}}


def run_name(name: str, colors: str, several: bool) -> str:
    """What a run is called: its scheme, and its colours where there are networks of both kinds."""
    return f"{name}, {COLORS[colors]}" if several else name


def gains(names: list[str], results: list[list[runs.Result]]) -> list[list[str]]:
    """Rows of what luminance alone is worth beside colours: PSNR-Y in dB and SSIM-Y more, by scheme.

    Args:
        results: of each scheme in turn, those on colours and those on luminance.
    """
    found = []
    for name, colours, luminance in zip(names, results[::2], results[1::2], strict=True):
        y, rgb = ({s: np.mean([r.sets[s] for r in each], 0) for s in each[0].sets} for each in (luminance, colours))
        more = {s: y[s] - rgb[s] for s in y}
        cells = [f"{psnr:+.2f} / {ssim:+.4f}" for psnr, ssim in more.values()]
        found.append([f"{name}, what luminance alone is worth", *cells, *[""] * len(runs.COLUMNS)])
    return found


def order(results: dict[str, dict[str, float]]) -> list[str]:
    """What does not hold of `ORDER`, a sentence each.

    Args:
        results: mean PSNR-Y in dB by configuration and set.
    """
    return [
        f"{better} is not above {worse} on {name}: {results[better][name]:.2f} and {results[worse][name]:.2f} dB"
        for better, worse in ORDER
        if better in results and worse in results
        for name in results[better]
        if results[better][name] <= results[worse][name]
    ]


def short(results: list[list[runs.Result]]) -> list[list[str]]:
    """The short table: mean PSNR-Y of each set, half of what the seeds differ by, and the published figures."""
    sets = list(results[0][0].sets)[:2]
    lines = [["PSNR-Y in dB", *sets, f"published, {' / '.join(sets)}, 64 channels, 16 blocks"]]
    for seeds in results:
        psnr = [cell.split(" / ")[0] for cell in runs.means(seeds)[1 : 1 + len(sets)]]
        lines.append([seeds[0].run.name, *psnr, PUBLISHED.get(seeds[0].run.name, "–")])
    return lines


def arguments(parser: argparse.ArgumentParser) -> None:
    """Options of every comparison of many trainings."""
    parser.add_argument("--train-data", type=Path, nargs="+", metavar="FOLDER", help="T91 BSDS200 General100")
    parser.add_argument("--test-data", type=Path, nargs="+", metavar="FOLDER", help="Set5 Set14 B100")
    parser.add_argument("--steps", type=int, default=20000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these configurations only")
    parser.add_argument("--threads", type=int, default=1, help="torch's; two runs beside each other use two cores best")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put the table into this page, docs/results.md")
    parser.add_argument("--quick", action="store_true", help="a few steps of small networks on a cut of a photograph")


def quick(args: argparse.Namespace, folder: Path) -> None:
    """Sets the options of the quick form: photographs in `folder`, a few steps."""
    from PIL import Image

    (folder / "cuts").mkdir()
    pixels = read_photo(embedded_path("coffee")).pixels
    Image.fromarray(pixels[80:128, 100:148]).save(folder / "cuts" / "a.png")
    args.train_data = args.test_data = [folder / "cuts"]
    args.steps, args.out = 2, folder / "runs"


def sections(args: argparse.Namespace) -> tuple[dict[str, Any], dict[str, Any]]:
    """Fields of the sections train and data that all runs of a comparison have in common."""
    train = {"steps": args.steps, "batch": args.batch, "lr": args.lr, "ema": 0.999, "threads": args.threads}
    return train, {"source": [str(f) for f in args.train_data], "patch": args.patch, "holdout": []}


def check_names(parser: argparse.ArgumentParser, args: argparse.Namespace, known: list[str]) -> list[str]:
    """The configurations that are asked for; ends the program where one does not exist or folders are missing."""
    unknown = [name for name in args.only or [] if name not in known]
    if unknown:
        parser.error(f"--only {unknown[0]}: there are {', '.join(known)}")
    if not args.quick and not (args.train_data and args.test_data):
        parser.error("--train-data and --test-data are needed")
    return args.only or known


def caption(args: argparse.Namespace, module: str, given: list[str] | None) -> list[str]:
    """What a table on the page is headed with: command, budget, hardware."""
    words = sys.argv[1:] if given is None else given
    # Folders by their names: where they are on this machine says nothing to others.
    command = shlex.join(Path(word).name if Path(word).is_absolute() else word for word in words)
    seeds = ", ".join(map(str, args.seeds))
    return [
        "",
        f"    python -m benchmarks.{module} {command}",
        "",
        f"{args.steps} steps, seeds {seeds} (± is half of what they differ by), {runs.machine()}; minutes are those of "
        "one run.",
    ]


def main(given: list[str] | None = None) -> None:
    """Run, print, and write; says what does not hold of `ORDER`, and ends with an error if that is on `HELD`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments(parser)
    parser.add_argument(
        "--deployed", action="store_true", help="the fixed-point form instead of the published float one"
    )
    parser.add_argument(
        "--colors",
        choices=["rgb", "y"],
        nargs="+",
        default=["rgb"],
        help="y: luminance only; both: side by side",
    )
    parser.add_argument("--short", type=Path, metavar="PAGE", help="put the short table into this page, README.md")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--patch", type=int, default=32)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--out", type=Path, default=Path("build/compare_schemes"))
    args = parser.parse_args(given)
    names = check_names(parser, args, list(SCHEMES))
    torch.set_num_threads(args.threads)
    with tempfile.TemporaryDirectory() as folder:
        small: dict[str, Any] = {}
        if args.quick:
            quick(args, Path(folder))
            args.batch, args.patch, small = 1, 8, {"channels": 4, "blocks": 1}
        sets = runs.folders(args.test_data)
        train, data = sections(args)
        colors = [c for c in COLORS if c in args.colors]
        several = len(colors) > 1

        def execute(n: str, c: str, seed: int) -> runs.Result:
            network = {**model(n, args.deployed, c), **small}
            changed = {name: train.get(name, 1.0) * factor for name, factor in FACTORS.get(n, {}).items()}
            made = runs.Run(run_name(n, c, several), seed, network, {**train, **changed}, data)
            return runs.execute(made, args.out, sets)

        results = [[execute(n, c, seed) for seed in args.seeds] for n in names for c in colors]
    form = "fixed point" if args.deployed else "float form"
    kinds = " and ".join(COLORS[c] for c in colors)
    title = f"Schemes at equal budget, x2, {NETWORK['channels']} channels, 8 convolutions, {kinds}, {form}"
    table = runs.tell(title, results)
    if several:
        more = gains(names, results)
        rows(table[0], more)
        table += more
    if args.write:
        mark = "colors" if several else "compare_schemes"
        runs.write(args.write, mark, caption(args, "compare_schemes", given), table)
    if args.short:
        minutes = np.median([one.minutes for seeds in results for one in seeds])
        budget = f"{args.steps} steps of {args.batch} patches, {minutes:.0f} minutes on one shared core"
        seeds = ", ".join(map(str, args.seeds))
        told = f"{NETWORK['channels']} channels, 8 convolutions, {form}; seeds {seeds}: {budget}."
        runs.write(args.short, "schemes", [told], short(results))
    means = {r[0].run.name: {name: sum(one.sets[name][0] for one in r) / len(r) for name in sets} for r in results}
    for text in order({run: {s: v for s, v in found.items() if s not in HELD} for run, found in means.items()}):
        print(text)
    wrong = order({run: {s: v for s, v in found.items() if s in HELD} for run, found in means.items()})
    if wrong and not args.quick:
        raise AssertionError("; ".join(wrong))


if __name__ == "__main__":
    main()
