"""Pictures of the report: enlarged details, differences, and the texts that say what is seen on them."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..quant.data import imresize, to_uint8
from ..quant.metrics import luma, psnr
from .pictures import png_bytes

DIFFERENCE_GAIN = 8
CROPS = 3
CROP_SIDE = 48  # high-resolution pixels, shown enlarged


@dataclass(frozen=True)
class FurtherOutput:
    """Picture of an output behind the first one, with what it can be compared with: None where there is nothing."""

    name: str
    image: np.ndarray
    bicubic: np.ndarray | None
    original: np.ndarray | None


@dataclass(frozen=True)
class Pictures:
    """Images of one photograph: (H, W, C) uint8, C = 3 (RGB) or 1 (Y); ``low`` is scale times smaller."""

    low: np.ndarray
    bicubic: np.ndarray
    ours: np.ndarray
    original: np.ndarray
    further: tuple[FurtherOutput, ...] = ()

    @property
    def scale(self) -> int:
        """Enlargement."""
        return self.original.shape[0] // self.low.shape[0]


@dataclass(frozen=True)
class Tile:
    """One picture of the page.

    Attributes:
        label, note: the text under it.
        alt: what is seen, for who does not see it.
        uri: the picture.
    """

    label: str
    note: str
    alt: str
    uri: str


def data_uri(image: np.ndarray) -> str:
    """The image as the source of an ``img`` element."""
    return "data:image/png;base64," + base64.b64encode(png_bytes(image)).decode()


def enlarge(image: np.ndarray, factor: int) -> np.ndarray:
    """Nearest neighbour."""
    return image.repeat(factor, 0).repeat(factor, 1)


def difference(image: np.ndarray, original: np.ndarray) -> np.ndarray:
    """|image - original|, amplified by `DIFFERENCE_GAIN` and clipped."""
    delta = np.abs(image.astype(int) - original.astype(int)) * DIFFERENCE_GAIN
    return np.clip(delta, 0, 255).astype(np.uint8)


def luminance(image: np.ndarray) -> np.ndarray:
    """Y of (H, W, C) uint8, as PSNR-Y takes it: float64 (H, W)."""
    return luma(image) if image.shape[-1] == 3 else image[..., 0].astype(np.float64)


def further_output(name: str, image: np.ndarray, low: np.ndarray, original: np.ndarray) -> FurtherOutput:
    """The picture of an output, beside bicubic and original where it is an enlargement of the input.

    Args:
        image: the output.
        low: the network's input.
        original: the photograph, at a multiple of the input's size.
    """
    factor = image.shape[0] // low.shape[0]
    if factor < 2 or image.shape != (factor * low.shape[0], factor * low.shape[1], low.shape[2]):
        return FurtherOutput(name, image, None, None)
    reduced = imresize(original, image.shape[0] / original.shape[0])[: image.shape[0], : image.shape[1]]
    return FurtherOutput(name, image, to_uint8(imresize(low, factor)), to_uint8(reduced))


def crop_places(pictures: Pictures, count: int = CROPS, side: int = CROP_SIDE) -> list[tuple[int, int, int]]:
    """(top, left, side) of the squares with most detail, measured on the original; none touches another.

    They are chosen by detail, not by gain, so that the choice favours no method.
    """
    grey = pictures.original.astype(np.float64).mean(-1)
    side = min(side, *grey.shape)
    step = max(side // 3, 1)
    energy = np.zeros_like(grey)
    energy[1:, 1:] = np.abs(np.diff(grey, axis=0))[:, 1:] + np.abs(np.diff(grey, axis=1))[1:]
    spots = [
        (float(energy[y : y + side, x : x + side].mean()), y, x)
        for y in range(0, grey.shape[0] - side + 1, step)
        for x in range(0, grey.shape[1] - side + 1, step)
    ]
    chosen: list[tuple[int, int, int]] = []
    for _, y, x in sorted(spots, reverse=True):
        if all(abs(y - cy) >= 2 * side or abs(x - cx) >= 2 * side for cy, cx, _ in chosen) or not chosen:
            chosen.append((y, x, side))
        if len(chosen) == count:
            break
    return chosen


def whole_tiles(pictures: Pictures, name: str, notes: Mapping[str, str]) -> list[Tile]:
    """The whole photograph.

    Args:
        name: the photograph's.
        notes: PSNR-Y of "bicubic" and of "ours".
    """
    height, width = pictures.low.shape[:2]
    gain = f"difference × {DIFFERENCE_GAIN}"
    far = f"brighter means farther from it, amplified {DIFFERENCE_GAIN} times"
    return [
        Tile("Low resolution", f"{width} × {height}, enlarged",
             f"The input: photograph {name}, {width} by {height} pixels, each shown as a square",
             data_uri(enlarge(pictures.low, pictures.scale))),
        Tile("Bicubic", notes["bicubic"], f"{name} enlarged bicubically", data_uri(pictures.bicubic)),
        Tile("Ours", notes["ours"], f"{name} enlarged by the network, the same in HLS and RTL",
             data_uri(pictures.ours)),
        Tile("Original", "held out of training", f"{name} at full resolution", data_uri(pictures.original)),
        Tile("Bicubic − original", gain, f"Where bicubic differs from the original; {far}",
             data_uri(difference(pictures.bicubic, pictures.original))),
        Tile("Ours − original", gain, f"Where the network's picture differs from the original; {far}",
             data_uri(difference(pictures.ours, pictures.original))),
    ]  # fmt: skip


def further_tiles(output: FurtherOutput) -> list[Tile]:
    """A further output of the network."""
    height, width = output.image.shape[:2]
    images = (("Bicubic", output.bicubic), (f"Output {output.name}", output.image), ("Original", output.original))
    size = f"{width} × {height}"
    return [
        Tile(label, size, f"{label}, {width} by {height} pixels", data_uri(image))
        for label, image in images
        if image is not None
    ]


def crop_tiles(pictures: Pictures, place: tuple[int, int, int]) -> list[Tile]:
    """One detail, in all pictures; PSNR-Y of the detail under them."""
    top, left, side = place
    where = f"{side} by {side} pixels from row {top}, column {left}"
    low = enlarge(pictures.low, pictures.scale)
    cut = (slice(top, top + side), slice(left, left + side))
    original = pictures.original[cut]

    def tile(label: str, note: str, image: np.ndarray) -> Tile:
        return Tile(label, note, f"{label}, detail of {where}{f', {note}' if note else ''}", data_uri(image))

    tiles = [tile("Low resolution", f"{side // pictures.scale} × {side // pictures.scale} pixels", low[cut])]
    for label, image in (("Bicubic", pictures.bicubic), ("Ours", pictures.ours)):
        here = psnr(luminance(image[cut]), luminance(original))
        tiles.append(tile(label, f"{here:.2f} dB PSNR-Y here", image[cut]))
    delta = difference(pictures.ours[cut], original)
    return [*tiles, tile("Original", "", original), tile("Ours − original", f"× {DIFFERENCE_GAIN}", delta)]
