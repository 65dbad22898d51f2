"""Every scheme with every convolutional network: it learns, resumes to the last bit, and exports to the last code.

Sizes are the least that still have every part. What runs by default meets every scheme and every network; the rest of
the matrix is marked exhaustive.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from xnorsr.errors import UserError
from xnorsr.quant import zoo
from xnorsr.quant.config import DataConfig, NetworkConfig, TrainConfig
from xnorsr.quant.data import PatchDataset, embedded_path, read_photo
from xnorsr.quant.export import execute, to_qonnx
from xnorsr.quant.inference import upscale
from xnorsr.quant.schemes import SCHEMES
from xnorsr.quant.training import load_trained, train

NETWORKS: dict[str, dict[str, Any]] = {
    "srresnet": {"channels": 4, "blocks": 1, "upsampler": "binary", "refine": True, "post_body": True},
    "edsr": {"channels": 4, "blocks": 1, "scale": 3},
    "rcan": {"channels": 4, "groups": 1, "blocks": 1, "reduction": 2, "upsampler": "single"},
    "rdn": {"channels": 4, "blocks": 1, "layers": 2, "growth": 4, "scale": 4, "upsampler": "single"},
    "lapsrn": {"channels": 4, "depth": 1, "scale": 4, "colors": "y"},
}
FLOAT_ONLY = ("float",)
TRAIN = TrainConfig(steps=8, batch=1, checkpoint_steps=100, lr=0.01, warmup=0, clip_latent=1)


def _quick(network: str, scheme: str) -> bool:
    return network == "srresnet" or scheme in ("bnn", "w1a1") or (network, scheme) == ("rdn", "ebsr")


CASES = [
    pytest.param(n, s, id=f"{n}-{s}", marks=() if _quick(n, s) else pytest.mark.exhaustive)
    for n in NETWORKS
    for s in SCHEMES.names()
]


def config(network: str, scheme: str) -> NetworkConfig:
    found: NetworkConfig = zoo.NETWORKS.validate(
        {"name": network, "scheme": scheme, "numerics": {"deployed": scheme not in FLOAT_ONLY}, **NETWORKS[network]}
    )
    return found


@pytest.fixture
def data(tmp_path: Path) -> DataConfig:
    """One photograph as large as a patch at the greatest scale: every batch of it is nearly the same one."""
    (tmp_path / "photos").mkdir()
    pixels = read_photo(embedded_path("coffee")).pixels[80:112, 100:132]
    Image.fromarray(pixels).save(tmp_path / "photos" / "a.png")
    return DataConfig(source=[tmp_path / "photos"], patch=8, augment=False)


def loss(model: zoo.Network, data: DataConfig) -> float:
    """Of the whole photograph, with the statistics that training left."""
    photo = read_photo(Path(str(data.source[0])) / "a.png")
    low, high = PatchDataset([photo], data, model.cfg.scale, model.cfg.colors, 4, seed=9).batch_at(0)
    with torch.no_grad():
        return float(model.eval().loss(low, high))


def started(cfg: NetworkConfig, data: DataConfig) -> zoo.Network:
    """The network as training starts it, after one pass that settles its statistics."""
    torch.manual_seed(TRAIN.seed)
    model = zoo.build(cfg)
    photo = read_photo(Path(str(data.source[0])) / "a.png")
    model.train()(PatchDataset([photo], data, cfg.scale, cfg.colors, 4, seed=9).batch_at(0)[0])
    return model


def interrupted(
    monkeypatch: pytest.MonkeyPatch, data: DataConfig, cfg: NetworkConfig, out: Path, at: int
) -> dict[str, Tensor]:
    """The weights of a training with Ctrl-C before batch `at`, gone on with after that."""
    plain = PatchDataset.batch_at

    def stops(self: PatchDataset, index: int) -> tuple[Tensor, Tensor]:
        if index == at:
            raise KeyboardInterrupt
        return plain(self, index)

    monkeypatch.setattr(PatchDataset, "batch_at", stops)
    with pytest.raises(KeyboardInterrupt):
        train(data, cfg, TRAIN, out, progress=False)
    monkeypatch.setattr(PatchDataset, "batch_at", plain)
    assert (out / "checkpoints" / "last.ckpt").is_file()
    return dict(load_trained(train(data, cfg, TRAIN, out, progress=False)).state_dict())


@pytest.mark.slow
@pytest.mark.parametrize(("network", "scheme"), CASES)
def test_it_learns_resumes_and_exports(
    network: str, scheme: str, data: DataConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cfg = config(network, scheme)
    model = load_trained(train(data, cfg, TRAIN, tmp_path / "one", progress=False))
    assert model.cfg == cfg
    before, after = loss(started(cfg, data), data), loss(model, data)
    assert after < before, f"the loss was {before:.4f}, is {after:.4f}"

    resumed = interrupted(monkeypatch, data, cfg, tmp_path / "two", at=4)
    wanted = model.state_dict()
    assert resumed.keys() == wanted.keys()
    assert [k for k in wanted if not torch.equal(resumed[k], wanted[k])] == []

    channels = cfg.image_channels
    if scheme in FLOAT_ONLY:
        with pytest.raises(UserError, match=r"^model\.numerics\.deployed is false: the float form is on no grid"):
            to_qonnx(model, channels, 4, 5)
        return
    print("seed 1")
    noise = np.random.default_rng(1).integers(0, 256, (channels, 4, 5), dtype=np.uint8)
    for weights in (model, zoo.randomize(zoo.build(cfg), 1)):
        got, expected = execute(to_qonnx(weights, channels, 4, 5), noise), upscale(weights, noise)
        assert np.array_equal(got, expected)
        assert len(np.unique(got)) > 4, "not a flat image"


@pytest.mark.slow
@pytest.mark.parametrize("network", NETWORKS)
def test_the_float_form_trains_and_gives_pixels(network: str, data: DataConfig, tmp_path: Path) -> None:
    cfg = config(network, "e2fif").model_copy(update={"numerics": config(network, "float").numerics})
    model = load_trained(train(data, cfg, TRAIN, tmp_path / "one", progress=False))
    assert loss(model, data) < loss(started(cfg, data), data)
    low = np.random.default_rng(7).integers(0, 256, (cfg.image_channels, 5, 4), dtype=np.uint8)
    assert upscale(model, low).shape == (cfg.image_channels, 5 * cfg.scale, 4 * cfg.scale)


def test_a_scheme_without_a_deployed_form_is_refused_with_its_field(tmp_path: Path) -> None:
    from xnorsr.flows.config import load_recipe

    (tmp_path / "r.toml").write_text('[model]\nname = "edsr"\nscheme = "float"\n')
    with pytest.raises(UserError) as e:
        load_recipe(str(tmp_path / "r.toml"))
    assert "model.numerics = " in str(e.value)
    assert "scheme float has no deployed form: float weights are on no grid; set numerics.deployed to false" in str(
        e.value
    )
    assert load_recipe(str(tmp_path / "r.toml"), ["model.numerics.deployed=false"]).model.name == "edsr"
