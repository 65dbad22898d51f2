"""PSNR-Y and SSIM-Y against closed forms and a direct sum."""

import math

import numpy as np
import pytest

from xnorsr.quant.data import EMBEDDED, Photo, embedded_path, imresize, read_photo
from xnorsr.quant.inference import bicubic_score
from xnorsr.quant.metrics import luma, psnr, ssim


def test_luma_is_bt601() -> None:
    pixels = np.array([[[255, 255, 255], [0, 0, 0], [255, 0, 0], [0, 0, 255]]], np.uint8)
    assert luma(pixels)[0] == pytest.approx([235.0, 16.0, 81.481, 40.966])
    assert luma(np.array([[7]], np.uint8))[0, 0] == 7


def test_psnr_of_a_constant_error_ignores_the_border() -> None:
    a = np.full((20, 20), 100.0)
    b = a + 5
    b[:2], b[:, -2:] = 0, 255
    assert psnr(a, b, 2) == pytest.approx(20 * math.log10(255 / 5))
    assert psnr(a, a, 2) == math.inf
    color = np.arange(36, dtype=np.uint8).reshape(3, 4, 3)
    assert psnr(color, color + 1) == pytest.approx(20 * math.log10(255)), "over all channels, without wrapping round"


def test_ssim_is_the_direct_sum() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.integers(0, 256, (2, 14, 13)).astype(float)
    x = np.arange(-5, 6)
    window = np.exp(-(x[:, None] ** 2 + x[None] ** 2) / 4.5)
    window /= window.sum()
    values = []
    for i in range(4):
        for j in range(3):
            p, q = a[i : i + 11, j : j + 11], b[i : i + 11, j : j + 11]
            mp, mq = (window * p).sum(), (window * q).sum()
            vp, vq = (window * (p - mp) ** 2).sum(), (window * (q - mq) ** 2).sum()
            cov = (window * (p - mp) * (q - mq)).sum()
            c1, c2 = 2.55**2, 7.65**2
            values.append((2 * mp * mq + c1) * (2 * cov + c2) / ((mp**2 + mq**2 + c1) * (vp + vq + c2)))
    assert ssim(a, b, 0) == pytest.approx(np.mean(values))
    assert ssim(a, a, 0) == pytest.approx(1.0)


def test_sizes_are_checked() -> None:
    with pytest.raises(ValueError, match="sizes differ"):
        psnr(np.zeros((4, 4)), np.zeros((4, 5)), 0)
    with pytest.raises(ValueError, match="nothing left when 2 pixels"):
        psnr(np.zeros((4, 4)), np.zeros((4, 4)), 2)
    with pytest.raises(ValueError, match="SSIM needs 11x11"):
        ssim(np.zeros((14, 20)), np.zeros((14, 20)), 2)


def test_bicubic_protocol_on_a_photograph() -> None:
    """The protocol written out: Y of 8 bits, reduced and enlarged as doubles, rounded once at the end."""
    pixels = read_photo(embedded_path("chelsea")).pixels[:200, :301]
    y = np.floor(pixels[:, :300] @ np.array([65.481, 128.553, 24.966]) / 255 + 16.5)
    sr = np.clip(np.floor(imresize(imresize(y, 1 / 2), 2) + 0.5), 0, 255)
    error = np.mean((sr - y)[2:-2, 2:-2] ** 2)
    assert bicubic_score(Photo("c", pixels), 2)[0] == pytest.approx(10 * math.log10(255**2 / error))


def test_embedded_photographs_are_in_the_wheels() -> None:
    for name in EMBEDDED:
        photo = read_photo(embedded_path(name))
        assert photo.pixels.ndim == 3 and min(photo.pixels.shape[:2]) >= 300, name
