"""Images that do not fit a built network are refused in one text, whatever the level of simulation."""

from __future__ import annotations

import re

import numpy as np
import pytest

from xnorsr.errors import UserError
from xnorsr.hw.types import StreamType
from xnorsr.sim.frames import check_input

pytestmark = pytest.mark.quick

KIND = StreamType(height=3, width=4, channels=3, bits=8, frac=8, signed=False)


@pytest.mark.parametrize(
    ("codes", "said"),
    [
        (
            np.zeros((3, 5, 3), np.int64),
            "the image has 5 x 3 pixels; the network was built for 4 x 3 pixels. "
            "Build it for this image: xnorsr build MODEL.onnx --frame 5x3",
        ),
        (
            np.zeros((3, 4), np.int64),
            "the image has the shape (3, 4); "
            "the network takes codes of the shape (H, W, C) with 3 channels: (3, 4, 3).",
        ),
        (
            np.zeros((3, 4, 1), np.int64),
            "the image has the shape (3, 4, 1); "
            "the network takes codes of the shape (H, W, C) with 3 channels: (3, 4, 3).",
        ),
        (
            np.zeros((3, 4, 3), np.float32),
            "the image is made of float32 numbers; allowed are integer codes from 0 to 255.",
        ),
        (np.full((3, 4, 3), 256), "the image has codes 256 to 256; allowed are 0 to 255."),
        (np.full((3, 4, 3), -1), "the image has codes -1 to -1; allowed are 0 to 255."),
    ],
)
def test_what_does_not_fit_is_refused(codes: np.ndarray, said: str) -> None:
    with pytest.raises(UserError, match=f"^{re.escape(said)}$"):
        check_input(codes, KIND)


@pytest.mark.parametrize("kind", [np.int64, np.uint8])
def test_what_fits_passes(kind: type) -> None:
    check_input(np.full((3, 4, 3), 255, kind), KIND)
