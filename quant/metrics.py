"""PSNR-Y and SSIM-Y as super-resolution papers compute them.

Y is BT.601 luma, 16 to 235, not rounded; `border` pixels (the scale) are cropped on every side. A grey image is taken
as Y directly.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

_LUMA = np.array([65.481, 128.553, 24.966]) / 255.0


def luma(image: np.ndarray) -> np.ndarray:
    """Y of an image of 0..255: (H, W, 3) by BT.601 to 16..235; (H, W) is returned as it is. float64, not rounded."""
    image = np.asarray(image, np.float64)
    return image if image.ndim == 2 else image @ _LUMA + 16.0


def _crop(image: np.ndarray, border: int) -> np.ndarray:
    height, width = image.shape
    if min(height, width) <= 2 * border:
        raise ValueError(f"an image of {height}x{width} has nothing left when {border} pixels are cropped on each side")
    return np.asarray(image, np.float64)[border : height - border, border : width - border]


def psnr(a: np.ndarray, b: np.ndarray, border: int) -> float:
    """Peak signal-to-noise ratio, in dB, of two (H, W) planes of 0..255; infinite where they are equal."""
    if a.shape != b.shape:
        raise ValueError(f"sizes differ: {a.shape} and {b.shape}")
    error = float(np.mean((_crop(a, border) - _crop(b, border)) ** 2))
    return math.inf if error == 0 else 10 * math.log10(255.0**2 / error)


def _smooth(image: np.ndarray) -> np.ndarray:
    """11x11 Gaussian of sigma 1.5, only where it fits ('valid')."""
    x = np.arange(-5, 6)
    kernel = np.exp(-(x**2) / (2 * 1.5**2))
    kernel /= kernel.sum()
    rows = sliding_window_view(image, 11, axis=0) @ kernel
    return sliding_window_view(rows, 11, axis=1) @ kernel


def ssim(a: np.ndarray, b: np.ndarray, border: int) -> float:
    """Structural similarity of two (H, W) planes of 0..255, as in the authors' MATLAB program."""
    if a.shape != b.shape:
        raise ValueError(f"sizes differ: {a.shape} and {b.shape}")
    x, y = _crop(a, border), _crop(b, border)
    if min(x.shape) < 11:
        raise ValueError(f"SSIM needs 11x11 pixels after cropping, has {x.shape[0]}x{x.shape[1]}")
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    mx, my = _smooth(x), _smooth(y)
    vx, vy, cxy = _smooth(x * x) - mx * mx, _smooth(y * y) - my * my, _smooth(x * y) - mx * my
    return float(np.mean((2 * mx * my + c1) * (2 * cxy + c2) / ((mx * mx + my * my + c1) * (vx + vy + c2))))
