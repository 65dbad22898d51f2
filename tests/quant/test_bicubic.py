"""MATLAB's imresize: hand-computed values, symmetries, sizes."""

import numpy as np
import pytest

from xnorsr.quant.data import imresize, to_uint8


def test_known_values_of_halving_and_doubling() -> None:
    """imresize([1 4 9 16 25 36 49 64], .5) and (.., 2), from the kernel's weights written out by hand.

    Halving: taps at +-0.25, 0.75, 1.25, 1.75 output pixels. Doubling: at 0.25, 0.75, 1.25, 1.75 input pixels.
    """
    row = np.array([[1, 4, 9, 16, 25, 36, 49, 64]], np.float64)
    half = np.array([-0.01171875, -0.03515625, 0.11328125, 0.43359375]) / 1.0
    half = np.concatenate([half, half[::-1]])
    middle = imresize(np.repeat(row, 2, 0), 0.5)[0, 1]
    # Output pixel 1 is centred between inputs 2 and 3; inputs -1..6, the first one mirrored.
    assert middle == pytest.approx(half @ np.array([1, 1, 4, 9, 16, 25, 36, 49]), abs=1e-12)
    twice = imresize(np.repeat(row, 2, 0), 2)[0, 5]
    # Output pixel 5 lies 0.25 right of input 2: taps 1, 2, 3, 4.
    weights = np.array([-0.0703125, 0.8671875, 0.2265625, -0.0234375])
    assert twice == pytest.approx(weights @ np.array([4, 9, 16, 25]), abs=1e-12)


@pytest.mark.parametrize("scale", [0.25, 1 / 3, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0])
def test_constants_and_ramps_survive(scale: float) -> None:
    """The weights sum to one and a ramp stays a ramp away from the borders."""
    assert np.allclose(imresize(np.full((24, 36), 7.0), scale), 7.0)
    ramp = imresize(np.tile(np.arange(48.0), (48, 1)), scale)
    inner = np.diff(ramp, axis=1)[:, ramp.shape[1] // 3 : -ramp.shape[1] // 3]
    assert np.allclose(inner, 1 / scale)


def test_sizes_round_up_and_axes_are_alike() -> None:
    image = np.random.default_rng(0).random((7, 10, 3))
    small = imresize(image, 1 / 3)
    assert small.shape == (3, 4, 3)
    assert np.allclose(small, imresize(image.transpose(1, 0, 2), 1 / 3).transpose(1, 0, 2))
    assert np.allclose(small[..., 1], imresize(image[..., 1], 1 / 3))


def test_rounding_and_clipping() -> None:
    assert to_uint8(np.array([-3.0, 0.49, 0.5, 254.5, 300.0])).tolist() == [0, 0, 1, 255, 255]
