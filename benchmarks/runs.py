"""Many trainings with equal budgets: one folder each, continued after an interrupt, those that are finished skipped."""

from __future__ import annotations

import json
import math
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.common import heading, rows
from xnorsr.errors import UserError
from xnorsr.flows.steps.training import weights_file
from xnorsr.quant import deploy
from xnorsr.quant.accounting import account
from xnorsr.quant.config import DataConfig, TrainConfig
from xnorsr.quant.data import PatchDataset, Photo, load_source, read_folder
from xnorsr.quant.inference import low_resolution, score, upscale
from xnorsr.quant.progress import COURSE
from xnorsr.quant.saved import read_checkpoint
from xnorsr.quant.training import load_trained, train
from xnorsr.quant.zoo import NETWORKS, Network, build

SCORES = "scores.json"
WEIGHTS = "weights.pt"
WORKED = "processor_minutes"
_SETTLING = 32  # batches that a converted network's scales are settled on


@dataclass(frozen=True)
class Run:
    """One configuration with one seed.

    Attributes:
        model, train, data: fields of the sections of these names.
        begin: fields of the model and steps of a training that goes before, whose weights this one begins with.
        early: fields in which that training differs from this one; those of `train` that are None have their defaults.
        teacher: a run whose network is this one's teacher; trained once for all that have it.
        weights: file of a trained network that it begins with, of the same architecture but for bits and forms of
            weights; not with `begin`.
    """

    name: str
    seed: int
    model: dict[str, Any]
    train: dict[str, Any]
    data: dict[str, Any]
    begin: tuple[dict[str, Any], int] | None = None
    early: dict[str, Any] | None = None
    teacher: Run | None = None
    weights: Path | None = None

    @property
    def folder(self) -> str:
        """A name for its folder."""
        return f"{''.join(c if c.isalnum() else '_' for c in self.name)}-{self.seed}"

    def settings(self) -> dict[str, Any]:
        """All that its scores depend on, as JSON has it."""

        def plain(value: object) -> object:
            return value.settings() if isinstance(value, Run) else str(value)

        made = {name: value for name, value in vars(self).items() if value is not None}
        parts: dict[str, Any] = json.loads(json.dumps(made, default=plain))
        return parts


@dataclass
class Result:
    """Scores of one run: {set: (PSNR-Y in dB, SSIM-Y)}; minutes of training, that before it included.

    Attributes:
        processor: minutes of processor time; NaN where the training did not count it.
        teaching: the same of its teacher's training, 0 without one.
    """

    run: Run
    sets: dict[str, tuple[float, float]] = field(default_factory=dict)
    minutes: float = 0.0
    processor: float = math.nan
    teaching: float = 0.0


def scores(weights: Path, sets: dict[str, list[Photo]]) -> dict[str, tuple[float, float]]:
    """Mean PSNR-Y and SSIM-Y of a trained network on each set, single pass."""
    model = load_trained(weights)
    scale, colors = model.cfg.scale, model.cfg.colors
    found = {}
    for name, photos in sets.items():
        each = [score(upscale(model, low_resolution(p, scale, colors)), p, scale, colors) for p in photos]
        psnr, ssim = np.mean(each, 0).tolist()
        found[name] = (psnr, ssim)
    return found


def _minutes(folder: Path, kind: str = "minutes") -> float:
    """Minutes that the training in a folder took, and the one before it; NaN where they were not counted."""
    records = [f for f in (folder / COURSE, folder / "before" / COURSE) if f.is_file()]
    return sum(float(json.loads(f.read_text()).get(kind, math.nan)) for f in records)


def train_into(run: Run, folder: Path) -> None:
    """Trains a run into its folder, what goes before it, and, beside it, its teacher where that is not done yet."""
    data = DataConfig.model_validate(run.data)
    cfg = NETWORKS.validate(run.model)
    taught = {} if run.teacher is None else {"teacher": _finished(run.teacher, folder.parent) / WEIGHTS}
    settings = TrainConfig.model_validate({**run.train, **taught, "seed": run.seed})
    weights, start = run.weights, None
    if run.begin is not None:
        before, steps = run.begin
        first = folder / "before"
        fields = {**run.train, **(run.early or {}), "steps": steps, "seed": run.seed}
        early = TrainConfig.model_validate({k: v for k, v in fields.items() if v is not None})
        if not (first / WEIGHTS).is_file():
            train(data, NETWORKS.validate(before), early, first)
        weights = first / WEIGHTS
    if weights is not None:
        source = load_trained(weights)
        deploy.check_start(weights, source.cfg, cfg)
        photos, _ = load_source(data, cfg.colors)
        patches = PatchDataset(photos, data, cfg.scale, cfg.colors, settings.batch, run.seed)
        lows = (patches.batch_at(i)[0] for i in range(_SETTLING))
        start, _ = deploy.converted(source, cfg, lows)
    train(data, cfg, settings, folder, start=start)


