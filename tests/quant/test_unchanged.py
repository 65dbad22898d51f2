"""What networks of version 0.1.0 gave before there were other schemes, networks and a float form, they give still."""

from __future__ import annotations

import zlib

import numpy as np
import pytest

from xnorsr.quant import zoo
from xnorsr.quant.inference import upscale
from xnorsr.quant.zoo import SRResNetConfig


@pytest.mark.parametrize(
    ("scheme", "skip", "scale", "checksum"),
    [
        ("w1a1", "nearest", 2, 36438412),
        ("w1a1", "bilinear", 3, 862599502),
        ("w1a1", "bilinear", 4, 3506898425),
        ("bnn", "nearest", 2, 108214149),
        ("bnn", "bilinear", 3, 1362734044),
        ("bnn", "bilinear", 4, 3220614124),
    ],
)
def test_codes_of_earlier_networks(scheme: str, skip: str, scale: int, checksum: int) -> None:
    """Output codes for noise, weights by seed 5; the checksums were made with the version before."""
    cfg = SRResNetConfig.model_validate({"channels": 8, "blocks": 2, "scheme": scheme, "skip": skip, "scale": scale})
    codes = np.random.default_rng(5).integers(0, 256, (3, 9, 8), dtype=np.uint8)
    assert zlib.crc32(upscale(zoo.randomize(zoo.build(cfg), 5), codes).tobytes()) == checksum


def test_names_of_earlier_weights() -> None:
    """A file of weights of then is read: the names, and their order, which averaged weights go by."""
    names = [n for n, _ in zoo.build(SRResNetConfig(channels=4, blocks=1)).named_parameters()]
    unit = ["offset", "conv.weight", "affine.scale.weight", "affine.bias.weight", "act.slope.weight"]
    body = [f"blocks.0.{half}.{part}" for half in ("first", "second") for part in unit]
    assert names == ["head.conv.weight", "head.bias.weight", *body, "tail.conv.weight", "tail.bias.weight"]
