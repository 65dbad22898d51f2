"""Reading photographs: from files, from folders, and those that come with scikit-image and scikit-learn."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from ...errors import UserError
from ..config import EMBEDDED_HOLDOUT, DataConfig
from ..registry import suggestion
from .fetch import SUFFIXES, resolve

# Natural colour photographs that lie in the wheels themselves, nothing is fetched. motorcycle_right is left out: it
# shows what motorcycle_left shows.
EMBEDDED = {
    "astronaut": ("skimage", "data/astronaut.png"),
    "chelsea": ("skimage", "data/chelsea.png"),
    "coffee": ("skimage", "data/coffee.png"),
    "motorcycle_left": ("skimage", "data/motorcycle_left.png"),
    "rocket": ("skimage", "data/rocket.jpg"),
    "china": ("sklearn", "datasets/images/china.jpg"),
    "flower": ("sklearn", "datasets/images/flower.jpg"),
}
_PACKAGE = {"skimage": "scikit-image", "sklearn": "scikit-learn"}


@dataclass(frozen=True)
class Photo:
    """One photograph.

    Attributes:
        name: file name without suffix.
        pixels: uint8, (H, W, 3) RGB or (H, W) grey.
    """

    name: str
    pixels: np.ndarray

    @property
    def grey(self) -> bool:
        """Whether it has one channel."""
        return self.pixels.ndim == 2


def _is_16_bit(path: Path, image: Image.Image) -> bool:
    if image.mode.startswith(("I", "F")):
        return True
    # Pillow opens a 16-bit RGB PNG as 8-bit RGB without a word; the depth stands in byte 24 of the file.
    with path.open("rb") as f:
        head = f.read(25)
    return head.startswith(b"\x89PNG") and len(head) > 24 and head[24] == 16


def read_photo(path: str | Path) -> Photo:
    """Reads an 8-bit RGB or grey image file.

    Raises:
        UserError: the file is missing, no image, damaged, 16-bit, or has an alpha channel, a palette or CMYK.
    """
    path = Path(path)
    if path.is_dir():
        raise UserError(f"image {path} is a folder; name a file")
    if not path.is_file():
        raise UserError(f"image {path} does not exist; name another file")
    try:
        with Image.open(path) as image:
            mode, wide = image.mode, _is_16_bit(path, image)
            # A camera held upright stores the picture lying, with a note how to turn it.
            pixels = np.asarray(ImageOps.exif_transpose(image)) if mode in ("RGB", "L") and not wide else None
    except Exception as e:
        # Pillow's decoders raise many classes on damaged files (OSError, SyntaxError, ValueError, struct.error, ..).
        raise UserError(f"image {path} cannot be read, it is damaged or no image: {e}") from e
    if wide:
        raise UserError(f"image {path} has 16 bits per channel; convert it to 8-bit RGB")
    if pixels is None and mode in ("RGBA", "LA", "PA", "RGBa", "La"):
        raise UserError(
            f"image {path} is of mode {mode}; convert it to 8-bit RGB over a background, as it has an alpha channel"
        )
    if pixels is None:
        raise UserError(
            f"image {path} is of mode {mode}; convert it to 8-bit RGB (or 8-bit grey for luminance networks)"
        )
    return Photo(path.stem, pixels)


def read_profile(path: str | Path) -> bytes | None:
    """The ICC profile of an image file that `read_photo` reads: what its numbers mean as colours; None without one."""
    with Image.open(path) as image:
        profile = image.info.get("icc_profile")
    return profile if isinstance(profile, bytes) and profile else None


def read_folder(folder: str | Path) -> list[Photo]:
    """All images of a folder (not of those below it), sorted by name.

    Raises:
        UserError: no such folder, no image in it, or an image that `read_photo` refuses.
    """
    folder = Path(folder)
    if not folder.is_dir():
        what = "is a file, no folder" if folder.is_file() else "does not exist"
        raise UserError(f"image folder {folder} {what}; name another folder")
    paths = sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES)
    if not paths:
        raise UserError(
            f"image folder {folder} holds no image; supported are {', '.join(SUFFIXES)}; name another folder"
        )
    return [read_photo(p) for p in paths]


def embedded_path(name: str) -> Path:
    """Where a photograph of `EMBEDDED` lies in the installed packages.

    Raises:
        UserError: unknown name, or the package or its file is missing.
    """
    if name not in EMBEDDED:
        raise UserError(f"no embedded photograph is called {name}; name one of {', '.join(EMBEDDED)}")
    package, file = EMBEDDED[name]
    # find_spec does not run the package: importing scikit-learn takes seconds.
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise UserError(f"embedded photograph {name} comes with {_PACKAGE[package]}: pip install {_PACKAGE[package]}")
    path = Path(spec.submodule_search_locations[0]) / file
    if not path.is_file():
        raise UserError(f"embedded photograph {name} is missing at {path}: reinstall {_PACKAGE[package]}")
    return path


def load_source(cfg: DataConfig, colors: str = "rgb") -> tuple[list[Photo], list[Photo]]:
    """(training photographs, held-out photographs) of a configuration.

    Args:
        cfg: source and holdout.
        colors: "rgb" refuses grey files, "y" takes them.

    Raises:
        UserError: see `read_folder`; an unknown holdout name; a grey file for an RGB network; nothing left to train on.
    """
    holdout: Sequence[str]
    if cfg.source == "embedded":
        photos = [Photo(name, read_photo(embedded_path(name)).pixels) for name in EMBEDDED]
        holdout = EMBEDDED_HOLDOUT if cfg.holdout is None else cfg.holdout
    else:
        photos = [photo for folder in cfg.source for photo in read_folder(resolve(folder))]
        holdout = cfg.holdout or ()
    names = {p.name for p in photos}
    for name in holdout:
        if name not in names:
            raise UserError(
                f"data.holdout names {name}, which data.source does not hold.{suggestion(name, sorted(names))} "
                "Names are those of the files, without suffix."
            )
    for photo in photos:
        if photo.grey and colors == "rgb":
            raise UserError(f"image {photo.name} is grey, model.colors is rgb: take it out, or set model.colors to y")
    train = [p for p in photos if p.name not in holdout]
    if not train:
        raise UserError("data.holdout names every image of data.source: none is left to train on; name fewer")
    return train, [p for p in photos if p.name in holdout]
