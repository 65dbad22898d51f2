"""What each choice of a training is worth: at as many pixels seen in all, and at equal time; two seeds at least.

    python -m benchmarks.training_choices --train-data T91 BSDS200 General100 --test-data Set5 Set14 B100 --steps 20000
        --seeds 1 2 [--lr 1e-3] [--only NAME ...] [--out build/training_choices] [--write docs/results.md] [--quick]

The network of `compare_schemes` with the scheme W1A1 in fixed point. Each row changes one thing of the first, `base`.
What comes before a training (a warm start, the first of two steps) has half of its pixels. The teacher is the network
in full precision, trained once, with twice the first row's pixels; its time is told beside the rows that it teaches.

Time is processor time of the training process, forward and backward passes, batches, optimizer and checkpoints
included, measuring on test sets not. `base` is trained at half and at twice the pixels as well: between these three
its quality is taken to be linear in the logarithm of time, and "at equal time" is a row's mean PSNR-Y less that of
`base` at the row's time; once without and once with the teacher's time.
"""

from __future__ import annotations

import argparse
import itertools
import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks import runs
from benchmarks.common import heading, rows
from benchmarks.compare_schemes import arguments, caption, check_names, model, quick

TRAIN: dict[str, Any] = {"batch": 16, "lr": 1e-3, "ema": 0.999, "clip_latent": 1.0, "schedule": "cosine"}
PATCH = 32
BASE = "base"
#: Rows that are the first one with other budgets.
BUDGETS = (BASE, "half the steps", "twice the steps")
TEACHER = "teacher"
_STEP = 5e-6  # weight decay in the first of two steps; its second one has none


@dataclass(frozen=True)
class Choice:
    """What differs from the first row.

    Attributes:
        train: fields of the training.
        lr: learning rate over that of the first row.
        patch: side of a patch in low-resolution pixels.
        budget: pixels seen in all, over those of the first row.
        before: scheme and form of a training that gets half of the steps; its weights are the start.
        early: fields in which that training differs.
        taught: fields of the training, with the teacher.
    """

    train: dict[str, Any] = field(default_factory=dict)
    lr: float = 1.0
    patch: int = PATCH
    budget: float = 1.0
    before: tuple[str, bool] | None = None
    early: dict[str, Any] | None = None
    taught: dict[str, Any] | None = None


CHOICES: dict[str, Choice] = {
    BASE: Choice(),
    "half the steps": Choice(budget=0.5),
    "twice the steps": Choice(budget=2.0),
    "lr x 0.25": Choice(lr=0.25),
    "lr x 0.5": Choice(lr=0.5),
    "lr x 2": Choice(lr=2.0),
    "lr x 4": Choice(lr=4.0),
    "latent weights' lr x 0.3": Choice({"latent_lr": 0.3}),
    "latent weights' lr x 3": Choice({"latent_lr": 3.0}),
    "latent weights within 0.3": Choice({"clip_latent": 0.3}),
    "latent weights start x 0.1": Choice({"latent_start": 0.1}),
    "gains start at 0": Choice({"gain_start": 0.0}),
    "gains start at 0, half the steps": Choice({"gain_start": 0.0}, budget=0.5),
    "gains start at 0, twice the steps": Choice({"gain_start": 0.0}, budget=2.0),
    "gains start at 0, teacher's picture": Choice({"gain_start": 0.0}, taught={"distill_output": 1.0}),
    "gains start x 2": Choice({"gain_start": 2.0}),
    "activations' gradient clipped": Choice({"activation_gradient": "clipped"}),
    "activations' gradient annealed": Choice({"activation_gradient": "annealed"}),
    "weights' gradient clipped": Choice({"weight_gradient": "clipped"}),
    "weights' gradient polynomial": Choice({"weight_gradient": "polynomial"}),
    "both gradients annealed": Choice({"activation_gradient": "annealed", "weight_gradient": "annealed"}),
    "weight decay": Choice({"weight_decay": _STEP}),
    "activations first, then weights": Choice(before=("W1A1", True), early={"binary_weights": False}),
    "activations first with weight decay": Choice(
        before=("W1A1", True), early={"binary_weights": False, "weight_decay": _STEP}
    ),
    "two trainings, the first with weight decay": Choice(before=("W1A1", True), early={"weight_decay": _STEP}),
    "warm start from float": Choice(before=("full precision", False)),
    "warm start from its float form": Choice(before=("W1A1", False)),
    "teacher's picture": Choice(taught={"distill_output": 1.0}),
    "teacher's features": Choice(taught={"distill_features": 0.02}),
    "teacher's picture and features": Choice(taught={"distill_output": 1.0, "distill_features": 0.02}),
    "no averaged weights": Choice({"ema": 0.0}),
    "lr halved in steps": Choice({"schedule": "step"}),
    "batch 8, twice the steps": Choice({"batch": 8}),
    "batch 32, half the steps": Choice({"batch": 32}),
    "patch 16, batch 64": Choice({"batch": 64}, patch=16),
    "patch 64, batch 4": Choice({"batch": 4}, patch=64),
}


