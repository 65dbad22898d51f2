"""Photographs as codes of a network's streams."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from ..errors import UserError
from ..hw.types import StreamType
from ..quant.data.images import EMBEDDED, Photo, embedded_path, read_photo
from ..quant.data.pairs import modcrop, reduce, to_planes
from . import png16
from .output import write_file

#: Side of the window that `quant.metrics.ssim` looks through.
SSIM_WINDOW = 11


def png_bytes(image: np.ndarray, profile: bytes | None = None) -> bytes:
    """PNG file of an (H, W, C) uint8 image, C = 3 (RGB) or 1 (Y).

    Args:
        profile: ICC profile that says what the numbers mean as colours.
    """
    buffer = io.BytesIO()
    picture = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
    picture.save(buffer, "PNG", optimize=True, icc_profile=profile)
    return buffer.getvalue()


def is_picture(kind: StreamType) -> bool:
    """Whether a stream's codes are those of a picture: 1 or 3 channels of 8 unsigned bits."""
    return not kind.signed and kind.bits == 8 and kind.channels in (1, 3)


def is_deep_picture(kind: StreamType) -> bool:
    """Whether a stream's codes fit a picture of 16 bits, which holds them as they are: 9 to 16 unsigned bits."""
    return not kind.signed and 9 <= kind.bits <= 16 and kind.channels in (1, 3)


def output_files(kinds: Mapping[str, StreamType], first: Path) -> dict[str, Path]:
    """One file for each output of a network: `first`, and beside it one for each further output, its name appended.

    An output that is no picture, of 8 or 16 bits, goes to a NumPy file.
    """
    files = {}
    for number, (name, kind) in enumerate(kinds.items()):
        place = first.with_name(f"{first.stem}-{name}{first.suffix}") if number else first
        files[name] = place if is_picture(kind) or is_deep_picture(kind) else place.with_suffix(".npy")
    return files


def write_outputs(
    outputs: Mapping[str, np.ndarray], files: Mapping[str, Path], kinds: Mapping[str, StreamType]
) -> None:
    """Write each output's codes (H, W, C): as PNG, of 16 bits where a code needs more than 8, or as int64 array where
    `output_files` says so.

    Args:
        kinds: of the outputs.

    Raises:
        UserError: a folder cannot be written, or the disk is full.
    """
    for name, codes in outputs.items():
        if files[name].suffix == ".npy":
            buffer = io.BytesIO()
            np.save(buffer, codes)
            write_file(files[name], buffer.getvalue())
        else:
            deep = is_deep_picture(kinds[name])
            write_file(files[name], png16.encode(codes) if deep else png_bytes(codes.astype(np.uint8)))


def read_picture(path: Path) -> np.ndarray:
    """(H, W, C) uint8 of a picture of 8 bits that `write_outputs` wrote."""
    pixels = np.asarray(Image.open(path))
    return pixels if pixels.ndim == 3 else pixels[..., None]


def photograph(name: str) -> Photo:
    """An embedded photograph by name, or a file.

    Raises:
        UserError: there is no such photograph, or the file is no 8-bit RGB or grey image.
    """
    if name in EMBEDDED:
        return Photo(name, read_photo(embedded_path(name)).pixels)
    if Path(name).is_dir():
        raise UserError(f"image {name} is a folder; give a file.")
    if not Path(name).is_file():
        raise UserError(f"image {name} does not exist, and no embedded photograph is called so: {', '.join(EMBEDDED)}.")
    return read_photo(name)


def check_scorable(photo: Photo, scale: int) -> None:
    """Refuse a photograph that PSNR and SSIM have no meaning for.

    Raises:
        UserError: it is smaller than SSIM's window and the borders that are left out.
    """
    height, width = (side // scale * scale for side in photo.pixels.shape[:2])
    least = -(-(SSIM_WINDOW + 2 * scale) // scale) * scale
    if min(height, width) < least:
        raise UserError(
            f"image {photo.name} has {width} x {height} pixels to score (multiples of the enlargement, {scale}); at "
            f"least {least} x {least} are needed. Give a larger photograph or crop."
        )


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
    """The original that an enlarged picture is compared with.

    Args:
        low: (width, height) in low-resolution pixels that are cut from the photograph's middle; None takes as many as
            fit into it.

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
    if not is_picture(stream):
        raise UserError(_takes(stream, f"{photo.name} is a photograph of 8 bits"))
    if photo.grey and stream.channels == 3:
        raise UserError(f"image {photo.name} is grey, the network takes RGB: convert it to 8-bit RGB.")
    return np.moveaxis(to_planes(photo.pixels, "rgb" if stream.channels == 3 else "y"), 0, -1)


def _takes(stream: StreamType, given: str) -> str:
    kind = "signed" if stream.signed else "unsigned"
    how = "a .npy file of integer codes of the shape (height, width, channels)"
    if is_deep_picture(stream):
        how = f"a PNG of 16 bits per channel whose numbers are the codes 0 to {stream.hi:,}, or {how}"
    return f"the network's input has {stream.channels} channels of {stream.bits} {kind} bits; {given}. Give {how}."


def image_codes(path: Path, stream: StreamType) -> np.ndarray:
    """Codes (H, W, C) of a file for a network's input, whatever its frame size: a photograph, or codes as they are in a
    PNG of 16 bits or in a .npy file.

    Raises:
        UserError: there is no such file, or it does not fit the input.
    """
    if path.suffix.lower() == ".npy":
        return _array(path)
    if is_deep_picture(stream) and path.is_file():
        data = path.read_bytes()
        if png16.is_png16(data):
            try:
                codes = png16.decode(data)
            except ValueError as e:
                raise UserError(f"image {path} cannot be read: {e}. Give another file.") from e
            if codes.shape[2] != stream.channels:
                raise UserError(_takes(stream, f"{path.name} has {codes.shape[2]}"))
            return codes
    return stream_codes(read_photo(path), stream)


def _array(path: Path) -> np.ndarray:
    try:
        codes = np.load(path, allow_pickle=False)
        if not isinstance(codes, np.ndarray) or codes.ndim != 3 or codes.dtype.kind not in "iu" or not codes.size:
            raise ValueError("it holds no integers of the shape (height, width, channels)")
        return codes.astype(np.int64)
    except (OSError, ValueError, EOFError, MemoryError) as e:
        raise UserError(f"image {path} cannot be read: {e}. Give a file that numpy.save wrote.") from e


def sample_codes(stream: StreamType, scale: int) -> np.ndarray:
    """A photograph's codes (H, W, C) at a stream's frame size: reduced by ``scale``, its edges repeated if need be.

    A stream that is no picture gets the photograph's brightness in every channel, over the range of its codes.
    """
    photo = high_resolution(photograph("coffee"), scale, None)
    plane = replace(stream, channels=3 if stream.channels == 3 else 1, bits=8, signed=False)
    whole = stream_codes(photo, plane)
    low = np.moveaxis(reduce(np.moveaxis(whole, -1, 0), scale), 0, -1)
    height, width = min(low.shape[0], stream.height), min(low.shape[1], stream.width)
    part = cut(low, width, height, photo.name)
    padded = np.pad(part, ((0, stream.height - height), (0, stream.width - width), (0, 0)), mode="edge")
    if is_picture(stream):
        return padded
    codes = np.rint(padded / 255 * (stream.hi - stream.lo) + stream.lo).astype(np.int64)
    return np.broadcast_to(codes, stream.shape).copy()
