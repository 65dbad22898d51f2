"""Packing a trained network: small weights, recipe, course of the training, and a card whose figures are measured."""

from __future__ import annotations

import hashlib
import json
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ... import __version__
from ...errors import MismatchError, UserError
from ...quant import packed, pretrained
from ...quant.accounting import account
from ...quant.config import EMBEDDED_HOLDOUT, DataConfig
from ...quant.data.fetch import resolve
from ...quant.data.images import Photo, load_source, read_folder
from ...quant.data.terms import terms
from ...quant.inference import low_resolution, upscale
from ...quant.pretrained import CARD, CARD_TEXT, RECIPE, Card, SetScore, TrainingSet
from ...quant.progress import COURSE
from ...quant.training import load_trained
from ...quant.zoo import Network
from ...staging import replace_folder, temporary_folder
from ..card import markdown
from ..config import Recipe
from ..console import status
from ..output import check_writable, write_error
from ..pictures import check_scorable, photograph
from ..recipe_text import every_field
from . import training

#: What the course of a training says that stands in the card.
_COURSE = ("steps", "steps_asked", "minutes", "batch", "seed", "threads")
FILES = (pretrained.WEIGHTS, RECIPE, COURSE, CARD, CARD_TEXT)


@dataclass(frozen=True)
class Source:
    """A training that is to be packed: its weights, its recipe, and how it went."""

    weights: Path
    recipe: Recipe
    course: dict[str, Any]


