"""Photographs enlarged by a trained network, in Python."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from ...errors import UserError
from ...quant.data import imresize, to_planes, to_uint8
from ...quant.data.images import Photo, read_photo, read_profile
from ...quant.inference import self_ensemble, upscale_tiled
from ...quant.metrics import luma
from ...quant.training import load_trained
from ...quant.zoo import Network
from ..console import say, status
from ..output import check_new_file, write_file
from ..pictures import png_bytes
from .training import weights_file

SUFFIX = ".png"
_LUMA_RANGE = 219  # steps of Y between black and white


def trained(model: Path) -> Network:
    """The network of a checkpoint or a name; see `training.weights_file`."""
    return load_trained(weights_file(model))


def targets(photos: list[Path], out: Path | None, scale: int, force: bool) -> list[Path]:
    """Where each enlarged photograph goes: into a folder, under its name with "-x2" behind; or to the file ``out``.

    Args:
        out: a file that ends in .png, for one photograph; or a folder, which is made. None: the working directory.

    Raises:
        UserError: a name of another kind, two photographs of the same name, a photograph itself, or something that is
            there already, unless ``force`` allows to replace it.
    """
    if out is not None and out.suffix and not out.is_dir():
        if out.suffix.lower() != SUFFIX:
            raise UserError(f"--out {out}: pictures are written as PNG. Give a name that ends in .png, or a folder.")
        if len(photos) > 1:
            raise UserError(f"--out {out}: is one file for {len(photos)} photographs. Give a folder.")
        places = [out]
    else:
        places = [(out or Path()) / f"{photo.stem}-x{scale}{SUFFIX}" for photo in photos]
    seen: dict[Path, Path] = {}
    for photo, place in zip(photos, places, strict=True):
        if place in seen:
            raise UserError(
                f"image {photo}: would go to {place}, as {seen[place]} does. Enlarge them one by one, with --out."
            )
        seen[place] = photo
        if place.exists() and any(one.exists() and os.path.samefile(one, place) for one in photos):
            raise UserError(f"output {place}: is a photograph that is to be enlarged. Give another name with --out.")
        check_new_file(place, force, "--out")
    return places


def enlarged(model: Network, photo: Photo, ensemble: bool = False) -> np.ndarray:
    """The picture (r*H, r*W, C) uint8 of a photograph, C = 3 or, of a grey one, 1.

    A network of luminance gets Y; colours are then enlarged bicubically. A grey photograph goes through an RGB network
    as three equal channels, and comes back as their luma.

    Args:
        ensemble: average the network over flips and quarter turns.
    """
    cfg = model.cfg
    planes = to_planes(photo.pixels, cfg.colors)
    found = self_ensemble(model, planes, upscale_tiled) if ensemble else upscale_tiled(model, planes)
    picture = np.moveaxis(found, 0, -1)
    if photo.grey and cfg.colors == "rgb":
        return np.asarray(to_uint8((luma(picture) - 16) * 255 / _LUMA_RANGE))[..., None]
    if not photo.grey and cfg.colors == "y":
        # Adding the same to R, G and B moves Y alone: Cb and Cr stay those of the bicubic picture.
        smooth = np.stack([imresize(photo.pixels[..., c], cfg.scale) for c in range(3)], -1)
        missing = picture[..., 0] - luma(smooth)
        return np.asarray(to_uint8(smooth + missing[..., None] * 255 / _LUMA_RANGE))
    return picture


def _memory(error: RuntimeError) -> bool:
    """Whether PyTorch says that there is not enough memory; it has no class of errors of its own for that on a CPU."""
    return "allocate memory" in str(error) or "out of memory" in str(error)


def enlarge(photos: list[Path], model: Path, out: Path | None, *, ensemble: bool = False, force: bool = False) -> None:
    """Enlarge photographs and write them as PNG, each all or nothing.

    The pictures stand upright, whatever the camera noted, and keep the ICC profile; other notes of the file go.

    Raises:
        UserError: a file is no photograph of 8 bits without alpha channel, or see `targets`; before the first is
            enlarged.
        MemoryError: the network looks at the whole frame, and that is too large.
    """
    network = trained(model)
    for path in photos:
        read_photo(path)
    places = targets(photos, out, network.cfg.scale, force)
    for path, place in zip(photos, places, strict=True):
        photo = read_photo(path)
        if photo.grey and network.cfg.colors == "rgb":
            say(f"{path} is grey: it goes through the network as three equal channels, and comes back grey.")
        elif not photo.grey and network.cfg.colors == "y":
            say(f"The network sees luminance only: the colours of {path} are enlarged bicubically.")
        try:
            with status(f"Enlarging {path} ..."):
                picture = enlarged(network, photo, ensemble)
        except RuntimeError as e:
            if _memory(e):
                raise MemoryError from e
            raise
        write_file(place, png_bytes(picture, read_profile(path)))
        height, width = picture.shape[:2]
        averaged = ", averaged over 8 flips and turns (self-ensemble)" if ensemble else ""
        say(f"{place}: {width} x {height} pixels{averaged}")
