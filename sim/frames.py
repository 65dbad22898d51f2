"""Whether an image fits a built network."""

from __future__ import annotations

import numpy as np

from ..errors import UserError
from ..hw.types import StreamType


def check_input(codes: np.ndarray, kind: StreamType) -> None:
    """Refuse an image that a built network cannot take.

    Args:
        codes: should be (H, W, C) integer codes.
        kind: of the network's input.

    Raises:
        UserError: no three dimensions, other channels, another size, no integers, or codes out of range.
    """
    if codes.ndim != 3 or codes.shape[2] != kind.channels:
        raise UserError(
            f"the image has the shape {codes.shape}; the network takes codes of the shape (H, W, C) with "
            f"{kind.channels} channels: {(kind.height, kind.width, kind.channels)}."
        )
    height, width = codes.shape[:2]
    if (height, width) != (kind.height, kind.width):
        raise UserError(
            f"the image has {width} x {height} pixels; the network was built for {kind.width} x {kind.height} pixels. "
            f"Build it for this image: xnorsr build MODEL.onnx --frame {width}x{height}"
        )
    if not np.issubdtype(codes.dtype, np.integer):
        raise UserError(
            f"the image is made of {codes.dtype} numbers; allowed are integer codes from {kind.lo} to {kind.hi}."
        )
    if codes.min() < kind.lo or codes.max() > kind.hi:
        raise UserError(f"the image has codes {codes.min()} to {codes.max()}; allowed are {kind.lo} to {kind.hi}.")
