"""Training: quality on Set5 x2 after minutes on two cores, and steps per second beside plain PyTorch.

    python -m benchmarks.training --train-data T91 --test-data Set5 [--minutes 5] [--quick]

Trains the demo recipe on the folder's photographs, exports, builds for each test image's frame, C-simulates it, and
prints PSNR-Y (two border pixels cropped) of bicubic, which checks the protocol, of Brevitas and of the C-simulation.
"""

from __future__ import annotations

import argparse
import logging
import statistics
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import Callback
from torch import Tensor

from benchmarks.common import heading, rows
from benchmarks.plain_torch import PlainSRResNet, PlainTrainer
from xnorsr.flows.config import Recipe, load_recipe
from xnorsr.hw.build import BuildOptions, build
from xnorsr.quant import zoo
from xnorsr.quant.config import DataConfig
from xnorsr.quant.data import PatchDataset, Photo, load_source, loader, read_folder
from xnorsr.quant.export import export
from xnorsr.quant.inference import bicubic_score, low_resolution, score, upscale
from xnorsr.quant.training import Learner, load_trained, train
from xnorsr.sim.csim import CSim

SET5_BICUBIC = 33.66
SET5_WANTED = 35.2
SPEED_WANTED = 0.6


class Interleaved(Callback):
    """Times some steps of the trainer, then as many plain ones, and so on: all meet the same load of the machine."""

    def __init__(self, plain: dict[str, PlainTrainer], batches: Iterator[tuple[Tensor, Tensor]], steps: int) -> None:
        self.plain, self.batches, self.steps = plain, batches, steps
        self.seconds: dict[str, list[float]] = {name: [] for name in ["xnorsr", *plain]}
        self.processor: dict[str, list[float]] = {name: [] for name in self.seconds}
        self.begin = (0.0, 0.0)

    def count(self, name: str, begin: tuple[float, float]) -> None:
        """One round of one network: wall and processor time since `begin`."""
        self.seconds[name].append(time.perf_counter() - begin[0])
        self.processor[name].append(time.process_time() - begin[1])

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        """Ends a round of the trainer's steps; the first round warms up and is dropped."""
        if trainer.global_step % self.steps:
            return
        warm = trainer.global_step > self.steps
        if warm:
            self.count("xnorsr", self.begin)
        for name, one in self.plain.items():
            begin = time.perf_counter(), time.process_time()
            for _ in range(self.steps):
                one.step(*next(self.batches))
            if warm:
                self.count(name, begin)
        self.begin = time.perf_counter(), time.process_time()


