"""Trained networks that come with the package: where they are, how they are named, what is known of them.

Each is a folder of what `xnorsr pack` writes: weights, recipe, course of the training, and a card, for people
(card.md) and for programs (card.json). A folder of the same kind somewhere else is as good; only it has no short name.
No heavy import here, so that names are known at once.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from ..errors import UserError
from .config import Config
from .registry import suggestion

FOLDER = Path(__file__).parent / "zoo" / "pretrained"
WEIGHTS, RECIPE, CARD, CARD_TEXT = "weights.npz", "recipe.toml", "card.json", "card.md"
#: Says that a name is meant where there is a file or folder called so too.
PREFIX = "pretrained:"
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LONGEST = 40


class TrainingSet(Config):
    """A set of photographs that a network was trained on."""

    name: str
    photographs: int = Field(ge=0, description="how many of it were trained on")
    terms: str = Field(description="on what terms it may be used")


class SetScore(Config):
    """Means over the photographs of a set: PSNR-Y in dB and SSIM-Y of bicubic and of the network, single pass."""

    name: str
    images: int = Field(ge=1)
    bicubic_psnr_y: float
    psnr_y: float
    bicubic_ssim_y: float
    ssim_y: float


class Card(Config):
    """What is known of a trained network; `xnorsr pack` measures and counts all of it.

    Attributes:
        model: configuration of the network.
        holdout: photographs of the training's sets that it was not trained on.
        began: what the training began with, if not with random weights.
        hardware: what it was trained on.
        operations: for a frame of 320x180 pixels, by the rule of `accounting`, as are the numbers of weights.
        latent: whether latent binary weights are kept; otherwise their signs and each filter's mean magnitude.
        weights_sha256: of the weights file.
    """

    format: Literal[1] = 1
    name: str
    xnorsr: str = Field(description="version that packed it")
    model: dict[str, Any]
    data: list[TrainingSet]
    holdout: list[str]
    began: str | None = None
    steps: int = Field(ge=0)
    steps_asked: int = Field(ge=1)
    minutes: float = Field(ge=0)
    batch: int = Field(ge=1)
    seed: int = Field(ge=0)
    threads: int = Field(ge=1)
    hardware: str
    scores: list[SetScore]
    operations: float
    real_weights: int
    binary_weights: int
    others: int
    latent: bool
    weights_bytes: int
    weights_sha256: str
    commands: list[str]

    @property
    def scale(self) -> int:
        """Enlargement."""
        return int(self.model["scale"])

    @property
    def scheme(self) -> str:
        """The name of the binarization scheme."""
        return str(self.model["scheme"]["name"])

    @property
    def parameters(self) -> float:
        """By the rule of papers: real weights + binary ones / 32."""
        return self.real_weights + self.binary_weights / 32


def names() -> list[str]:
    """Names of the networks that come with the package."""
    return sorted(p.parent.name for p in FOLDER.glob(f"*/{CARD}"))


def check_name(name: str, option: str) -> None:
    """Refuse what is no name: lower-case words of letters and digits, joined by hyphens.

    Raises:
        UserError: names the option.
    """
    if not _NAME.fullmatch(name) or len(name) > _LONGEST:
        raise UserError(
            f"{option} {name}: a name has lower-case letters, digits and single hyphens between them, begins with a "
            f"letter and has at most {_LONGEST} characters, such as srresnet-w1a1-32-x2. Give another name."
        )


def folder_of(name: str) -> Path:
    """The folder of a network that comes with the package.

    Raises:
        UserError: there is none of that name; lists those that there are.
    """
    known = names()
    if name in known:
        return FOLDER / name
    listed = f"There are: {', '.join(known)}." if known else "None comes with this version."
    raise UserError(
        f"{name}: no such file or folder, and no trained network of that name comes with the package."
        f"{suggestion(name, known)} {listed}"
    )


def located(place: Path) -> Path:
    """A file or folder as it is given; or the folder of the network whose name was given in its place.

    What is there goes before a name, unless `PREFIX` stands in front of it.

    Raises:
        UserError: a name that no network has.
    """
    text = str(place)
    if text.startswith(PREFIX):
        return folder_of(text.removeprefix(PREFIX))
    if _NAME.fullmatch(text) and not os.path.lexists(place):
        return folder_of(text)
    return place


def is_packed(folder: Path) -> bool:
    """Whether a folder is one that `xnorsr pack` wrote."""
    return (folder / CARD).is_file() and (folder / WEIGHTS).is_file()


def card_of(folder: Path) -> Card:
    """What is known of a packed network.

    Raises:
        UserError: there is no card, or it is damaged.
    """
    path = folder / CARD
    try:
        return Card.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError as e:
        raise UserError(
            f"{folder}: is no packed network, it holds no {CARD}. Give the name of a trained network that comes with "
            "the package, or a folder that `xnorsr pack` wrote."
        ) from e
    except (OSError, ValueError, RecursionError) as e:
        why = e.errors()[0]["msg"] if isinstance(e, ValidationError) else e
        raise UserError(f"{path}: is damaged or of another version: {why}. Pack the network again.") from e


def told(weights: Path) -> str:
    """What to call a weights file: by name where it comes with the package, as paths differ between machines."""
    folder = weights.parent
    return f"{PREFIX}{folder.name}" if folder.parent == FOLDER else str(weights)
