"""Training with Lightning: L1 loss, Adam, a schedule that always anneals to its end, checkpoints that survive Ctrl-C.

`train` writes into its output folder: `weights.pt` (state dict and configuration, loads without pickled code),
`checkpoints/last.ckpt` (to resume from), `training.json` (steps done, time, loss curve) and `log/` (TensorBoard).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import signal
import time
import warnings
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.trainer.states import TrainerStatus
from rich.console import Console

from ..errors import UserError
from . import distributed, zoo
from .adversarial import learner_for
from .config import DataConfig, NetworkConfig, TrainConfig
from .data import PatchDataset, Photo, load_source, loader
from .distillation import Teacher
from .inference import evaluate
from .learner import Finish, Learner, learning_rate
from .progress import Bar, Course, Lines
from .saved import check_fits, load_trained, read_checkpoint, save_trained
from .start import change_start, refuse_start
from .zoo import NETWORKS, Network

__all__ = ["Learner", "learning_rate", "load_trained", "save_trained", "train"]


class _Keeper(Callback):
    """Writes the checkpoint every so many steps and on an interrupt; logs learning rate and validation."""

    def __init__(self, path: Path, cfg: TrainConfig, holdout: list[Photo]) -> None:
        self.path = path
        self.cfg = cfg
        self.holdout = holdout

    def save(self, trainer: Trainer) -> None:
        """Writes a new file, then renames: an interrupt leaves the old one or the new one, never half of one."""
        trainer.lightning_module.check_weights()
        part = self.path.with_suffix(".part")
        trainer.save_checkpoint(part)  # by all processes together
        if trainer.is_global_zero:
            os.replace(part, self.path)

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        step = trainer.global_step
        if step % self.cfg.checkpoint_steps == 0:
            self.save(trainer)
        if step % 50 == 0 and pl_module.logger is not None:
            pl_module.logger.log_metrics({"lr": trainer.optimizers[0].param_groups[0]["lr"]}, step)
        due = self.cfg.validate_steps and step % self.cfg.validate_steps == 0
        if self.holdout and due and trainer.is_global_zero:
            self.validate(trainer, pl_module)

    def validate(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """PSNR-Y and SSIM-Y of the held-out photographs into the log."""
        model = pl_module.model
        scores = evaluate(model, self.holdout, model.cfg.scale, model.cfg.colors)
        pl_module.logger.log_metrics({k: v for k, v in scores.items() if k != "images"}, trainer.global_step)
        pl_module.logger.experiment.flush()

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.save(trainer)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        # Lightning turns SIGTERM into a kind of SystemExit.
        # Of several processes each may be in another step: what is kept is the last checkpoint.
        one = trainer.world_size == 1
        if isinstance(exception, KeyboardInterrupt | SystemExit) and trainer.global_step and one:
            self.save(trainer)


def _flat(table: dict[str, Any], prefix: str) -> dict[str, Any]:
    """Leaves of nested tables by dotted name."""
    leaves: dict[str, Any] = {}
    for key, value in table.items():
        name = f"{prefix}.{key}"
        leaves |= _flat(value, name) if isinstance(value, dict) else {name: value}
    return leaves


def _check_same(path: Path, stored: str, wanted: NetworkConfig) -> None:
    try:
        table = dict(json.loads(stored))
    except (ValueError, TypeError, RecursionError) as e:
        raise UserError(
            f"checkpoint {path} is damaged: its xnorsr_model is no configuration; use a copy of it, or train again"
        ) from e
    with contextlib.suppress(ValueError):
        # Fields that are younger than the checkpoint have their defaults.
        table = NETWORKS.validate(table).model_dump(mode="json")
    have, want = _flat(table, "model"), _flat(wanted.model_dump(mode="json"), "model")
    differing = [k for k in {**have, **want} if have.get(k) != want.get(k)]
    if differing:
        listed = ", ".join(
            f"{k} (checkpoint {have.get(k, 'without it')}, asked for {want.get(k, 'without it')})" for k in differing
        )
        raise UserError(
            f"checkpoint {path} is of another architecture: {listed}; set these fields as in the checkpoint, "
            "choose another output folder, or train without resuming"
        )


def _digest(cfg: TrainConfig) -> str | None:
    """SHA-256 of the teacher's file, hexadecimal; None without a teacher.

    Raises:
        UserError: the file cannot be read.
    """
    if cfg.teacher is None:
        return None
    try:
        return hashlib.sha256(cfg.teacher.read_bytes()).hexdigest()
    except OSError as e:
        raise UserError(
            f"train.teacher {cfg.teacher}: {e.strerror or e}; name the weights.pt of a trained network"
        ) from e


def _check_same_teacher(path: Path, stored: str | None, digest: str | None, cfg: TrainConfig) -> None:
    if stored == digest:
        return
    had = "without a teacher" if stored is None else f"with a teacher of SHA-256 {stored}"
    given = "no train.teacher is given" if digest is None else f"train.teacher {cfg.teacher} has {digest}"
    raise UserError(
        f"checkpoint {path} was trained {had}, {given}; train as before, choose another output folder, or train "
        "without resuming"
    )


def _teacher(student: Network, cfg: TrainConfig, digest: str | None) -> Teacher | None:
    """The teacher of a network; torch's random generator stays as it is."""
    if cfg.teacher is None or digest is None:
        return None
    with torch.random.fork_rng(devices=[]):
        return Teacher(load_trained(cfg.teacher), student, cfg, digest)


