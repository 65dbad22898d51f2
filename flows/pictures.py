"""Photographs as stream codes and back."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from ..errors import UserError
from ..hw.types import StreamType


def png_bytes(image: np.ndarray) -> bytes:
    """PNG file of an (H, W, C) uint8 image, C = 3 (RGB) or 1 (Y)."""
    buffer = io.BytesIO()
    Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def center(codes: np.ndarray, height: int, width: int) -> np.ndarray:
    """The middle of an (H, W, C) image.

    Raises:
        UserError: the image is smaller.
    """
    if codes.shape[0] < height or codes.shape[1] < width:
        raise UserError(
            f"the image has {codes.shape[1]} x {codes.shape[0]} pixels, less than the {width} x {height} to be cut out of "
            "it. Give a larger image, or build a smaller frame with --frame."
        )
    top, left = (codes.shape[0] - height) // 2, (codes.shape[1] - width) // 2
    return codes[top : top + height, left : left + width]


def check_pixels(stream: StreamType) -> None:
    """Refuse a network whose input is no 8-bit picture.

    Raises:
        UserError: other than 1 or 3 channels of 8 unsigned bits.
    """
    if stream.signed or stream.bits != 8 or stream.channels not in (1, 3):
        kind = "signed" if stream.signed else "unsigned"
        raise UserError(
            f"the network's input has {stream.channels} channels of {stream.bits} {kind} bits; photographs go into 1 or 3 "
            "channels of 8 unsigned bits."
        )
