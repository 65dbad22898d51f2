"""Files that a training leaves: weights, and the checkpoint that it goes on from. Nothing in them is ever run."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import UserError
from . import packed, zoo
from .learner import FORMAT, Learner
from .zoo import NETWORKS, Network

#: What a checkpoint must hold to be gone on from.
_PARTS: dict[str, type | tuple[type, ...]] = {
    "xnorsr_model": str, "xnorsr_elapsed": (int, float), "xnorsr_ema": dict, "global_step": int, "epoch": int,
    "state_dict": dict, "optimizer_states": list, "lr_schedulers": list, "loops": dict, "callbacks": dict,
}  # fmt: skip


def _read(path: Path, what: str) -> dict[str, Any]:
    if not path.is_file():
        raise UserError(f"{what} {path} does not exist; train first, or name another file")
    try:
        if path.suffix == packed.SUFFIX:
            content = packed.read(path)
        else:
            # Only tensors and plain values; a pickle that would call something is refused.
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as e:
        # torch.load raises many classes on damaged files (RuntimeError, EOFError, UnpicklingError, KeyError, ..), as do
        # zipfile and NumPy; its texts advise to switch the safety off.
        raise UserError(
            f"{what} {path} cannot be read, it is damaged or of another program ({type(e).__name__}); use a copy of "
            "it, or train again"
        ) from e
    if not isinstance(content, dict):
        raise UserError(f"{what} {path} is not of this program; name the output folder or weights.pt of a training")
    return content


def _check_format(path: Path, what: str, found: object) -> None:
    """Refuses a file of an older or newer version of this program, and one that is no file of it at all."""
    if found == FORMAT:
        return
    if not isinstance(found, int):
        raise UserError(f"{what} {path} is not of this program; name the output folder or weights.pt of a training")
    raise UserError(
        f"{what} {path} is of format {found}, this version reads format {FORMAT}: train again with this version "
        "into another output folder, or use the version that wrote it"
    )


def _damaged(path: Path, what: str, why: str) -> UserError:
    return UserError(f"{what} {path} is damaged: {why}; use a copy of it, or train again")


def _check_numbers(path: Path, what: str, state: Mapping[Any, Any]) -> None:
    """Refuses what is no tensor, and infinities and NaN."""
    for name, value in state.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise _damaged(path, what, f"{name!r} is no tensor")
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise _damaged(path, what, f"{name} holds an infinity or a NaN")


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Content of a checkpoint, all of whose parts are there.

    Raises:
        UserError: missing, damaged, of another format, or no checkpoint.
    """
    content = _read(path, "checkpoint")
    # Format 1 did not say so in checkpoints.
    _check_format(path, "checkpoint", content.get("xnorsr_format", 1 if "xnorsr_model" in content else None))
    for name, kind in _PARTS.items():
        if not isinstance(content.get(name), kind):
            raise _damaged(path, "checkpoint", f"its {name} is missing, or is not what it should be")
    for part in ("state_dict", "xnorsr_ema"):
        _check_numbers(path, "checkpoint", content[part])
    return content


def check_fits(path: Path, content: Mapping[str, Any], learner: Learner) -> None:
    """Refuses a checkpoint that is not of what is trained.

    Args:
        content: what `read_checkpoint` gave.

    Raises:
        UserError: a tensor is missing or too many, or has another shape; an optimizer's state does not fit.
    """
    parts = {"state_dict": learner.state_dict()}
    if learner.ema and content["xnorsr_ema"]:
        parts["xnorsr_ema"] = learner.ema
    for part, wanted in parts.items():
        have = content[part]
        for name in {**wanted, **have}:
            if name not in have or name not in wanted or have[name].shape != wanted[name].shape:
                raise _damaged(path, "checkpoint", f"{name} in its {part} does not fit the network")
    made = learner.configure_optimizers()
    optimizers = made if isinstance(made, list) else [made]
    try:
        for optimizer, state in zip(optimizers, content["optimizer_states"], strict=True):
            optimizer.load_state_dict(state)
    except (ValueError, KeyError, TypeError, AttributeError, RuntimeError) as e:
        raise _damaged(path, "checkpoint", f"its optimizer_states do not fit ({type(e).__name__})") from e


def save_trained(model: Network, path: Path) -> None:
    """Writes weights and configuration, through a temporary file."""
    part = path.with_suffix(".part")
    state = {"format": FORMAT, "config": model.cfg.model_dump_json(), "state_dict": model.state_dict()}
    torch.save(state, part)
    os.replace(part, path)


def load_trained(path: str | Path) -> Network:
    """The network of a file that `train` wrote, or of one that `packed.pack` made (.npz), in eval mode.

    Raises:
        UserError: missing, damaged, or not such a file.
    """
    path = Path(path)
    content = _read(path, "weights file")
    _check_format(path, "weights file", content.get("format"))
    state = content.get("state_dict")
    if not isinstance(state, dict) or not isinstance(content.get("config"), str):
        raise _damaged(path, "weights file", "its config or state_dict is missing")
    _check_numbers(path, "weights file", state)
    try:
        model = zoo.build(NETWORKS.validate(json.loads(content["config"])))
        model.load_state_dict(packed.unpacked(model, state) if path.suffix == packed.SUFFIX else state)
    except (KeyError, ValueError, RuntimeError, TypeError, AttributeError) as e:  # RecursionError is a RuntimeError
        raise UserError(
            f"weights file {path} does not fit this version's networks: {e}; train again, or first import the module "
            "that registers the network or scheme if it is your own"
        ) from e
    return model.eval()
