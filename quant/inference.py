"""Running a network on whole images and scoring the result.

Protocol of an RGB network: the high-resolution image is cut to a multiple of the scale, reduced by bicubic and rounded
to 8-bit RGB, enlarged by the network; Y of both high-resolution images is compared. Of a Y network: Y is made first
(8 bits), then reduced and enlarged in Y. The bicubic baseline is always made in Y, without rounding in between:
that is what papers print. `scale` border pixels are left out. A grey photograph is compared in grey, without the
luma's narrower range.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from torch import nn

from ..errors import MismatchError
from .data import Photo, imresize, modcrop, reduce, to_planes, to_uint8
from .metrics import luma, psnr, ssim
from .zoo import Network

_PIXEL = 256.0
TILE = 256  # side of a tile in low-resolution pixels, its border not counted


def to_codes(values: np.ndarray) -> np.ndarray:
    """uint8 codes of pixel values code / 256, exactly.

    Raises:
        MismatchError: a value is no 8-bit pixel.
    """
    scaled = np.asarray(values, np.float64) * _PIXEL
    codes = np.rint(scaled)
    if not np.array_equal(codes, scaled) or codes.min() < 0 or codes.max() > 255:
        raise MismatchError("the network's output is not 8-bit pixels")
    return codes.astype(np.uint8)


def to_values(codes: np.ndarray) -> np.ndarray:
    """float32 values code / 256 of uint8 codes."""
    return (codes / _PIXEL).astype(np.float32)


def _image(model: nn.Module, codes: np.ndarray) -> torch.Tensor:
    """A network's input, where the network is."""
    weight = next(model.parameters(), torch.empty(0))
    return torch.from_numpy(to_values(codes[None])).to(weight.device)


def upscale(model: nn.Module, codes: np.ndarray) -> np.ndarray:
    """Output codes (C, r*H, r*W) uint8 of a network, in eval mode, for input codes (C, H, W) uint8."""
    was_training = model.training
    with torch.no_grad():
        result = model.eval()(_image(model, codes))
    model.train(was_training)
    return to_codes(result[0].cpu().numpy())


def upscale_all(model: Network, codes: np.ndarray) -> dict[str, np.ndarray]:
    """As `upscale`, of every output of a network: codes (C, k*H, k*W) uint8 by the output's name."""
    was_training = model.training
    with torch.no_grad():
        found = model.eval().outputs(_image(model, codes))
    model.train(was_training)
    return {name: to_codes(y[0].cpu().numpy()) for name, y in found.items()}


def upscale_tiled(model: Network, codes: np.ndarray, side: int = TILE) -> np.ndarray:
    """As `upscale`, tile by tile, so that the memory of a network of convolutions does not grow with the image.

    Tiles overlap by what the network reaches: the deployed form gives the same codes as without tiles. A network that
    may look at the whole frame (`Network.reach`) is given the whole frame.

    Args:
        side: of a tile, in low-resolution pixels.
    """
    reach, scale = model.reach, model.cfg.scale
    height, width = codes.shape[1:]
    if reach is None or max(height, width) <= side:
        return upscale(model, codes)
    result = np.empty((codes.shape[0], scale * height, scale * width), np.uint8)
    for top in range(0, height, side):
        for left in range(0, width, side):
            bottom, right = min(top + side, height), min(left + side, width)
            y, x = max(top - reach, 0), max(left - reach, 0)
            part = upscale(model, np.ascontiguousarray(codes[:, y : bottom + reach, x : right + reach]))
            result[:, scale * top : scale * bottom, scale * left : scale * right] = part[
                :, scale * (top - y) : scale * (bottom - y), scale * (left - x) : scale * (right - x)
            ]
    return result


def self_ensemble(
    model: Any, codes: np.ndarray, enlarge: Callable[[Any, np.ndarray], np.ndarray] = upscale
) -> np.ndarray:
    """As `upscale`, the mean over the image's eight flips and quarter turns, rounded: what papers mark with a plus.

    Eight times the work of a single pass; figures made so are not those of the deployed network.

    Args:
        enlarge: `upscale`, or `upscale_tiled`.
    """
    total = np.zeros(1)
    for turns in range(4):
        for flip in (1, -1):
            turned = np.ascontiguousarray(np.rot90(codes[:, :, ::flip], turns, (1, 2)))
            total = total + np.rot90(enlarge(model, turned).astype(np.float64), -turns, (1, 2))[:, :, ::flip]
    return to_uint8(total / 8)


def low_resolution(photo: Photo, scale: int, colors: str) -> np.ndarray:
    """The network's input, (C, H, W) uint8, made from a high-resolution photograph."""
    return reduce(to_planes(modcrop(photo.pixels, scale), colors), scale)


def _plane(photo: Photo, scale: int) -> np.ndarray:
    """Y of the high-resolution photograph, 8 bits as papers take it, as float64."""
    return np.asarray(to_uint8(luma(modcrop(photo.pixels, scale))), np.float64)


def score(codes: np.ndarray, photo: Photo, scale: int, colors: str) -> tuple[float, float]:
    """(PSNR-Y, SSIM-Y) of a network's output codes (C, H, W) against the high-resolution photograph."""
    if colors == "y":
        got, want = np.asarray(codes[0], np.float64), _plane(photo, scale)
    elif photo.grey:
        got, want = (luma(np.moveaxis(codes, 0, -1)) - 16) * 255 / 219, _plane(photo, scale)
    else:
        got, want = luma(np.moveaxis(codes, 0, -1)), luma(modcrop(photo.pixels, scale))
    return psnr(got, want, scale), ssim(got, want, scale)


def bicubic_score(photo: Photo, scale: int) -> tuple[float, float]:
    """(PSNR-Y, SSIM-Y) of bicubic enlargement, reduced and enlarged in Y."""
    want = _plane(photo, scale)
    got = np.asarray(to_uint8(imresize(imresize(want, 1 / scale), scale)), np.float64)
    return psnr(got, want, scale), ssim(got, want, scale)


def evaluate(
    model: nn.Module, photos: Iterable[Photo], scale: int, colors: str, ensemble: bool = False
) -> dict[str, Any]:
    """Scores of a network and of bicubic.

    Args:
        ensemble: the network's output is that of `self_ensemble`.

    Returns:
        {"psnr_y", "ssim_y": means; "bicubic_psnr_y", "bicubic_ssim_y": means;
        "images": {name: the same four}}.
    """
    images: dict[str, dict[str, float]] = {}
    for photo in photos:
        enlarge = self_ensemble if ensemble else upscale
        ours = score(enlarge(model, low_resolution(photo, scale, colors)), photo, scale, colors)
        base = bicubic_score(photo, scale)
        keys = ("psnr_y", "ssim_y", "bicubic_psnr_y", "bicubic_ssim_y")
        images[photo.name] = dict(zip(keys, (*ours, *base), strict=True))
    if not images:
        raise ValueError("no image to evaluate on")
    means = {k: float(np.mean([v[k] for v in images.values()])) for k in next(iter(images.values()))}
    return {**means, "images": images}
