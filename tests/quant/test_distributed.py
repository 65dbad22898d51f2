"""Several devices and half precision: the steps of one device, and what is refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError

from tests.quant.test_training import MODEL, config, data, weights  # noqa: F401  (data: a fixture)
from xnorsr.errors import UserError
from xnorsr.quant import distributed
from xnorsr.quant.config import DataConfig, NetworkConfig, TrainConfig
from xnorsr.quant.data import PatchDataset, load_source
from xnorsr.quant.schemes import SCHEMES
from xnorsr.quant.training import load_trained, train
from xnorsr.quant.zoo import NETWORKS


@pytest.mark.slow
def test_two_processes_make_the_steps_of_one(data: DataConfig, tmp_path: Path) -> None:  # noqa: F811
    """Statistics of activations are of the first process's share: the network has none, and so equals but rounding."""
    model = float_form("srresnet", "w1a1", channels=4, blocks=1)
    how = {"steps": 4, "batch": 4, "ema": 0.5, "threads": 1, "checkpoint_steps": 2}
    one = weights(train(data, model, config(**how), tmp_path / "one", progress=False))
    two = weights(train(data, model, config(**how, devices=2), tmp_path / "two", progress=False))
    assert one.keys() == two.keys()
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, rtol=1e-4, atol=1e-6, msg=name)
    state = torch.load(tmp_path / "two" / "checkpoints" / "last.ckpt", weights_only=True)
    assert state["global_step"] == 4 and not list((tmp_path / "two").rglob("*.part"))
    assert "LOCAL_RANK" not in os.environ


def float_form(network: str, scheme: str, **changes: object) -> NetworkConfig:
    found: NetworkConfig = NETWORKS.validate(
        {"name": network, "scheme": scheme, "numerics": {"deployed": False}, **changes}
    )
    return found


def test_processes_share_a_batch(data: DataConfig) -> None:  # noqa: F811
    photos, _ = load_source(data, "rgb")
    whole = PatchDataset(photos, data, 2, "rgb", 6, seed=3).batch_at(5)
    shares = [next(iter(PatchDataset(photos, data, 2, "rgb", 6, seed=3, first=5, share=(i, 3)))) for i in range(3)]
    for part in range(2):
        assert torch.equal(torch.stack([s[part] for s in shares], 1).flatten(0, 1), whole[part])


@pytest.mark.slow
@pytest.mark.parametrize("scheme", sorted(SCHEMES.names()))
def test_the_float_form_trains_in_half_precision(scheme: str, data: DataConfig, tmp_path: Path) -> None:  # noqa: F811
    model = float_form("srresnet", scheme, channels=4, blocks=1, upsampler="real")
    how = config(steps=2, precision="bf16-mixed")
    trained = load_trained(train(data, model, how, tmp_path / "out", progress=False))
    assert all(p.dtype == torch.float32 and bool(p.isfinite().all()) for p in trained.parameters())


@pytest.mark.parametrize(
    ("model", "changes", "text"),
    [
        (MODEL, {"precision": "bf16-mixed"}, "Allowed with model.numerics.deployed = true: 32"),
        (float_form("edsr", "w1a1"), {"precision": "16-mixed"}, "give 32 or bf16-mixed, or accelerator"),
        (MODEL, {"accelerator": "gpu", "devices": 64, "batch": 64}, "train.devices = 64: "),
        (float_form("srgan", "w1a1"), {"devices": 2}, "srgan trains two networks in turns, on one device; give 1"),
        (MODEL, {"nodes": 2}, "MASTER_ADDR and MASTER_PORT, of the first machine, and NODE_RANK"),
    ],
)
def test_refusals(model: NetworkConfig, changes: dict[str, object], text: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as e:
        train(DataConfig(), model, config(**changes), tmp_path, progress=False)
    assert text in str(e.value)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"batch": 5, "devices": 2}, "batch = 5 cannot be shared by 2 devices"),
        ({"batch": 4, "nodes": 2, "max_minutes": 3}, "max_minutes with several devices, whose clocks differ"),
    ],
)
def test_settings_that_do_not_go_together(fields: dict[str, object], text: str) -> None:
    with pytest.raises(ValidationError) as e:
        TrainConfig.model_validate(fields)
    assert text in str(e.value)


def test_place(monkeypatch: pytest.MonkeyPatch) -> None:
    cfg = TrainConfig(devices=4, nodes=2, batch=8)
    monkeypatch.setenv("NODE_RANK", "1")
    monkeypatch.setenv("LOCAL_RANK", "2")
    assert distributed.place(cfg) == (6, 8) and not distributed.leads()
    assert distributed.place(TrainConfig()) == (0, 1)
