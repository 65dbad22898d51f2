"""PSNR-Y and SSIM-Y as super-resolution papers compute them.

Y is BT.601 luma, 16 to 235, not rounded; `border` pixels (the scale) are cropped on every side. A grey image is taken
as Y directly.
"""

from __future__ import annotations

import math

import numpy as np
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

_WINDOW = 11  # side of the Gaussian window that scikit-image makes of sigma 1.5
_LUMA = np.array([65.481, 128.553, 24.966]) / 255.0


def luma(image: np.ndarray) -> np.ndarray:
    """Y of an image of 0..255: (H, W, 3) by BT.601 to 16..235; (H, W) is returned as it is. float64, not rounded."""
    image = np.asarray(image, np.float64)
    return image if image.ndim == 2 else image @ _LUMA + 16.0


def _cropped(a: np.ndarray, b: np.ndarray, border: int) -> tuple[np.ndarray, np.ndarray]:
    """Both images as float64, without so many pixels on each side."""
    if a.shape != b.shape:
        raise ValueError(f"sizes differ: {a.shape} and {b.shape}")
    height, width = a.shape[:2]
    if min(height, width) <= 2 * border:
        raise ValueError(f"an image of {height}x{width} has nothing left when {border} pixels are cropped on each side")
    inner = slice(border, height - border), slice(border, width - border)
    return np.asarray(a, np.float64)[inner], np.asarray(b, np.float64)[inner]


def psnr(a: np.ndarray, b: np.ndarray, border: int = 0) -> float:
    """Peak signal-to-noise ratio, in dB, of two images of 0..255; infinite where they are equal.

    Args:
        a, b: (H, W), or (H, W, C), then over all channels.
        border: pixels that are left out on every side.

    Raises:
        ValueError: sizes differ, or nothing is left.
    """
    x, y = _cropped(a, b, border)
    return math.inf if np.array_equal(x, y) else float(peak_signal_noise_ratio(x, y, data_range=255))


def ssim(a: np.ndarray, b: np.ndarray, border: int = 0) -> float:
    """Structural similarity of two (H, W) planes of 0..255 (Wang et al., IEEE Trans. Image Processing 13(4), 2004).

    As in the authors' MATLAB program: 11x11 Gaussian window of sigma 1.5, population covariance, and the mean over
    the windows that lie within the image.

    Raises:
        ValueError: sizes differ, or less than one window is left.
    """
    x, y = _cropped(a, b, border)
    if min(x.shape) < _WINDOW:
        raise ValueError(f"SSIM needs {_WINDOW}x{_WINDOW} pixels after cropping, has {x.shape[0]}x{x.shape[1]}")
    found = structural_similarity(x, y, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255)
    return float(found)
