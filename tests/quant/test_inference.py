"""Whole images through a network, and the scoring protocol."""

from typing import Any

import numpy as np
import pytest
from torch import Tensor, nn

from xnorsr.errors import MismatchError
from xnorsr.quant import inference, zoo
from xnorsr.quant.data import Photo, imresize, to_uint8
from xnorsr.quant.inference import (
    bicubic_score,
    evaluate,
    low_resolution,
    score,
    self_ensemble,
    to_codes,
    to_values,
    upscale,
    upscale_tiled,
)
from xnorsr.quant.metrics import luma, psnr


class Nearest(nn.Module):
    """Repeats pixels."""

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.interpolate(x, scale_factor=2.0, mode="nearest")


def photo(grey: bool = False) -> Photo:
    rng = np.random.default_rng(2)
    pixels = to_uint8(imresize(rng.integers(0, 256, (10, 12, 3)), 4))[:39, :47]
    return Photo("p", pixels[..., 0] if grey else pixels)


def test_codes_and_values() -> None:
    codes = np.arange(256, dtype=np.uint8)
    assert np.array_equal(to_codes(to_values(codes)), codes)
    for bad in (0.001, -1 / 256, 1.0):
        with pytest.raises(MismatchError, match="not 8-bit pixels"):
            to_codes(np.array([bad], np.float32))


def test_upscale_keeps_the_mode() -> None:
    net = Nearest().train()
    codes = np.arange(12, dtype=np.uint8).reshape(1, 3, 4)
    assert np.array_equal(upscale(net, codes), codes.repeat(2, 1).repeat(2, 2))
    assert net.training


def test_rgb_protocol_written_out() -> None:
    p = photo()
    lr = low_resolution(p, 2, "rgb")
    assert lr.shape == (3, 19, 23) and np.array_equal(lr[1], to_uint8(imresize(p.pixels[:38, :46, 1], 0.5)))
    out = evaluate(Nearest(), [p, p], 2, "rgb")
    sr = np.moveaxis(lr.repeat(2, 1).repeat(2, 2), 0, -1)
    assert out["psnr_y"] == pytest.approx(psnr(luma(sr), luma(p.pixels[:38, :46]), 2))
    assert out["bicubic_psnr_y"] == pytest.approx(bicubic_score(p, 2)[0])
    assert set(out["images"]) == {"p"} and set(out["images"]["p"]) == {
        "psnr_y",
        "ssim_y",
        "bicubic_psnr_y",
        "bicubic_ssim_y",
    }
    with pytest.raises(ValueError, match="no image"):
        evaluate(Nearest(), [], 2, "rgb")


def test_y_protocol_and_grey() -> None:
    p = photo()
    y = to_uint8(luma(p.pixels))[:38, :46]
    lr = low_resolution(p, 2, "y")
    assert np.array_equal(lr[0], to_uint8(imresize(y, 0.5)))
    got = score(lr.repeat(2, 1).repeat(2, 2), p, 2, "y")[0]
    assert got == pytest.approx(psnr(lr[0].repeat(2, 0).repeat(2, 1), y, 2))
    g = photo(grey=True)
    by_rgb = score(upscale(Nearest(), low_resolution(g, 2, "rgb")), g, 2, "rgb")
    by_y = score(upscale(Nearest(), low_resolution(g, 2, "y")), g, 2, "y")
    assert by_rgb == pytest.approx(by_y), "a grey photograph scores the same through three equal channels"