def speed(recipe: Recipe, photos: list[Photo], rounds: int, steps: int) -> float:
    """Prints training steps per second of xnorsr and of plain PyTorch; returns their ratio (medians of the rounds).

    Data loading, optimizer and Lightning are included; TensorBoard's log and checkpoints are not.
    """
    cfg = recipe.model
    torch.manual_seed(recipe.train.seed)
    dataset = PatchDataset(photos, recipe.data, cfg.scale, cfg.colors, recipe.train.batch, recipe.train.seed)
    plain = {
        name: PlainTrainer(PlainSRResNet(cfg, batch_norm), recipe.train.lr, recipe.train.clip_latent)
        for name, batch_norm in (("plain PyTorch", False), ("plain PyTorch with BatchNorm", True))
    }
    timing = Interleaved(plain, iter(loader(dataset, 0)), steps)
    endless = recipe.train.model_copy(update={"max_minutes": None, "steps": 10**6})
    learner = Learner(zoo.build(cfg), endless, time.monotonic())
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    trainer = Trainer(
        accelerator="cpu",
        devices=1,
        max_steps=(rounds + 1) * steps,
        logger=False,
        callbacks=[timing],
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            trainer.fit(learner, loader(dataset, 0))
    except SystemExit as e:
        # Lightning ends a terminated run with exit code 0, which would look like a benchmark that passed.
        raise KeyboardInterrupt from e
    rate = {name: steps / statistics.median(seconds) for name, seconds in timing.seconds.items()}
    cost = {name: 1e3 * statistics.median(seconds) / steps for name, seconds in timing.processor.items()}
    heading(
        f"Training speed, {cfg.channels} channels, {2 * cfg.blocks} binary layers, batch {recipe.train.batch} of "
        f"{recipe.data.patch}x{recipe.data.patch}, {torch.get_num_threads()} threads"
    )
    rows(
        ["", "steps/s", "xnorsr / this", "processor ms/step"],
        [[n, f"{r:.2f}", f"{rate['xnorsr'] / r:.2f}", f"{cost[n]:.0f}"] for n, r in rate.items()],
    )
    return rate["xnorsr"] / rate["plain PyTorch"]


def simulate(weights: Path, photos: list[Photo], folder: Path) -> dict[str, float]:
    """Prints PSNR-Y of each photograph and returns the means; the C-simulation must give Brevitas's codes.

    Raises:
        AssertionError: a code of the C-simulation differs from Brevitas.
    """
    model = load_trained(weights)
    scale, colors = model.cfg.scale, model.cfg.colors
    table, means = [], []
    for photo in photos:
        low = low_resolution(photo, scale, colors)
        place = folder / photo.name
        onnx_file = export(model, place / "model.onnx", low.shape[1], low.shape[2], [low], random_checks=0)
        built = build(onnx_file, place / "build", BuildOptions(), rtl=False)
        found = CSim(built.out_dir / "hls").run(np.moveaxis(low, 0, -1).astype(np.int64)).transpose(2, 0, 1)
        wanted = upscale(model, low)
        differ = int((found != wanted).sum())
        if differ:
            raise AssertionError(
                f"{photo.name}: {differ} of {found.size} codes of the C-simulation differ from Brevitas"
            )
        scores = (
            bicubic_score(photo, scale)[0],
            score(wanted, photo, scale, colors)[0],
            score(found.astype(np.uint8), photo, scale, colors)[0],
        )
        means.append(scores)
        table.append([photo.name, *(f"{s:.2f}" for s in scores), f"0 of {found.size:,}"])
    mean = dict(zip(("bicubic", "brevitas", "csim"), np.mean(means, 0).tolist(), strict=True))
    table.append(["mean", *(f"{s:.2f}" for s in mean.values()), ""])
    rows(["PSNR-Y, dB", "bicubic", "Brevitas", "C-simulation", "codes that differ"], table)
    return mean


def main(arguments: list[str] | None = None) -> None:
    """Run and print; raises if the protocol, the quality on Set5 or the speed is not as wanted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train-data", type=Path, help="folder of photographs to train on, such as T91")
    parser.add_argument(
        "--test-data", type=Path, help="folder of photographs to test on; Set5 is checked against published figures"
    )
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument(
        "--steps", type=int, help="number of steps, instead of minutes; 3000 take 5 minutes on two idle cores"
    )
    parser.add_argument("--recipe", default="demo")
    parser.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", help="as of `xnorsr run`")
    parser.add_argument("--speed-only", action="store_true", help="no quality, only steps per second")
    parser.add_argument("--quick", action="store_true", help="a few steps on photographs that come with a dependency")
    parser.add_argument("--threads", type=int, default=2, help="torch's")
    args = parser.parse_args(arguments)
    torch.set_num_threads(args.threads)
    recipe = load_recipe(args.recipe, args.set)
    if args.quick:
        recipe = load_recipe(args.recipe, [*args.set, "model.channels=4", "model.blocks=1", "train.steps=3"])
    elif not args.speed_only and (args.train_data is None or args.test_data is None):
        parser.error("--train-data and --test-data are needed (folders of photographs, such as T91 and Set5)")
    if args.train_data is not None:
        recipe = recipe.model_copy(update={"data": _folder(recipe.data, args.train_data)})
    photos, held_out = load_source(recipe.data, recipe.model.colors)
    checks: list[tuple[bool, str]] = []
    if not args.speed_only:
        test = read_folder(args.test_data) if args.test_data is not None else [_small(held_out[0])]
        if args.quick or args.steps:
            limit = {"max_minutes": None, "steps": args.steps or recipe.train.steps}
        else:
            limit = {"max_minutes": args.minutes, "steps": 10**6}
        mean = _quality(recipe, limit, test, str(args.train_data or "embedded photographs"))
        if not args.quick and args.test_data.name.lower() == "set5" and recipe.model.scale == 2:
            checks += set5_checks(mean, enough=args.steps is not None or args.minutes >= 5)
    ratio = speed(recipe, photos, *((1, 2) if args.quick else (7, 10)))
    if not args.quick:
        checks.append(
            (ratio >= SPEED_WANTED, f"{ratio:.2f} of plain PyTorch's steps per second; it must be {SPEED_WANTED}")
        )
    failed = [text for fine, text in checks if not fine]
    if failed:
        raise AssertionError("; ".join(failed))


def _quality(recipe: Recipe, limit: dict[str, Any], test: list[Photo], data: str) -> dict[str, float]:
    """Train within a limit of minutes or steps, then simulate."""
    with tempfile.TemporaryDirectory(prefix="xnorsr-bench-") as folder:
        begin = time.perf_counter()
        training = recipe.train.model_copy(update=limit)
        weights = train(recipe.data, recipe.model, training, Path(folder) / "train", resume=False, progress=False)
        heading(f"x{recipe.model.scale} after {(time.perf_counter() - begin) / 60:.1f} minutes on {data}")
        return simulate(weights, test, Path(folder))


def set5_checks(mean: dict[str, float], enough: bool) -> list[tuple[bool, str]]:
    """Checks of the protocol and, after enough training, of the quality: (whether it holds, what is wrong if not)."""
    bicubic, csim = mean["bicubic"], mean["csim"]
    return [
        (abs(bicubic - SET5_BICUBIC) <= 0.02, f"bicubic gives {bicubic:.3f} dB on Set5 x2, {SET5_BICUBIC} in papers"),
        (not enough or csim >= SET5_WANTED, f"{csim:.2f} dB on Set5 x2, wanted {SET5_WANTED}"),
    ]


def _folder(data: DataConfig, folder: Path) -> DataConfig:
    return data.model_copy(update={"source": [folder], "holdout": []})


def _small(photo: Photo) -> Photo:
    return Photo(photo.name, photo.pixels[:32, :40])


if __name__ == "__main__":
    main()
