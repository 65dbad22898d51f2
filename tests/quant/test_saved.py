"""Weights and checkpoints from strangers: damaged ones are refused by what is wrong, and nothing in them runs."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from xnorsr.errors import UserError
from xnorsr.quant import zoo
from xnorsr.quant.config import DataConfig, TrainConfig
from xnorsr.quant.saved import load_trained, save_trained
from xnorsr.quant.training import train
from xnorsr.quant.zoo import SRResNetConfig

MODEL = SRResNetConfig(channels=6, blocks=1)


class _Runs:
    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.place),)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    save_trained(zoo.build(MODEL), tmp_path / "weights.pt")
    return tmp_path / "weights.pt"


def test_a_pickle_does_not_run_and_the_message_does_not_say_how(tmp_path: Path) -> None:
    path, ran = tmp_path / "weights.pt", tmp_path / "ran"
    for content in (pickle.dumps(_Runs(ran)), None):
        if content is None:
            torch.save({"format": 2, "config": _Runs(ran)}, path)
        else:
            path.write_bytes(content)
        with pytest.raises(UserError) as e:
            load_trained(path)
        assert "cannot be read, it is damaged or of another program (" in str(e.value)
        assert "weights_only" not in str(e.value)
    assert not ran.exists()


def _set(content: dict[str, Any], **changes: object) -> dict[str, Any]:
    return {**content, **changes}


def _nan(content: dict[str, Any]) -> dict[str, Any]:
    state = dict(content["state_dict"])
    name = next(n for n, v in state.items() if v.is_floating_point())
    return {**content, "state_dict": {**state, name: state[name] * float("nan")}}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda c: [1, 2], "is not of this program"),
        (lambda c: torch.zeros(3), "is not of this program"),
        (lambda c: _set(c, format="2"), "is not of this program"),
        (lambda c: _set(c, state_dict=[1]), "its config or state_dict is missing"),
        (lambda c: _set(c, config=3), "its config or state_dict is missing"),
        (lambda c: _set(c, config="{"), "does not fit this version's networks"),
        (lambda c: _set(c, config="[]"), "does not fit this version's networks"),
        (lambda c: _set(c, config="[" * 100_000), "does not fit this version's networks"),
        (lambda c: _set(c, state_dict={"a": 1}), "'a' is no tensor"),
        (lambda c: _set(c, state_dict={}), "does not fit this version's networks"),
        (_nan, "holds an infinity or a NaN"),
    ],
)
def test_damaged_weights(change: Callable[[Any], Any], said: str, weights: Path) -> None:
    torch.save(change(torch.load(weights)), weights)
    with pytest.raises(UserError, match=said) as e:
        load_trained(weights)
    assert str(weights) in str(e.value)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda c: [], "is not of this program"),
        (lambda c: _set(c, global_step="7"), "its global_step is missing, or is not what it should be"),
        (lambda c: {k: v for k, v in c.items() if k != "optimizer_states"}, "its optimizer_states is missing"),
        (lambda c: _set(c, xnorsr_model="["), "its xnorsr_model is no configuration"),
        (lambda c: _set(c, xnorsr_model=json.dumps(3)), "its xnorsr_model is no configuration"),
        (lambda c: _set(c, state_dict={}), "in its state_dict does not fit the network"),
        (_nan, "holds an infinity or a NaN"),
    ],
)
def test_damaged_checkpoints(change: Callable[[Any], Any], said: str, tmp_path: Path) -> None:
    data = DataConfig(patch=8)
    train(data, MODEL, TrainConfig(steps=1, batch=1), tmp_path, progress=False)
    checkpoint = tmp_path / "checkpoints" / "last.ckpt"
    torch.save(change(torch.load(checkpoint, weights_only=True)), checkpoint)
    before = checkpoint.read_bytes()
    with pytest.raises(UserError, match=said) as e:
        train(data, MODEL, TrainConfig(steps=2, batch=1), tmp_path, progress=False)
    assert str(checkpoint) in str(e.value)
    assert checkpoint.read_bytes() == before