class _Shifted(nn.Module):
    """x2 nearest, plus one code in each right half: not the same when the image is turned."""

    def forward(self, x: Tensor) -> Tensor:
        y = nn.functional.interpolate(x, scale_factor=2, mode="nearest")
        y[..., y.shape[-1] // 2 :] += 2 / 256
        return y


def test_self_ensemble_is_the_mean_over_flips_and_turns() -> None:
    codes = np.random.default_rng(4).integers(0, 200, (1, 4, 6), dtype=np.uint8)
    plain = np.kron(codes, np.ones((1, 2, 2), np.uint8))
    # Every pixel is in the right half in one of two orientations.
    assert np.array_equal(self_ensemble(_Shifted(), codes), plain + 1)
    assert not np.array_equal(upscale(_Shifted(), codes), plain + 1)


TILED: dict[str, dict[str, Any]] = {
    "srresnet": {"channels": 4, "blocks": 2, "skip": "bilinear"},
    "srresnet-refined": {"channels": 4, "blocks": 1, "upsampler": "real", "refine": True, "head_kernel": 5},
    "srresnet-x3": {"channels": 4, "blocks": 1, "scale": 3, "skip": "bilinear", "scheme": {"name": "ebsr"}},
    "edsr": {"channels": 4, "blocks": 1, "scale": 4},
    "rdn": {"channels": 4, "blocks": 1, "layers": 2, "growth": 4},
    "lapsrn": {"channels": 4, "depth": 1, "scale": 4, "colors": "y"},
}


@pytest.mark.parametrize("name", TILED)
def test_tiles_give_the_same_codes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tiles no larger than what the network reaches, so that a border too small by one shows somewhere."""
    model = zoo.randomize(zoo.build(zoo.NETWORKS.validate({"name": name.partition("-")[0], **TILED[name]})), 3).eval()
    codes = np.random.default_rng(3).integers(0, 256, (model.cfg.image_channels, 23, 34), np.uint8)
    whole = upscale(model, codes)
    sizes: list[tuple[int, ...]] = []
    monkeypatch.setattr(inference, "upscale", lambda m, c: sizes.append(c.shape[1:]) or upscale(m, c))
    tiled = upscale_tiled(model, codes, 12)
    if model.reach is None:  # ebsr looks at the whole frame
        assert name == "srresnet-x3" and sizes == [(23, 34)]
        return
    assert len(sizes) == 2 * 3 and max(max(s) for s in sizes) <= 12 + 2 * model.reach
    assert np.array_equal(tiled, whole)
    if name == "srresnet":
        ensemble = self_ensemble(model, codes, lambda m, c: upscale_tiled(m, c, 20))
        assert np.array_equal(ensemble, self_ensemble(model, codes))


def test_reach_is_that_of_the_convolutions() -> None:
    """One pixel of the input moves, and nothing farther away than the reach does; what is nearer does."""
    model = zoo.randomize(zoo.build(zoo.NETWORKS.validate({"name": "srresnet", **TILED["srresnet"]})), 4).eval()
    assert model.reach == 1 + 4 + 1 + 1  # head, body, tail, bilinear skip
    codes = np.random.default_rng(4).integers(0, 256, (3, 31, 31), np.uint8)
    moved = codes.copy()
    moved[:, 15, 15] ^= 128
    changed = np.argwhere((upscale(model, codes) != upscale(model, moved)).any(0)) // 2
    assert 2 <= np.abs(changed - 15).max() <= model.reach


@pytest.mark.parametrize(
    "table",
    [
        {"name": "rcan", "channels": 4, "groups": 1, "blocks": 1, "reduction": 2, "upsampler": "single"},
        {"name": "srresnet", "channels": 4, "blocks": 1, "scheme": "scales"},
        {"name": "swinir_light", "channels": 8, "groups": 1, "blocks": 1, "heads": 2, "window": 4, "scheme": "bnn"},
    ],
    ids=lambda t: t["name"],
)
def test_networks_that_look_at_the_frame_are_not_cut(table: dict[str, Any]) -> None:
    model = zoo.build(zoo.NETWORKS.validate(table)).eval()
    assert model.reach is None
    codes = np.random.default_rng(3).integers(0, 256, (3, 20, 24), np.uint8)
    assert np.array_equal(upscale_tiled(model, codes, 8), upscale(model, codes))
