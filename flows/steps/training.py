"""From photographs to a QONNX file: train, evaluate, export."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, cast

import numpy as np
from torch import nn

from ...errors import UserError
from ...quant.config import Config, DataConfig, ExportConfig, NetworkConfig
from ...quant.data.fetch import resolve
from ...quant.data.images import Photo, load_source, read_folder
from ...quant.inference import evaluate as score_all
from ...quant.inference import low_resolution
from ...quant.progress import COURSE
from ...quant.training import load_trained
from ...quant.training import train as train_network
from ..config import Recipe
from ..output import check_writable, output_folder, refuse_non_empty, write_file
from ..pictures import photograph

WEIGHTS, RECORD = "weights.pt", "recipe.json"
DEFAULT_FRAME = (128, 128)  # (width, height) of an export in low-resolution pixels, unless another is given
C = TypeVar("C", bound=Config)
_WRITTEN = (WEIGHTS, RECORD, COURSE, "checkpoints", "log")


@dataclass(frozen=True)
class Score:
    """PSNR-Y in dB and SSIM-Y on one photograph, of bicubic and of the network."""

    name: str
    bicubic_psnr: float
    psnr: float
    bicubic_ssim: float
    ssim: float


def train(recipe: Recipe, out: Path, *, force: bool = False) -> Path:
    """Train into a folder, or continue an unfinished training there; returns the file of the weights.

    Raises:
        UserError: bad images or output folder, or a checkpoint of another architecture there.
        KeyboardInterrupt: on Ctrl-C; the checkpoint is written.
    """
    unfinished = (out / "checkpoints" / "last.ckpt").is_file() and not (out / WEIGHTS).exists()
    if not unfinished:
        refuse_non_empty(out, force)
    load_source(recipe.data, recipe.model.colors)
    check_writable(out)
    if force:
        _clear(out)
    write_file(out / RECORD, recipe.model_dump_json(indent=2) + "\n")
    return train_network(recipe.data, recipe.model, recipe.train, out, resume=True)


def _clear(out: Path) -> None:
    """Remove what an earlier training wrote, and nothing else."""
    for name in _WRITTEN:
        entry = out / name
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink(missing_ok=True)


def weights_file(checkpoint: Path) -> Path:
    """The weights of a training, given as the file or as its folder.

    Raises:
        UserError: the training of that folder is unfinished, or there is none.
    """
    if not checkpoint.is_dir():
        return checkpoint
    path = checkpoint / WEIGHTS
    if path.is_file():
        return path
    if (checkpoint / "checkpoints" / "last.ckpt").is_file():
        raise UserError(f"{checkpoint}: the training there is unfinished; finish it with the same `xnorsr train`.")
    raise UserError(f"{checkpoint}: holds no {WEIGHTS}; give the output folder of `xnorsr train`.")


def _recorded(weights: Path, name: str, section: type[C]) -> C:
    """A section of the recipe that a network was trained with; the default if there is no record.

    Raises:
        UserError: the record is damaged.
    """
    record = weights.parent / RECORD
    if not record.is_file():
        return section()
    try:
        return section.model_validate(json.loads(record.read_text(encoding="utf-8"))[name])
    except (KeyError, TypeError, ValueError) as e:
        raise UserError(
            f"{record}: its section {name} cannot be read, it is damaged or of another version: {e}. Remove the file "
            "to use the defaults, or train again."
        ) from e


def config_of(model: nn.Module) -> NetworkConfig:
    """The configuration that a network of ours carries."""
    return cast(NetworkConfig, model.cfg)


def scale_of(checkpoint: Path) -> int:
    """The enlargement of a trained network."""
    return config_of(load_trained(weights_file(checkpoint))).scale


def held_out(data: DataConfig, model: nn.Module) -> list[Photo]:
    """The photographs that a network never saw.

    Raises:
        UserError: the training held none out.
    """
    photos = load_source(data, config_of(model).colors)[1]
    if not photos:
        raise UserError("data.holdout is empty: name photographs to evaluate on with --images.")
    return photos


def evaluate(checkpoint: Path, images: list[str] | None = None, *, ensemble: bool = False) -> list[Score]:
    """Scores of a trained network on photographs.

    Args:
        images: folders, files, names of fetched data sets and of embedded photographs; None takes those held out of
            the training.
        ensemble: average the network over flips and quarter turns.

    Raises:
        UserError: bad checkpoint or images.
    """
    weights = weights_file(checkpoint)
    model = load_trained(weights)
    photos: list[Photo] = []
    for one in images or []:
        place = resolve(Path(one))
        photos += read_folder(place) if place.is_dir() else [photograph(one)]
    return score_photos(model, photos or held_out(_recorded(weights, "data", DataConfig), model), ensemble=ensemble)


def score_photos(model: nn.Module, photos: list[Photo], *, ensemble: bool = False) -> list[Score]:
    """Scores on each of several high-resolution photographs."""
    cfg = config_of(model)
    found = score_all(model, photos, cfg.scale, cfg.colors, ensemble)["images"]
    return [
        Score(name, one["bicubic_psnr_y"], one["psnr_y"], one["bicubic_ssim_y"], one["ssim_y"])
        for name, one in found.items()
    ]


def mean_score(scores: list[Score]) -> Score:
    """The mean over photographs."""
    columns = ("bicubic_psnr", "psnr", "bicubic_ssim", "ssim")
    return Score("mean", *(float(np.mean([getattr(s, c) for s in scores])) for c in columns))


def export(
    checkpoint: Path,
    out: Path,
    frame: tuple[int, int] | None = None,
    *,
    random_checks: int | None = None,
    images: list[np.ndarray] | None = None,
    all_outputs: bool = False,
    force: bool = False,
) -> Path:
    """Export as ``out``/model.onnx with its golden pair; checked against Brevitas on photographs and on noise.

    Args:
        frame: (width, height) in low-resolution pixels; None takes `DEFAULT_FRAME`.
        random_checks: number of random images to check as well; None takes that of the training's recipe.
        images: (C, H, W) uint8 low-resolution images to check on; None takes the held-out photographs.
        all_outputs: keep every output of a network that has several, such as LapSRN.

    Raises:
        UserError: bad checkpoint or output folder.
        MismatchError: the file gives another code than Brevitas.
    """
    from ...quant.export import export as write_qonnx

    weights = weights_file(checkpoint)
    model = load_trained(weights)
    width, height = frame or DEFAULT_FRAME
    if random_checks is None:
        random_checks = _recorded(weights, "export", ExportConfig).random_checks
    if images is None:
        photos = held_out(_recorded(weights, "data", DataConfig), model)
        cfg = config_of(model)
        images = [low_resolution(p, cfg.scale, cfg.colors) for p in photos]
    with output_folder(out, force) as staged:
        write_qonnx(model, staged / "model.onnx", height, width, images, random_checks, all_outputs=all_outputs)
    return out / "model.onnx"
