"""MATLAB-compatible bicubic resizing: the one place where images are reduced or enlarged."""

from __future__ import annotations

import math

import numpy as np


def _cubic(x: np.ndarray) -> np.ndarray:
    """Keys' cubic kernel with a = -0.5, as MATLAB's.

    Keys, "Cubic convolution interpolation for digital image processing", IEEE Trans. ASSP 29(6), 1981.
    """
    x = np.abs(x)
    near = 1.5 * x**3 - 2.5 * x**2 + 1
    far = -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return np.where(x <= 1, near, np.where(x <= 2, far, 0.0))


def _taps(size: int, out: int, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Source indices and weights, each (out, taps), along one axis; edges are mirrored."""
    # Reducing widens the kernel by 1/scale: that is MATLAB's antialiasing.
    stretch = min(scale, 1.0)
    width = 4.0 / stretch
    centre = (np.arange(out) + 0.5) / scale - 0.5
    first = np.floor(centre - width / 2).astype(np.int64) + 1
    index = first[:, None] + np.arange(math.ceil(width) + 1)[None]
    weight = stretch * _cubic((centre[:, None] - index) * stretch)
    weight /= weight.sum(1, keepdims=True)
    index = index % (2 * size)
    return np.where(index < size, index, 2 * size - 1 - index), weight


def _along(image: np.ndarray, axis: int, scale: float) -> np.ndarray:
    size = image.shape[axis]
    index, weight = _taps(size, math.ceil(size * scale), scale)
    moved = np.moveaxis(image, axis, 0)
    shape = (-1,) + (1,) * (moved.ndim - 1)
    out = np.zeros((len(index), *moved.shape[1:]))
    for k in range(index.shape[1]):
        if np.any(weight[:, k]):
            out += weight[:, k].reshape(shape) * moved[index[:, k]]
    return np.moveaxis(out, 0, axis)


def imresize(image: np.ndarray, scale: float) -> np.ndarray:
    """Bicubic resize with antialiasing, as MATLAB's imresize(image, scale) on doubles.

    Args:
        image: (H, W) or (H, W, C), any real type.
        scale: output sizes are ceil(scale * H) and ceil(scale * W).

    Returns:
        float64; not rounded, not clipped. See `to_uint8`.
    """
    if scale <= 0:
        raise ValueError(f"scale must be positive, is {scale}")
    return _along(_along(np.asarray(image, np.float64), 0, scale), 1, scale)


def to_uint8(image: np.ndarray) -> np.ndarray:
    """Rounds halves up and clips to 0..255, as MATLAB's uint8()."""
    return np.clip(np.floor(image + 0.5), 0, 255).astype(np.uint8)
