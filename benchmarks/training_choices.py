"""What each choice of a training is worth, at equal budget: as many pixels seen in all, two seeds at least.

    python -m benchmarks.training_choices --train-data T91 BSDS200 General100 --test-data Set5 Set14 B100 --steps 20000
        --seeds 1 2 [--only NAME ...] [--out build/training_choices] [--write docs/results.md] [--quick]

The network of `compare_schemes` with the scheme W1A1 in fixed point. Each row changes one thing of the first one. A
warm start gives half of its steps to the training before it. Larger patches or batches have fewer steps.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from benchmarks import runs
from benchmarks.compare_schemes import arguments, caption, check_names, model, quick

TRAIN: dict[str, Any] = {"batch": 16, "lr": 1e-3, "ema": 0.999, "clip_latent": 1.0, "schedule": "cosine"}
PATCH = 32


@dataclass(frozen=True)
class Choice:
    """What differs from the first row.

    Attributes:
        train: fields of the training.
        patch: side of a patch in low-resolution pixels.
        budget: pixels seen in all, over those of the first row.
        before: scheme and form of a training that gets half of the steps; its weights are the start.
    """

    train: dict[str, Any] = field(default_factory=dict)
    patch: int = PATCH
    budget: float = 1.0
    before: tuple[str, bool] | None = None


CHOICES: dict[str, Choice] = {
    "as recipes have it": Choice(),
    "half the steps": Choice(budget=0.5),
    "twice the steps": Choice(budget=2.0),
    "lr 5e-4": Choice({"lr": 5e-4}),
    "lr 2e-3": Choice({"lr": 2e-3}),
    "lr 4e-3": Choice({"lr": 4e-3}),
    "latent weights' lr x 0.3": Choice({"latent_lr": 0.3}),
    "latent weights' lr x 3": Choice({"latent_lr": 3.0}),
    "latent weights within 0.3": Choice({"clip_latent": 0.3}),
    "no averaged weights": Choice({"ema": 0.0}),
    "lr halved in steps": Choice({"schedule": "step"}),
    "batch 8, twice the steps": Choice({"batch": 8}),
    "batch 32, half the steps": Choice({"batch": 32}),
    "patch 16, batch 64": Choice({"batch": 64}, patch=16),
    "patch 64, batch 4": Choice({"batch": 4}, patch=64),
    "warm start from float": Choice(before=("full precision", False)),
    "warm start from its float form": Choice(before=("W1A1", False)),
}


def run(name: str, seed: int, steps: int, source: list[str]) -> runs.Run:
    """The run of a choice; `steps` are those of the first row."""
    choice = CHOICES[name]
    train = {**TRAIN, **choice.train}
    pixels = int(choice.budget * steps) * TRAIN["batch"] * PATCH**2
    train["steps"] = pixels // (train["batch"] * choice.patch**2)
    begin = None
    if choice.before is not None:
        half = train["steps"] // 2
        train["steps"], begin = train["steps"] - half, (model(*choice.before, "rgb"), half)
    data = {"source": source, "patch": choice.patch, "holdout": []}
    return runs.Run(name, seed, model("W1A1", True, "rgb"), train, data, begin)


def main(given: list[str] | None = None) -> None:
    """Run, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments(parser)
    parser.add_argument("--out", type=Path, default=Path("build/training_choices"))
    args = parser.parse_args(given)
    names = check_names(parser, args, list(CHOICES))
    torch.set_num_threads(args.threads)
    with tempfile.TemporaryDirectory() as folder:
        if args.quick:
            quick(args, Path(folder))
        sets = runs.folders(args.test_data)
        source = [str(f) for f in args.train_data]
        results = []
        for name in names:
            made = [run(name, seed, args.steps, source) for seed in args.seeds]
            for one in made:
                one.train["threads"] = args.threads
                if args.quick:
                    one.train["batch"], one.data["patch"] = 1, 8
            results.append([runs.execute(one, args.out, sets) for one in made])
    table = runs.tell("Choices of a training at equal budget, W1A1 in fixed point, x2", results)
    if args.write:
        runs.write(args.write, "training_choices", caption(args, "training_choices", given), table)


if __name__ == "__main__":
    main()