def _started(model_cfg: NetworkConfig, cfg: TrainConfig, start: Network | None) -> Network:
    """The network as it goes into the training."""
    if start is not None:
        refuse_start(cfg)
        return start
    model = zoo.build(model_cfg)
    change_start(model, cfg)
    return model


def _fit(trainer: Trainer, learner: Learner, dataset: PatchDataset, checkpoint: Path | None) -> None:
    """trainer.fit, with Lightning's exit on Ctrl-C turned back into KeyboardInterrupt."""
    handler = signal.getsignal(signal.SIGINT)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            trainer.fit(learner, loader(dataset, learner.cfg.workers), ckpt_path=checkpoint, weights_only=True)
    except SystemExit as e:
        signal.signal(signal.SIGINT, handler)
        if type(e) is SystemExit and trainer.state.status == TrainerStatus.INTERRUPTED:
            raise KeyboardInterrupt from None
        raise


def _shown(progress: bool) -> list[Callback]:
    """What shows the progress: a bar in a terminal, lines where there is none."""
    console = Console(highlight=False)
    return [] if not progress else [Bar() if console.is_terminal else Lines(console)]


def train(
    data_cfg: DataConfig,
    model_cfg: NetworkConfig,
    train_cfg: TrainConfig,
    out_dir: str | Path,
    resume: bool = True,
    progress: bool = True,
    start: Network | None = None,
) -> Path:
    """Trains a network; called again after an interrupt it goes on where it stopped.

    Args:
        out_dir: made if need be.
        resume: start from `out_dir`/checkpoints/last.ckpt where that exists.
        progress: show a progress bar, or lines now and then where there is no terminal.
        start: a network of `model_cfg` to begin with, instead of start weights; changed in place.

    Returns:
        The path of weights.pt, for `load_trained`.

    Raises:
        UserError: bad images, validation without held-out images, a checkpoint of another architecture, format or
            teacher, a teacher that does not fit, settings without effect on this network, an output folder that cannot
            be written, devices or a precision that are not allowed, or a loss that is no number.
        KeyboardInterrupt: on Ctrl-C, after the checkpoint is written.
    """
    distributed.check_possible(model_cfg, train_cfg)
    with distributed.helped(train_cfg, train, (data_cfg, model_cfg, train_cfg, out_dir, resume, False)):
        return _train(data_cfg, model_cfg, train_cfg, Path(out_dir), resume, progress, start)


def _train(
    data_cfg: DataConfig,
    model_cfg: NetworkConfig,
    train_cfg: TrainConfig,
    out_dir: Path,
    resume: bool,
    progress: bool,
    start: Network | None,
) -> Path:
    """As `train`, in one of the processes that it takes."""
    started = time.monotonic()
    share = distributed.place(train_cfg)
    first_process = share[0] == 0
    checkpoint = out_dir / "checkpoints" / "last.ckpt"
    first = 0
    resuming = resume and checkpoint.is_file()
    digest = _digest(train_cfg)
    if resuming:
        content = read_checkpoint(checkpoint)
        _check_same(checkpoint, content["xnorsr_model"], model_cfg)
        _check_same_teacher(checkpoint, content.get("xnorsr_teacher"), digest, train_cfg)
        first = content["global_step"]
    photos, holdout = load_source(data_cfg, model_cfg.colors)
    if train_cfg.validate_steps and not holdout:
        raise UserError(
            f"train.validate_steps = {train_cfg.validate_steps}: no photograph is held out to validate on; name some "
            "in data.holdout, or set train.validate_steps to 0"
        )
    dataset = PatchDataset(
        photos, data_cfg, model_cfg.scale, model_cfg.colors, train_cfg.batch, train_cfg.seed, first, share
    )
    try:
        checkpoint.parent.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise UserError(f"cannot write into {out_dir}: {e.strerror or e}; choose another output folder") from e
    if train_cfg.threads or train_cfg.devices > 1:
        # Processes that each took all cores would wait for each other.
        torch.set_num_threads(train_cfg.threads or max((os.cpu_count() or 1) // train_cfg.devices, 1))
    torch.manual_seed(train_cfg.seed)
    model = _started(model_cfg, train_cfg, start)
    learner = learner_for(model, train_cfg, started, _teacher(model, train_cfg, digest))
    if resuming:
        check_fits(checkpoint, content, learner)
    course = Course(out_dir, train_cfg)
    keeper = _Keeper(checkpoint, train_cfg, holdout)
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    trainer = Trainer(
        accelerator=train_cfg.accelerator,
        devices=train_cfg.devices,
        num_nodes=train_cfg.nodes,
        strategy=distributed.strategy(train_cfg),
        precision="32-true" if train_cfg.precision == "32" else train_cfg.precision,
        max_steps=train_cfg.steps,
        logger=TensorBoardLogger(out_dir, name="log", version="") if first_process else False,
        callbacks=[Finish(), course, *_shown(progress and first_process), keeper],
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        log_every_n_steps=50,
    )
    _fit(trainer, learner, dataset, checkpoint if resuming else None)
    if not first_process:
        return out_dir / "weights.pt"
    course.write(trainer.global_step, learner.elapsed, learner.worked)
    path = out_dir / "weights.pt"
    save_trained(learner.averaged().eval(), path)
    if holdout:
        keeper.validate(trainer, learner)
    return path