def _source(checkpoint: Path) -> Source:
    """What a training left.

    Raises:
        UserError: it is unfinished, packed already, not of `xnorsr train`, or damaged.
    """
    weights = training.weights_file(checkpoint)
    folder = weights.parent
    if weights.name != training.WEIGHTS:
        raise UserError(f"{checkpoint}: is not the output of a training; give the output folder of `xnorsr train`.")
    found = {}
    for name in (training.RECORD, COURSE):
        try:
            found[name] = json.loads((folder / name).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as e:
            raise UserError(
                f"{folder}: {name} is missing or damaged ({e}); give the output folder of `xnorsr train`."
            ) from e
    course = found[COURSE]
    if not isinstance(course, dict) or not all(isinstance(course.get(key), int | float) for key in _COURSE):
        raise UserError(f"{folder / COURSE}: is damaged or of another version. Train again.")
    try:
        recipe = Recipe.model_validate(found[training.RECORD])
    except ValueError as e:
        raise UserError(f"{folder / training.RECORD}: is damaged or of another version: {e}. Train again.") from e
    return Source(weights, recipe, course)


def _terms(options: list[str]) -> dict[str, str]:
    """--terms SET=TEXT as a table.

    Raises:
        UserError: another form.
    """
    given = {}
    for text in options:
        name, equals, what = (part.strip() for part in text.partition("="))
        if not (name and equals and what):
            raise UserError(f'--terms {text}: give SET=TEXT, for example --terms "Holidays=my own photographs"')
        given[name] = what
    return given


def _training_sets(data: DataConfig, colors: str, options: list[str]) -> list[TrainingSet]:
    """Sets that were trained on, by their folders' names, with what may be done with them.

    Raises:
        UserError: a set is not here, two are called the same, or its terms are not known; --terms for none of them.
    """
    if data.source == "embedded":
        counts = {"embedded": len(load_source(data, colors)[0])}
    else:
        counts = {}
        for source in data.source:
            name = source.resolve().name if source.exists() else str(source)
            if name in counts:
                raise UserError(f"data.source: two sets are called {name}. Rename one of the folders and train again.")
            counts[name] = sum(photo.name not in (data.holdout or ()) for photo in read_folder(resolve(source)))
    given, found = _terms(options), []
    for name, count in counts.items():
        known = given.pop(name, None) or terms(name)
        if known is None:
            raise UserError(
                f"training set {name}: its terms are not known here. Say on what terms its photographs may be used: "
                f'--terms "{name}=..."'
            )
        found.append(TrainingSet(name=name, photographs=count, terms=known))
    if given:
        raise UserError(f"--terms {next(iter(given))}: is no set that was trained on. They are: {', '.join(counts)}.")
    return found


def _portable(recipe: Recipe, sets: list[TrainingSet]) -> str:
    """The recipe with sets by name and no folder of this machine, as TOML: what was trained, and how."""
    named: Any = recipe.data.source if recipe.data.source == "embedded" else [Path(s.name) for s in sets]
    data = recipe.data.model_copy(update={"source": named, "cache": None})
    # Not sections that say nothing of the training: they may hold paths.
    kept = Recipe(data=data, model=recipe.model, train=recipe.train, export=recipe.export)
    text = every_field(kept)
    return text[: text.index("\n[hardware]")].strip() + "\n"


def _sets(images: list[str], data: DataConfig, scale: int) -> dict[str, list[Photo]]:
    """The photographs of each set to measure on, by its name.

    Raises:
        UserError: two sets are called the same, or one was trained on, is too small, or does not exist.
    """
    trained_on = set() if data.source == "embedded" else {resolve(source).resolve() for source in data.source}
    found: dict[str, list[Photo]] = {}
    for one in images:
        place = resolve(Path(one))
        name = Path(one).name or place.resolve().name
        if name in found:
            raise UserError(f"--images {one}: two sets are called {name}. Rename one of them.")
        if place.resolve() in trained_on:
            raise UserError(f"--images {one}: the network was trained on it. Name a set that it never saw.")
        found[name] = training.named_photographs([one])
        for photo in found[name]:
            check_scorable(photo, scale)
    return found


def _score(name: str, model: Network, photos: list[Photo]) -> SetScore:
    mean = training.mean_score(training.score_photos(model, photos))
    return SetScore(
        name=name,
        images=len(photos),
        bicubic_psnr_y=mean.bicubic_psnr,
        psnr_y=mean.psnr,
        bicubic_ssim_y=mean.bicubic_ssim,
        ssim_y=mean.ssim,
    )


def _check_same(trained: Network, small: Network) -> None:
    """Compares a packed network with the trained one, on photographs and on noise.

    Raises:
        MismatchError: a code differs.
    """
    cfg = trained.cfg
    images = [low_resolution(photograph(name), cfg.scale, cfg.colors)[:, :96, :96] for name in EMBEDDED_HOLDOUT]
    images.append(np.random.default_rng(1).integers(0, 256, (cfg.image_channels, 48, 64), np.uint8))
    for codes in images:
        differing = int((upscale(trained, codes) != upscale(small, codes)).sum())
        if differing:
            raise MismatchError(f"the packed network differs from the trained one in {differing} codes")


def _began(folder: Path) -> str | None:
    """What a training began with; only the name of the folder, as paths differ between machines."""
    try:
        source = str(json.loads((folder / training.START).read_text(encoding="utf-8"))["source"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise UserError(f"{folder / training.START}: is damaged ({e}). Train again.") from e
    if source.startswith(pretrained.PREFIX):
        return source
    return f"the trained network {Path(source).parent.name}"


def _hardware(course: dict[str, Any], given: str | None) -> str:
    recorded = course.get("hardware")
    if recorded and given:
        raise UserError("--hardware: the training has recorded what it ran on. Leave --hardware out.")
    if not (recorded or given):
        raise UserError(
            "the training did not record what it ran on, an earlier version did not. Say so: --hardware "
            '"PROCESSOR, N cores"'
        )
    return str(recorded or given)


def check_target(target: Path, force: bool) -> None:
    """Refuse a place where there is something else than a packed network, or one without ``force``.

    Raises:
        UserError: says what is there.
    """
    if target.is_symlink() or (target.exists() and not pretrained.is_packed(target)):
        raise UserError(f"output {target}: is there and is no packed network. Give another --name or --out.")
    if target.exists():
        others = sorted(p.name for p in target.iterdir() if p.name not in FILES)
        if others:
            raise UserError(f"output {target}: holds {', '.join(others)} besides a packed network. Move that away.")
        if not force:
            raise UserError(f"output {target}: there is a packed network already. Give --force to replace it.")
    check_writable(target.parent)


def pack(
    checkpoint: Path,
    name: str,
    images: list[str],
    out: Path,
    *,
    terms_of: list[str] | None = None,
    hardware: str | None = None,
    force: bool = False,
) -> Path:
    """Write the folder ``out``/``name``; returns it.

    Args:
        images: sets to measure on: folders, files, names of fetched data sets and of embedded photographs.
        terms_of: "SET=TEXT" for training sets whose terms are not known here.
        hardware: what it was trained on, where the training did not record that.

    Raises:
        UserError: everything that can be wrong with these is refused before anything is measured or written.
        MismatchError: the packed network gives another code than the trained one.
    """
    pretrained.check_name(name, "--name")
    target = out / name
    check_target(target, force)
    source = _source(checkpoint)
    model = load_trained(source.weights)
    recipe = source.recipe
    if recipe.model != model.cfg:
        raise UserError(f"{source.weights.parent}: {training.RECORD} is not of these weights. Train again.")
    ran_on = _hardware(source.course, hardware)
    sets = _training_sets(recipe.data, model.cfg.colors, terms_of or [])
    measured = _sets(images, recipe.data, model.cfg.scale)
    counted = account(model.cfg)
    try:
        with temporary_folder(target) as made:
            weights = made / pretrained.WEIGHTS
            weights.write_bytes(packed.pack(model))
            small = load_trained(weights)
            _check_same(model, small)
            data, scores = weights.read_bytes(), []
            for label, photos in measured.items():
                with status(f"Measuring on {label} ..."):
                    scores.append(_score(label, small, photos))
            card = Card(
                name=name,
                xnorsr=__version__,
                model=model.cfg.model_dump(mode="json"),
                data=sets,
                holdout=_held(recipe.data, model.cfg.colors),
                began=_began(source.weights.parent),
                **{key: source.course[key] for key in _COURSE},
                hardware=ran_on,
                scores=scores,
                operations=counted.operations,
                real_weights=counted.real_weights,
                binary_weights=counted.binary_weights,
                others=counted.others,
                latent=_keeps_latent(model),
                weights_bytes=len(data),
                weights_sha256=hashlib.sha256(data).hexdigest(),
                commands=[
                    "xnorsr train recipe.toml --out trained",
                    shlex.join(["xnorsr", "pack", "trained", "--name", name, *_options(list(measured))]),
                ],
            )
            (made / RECIPE).write_text(_portable(recipe, sets), encoding="utf-8")
            (made / COURSE).write_text(json.dumps({**source.course, "hardware": ran_on}) + "\n", encoding="utf-8")
            (made / CARD).write_text(card.model_dump_json(indent=2) + "\n", encoding="utf-8")
            (made / CARD_TEXT).write_text(markdown(card), encoding="utf-8")
            replace_folder(made, target)
    except OSError as e:
        raise write_error(target, e) from e
    return target


def _options(sets: list[str]) -> list[str]:
    return [word for one in sets for word in ("--images", one)]


def _held(data: DataConfig, colors: str) -> list[str]:
    return [p.name for p in load_source(data, colors)[1]] if data.holdout or data.source == "embedded" else []


def _keeps_latent(model: Network) -> bool:
    return not any(name.startswith(packed.BITS) for name in packed.packed(model))


def copy_of(folder: Path, target: Path) -> None:
    """A packed network in another folder, which is made: the same files.

    Raises:
        UserError: the folder cannot be written, or the disk is full.
    """
    try:
        target.mkdir(parents=True, exist_ok=True)
        for name in FILES:
            if (folder / name).is_file():
                shutil.copyfile(folder / name, target / name)
    except OSError as e:
        raise write_error(target, e) from e


def rows() -> list[list[str]]:
    """Of each network that comes with the package: name, what it is, size of the file, PSNR-Y per set."""
    found = []
    for name in pretrained.names():
        card = pretrained.card_of(pretrained.FOLDER / name)
        scores = "\n".join(f"{s.name} {s.psnr_y:.2f}" for s in card.scores)
        what = f"{card.model['name']}, {card.scheme}, x{card.scale}, {card.model['colors']}"
        found.append([name, what, f"{card.weights_bytes / 1e3:.0f}", f"{card.operations / 1e9:.3f}", scores])
    return found


COLUMNS = ("name", "network", "kB", "OPs G", "PSNR-Y, dB")
