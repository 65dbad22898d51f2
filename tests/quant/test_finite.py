"""A training that leaves the numbers stops, says in which step and layer, and keeps its last checkpoint."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from xnorsr.errors import UserError
from xnorsr.quant import zoo
from xnorsr.quant.config import DataConfig, TrainConfig
from xnorsr.quant.finite import blame
from xnorsr.quant.training import Learner, train

CONFIG = TrainConfig(steps=8, batch=1, checkpoint_steps=2)
ADVICE = "The last checkpoint is kept: set a smaller train.lr (or a longer train.warmup) and train into another folder"


@pytest.fixture
def data(tmp_path: Path) -> DataConfig:
    (tmp_path / "photos").mkdir()
    pixels = np.random.default_rng(1).integers(0, 256, (40, 40, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photos" / "a.png")
    return DataConfig(source=[tmp_path / "photos"], patch=8)


def poison(monkeypatch: pytest.MonkeyPatch, step: int, name: str, value: float) -> None:
    """Sets one value of a parameter before step `step`."""
    plain = Learner.on_train_batch_start

    def start(self: Learner, *args: object) -> None:
        plain(self, *args)
        if self.global_step + 1 == step:
            with torch.no_grad():
                dict(self.model.named_parameters())[name].view(-1)[0] = value

    monkeypatch.setattr(Learner, "on_train_batch_start", start)


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize(
    ("scheme", "deployed", "name"),
    [
        ("w1a1", True, "blocks.0.first.affine.bias.weight"),
        ("bnn", True, "head.conv.weight"),
        ("e2fif", False, "blocks.0.second.affine.weight"),
        ("float", False, "tail.conv.weight"),
    ],
)
def test_step_and_parameter_are_named(
    data: DataConfig,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    scheme: str,
    deployed: bool,
    name: str,
    value: float,
) -> None:
    model = zoo.NETWORKS.validate(
        {"name": "srresnet", "channels": 4, "blocks": 1, "scheme": scheme, "numerics": {"deployed": deployed}}
    )
    poison(monkeypatch, 4, name, value)
    with pytest.raises(UserError) as e:
        train(data, model, CONFIG, tmp_path / "out", progress=False)
    said = str(e.value)
    # An infinite parameter that a quantizer clips gives a loss that is a number: then the checkpoint is refused.
    where = r"in step 4: the loss is \S+;" if math.isnan(value) or not deployed else "after step 4:"
    wanted = rf"training stopped {where} parameter {re.escape(name)} is no number any more\. {re.escape(ADVICE)}"
    assert re.fullmatch(wanted, said), said
    assert not (tmp_path / "out" / "weights.pt").exists()
    state = torch.load(tmp_path / "out" / "checkpoints" / "last.ckpt", weights_only=True)
    assert state["global_step"] == 2
    assert all(bool(torch.isfinite(v).all()) for v in state["state_dict"].values())


def test_a_layer_is_named(data: DataConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers go in, all parameters are numbers, and a layer makes NaN of them."""
    model = zoo.NETWORKS.validate({"name": "srresnet", "channels": 4, "blocks": 2, "scheme": "bnn"})
    made = zoo.build

    def build(cfg: object) -> zoo.Network:
        network = made(cfg)  # type: ignore[arg-type]
        network.blocks[1].act.register_forward_hook(lambda m, i, out: out * math.nan)
        return network

    monkeypatch.setattr(zoo, "build", build)
    with pytest.raises(UserError) as e:
        train(data, model, CONFIG, tmp_path / "out", progress=False)
    assert str(e.value).startswith("training stopped in step 1: the loss is ")
    assert "; layer blocks.1.act is the first whose output is no number. " in str(e.value)


def test_weights_that_are_no_numbers_are_not_kept(
    data: DataConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loss of step 4 is a number, the weights behind it are not: the checkpoint of step 2 stays."""
    plain = Learner.finish_step

    def end(self: Learner) -> None:
        plain(self)
        if self.global_step == 4:
            with torch.no_grad():
                self.model.get_parameter("tail.bias.weight").fill_(math.nan)

    monkeypatch.setattr(Learner, "finish_step", end)
    with pytest.raises(UserError) as e:
        train(data, zoo.SRResNetConfig(channels=4, blocks=1), CONFIG, tmp_path / "out", progress=False)
    assert str(e.value) == f"training stopped after step 4: parameter tail.bias.weight is no number any more. {ADVICE}"
    state = torch.load(tmp_path / "out" / "checkpoints" / "last.ckpt", weights_only=True)
    assert state["global_step"] == 2


def test_the_programs_own_errors_go_through(data: DataConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: zoo.Network, low: Tensor, high: Tensor) -> Tensor:
        raise ValueError("a fault of the program")

    monkeypatch.setattr(zoo.Network, "loss", broken)
    with pytest.raises(ValueError, match="a fault of the program"):
        train(data, zoo.SRResNetConfig(channels=4, blocks=1), CONFIG, tmp_path / "out", progress=False)


def test_nothing_is_blamed_where_all_are_numbers() -> None:
    assert blame(nn.Sequential(nn.Conv2d(3, 2, 1), nn.ReLU()), torch.ones(1, 3, 4, 4)) is None
