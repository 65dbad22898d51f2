"""Start weights and first steps as settings: what they multiply, what stays, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from xnorsr.errors import UserError
from xnorsr.quant import zoo
from xnorsr.quant.config import DataConfig, TrainConfig
from xnorsr.quant.data import embedded_path, read_photo
from xnorsr.quant.layers import BinaryConv
from xnorsr.quant.learner import parameter_groups
from xnorsr.quant.quantizers import SignWeightQuant
from xnorsr.quant.start import change_start, prepare
from xnorsr.quant.training import load_trained, train
from xnorsr.quant.zoo import Network, SRResNetConfig


def cfg(**changes: object) -> TrainConfig:
    return TrainConfig.model_validate({"steps": 4, "batch": 1, **changes})


def network(scheme: str, deployed: bool = True) -> Network:
    torch.manual_seed(1)
    numerics = {"deployed": deployed}
    return zoo.build(
        SRResNetConfig.model_validate({"channels": 4, "blocks": 1, "scheme": scheme, "numerics": numerics})
    )


def factors(scheme: str, deployed: bool = True, **changes: object) -> dict[str, float]:
    """What each parameter that is not as usual was multiplied by."""
    plain, changed = network(scheme, deployed), network(scheme, deployed)
    change_start(changed, cfg(**changes))
    found = {}
    for (name, before), (_, after) in zip(plain.named_parameters(), changed.named_parameters(), strict=True):
        if not torch.equal(before, after):
            (factor,) = {round(float(f), 5) for f in (after / before).flatten()}
            found[name] = factor
    return found


UNITS = ("blocks.0.first", "blocks.0.second")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scheme", "deployed", "gain"),
    [
        ("w1a1", True, "affine.scale.weight"),
        ("bnn", True, "affine.scale.weight"),
        ("e2fif", True, "affine.scale.weight"),
        ("e2fif", False, "affine.weight"),
        ("bireal", False, "affine.weight"),
        ("bbcu", True, "conv.weight"),
        ("bsrc", True, "conv.weight"),
        ("scales", True, "conv.weight"),
        ("ebsr", True, "conv.weight"),
    ],
)
def test_what_is_multiplied(scheme: str, deployed: bool, gain: str) -> None:
    print("seed 1")
    assert factors(scheme, deployed) == {}
    assert factors(scheme, deployed, latent_start=0.5) == {f"{unit}.conv.weight": 0.5 for unit in UNITS}
    assert factors(scheme, deployed, gain_start=2) == {f"{unit}.{gain}": 2.0 for unit in UNITS}


@pytest.mark.parametrize(("scheme", "deployed"), [("w1a1", True), ("e2fif", False)])
def test_branches_that_start_at_zero_are_the_skip_and_learn(scheme: str, deployed: bool) -> None:
    model = network(scheme, deployed)
    change_start(model, cfg(gain_start=0))
    unit = model.blocks[0].first
    x = torch.randn(2, 4, 6, 6, generator=torch.Generator().manual_seed(2)).mul_(64).round_().div_(64)
    assert torch.equal(unit(x), x)
    (unit(x) * torch.arange(6.0)).sum().backward()
    gain = unit.affine.scale.weight if deployed else unit.affine.weight
    assert float(gain.grad.abs().min()) > 0


@pytest.mark.parametrize(
    ("scheme", "changes", "text"),
    [
        (
            "scales",
            {"gain_start": 0},
            "train.gain_start = 0.0: blocks.0.first has no gain that could be set to that, its sums are scaled by "
            "mean|W|; give a value above 0, or choose another model.scheme",
        ),
        (
            "bnn",
            {"gain_start": 0},
            "train.gain_start = 0: blocks.0.first has no skip of its own, and where one unit's zero is the next one's "
            "input no gradient reaches the gain of either; give a value above 0, or choose another model.scheme",
        ),
        (
            "sign",
            {"gain_start": 2},
            "train.gain_start = 2.0: blocks.0.first has no gain that could be set to that, nothing scales its sums; "
            "give 1, or choose another model.scheme",
        ),
        (
            "int8",
            {"latent_start": 0.5},
            "train.latent_start, train.gain_start: have no effect, model srresnet has no binary convolution; leave "
            "them out, or choose another model.scheme",
        ),
    ],
)
def test_starts_that_a_network_does_not_have(scheme: str, changes: dict[str, object], text: str) -> None:
    with pytest.raises(UserError) as e:
        change_start(network(scheme), cfg(**changes))
    assert str(e.value) == text


def test_latent_weights_decay_in_a_group_of_their_own() -> None:
    model = network("w1a1")
    assert len(parameter_groups(model, cfg())) == 1
    rest, latent = parameter_groups(model, cfg(weight_decay=0.1))
    wanted = [m.weight for m in model.modules() if isinstance(m, BinaryConv)]
    assert [id(p) for p in latent["params"]] == [id(p) for p in wanted] and latent["weight_decay"] == 0.1
    assert len(rest["params"]) + 2 == len(list(model.parameters())) and "weight_decay" not in rest


@pytest.fixture
def data(tmp_path: Path) -> DataConfig:
    (tmp_path / "photos").mkdir()
    pixels = read_photo(embedded_path("coffee")).pixels[80:120, 100:140]
    Image.fromarray(np.ascontiguousarray(pixels)).save(tmp_path / "photos" / "a.png")
    return DataConfig(source=[tmp_path / "photos"], patch=8)


def test_a_training_has_them(data: DataConfig, tmp_path: Path) -> None:
    """At a rate of almost zero the start is what is saved; weights decay towards zero."""
    still = {"lr": 1e-9, "warmup": 0, "schedule": "step"}
    first = load_trained(train(data, network("w1a1").cfg, cfg(**still), tmp_path / "a", progress=False))
    other = load_trained(
        train(data, network("w1a1").cfg, cfg(**still, latent_start=0.1), tmp_path / "b", progress=False)
    )
    name = "blocks.0.first.conv.weight"
    torch.testing.assert_close(other.state_dict()[name], 0.1 * first.state_dict()[name], rtol=1e-4, atol=1e-7)
    with pytest.raises(UserError) as e:
        train(data, first.cfg, cfg(latent_start=0.1), tmp_path / "c", progress=False, start=first)
    assert str(e.value) == (
        "train.latent_start, train.gain_start: have no effect on a network that begins with the weights of another; "
        "leave them out, or leave --from out"
    )


def test_the_first_of_two_steps_has_real_weights_also_when_it_resumes(
    data: DataConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Real weights in every forward pass of the training, signs in what is loaded from its file."""
    seen: list[bool] = []
    plain = SignWeightQuant.forward

    def watched(self: SignWeightQuant, w: Tensor) -> object:
        seen.append(self.real)
        return plain(self, w)

    monkeypatch.setattr(SignWeightQuant, "forward", watched)
    for steps in (3, 6):
        how = cfg(steps=steps, binary_weights=False)
        path = train(data, network("w1a1").cfg, how, tmp_path / "out", progress=False)
    assert len(seen) == 12 and all(seen)
    model = load_trained(path)
    quants = [m for m in model.modules() if isinstance(m, SignWeightQuant)]
    assert len(quants) == 2 and not any(q.real for q in quants)
    prepare(model, cfg(binary_weights=False))
    assert all(q.real for q in quants)
