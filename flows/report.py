"""The report: one self-contained HTML page (images as data URIs, inline style, no script)."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ..hw.network import Network
from ..quant.data import imresize, to_uint8
from ..quant.metrics import psnr
from .diagram import diagram
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


@dataclass(frozen=True)
class Tile:
    """One picture of the page and the text under it."""

    label: str
    note: str
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


def _tiles(pictures: Pictures, notes: Mapping[str, str]) -> list[Tile]:
    scale = pictures.original.shape[0] // pictures.low.shape[0]
    gain = f"difference × {DIFFERENCE_GAIN}"
    return [
        Tile("Low resolution", f"{pictures.low.shape[1]} × {pictures.low.shape[0]}, enlarged",
             data_uri(enlarge(pictures.low, scale))),
        Tile("Bicubic", notes["bicubic"], data_uri(pictures.bicubic)),
        Tile("Ours", notes["ours"], data_uri(pictures.ours)),
        Tile("Original", "held out of training", data_uri(pictures.original)),
        Tile("Bicubic − original", gain, data_uri(difference(pictures.bicubic, pictures.original))),
        Tile("Ours − original", gain, data_uri(difference(pictures.ours, pictures.original))),
    ]  # fmt: skip


def _further_tiles(output: FurtherOutput) -> list[Tile]:
    height, width = output.image.shape[:2]
    images = (("Bicubic", output.bicubic), (f"Output {output.name}", output.image), ("Original", output.original))
    return [Tile(label, f"{width} × {height}", data_uri(image)) for label, image in images if image is not None]


def _crop_tiles(pictures: Pictures, place: tuple[int, int, int]) -> list[Tile]:
    top, left, side = place
    scale = pictures.original.shape[0] // pictures.low.shape[0]
    low = enlarge(pictures.low, scale)
    cut = (slice(top, top + side), slice(left, left + side))
    original = pictures.original[cut]
    tiles = [Tile("Low resolution", f"{side // scale} × {side // scale} pixels", data_uri(low[cut]))]
    for label, image in (("Bicubic", pictures.bicubic), ("Ours", pictures.ours)):
        # PSNR of all channels in the square; the page's main figures are PSNR-Y.
        tiles.append(Tile(label, f"{psnr(image[cut], original):.2f} dB here", data_uri(image[cut])))
    delta = data_uri(difference(pictures.ours[cut], original))
    return [*tiles, Tile("Original", "", data_uri(original)), Tile("Ours − original", f"× {DIFFERENCE_GAIN}", delta)]


def _environment() -> Environment:
    env = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters["count"] = lambda n: f"{n:,.0f}"
    env.filters["db"] = lambda x: f"{x:.2f} dB"
    env.filters["si"] = si
    env.filters["rate"] = lambda x: f"{x:,.0f}" if x >= 100 else f"{x:.3g}"
    env.filters["duration"] = duration
    return env


def si(value: float, unit: str = "") -> str:
    """With a decimal prefix: 12345 -> "12.3 k"."""
    for limit, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= limit:
            return f"{value / limit:.3g} {prefix}{unit}"
    return f"{value:.3g} {unit}".strip()


def duration(seconds: float) -> str:
    """Seconds, or minutes and seconds, as text."""
    return f"{int(seconds // 60)} min {seconds % 60:.0f} s" if seconds >= 60 else f"{seconds:.1f} s"


def render(results: Mapping[str, Any], pictures: Pictures, network: Network) -> str:
    """The page.

    Args:
        results: what results.json holds; "estimate", "synth" and "synth_by_layer" (the last two are both None or
            neither) as `steps.cost.Account.to_dict` gives them.
        pictures: of the simulated photograph.
        network: for the diagram.
    """
    scores, estimate = results["psnr_y"], results["estimate"]
    notes = {key: f"{scores[key]:.2f} dB PSNR-Y" for key in scores}
    notes["ours"] = notes["brevitas"]
    template = _environment().get_template("report.html.jinja")
    return template.render(
        results=results,
        tiles=_tiles(pictures, notes),
        crops=[_crop_tiles(pictures, place) for place in crop_places(pictures)],
        further=[_further_tiles(output) for output in pictures.further],
        diagram=diagram(network),
        estimate=estimate,
        synth=results["synth_by_layer"],
        most_lut=max((layer["lut"] for layer in estimate["layers"]), default=1) or 1,
        total_time=sum(results["times"].values()) or 1.0,
    )
