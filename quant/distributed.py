"""Training on several devices: one process for each. The first one of a machine starts the others.

Every process takes its share of the same batches, and gradients are averaged: the steps are those of one device. Only
the first process of all writes. Several machines have a common folder, and each is given the same command with the
environment variables MASTER_ADDR and MASTER_PORT (of the first one) and NODE_RANK (0, 1, ..).
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from lightning.pytorch.strategies import DDPStrategy

from ..errors import UserError
from .config import NetworkConfig, TrainConfig

_PATIENCE = 10.0  # seconds that a process has to end by itself


def place(cfg: TrainConfig) -> tuple[int, int]:
    """(number of this process among all, number of all)."""
    local, node = int(os.environ.get("LOCAL_RANK", 0)), int(os.environ.get("NODE_RANK", 0))
    return (node * cfg.devices + local, cfg.processes) if cfg.processes > 1 else (0, 1)


def leads() -> bool:
    """Whether this machine is the one whose first process writes."""
    return int(os.environ.get("NODE_RANK", 0)) == 0


def check_possible(model: NetworkConfig, cfg: TrainConfig) -> None:
    """Refuses devices and precisions that a network cannot be trained with.

    Raises:
        UserError: names the field, what is allowed and what to do.
    """
    numerics = getattr(model, "numerics", None)
    if cfg.precision != "32" and numerics is not None and numerics.deployed:
        raise UserError(
            f"train.precision = {cfg.precision}: the deployed form is trained with the codes that hardware has, of up "
            "to 24 bits, which half precision has not. Allowed with model.numerics.deployed = true: 32. Or train the "
            "float form in it, and then this one with --from"
        )
    if cfg.precision == "16-mixed" and cfg.accelerator != "gpu":
        raise UserError(
            "train.precision = 16-mixed: a processor has no such arithmetic; give 32 or bf16-mixed, "
            'or accelerator = "gpu"'
        )
    if cfg.accelerator == "gpu" and torch.cuda.device_count() < cfg.devices:
        raise UserError(
            f"train.devices = {cfg.devices}: {torch.cuda.device_count()} GPUs are here; give fewer, or set "
            "train.accelerator to cpu"
        )
    if cfg.processes > 1 and model.name == "srgan":
        raise UserError("train.devices, train.nodes: srgan trains two networks in turns, on one device; give 1")
    if cfg.nodes > 1 and not {"MASTER_ADDR", "MASTER_PORT", "NODE_RANK"} <= os.environ.keys():
        raise UserError(
            f"train.nodes = {cfg.nodes}: set the environment variables MASTER_ADDR and MASTER_PORT, of the first "
            "machine, and NODE_RANK, 0 there and 1, 2, .. on the others"
        )


def strategy(cfg: TrainConfig) -> Any:
    """Lightning's strategy for a configuration."""
    if cfg.processes == 1:
        return "auto"
    # Slopes that are not learned, and biases in front of others, have no gradient.
    backend = "gloo" if cfg.accelerator == "cpu" else None
    return DDPStrategy(find_unused_parameters=True, process_group_backend=backend)


def _free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def _help(environment: dict[str, str], work: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    """What a further process does."""
    os.environ.update(environment)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process ends it
    try:
        work(*arguments)
    except UserError as e:
        sys.exit(str(e))


@contextmanager
def helped(cfg: TrainConfig, work: Callable[..., Any], arguments: tuple[Any, ...]) -> Iterator[None]:
    """Runs a block beside as many processes that do `work(*arguments)` as this machine has further devices.

    Raises:
        UserError: one of them ended with an error.
    """
    if cfg.devices == 1 or "LOCAL_RANK" in os.environ:
        yield
        return
    before = dict(os.environ)
    os.environ.setdefault("MASTER_ADDR", "127.0.0.1")
    os.environ.setdefault("MASTER_PORT", str(_free_port()))
    context = multiprocessing.get_context("spawn")
    own = {k: os.environ[k] for k in ("MASTER_ADDR", "MASTER_PORT")}
    helpers = [
        context.Process(target=_help, args=({**own, "LOCAL_RANK": str(i)}, work, arguments), daemon=True)
        for i in range(1, cfg.devices)
    ]
    os.environ["LOCAL_RANK"] = "0"
    try:
        for helper in helpers:
            helper.start()
        try:
            yield
        except RuntimeError as e:
            # torch's error is of the connection; the cause is what the other process said.
            if any(h.exitcode for h in _ended(helpers)):
                raise UserError(
                    f"training on {cfg.processes} devices stopped: a process of it ended, for the reason above; the "
                    "last checkpoint is kept"
                ) from e
            raise
    finally:
        for helper in _ended(helpers):
            if helper.is_alive():
                helper.terminate()
        for name in ("MASTER_ADDR", "MASTER_PORT", "LOCAL_RANK"):
            os.environ.pop(name, None)
        os.environ.update({k: v for k, v in before.items() if k.startswith("MASTER_")})


def _ended(helpers: list[Any]) -> list[Any]:
    """The processes, each given time to end."""
    for helper in helpers:
        helper.join(_PATIENCE)
    return helpers