def trained(path: Path) -> Network:
    """The network of a training's folder, of its weights, of a checkpoint of one that goes on, or of a name that comes
    along; in eval mode.

    Raises:
        UserError: there is none, or the file is damaged.
    """
    unfinished = path / "checkpoints/last.ckpt"
    if not (path / WEIGHTS).is_file() and unfinished.is_file():
        path = unfinished
    if path.suffix != ".ckpt":
        return load_trained(weights_file(path))
    content = read_checkpoint(path)
    model = build(NETWORKS.validate(json.loads(content["xnorsr_model"])))
    state = {name.removeprefix("model."): value for name, value in content["state_dict"].items()}
    model.load_state_dict({**state, **content["xnorsr_ema"]})  # averaged weights, as a finished training has
    return model.eval()


def _finished(run: Run, out: Path) -> Path:
    """The folder of a run, which is trained, continued, or left where it was finished before.

    Raises:
        UserError: its folder is of other settings; names them.
    """
    folder, settings = out / run.folder, run.settings()
    told = folder / "settings.json"
    folder.mkdir(parents=True, exist_ok=True)
    if told.is_file():
        before = json.loads(told.read_text())
        differing = [k for k in {**before, **settings} if before.get(k) != settings.get(k)]
        if differing:
            raise UserError(
                f"{folder}: was begun with other settings of {', '.join(differing)}; name another folder with "
                "--out, or remove it"
            )
    told.write_text(json.dumps(settings, indent=2) + "\n")
    if not (folder / WEIGHTS).is_file():
        print(f"{run.name}, seed {run.seed}: {folder}", flush=True)
        train_into(run, folder)
    return folder


def execute(run: Run, out: Path, sets: dict[str, list[Photo]]) -> Result:
    """The result of a run, which is trained, continued, or read where it was finished before.

    Raises:
        UserError: its folder is of other settings; names them.
    """
    folder = _finished(run, out)
    record = folder / SCORES
    found = json.loads(record.read_text()) if record.is_file() else {"sets": {}, "minutes": 0.0}
    missing = {name: photos for name, photos in sets.items() if name not in found["sets"]}
    if missing or not record.is_file():
        found["minutes"] = _minutes(folder)
        found["sets"] |= scores(folder / WEIGHTS, missing)
        part = record.with_suffix(".part")
        part.write_text(json.dumps(found) + "\n")
        os.replace(part, record)
    means = {n: (p, s) for n, (p, s) in found["sets"].items() if n in sets}
    teaching = 0.0 if run.teacher is None else _minutes(out / run.teacher.folder, WORKED)
    return Result(run, means, found["minutes"], _minutes(folder, WORKED), teaching)


def machine() -> str:
    """What the runs were made on."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        names = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if "model name" in line]
        name = names[0] if names else name
    return f"{name}, {os.cpu_count()} cores, {torch.get_num_threads()} threads"


COLUMNS = ("G OPs", "K parameters", "minutes")


def means(results: Sequence[Result]) -> list[str]:
    """A table's first cells for all seeds of one configuration: name, each set's means with the spread."""
    made = [results[0].run.name]
    for name in results[0].sets:
        psnr, ssim = ([r.sets[name][i] for r in results] for i in (0, 1))
        spread = f" ±{(max(psnr) - min(psnr)) / 2:.2f}" if len(psnr) > 1 else ""
        made.append(f"{np.mean(psnr):.2f}{spread} / {np.mean(ssim):.4f}")
    return made


def cells(results: Sequence[Result]) -> list[str]:
    """A table's cells for all seeds of one configuration: `means`, cost, minutes."""
    made = means(results)
    counted = account(NETWORKS.validate(results[0].run.model))
    minutes = sum(r.minutes for r in results) / len(results)
    return [*made, f"{counted.operations / 1e9:.2f}", f"{counted.parameters / 1e3:.1f}", f"{minutes:.1f}"]


def tell(title: str, results: Sequence[Sequence[Result]]) -> list[list[str]]:
    """Prints the table, and returns it with its header for `write`."""
    header = ["PSNR-Y in dB / SSIM-Y", *results[0][0].sets, *COLUMNS]
    table = [cells(r) for r in results]
    heading(title)
    rows(header, table)
    return [header, *table]


def write(page: Path, mark: str, text: Sequence[str], table: Sequence[Sequence[str]]) -> None:
    """Puts text and table between the lines `<!-- mark -->` and `<!-- /mark -->` of a page.

    Raises:
        UserError: the page has no such lines.
    """
    first, last = f"<!-- {mark} -->", f"<!-- /{mark} -->"
    whole = page.read_text(encoding="utf-8")
    before, found, rest = whole.partition(first)
    _, ended, after = rest.partition(last)
    if not found or not ended:
        raise UserError(f"{page}: has no lines {first} and {last} to write between")
    header, *lines = ["| " + " | ".join(row) + " |" for row in table]
    rule = "|" + " --- |" * len(table[0])
    page.write_text(before + "\n".join([first, *text, "", header, rule, *lines, last]) + after, encoding="utf-8")


def folders(names: Sequence[Path]) -> dict[str, list[Photo]]:
    """The photographs of test folders, by the folder's name."""
    return {folder.name: read_folder(folder) for folder in names}