def run(name: str, seed: int, steps: int, source: list[str], lr: float = TRAIN["lr"], teacher: int = 1) -> runs.Run:
    """The run of a choice.

    Args:
        steps, lr: those of the first row.
        teacher: seed of the teacher's training.
    """
    choice = CHOICES[name]
    train = {**TRAIN, "lr": lr * choice.lr, **choice.train, **(choice.taught or {})}
    pixels = int(choice.budget * steps) * TRAIN["batch"] * PATCH**2
    train["steps"] = pixels // (train["batch"] * choice.patch**2)
    begin = None
    if choice.before is not None:
        half = train["steps"] // 2
        train["steps"], begin = train["steps"] - half, (model(*choice.before, "rgb"), half)
    data = {"source": source, "patch": choice.patch, "holdout": []}
    taught = None
    if choice.taught is not None:
        how = {**TRAIN, "steps": 2 * steps}
        taught = runs.Run(TEACHER, teacher, model("full precision", False, "rgb"), how, dict(data))
    return runs.Run(name, seed, model("W1A1", True, "rgb"), train, data, begin, choice.early, taught)


def quality(results: Sequence[runs.Result]) -> float:
    """Mean PSNR-Y in dB over sets and seeds."""
    return float(np.mean([psnr for r in results for psnr, _ in r.sets.values()]))


def minutes(results: Sequence[runs.Result]) -> float:
    """Mean processor minutes, what came before included, a teacher not."""
    return float(np.mean([r.processor for r in results]))


def base_at(time: float, course: Sequence[tuple[float, float]]) -> float:
    """PSNR-Y in dB of the first row at a time: linear in its logarithm, beyond both ends as between the last two.

    Args:
        course: minutes and dB at two budgets or more.
    """
    points = sorted((math.log(t), db) for t, db in course)
    at = math.log(time)
    (t0, y0), (t1, y1) = next((pair for pair in itertools.pairwise(points) if at <= pair[1][0]), points[-2:])
    return y0 + (y1 - y0) * (at - t0) / (t1 - t0)


COLUMNS = ("processor minutes", "its teacher's", "dB at equal pixels", "dB at equal time", "with its teacher's time")


def table(results: Sequence[Sequence[runs.Result]]) -> list[list[str]]:
    """Header and rows: scores, minutes, and what each choice is worth against the first row."""
    by_name = {r[0].run.name: r for r in results}
    course = [(minutes(by_name[n]), quality(by_name[n])) for n in BUDGETS if n in by_name]
    made = [["PSNR-Y in dB / SSIM-Y", *results[0][0].sets, *COLUMNS]]
    for each in results:
        time, teaching, mean = minutes(each), each[0].teaching, quality(each)
        row = [*runs.means(each), f"{time:.2f}", f"{teaching:.2f}" if teaching else "-"]
        name = each[0].run.name
        other = name in CHOICES and name not in BUDGETS
        alike = [by_name[n] for n in BUDGETS if n in by_name and other and CHOICES[n].budget == CHOICES[name].budget]
        row.append(f"{mean - quality(alike[0]):+.2f}" if alike else "-")
        timed = other and len(course) > 1
        row.append(f"{mean - base_at(time, course):+.2f}" if timed else "-")
        row.append(f"{mean - base_at(time + teaching, course):+.2f}" if timed and teaching else "-")
        made.append(row)
    return made


def counted(args: argparse.Namespace, given: list[str] | None, budgets: int) -> list[str]:
    """What the table is headed with; `budgets` are those of the first row that it has."""
    return [
        *caption(args, "training_choices", given),
        f"Learning rate of `{BASE}` {args.lr:g}. Minutes are processor time of one training and what came before it, "
        f"passes, batches and checkpoints counted, measuring not; the teacher's ({2 * args.steps} steps in full "
        "precision, once for all rows) stand beside. dB: mean over the sets, less that of "
        f"`{BASE}` at as many pixels, and at as many minutes, between its {budgets} budgets linear in the "
        "logarithm of time, continued beyond them.",
    ]


def main(given: list[str] | None = None) -> None:
    """Run, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments(parser)
    parser.add_argument("--lr", type=float, default=TRAIN["lr"], help="the first row's, on which the others build")
    parser.add_argument("--out", type=Path, default=Path("build/training_choices"))
    args = parser.parse_args(given)
    names = check_names(parser, args, list(CHOICES))
    torch.set_num_threads(args.threads)
    with tempfile.TemporaryDirectory() as folder:
        if args.quick:
            quick(args, Path(folder))
        sets = runs.folders(args.test_data)
        source = [str(f) for f in args.train_data]
        results, teacher = [], None
        for name in names:
            made = [run(name, seed, args.steps, source, args.lr, args.seeds[0]) for seed in args.seeds]
            for one in [r for m in made for r in (m, m.teacher) if r is not None]:
                one.train["threads"] = args.threads
                if args.quick:
                    one.train["batch"], one.data["patch"] = 1, 8
            results.append([runs.execute(one, args.out, sets) for one in made])
            teacher = teacher or made[0].teacher
        if teacher is not None:
            results.append([runs.execute(teacher, args.out, sets)])
    told = table(results)
    heading("Choices of a training, W1A1 in fixed point, x2")
    rows(told[0], told[1:])
    if args.write:
        runs.write(args.write, "training_choices", counted(args, given, sum(n in BUDGETS for n in names)), told)


if __name__ == "__main__":
    main()
