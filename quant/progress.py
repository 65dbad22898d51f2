"""What a person sees of a training, and what is kept of its course."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import time
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from .config import TrainConfig

#: File in the training's folder that says how the training went.
COURSE = "training.json"
#: Seconds between two lines where there is no terminal.
LINE_SECONDS = 30.0
#: The loss curve has at most so many points.
MOST_POINTS = 400


class Bar(Callback):
    """Progress bar by the schedule's fraction, so that the remaining time is right under a time limit too."""

    def __init__(self) -> None:
        self.bar = Progress(
            TextColumn("train"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("step {task.fields[step]}  loss {task.fields[loss]:.4f}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
        )
        self.task = self.bar.add_task("train", total=1.0, step=0, loss=0.0)
        self.loss: float | None = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.bar.start()

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, outputs: Any, *_: Any) -> None:
        step = trainer.global_step
        now = float(outputs["loss"])
        self.loss = now if self.loss is None or step < 10 else 0.95 * self.loss + 0.05 * now
        if step % 5 == 0 or pl_module.progress >= 1:
            self.bar.update(self.task, completed=pl_module.progress, step=step, loss=self.loss)

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        self.bar.stop()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self.bar.stop()


class Lines(Callback):
    """A line of text now and then: for a log file, where a bar would leave nothing.

    Args:
        seconds: between two lines; the first step and the last one have theirs in any case.
    """

    def __init__(self, console: Console, seconds: float = LINE_SECONDS) -> None:
        self.console, self.seconds = console, seconds
        self.last = -float("inf")
        self.sum, self.count = 0.0, 0

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, outputs: Any, *_: Any) -> None:
        self.sum, self.count = self.sum + float(outputs["loss"]), self.count + 1
        now, progress = time.monotonic(), pl_module.progress
        if now - self.last < self.seconds and progress < 1:
            return
        self.last = now
        elapsed = pl_module.elapsed
        left = f", about {clock(elapsed * (1 - progress) / progress)} left" if 0 < progress < 1 else ""
        self.console.print(
            f"train: step {trainer.global_step} of {pl_module.cfg.steps}, {100 * progress:.0f} %, "
            f"loss {self.sum / self.count:.4f}, {clock(elapsed)}{left}",
            soft_wrap=True,
        )
        self.sum, self.count = 0.0, 0


def hardware(accelerator: str, processes: int) -> str:
    """What a training runs on: processor, cores of this machine or GPUs, version of PyTorch."""
    if accelerator == "gpu":
        what = f"{processes} x {torch.cuda.get_device_name()}"
    else:
        name = platform.processor() or platform.machine()
        with contextlib.suppress(OSError, StopIteration):
            lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
            name = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
        what = f"{name}, {os.cpu_count()} cores" + (f", {processes} processes" if processes > 1 else "")
    return f"{what}; PyTorch {torch.__version__}"


def clock(seconds: float) -> str:
    """Seconds as "1:02:03" or "2:03"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class Course(Callback):
    """Keeps the loss curve, through interrupts; `write` writes `COURSE`.

    The curve has a point for every so many steps: their mean. When there are `MOST_POINTS`, two by two become one.
    """

    def __init__(self, folder: Path, cfg: TrainConfig) -> None:
        self.folder, self.cfg = folder, cfg
        self.span, self.points = 1, list[list[float]]()
        self.sum, self.count = 0.0, 0

    def state_dict(self) -> dict[str, Any]:
        return {"span": self.span, "points": self.points, "sum": self.sum, "count": self.count}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.span, self.points = state_dict["span"], state_dict["points"]
        self.sum, self.count = state_dict["sum"], state_dict["count"]

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, outputs: Any, *_: Any) -> None:
        self.sum, self.count = self.sum + float(outputs["loss"]), self.count + 1
        if self.count < self.span:
            return
        self.points.append([trainer.global_step, self.sum / self.count])
        self.sum, self.count = 0.0, 0
        if len(self.points) == MOST_POINTS:
            pairs = zip(self.points[::2], self.points[1::2], strict=True)
            self.points = [[second[0], (first[1] + second[1]) / 2] for first, second in pairs]
            self.span *= 2

    def write(self, steps: int, seconds: float, worked: float) -> None:
        """Write the file, for a training of so many steps, seconds, and seconds of processor time."""
        record = {
            "steps": steps,
            "steps_asked": self.cfg.steps,
            "minutes": seconds / 60,
            "processor_minutes": worked / 60,
            "max_minutes": self.cfg.max_minutes,
            "batch": self.cfg.batch,
            "seed": self.cfg.seed,
            "threads": torch.get_num_threads(),
            "hardware": hardware(self.cfg.accelerator, self.cfg.processes),
            "loss": self.points,
        }
        (self.folder / COURSE).write_text(json.dumps(record) + "\n", encoding="utf-8")
