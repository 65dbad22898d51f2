"""Photographs as codes of a network's streams."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from ..errors import UserError
from ..hw.types import StreamType
from ..quant.data.images import EMBEDDED, Photo, embedded_path, read_photo
from ..quant.data.pairs import modcrop, to_planes


def png_bytes(image: np.ndarray) -> bytes:
    """PNG file of an (H, W, C) uint8 image, C = 3 (RGB) or 1 (Y)."""
    buffer = io.BytesIO()
    Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def photograph(name: str) -> Photo:
    """An embedded photograph by name, or a file.

    Raises:
        UserError: there is no such photograph, or the file is no 8-bit RGB or grey image.
    """
    if name in EMBEDDED:
        return Photo(name, read_photo(embedded_path(name)).pixels)
    if not Path(name).is_file():
        raise UserError(f"image {name} does not exist, and no embedded photograph is called so: {', '.join(EMBEDDED)}.")
    return read_photo(name)


def cut(pixels: np.ndarray, width: int, height: int, name: str) -> np.ndarray:
    """The middle of an image (H, W, ...).

    Raises:
        UserError: the image is smaller.
    """
    if pixels.shape[0] < height or pixels.shape[1] < width:
        raise UserError(
            f"image {name} has {pixels.shape[1]} x {pixels.shape[0]} pixels, too few to cut {width} x {height} out of "
            "its middle. Give a larger image, or a smaller frame or crop."
        )
    top, left = (pixels.shape[0] - height) // 2, (pixels.shape[1] - width) // 2
    return pixels[top : top + height, left : left + width]


def high_resolution(photo: Photo, scale: int, low: tuple[int, int] | None) -> Photo:
    """The photograph that is enlarged towards: cut to (width, height) low-resolution pixels, or to whole ones.

    Raises:
        UserError: the photograph is too small.
    """
    if low is None:
        return Photo(photo.name, modcrop(photo.pixels, scale))
    return Photo(photo.name, cut(photo.pixels, low[0] * scale, low[1] * scale, photo.name))


def stream_codes(photo: Photo, stream: StreamType) -> np.ndarray:
    """Codes (H, W, C) of a photograph for a network's input, whatever its frame size.

    Raises:
        UserError: the input is no 8-bit picture, or the photograph is grey and the network takes RGB.
    """
    if stream.signed or stream.bits != 8 or stream.channels not in (1, 3):
        kind = "signed" if stream.signed else "unsigned"
        raise UserError(
            f"the network's input has {stream.channels} channels of {stream.bits} {kind} bits; photographs go "
            "into 1 or 3 channels of 8 unsigned bits."
        )
    if photo.grey and stream.channels == 3:
        raise UserError(f"image {photo.name} is grey, the network takes RGB: convert it to 8-bit RGB.")
    return np.moveaxis(to_planes(photo.pixels, "rgb" if stream.channels == 3 else "y"), 0, -1)


def sample_codes(stream: StreamType, scale: int) -> np.ndarray:
    """A photograph's codes (H, W, C) at a stream's frame size: reduced by ``scale``, its edges repeated if need be.

    Raises:
        UserError: the stream is no picture; see `stream_codes`.
    """
    from ..quant.data.pairs import reduce

    photo = high_resolution(photograph("coffee"), scale, None)
    whole = stream_codes(photo, stream)
    low = np.moveaxis(reduce(np.moveaxis(whole, -1, 0), scale), 0, -1)
    height, width = min(low.shape[0], stream.height), min(low.shape[1], stream.width)
    part = cut(low, width, height, photo.name)
    return np.pad(part, ((0, stream.height - height), (0, stream.width - width), (0, 0)), mode="edge")
