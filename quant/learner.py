"""One network in training: loss, optimizer, schedule, averaged weights, and what a checkpoint holds besides."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any, TypeVar

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from torch import Tensor, nn

from ..errors import UserError
from .config import TrainConfig
from .distillation import Teacher, outputs_of
from .finite import blame, wrong_parameter
from .layers import BinaryConv
from .quantizers import StatisticsQuant
from .start import prepare
from .zoo import Network

FORMAT = 2  # of weights and checkpoints: 2 since schemes and networks have configurations of their own
_FREEZE_AT = 0.5

T = TypeVar("T")


def learning_rate(cfg: TrainConfig, progress: float) -> float:
    """Learning rate at a progress of 0 to 1."""
    rise = min(progress / cfg.warmup, 1.0) if cfg.warmup else 1.0
    rise = max(rise, 1e-3)
    if cfg.schedule == "cosine":
        return cfg.lr * rise * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))
    return cfg.lr * rise * 0.5 ** sum(progress >= 1 - 0.5**k for k in (1, 2, 3, 4))


def parameter_groups(module: nn.Module, cfg: TrainConfig) -> list[dict[str, Any]]:
    """Parameters for an optimizer; latent binary weights in a group of their own where rate or decay differ.

    One group in all other cases, so that optimizers' states are those of earlier checkpoints.
    """
    every = list(module.parameters())
    if cfg.latent_lr == 1 and not cfg.weight_decay:
        return [{"params": every}]
    latent = [m.weight for m in module.modules() if isinstance(m, BinaryConv)]
    ids = {id(p) for p in latent}
    own = {"params": latent, "factor": cfg.latent_lr, "weight_decay": cfg.weight_decay}
    return [{"params": [p for p in every if id(p) not in ids]}, own]


class Learner(LightningModule):
    """One network in training.

    Args:
        model: network to train; changed in place.
        cfg: how to train.
        started: `time.monotonic()` from which the time limit counts.
        teacher: what the loss has a term for as well; in no checkpoint but by its digest.

    Raises:
        UserError: a setting has no effect on this network; names it.
    """

    def __init__(self, model: Network, cfg: TrainConfig, started: float, teacher: Teacher | None = None) -> None:
        super().__init__()
        self.signs = prepare(model, cfg)
        self.teacher = teacher
        self.model = model
        self.cfg = cfg
        self.started = started
        self.began = time.process_time()
        self.ema = {k: p.detach().clone() for k, p in model.named_parameters()} if cfg.ema else {}

    @property
    def elapsed(self) -> float:
        """Seconds of training, those before an interrupt included."""
        return time.monotonic() - self.started

    @property
    def worked(self) -> float:
        """Seconds of this process's processor time, those before an interrupt included; other work counts little."""
        return time.process_time() - self.began

    @property
    def progress(self) -> float:
        """The larger one of the fractions of steps and of time."""
        fraction = self.global_step / self.cfg.steps
        limit = self.cfg.max_minutes
        return min(max(fraction, self.elapsed / (60 * limit)) if limit else fraction, 1.0)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(parameter_groups(self, self.cfg), lr=self.cfg.lr)

    def on_fit_start(self) -> None:
        self.ema = {name: value.to(self.device) for name, value in self.ema.items()}
        if self.teacher is not None:
            self.teacher.network.to(self.device)

    def on_train_start(self) -> None:
        # Once more: Brevitas makes quantizers anew when weights are loaded, as from a checkpoint.
        self.signs = prepare(self.model, self.cfg)

    def on_train_batch_start(self, *_: Any) -> None:
        progress = self.progress
        for optimizer in self.trainer.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(self.cfg, progress) * group.get("factor", 1.0)
        for quant in self.signs:
            quant.progress = progress
        if progress >= _FREEZE_AT:
            # From here on weights adapt to scales that no longer move.
            for module in self.model.modules():
                if isinstance(module, StatisticsQuant):
                    module.frozen = True

    def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
        low, high = batch
        loss = self.guarded(low, lambda: self.objective(low, high))
        self.check_loss(low, loss)
        self.log("loss", loss, on_step=True)
        return loss

    def objective(self, low: Tensor, high: Tensor) -> Tensor:
        """The loss of a batch: the network's own, and the teacher's term where there is one."""
        if self.teacher is None:
            return self.model.loss(low, high)
        outputs, taught = self.taught(low)
        return self.model.loss_of(outputs, high) + taught

    def taught(self, low: Tensor) -> tuple[dict[str, Tensor], Tensor | float]:
        """The network's outputs for a batch, and what the teacher adds to the loss: 0 where there is none."""
        if self.teacher is None:
            return self.model.outputs(low), 0.0
        with outputs_of(self.teacher.watched(self.model)) as features:
            outputs = self.model.outputs(low)
        return outputs, self.teacher.term(low, outputs, features)

    def guarded(self, low: Tensor, compute: Callable[[], T]) -> T:
        """What the network computes of a batch.

        Raises:
            UserError: it fails because a value in it is no number; names step and layer.
        """
        try:
            return compute()
        except (ValueError, OverflowError) as e:
            # A scale that is to follow from NaN cannot be computed; anything else is the program's own fault.
            if blame(self.model, low) is None:
                raise
            raise self._stopped(low, "no number") from e

    def check_loss(self, low: Tensor, loss: Tensor) -> None:
        """Stops the training where the loss of a batch is no number.

        Raises:
            UserError: names step and layer.
        """
        if not bool(torch.isfinite(loss)):
            raise self._stopped(low, str(float(loss)))

    def _stopped(self, low: Tensor, loss: str) -> UserError:
        cause = blame(self.model, low)
        if cause is None and (other := wrong_parameter(self)) is not None:  # the discriminator's
            cause = f"parameter {other} is no number any more"
        cause = cause or "every layer's output is a number, the sum over the batch is not"
        return UserError(
            f"training stopped in step {self.global_step + 1}: the loss is {loss}; {cause}. The last checkpoint is "
            "kept: set a smaller train.lr (or a longer train.warmup) and train into another folder"
        )

    def check_weights(self) -> None:
        """Refuses to keep weights that are no numbers.

        Raises:
            UserError: a parameter holds an infinity or a NaN; names it and the step.
        """
        name = wrong_parameter(self.model) or wrong_parameter(self)
        if name is not None:
            raise UserError(
                f"training stopped after step {self.global_step}: parameter {name} is no number any more. The last "
                "checkpoint is kept: set a smaller train.lr (or a longer train.warmup) and train into another folder"
            )

    def finish_step(self) -> None:
        """What belongs to a step besides the optimizer's: `Finish` calls it before any checkpoint is written."""
        for module in self.model.modules():
            if isinstance(module, BinaryConv):
                module.clip_latent(self.cfg.clip_latent)
        if self.ema:
            # A short memory at first, so that the start weights do not linger.
            decay = min(self.cfg.ema, (1 + self.global_step) / (10 + self.global_step))
            now = [p.detach() for p in self.model.parameters()]
            torch._foreach_lerp_(list(self.ema.values()), now, 1 - decay)
        if self.progress >= 1:
            self.trainer.should_stop = True

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["xnorsr_format"] = FORMAT
        checkpoint["xnorsr_model"] = self.model.cfg.model_dump_json()
        checkpoint["xnorsr_elapsed"] = self.elapsed
        checkpoint["xnorsr_teacher"] = None if self.teacher is None else self.teacher.digest
        checkpoint["xnorsr_worked"] = self.worked
        checkpoint["xnorsr_ema"] = self.ema

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.started -= checkpoint["xnorsr_elapsed"]
        self.began -= checkpoint.get("xnorsr_worked", 0.0)  # which earlier versions did not count
        if self.ema:
            # A training that did not average so far starts with the weights that it has.
            weights = {name: checkpoint["state_dict"][f"model.{name}"].clone() for name in self.ema}
            self.ema = checkpoint["xnorsr_ema"] or weights

    def averaged(self) -> Network:
        """The network, with averaged weights where averaging is on."""
        with torch.no_grad():
            for name, p in self.model.named_parameters():
                if name in self.ema:
                    p.copy_(self.ema[name])
        return self.model


class Finish(Callback):
    """Ends each step. A callback, and the first one: Lightning calls the module's own hook behind all callbacks', and a
    checkpoint that was written between lacked the last step's end."""

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        assert isinstance(pl_module, Learner)
        pl_module.finish_step()
