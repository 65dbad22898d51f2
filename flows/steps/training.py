"""From photographs to a QONNX file: train, evaluate, export."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np
from torch import nn

from ...errors import UserError
from ...quant import pretrained
from ...quant.config import EMBEDDED_HOLDOUT, Config, DataConfig, ExportConfig, NetworkConfig
from ...quant.data.fetch import resolve
from ...quant.data.images import EMBEDDED, Photo, load_source, read_folder
from ...quant.distributed import leads
from ...quant.inference import evaluate as score_all
from ...quant.inference import low_resolution
from ...quant.progress import COURSE
from ...quant.training import load_trained
from ...quant.training import train as train_network
from .. import manifest
from ..config import Recipe
from ..lock import locked
from ..output import check_writable, claim, clear, disk_of, output_folder, refuse_non_empty, tell_kept, write_file
from ..pictures import check_scorable, photograph

if TYPE_CHECKING:
    from .beginning import Beginning

WEIGHTS, RECORD, CHECKPOINT = "weights.pt", "recipe.json", "checkpoints/last.ckpt"
START = "start.json"  # what a training began with that did not begin with start weights
DEFAULT_FRAME = (128, 128)  # (width, height) of an export in low-resolution pixels, unless another is given
C = TypeVar("C", bound=Config)
#: What a training writes into its folder.
_WRITTEN = (
    WEIGHTS,
    "weights.part",
    RECORD,
    COURSE,
    CHECKPOINT,
    "checkpoints/last.part",
    START,
    "log/hparams.yaml",
    "log/events.out.tfevents.*",
)
#: Settings that change neither what is trained nor what comes out.
_MAY_CHANGE = ("threads", "workers", "checkpoint_steps", "validate_steps", "accelerator", "devices", "nodes")


@dataclass(frozen=True)
class Score:
    """PSNR-Y in dB and SSIM-Y on one photograph, of bicubic and of the network."""

    name: str
    bicubic_psnr: float
    psnr: float
    bicubic_ssim: float
    ssim: float


def train(
    recipe: Recipe, out: Path, *, force: bool = False, within: bool = False, begin: Beginning | None = None
) -> Path:
    """Train into a folder, or continue an unfinished training there; returns the file of the weights.

    Args:
        begin: begin with a trained network. It is idle where an unfinished training is continued.
        force: replace what an earlier training wrote there.
        within: the folder is part of an output folder that was looked at already; foreign files in it stay.

    Raises:
        UserError: bad images or output folder, a checkpoint of another architecture or of other settings there, or a
            disk that fills up.
        KeyboardInterrupt: on Ctrl-C; the checkpoint is written.
    """
    if not within:
        check_photographs(recipe, *load_source(recipe.data, recipe.model.colors))
    if not leads():  # another machine of the same training: the first one writes
        return train_network(recipe.data, recipe.model, recipe.train, out, resume=True)
    with locked(out):
        if not force and _unfinished(out):
            _check_same(recipe, out)
        else:
            refuse_non_empty(out, force or within)
        check_writable(out)
        if force:
            clear([out])
            tell_kept(out)
        claim(out, _WRITTEN)
        write_file(out / RECORD, recipe.model_dump_json(indent=2) + "\n")
        start = None
        if begin is not None and not (out / CHECKPOINT).is_file():
            start = begin.network
            write_file(out / START, json.dumps(begin.record(), indent=2) + "\n")
        with disk_of(out):
            return train_network(recipe.data, recipe.model, recipe.train, out, resume=True, start=start)


def continues(out: Path) -> bool:
    """Whether a training into a folder would go on from a checkpoint there."""
    return not (out / WEIGHTS).exists() and (out / CHECKPOINT).is_file()


def _unfinished(out: Path) -> bool:
    """Whether a training began there and did not end, be it before its first checkpoint."""
    return not (out / WEIGHTS).exists() and ((out / CHECKPOINT).is_file() or WEIGHTS in manifest.listed(out))


def _check_same(recipe: Recipe, out: Path) -> None:
    """Refuse to continue with settings that would make the record of the whole training untrue.

    Raises:
        UserError: names each field that differs; or the record is damaged.
    """
    if not (out / CHECKPOINT).is_file():
        return  # nothing is trained yet
    differing = []
    for section in ("data", "train"):
        before, now = _record(out / RECORD, section), recipe.model_dump(mode="json")[section]
        differing += [
            f"{section}.{name} (before {before[name]!r}, now {value!r})"
            for name, value in now.items()
            if name in before and before[name] != value and name not in _MAY_CHANGE
        ]
    if differing:
        raise UserError(
            f"{out}: an unfinished training there was begun with other settings: {', '.join(differing)}. Set them as "
            "before, or give --force to start again, or another folder with --out."
        )


def check_photographs(recipe: Recipe, photos: list[Photo], held: list[Photo]) -> None:
    """Refuse photographs that cannot be trained on or scored.

    Args:
        photos, held: to train on, and held out.

    Raises:
        UserError: names the photograph and what it lacks.
    """
    cfg, patch = recipe.model, recipe.data.patch
    for photo in photos:
        height, width = photo.pixels.shape[:2]
        if min(height, width) // cfg.scale < patch:
            raise UserError(
                f"image {photo.name} of {width}x{height} pixels is smaller than a patch: data.patch {patch} times "
                f"model.scale {cfg.scale} is {patch * cfg.scale}. Take it out, or set a smaller data.patch."
            )
    for photo in held:
        check_scorable(photo, cfg.scale)


def weights_file(checkpoint: Path) -> Path:
    """The weights of a training or of a packed network, given as the file, as its folder, or as the name of a network
    that comes with the package.

    Raises:
        UserError: the training of that folder is unfinished, or there is none; no network has that name.
    """
    checkpoint = pretrained.located(checkpoint)
    if not checkpoint.is_dir():
        return checkpoint
    for name in (WEIGHTS, pretrained.WEIGHTS):
        if (checkpoint / name).is_file():
            return checkpoint / name
    if (checkpoint / CHECKPOINT).is_file():
        raise UserError(f"{checkpoint}: the training there is unfinished; finish it with the same `xnorsr train`.")
    raise UserError(f"{checkpoint}: holds no {WEIGHTS}; give the output folder of `xnorsr train` or `xnorsr pack`.")


def _recorded(weights: Path, name: str, section: type[C]) -> C:
    """A section of the recipe that a network was trained with; the default if there is no record.

    Raises:
        UserError: the record is damaged.
    """
    record = weights.parent / (pretrained.RECIPE if weights.name == pretrained.WEIGHTS else RECORD)
    if not record.is_file():
        return section()
    try:
        return section.model_validate(_record(record, name))
    except ValueError as e:
        raise _damaged(record, name, e) from e


def _record(record: Path, name: str) -> dict[str, Any]:
    """A section of a training's record, as it stands there.

    Raises:
        UserError: the record is damaged.
    """
    try:
        text = record.read_text(encoding="utf-8")
        found = (tomllib.loads(text) if record.suffix == ".toml" else json.loads(text))[name]
        if not isinstance(found, dict):
            raise TypeError("it is no table")
        return found
    except (OSError, KeyError, TypeError, ValueError, RecursionError) as e:
        raise _damaged(record, name, e) from e


def _damaged(record: Path, name: str, why: Exception) -> UserError:
    return UserError(
        f"{record}: its section {name} cannot be read, it is damaged or of another version: {why}. Remove the file "
        "to use the defaults, or train again."
    )


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
    if not _holds_out(data):  # then the photographs need not be here
        raise UserError("data.holdout is empty: name photographs to evaluate on with --images.")
    return load_source(data, config_of(model).colors)[1]


def _holds_out(data: DataConfig) -> bool:
    return bool(data.holdout) or (data.source == "embedded" and data.holdout is None)


def _check_images(weights: Path, model: nn.Module) -> list[np.ndarray]:
    """Low-resolution images, (C, H, W) uint8, to check an exported network on: made of the photographs held out of its
    training; where there are none, or they need not be here, of the embedded ones that are held out by default."""
    cfg, data = config_of(model), _recorded(weights, "data", DataConfig)
    if weights.name == pretrained.WEIGHTS or not _holds_out(data):
        photos = [photograph(name) for name in EMBEDDED_HOLDOUT]
    else:
        photos = held_out(data, model)
    return [low_resolution(p, cfg.scale, cfg.colors) for p in photos]


def named_photographs(images: list[str]) -> list[Photo]:
    """Photographs of folders, files, names of fetched data sets and of embedded ones, called by their whole paths.

    Raises:
        UserError: one of them does not exist or cannot be read.
    """
    photos: list[Photo] = []
    for one in images:
        place = resolve(Path(one))
        found = read_folder(place) if place.is_dir() else [photograph(one)]
        if one not in EMBEDDED:
            folder = place if place.is_dir() else place.parent
            found = [Photo(str(folder / photo.name), photo.pixels) for photo in found]
        photos += found
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
    photos = named_photographs(images or []) or held_out(_recorded(weights, "data", DataConfig), model)
    if len({Path(p.name).name for p in photos}) == len(photos):  # folders only where they tell photographs apart
        photos = [Photo(Path(p.name).name, p.pixels) for p in photos]
    return score_photos(model, photos, ensemble=ensemble)


def score_photos(model: nn.Module, photos: list[Photo], *, ensemble: bool = False) -> list[Score]:
    """Scores on each of several high-resolution photographs, which may be called the same.

    Raises:
        UserError: a photograph is too small, or has colours that the network does not take.
    """
    cfg = config_of(model)
    for photo in photos:
        check_scorable(photo, cfg.scale)
    found = (
        (photo.name, score_all(model, [photo], cfg.scale, cfg.colors, ensemble)["images"][photo.name])
        for photo in photos
    )
    return [
        Score(name, one["bicubic_psnr_y"], one["psnr_y"], one["bicubic_ssim_y"], one["ssim_y"]) for name, one in found
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
        images: (C, H, W) uint8 low-resolution images to check on; None takes the held-out photographs,
            or embedded ones where there are none.
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
        images = _check_images(weights, model)
    with locked(out), output_folder(out, force) as staged:
        write_qonnx(model, staged / "model.onnx", height, width, images, random_checks, all_outputs=all_outputs)
    return out / "model.onnx"
