"""Estimators of the sign's gradient against their plain formulas, as quantizers, and as settings of a training."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from xnorsr.errors import UserError
from xnorsr.quant import schemes, zoo
from xnorsr.quant.config import NumericsConfig, TrainConfig
from xnorsr.quant.export import execute, to_qonnx
from xnorsr.quant.gradients import Estimator, binarized, slope
from xnorsr.quant.inference import upscale
from xnorsr.quant.layers import BinaryConv
from xnorsr.quant.learner import Learner
from xnorsr.quant.quantizers import ScaledSignWeight, SignQuant, SignWeight, SignWeightQuant
from xnorsr.quant.schemes import SCHEMES
from xnorsr.quant.start import prepare
from xnorsr.quant.zoo import SRResNetConfig

POINTS = [-3.0, -1.0, -0.6, -0.25, 0.0, 0.1, 0.5, 1.0, 1.5]


def formula(estimator: str, x: float, progress: float) -> float:
    if estimator == "identity":
        return 1.0
    if estimator == "clipped":
        return 1.0 if abs(x) <= 1 else 0.0
    if estimator == "polynomial":
        # d/dx of 2x + x^2 below zero and 2x - x^2 above, constant outside of [-1, 1].
        return 0.0 if abs(x) >= 1 else (2 + 2 * x if x < 0 else 2 - 2 * x)
    t = 10 ** (-1 + 2 * progress)
    k = max(1 / t, 1)
    return k * t / math.cosh(t * x) ** 2


@pytest.mark.parametrize("progress", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("estimator", ["identity", "clipped", "polynomial", "annealed"])
def test_each_estimator_is_its_formula(estimator: Estimator, progress: float) -> None:
    x = torch.tensor(POINTS, dtype=torch.float64, requires_grad=True)
    y = binarized(x, estimator, progress)
    assert y.tolist() == [-1, -1, -1, -1, 1, 1, 1, 1, 1]
    weight = torch.arange(1.0, len(POINTS) + 1, dtype=torch.float64)
    (y * weight).sum().backward()
    wanted = [formula(estimator, v, progress) * w for v, w in zip(POINTS, weight.tolist(), strict=True)]
    assert x.grad is not None and x.grad.tolist() == pytest.approx(wanted, rel=1e-9, abs=1e-12)
    assert torch.equal(slope(x.detach(), estimator, progress) * weight, x.grad)


def test_the_annealed_one_goes_from_the_identity_to_the_sign() -> None:
    x = torch.tensor([-1.0, 0.0, 1.0])
    assert slope(x, "annealed", 0.0).tolist() == pytest.approx([0.99, 1.0, 0.99], abs=1e-2)
    assert slope(x, "annealed", 1.0).tolist() == pytest.approx([0.0, 10.0, 0.0], abs=1e-6)


@pytest.mark.parametrize("estimator", ["identity", "clipped", "polynomial", "annealed"])
def test_of_weights_that_mean_w_scales_it_is_the_products(estimator: Estimator) -> None:
    """alpha sign(W) as one function of W has the slope as its gradient, whatever alpha is."""
    print("seed 1")
    conv = BinaryConv(2, 3, 3, ScaledSignWeight)
    (quant,) = [m for m in conv.modules() if isinstance(m, SignQuant)]
    quant.estimator, quant.progress = estimator, 0.3
    with torch.no_grad():
        conv.weight.copy_(torch.randn(conv.weight.shape, generator=torch.Generator().manual_seed(1)))
    alpha = conv.weight.detach().abs().mean((1, 2, 3), keepdim=True)
    (conv.weight_quant(conv.weight).value * alpha).sum().backward()
    wanted = [formula(estimator, v, 0.3) for v in conv.weight.flatten().tolist()]
    assert conv.weight.grad is not None
    assert conv.weight.grad.flatten().tolist() == pytest.approx(wanted, rel=1e-5, abs=1e-6)


def cfg(**changes: object) -> TrainConfig:
    return TrainConfig.model_validate({"steps": 10, **changes})


BINARY = [name for name in SCHEMES.names() if name not in ("float", "int8")]


@pytest.mark.slow
@pytest.mark.parametrize("name", BINARY)
def test_a_training_may_set_it_in_every_scheme(name: str) -> None:
    """The output is the same, so is the exported file; gradients are not."""
    print("seed 2")
    model = zoo.build(SRResNetConfig.model_validate({"channels": 4, "blocks": 1, "scheme": name}))
    zoo.randomize(model, 2)
    low = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(2))
    codes = (low[0] * 255).byte().numpy()
    settings = (
        cfg(weight_gradient="annealed")
        if name == "bnn"
        else cfg(activation_gradient="annealed", weight_gradient="annealed")
    )
    before = upscale(model.eval(), codes)
    results: list[tuple[Tensor, Tensor]] = []
    for how in (cfg(), settings):
        signs = prepare(model, how)
        assert len(signs) == (2 if name == "bnn" else 4)
        model.zero_grad()
        y = model(low)
        (y * torch.arange(float(y.numel())).reshape(y.shape)).sum().backward()
        results.append((y.detach(), torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])))
    assert torch.equal(results[0][0], results[1][0]) and not torch.equal(results[0][1], results[1][1])
    assert (upscale(model.eval(), codes) == before).all()
    assert (execute(to_qonnx(model, 3, 8, 8), codes) == before).all()


def test_it_follows_the_trainings_progress() -> None:
    learner = Learner(zoo.build(SRResNetConfig(channels=4, blocks=1)), cfg(activation_gradient="annealed"), 0.0)
    assert {q.estimator for q in learner.signs if not isinstance(q, SignWeightQuant)} == {"annealed"}
    assert {q.estimator for q in learner.signs if isinstance(q, SignWeightQuant)} == {"identity"}


@pytest.mark.parametrize(
    ("scheme", "changes", "setting", "what"),
    [
        ("bnn", {"activation_gradient": "clipped"}, "activation_gradient = clipped", "activations"),
        ("int8", {"weight_gradient": "clipped"}, "weight_gradient = clipped", "weights"),
        ("int8", {"binary_weights": False}, "binary_weights = False", "weights"),
        ("int8", {"weight_decay": 0.1}, "weight_decay = 0.1", "weights"),
    ],
)
def test_settings_without_effect_are_refused(scheme: str, changes: dict[str, object], setting: str, what: str) -> None:
    model = zoo.build(SRResNetConfig.model_validate({"channels": 4, "blocks": 1, "scheme": scheme}))
    with pytest.raises(UserError) as e:
        prepare(model, cfg(**changes))
    assert str(e.value) == (
        f"train.{setting}: has no effect, model srresnet has no binary {what}; leave it out, or choose another "
        "model.scheme"
    )


@pytest.mark.parametrize("name", ["w1a1", "scales"])
def test_real_weights_of_the_first_step_have_the_size_of_signs(name: str) -> None:
    """w / mean|w| where the second step has sign(w), times mean|W| where a scheme has that: then simply w."""
    print("seed 3")
    unit = schemes.unit(4, 4, 3, SCHEMES.validate(name), NumericsConfig(deployed=False), 0.4)
    quants = [m for m in unit.modules() if isinstance(m, SignWeightQuant)]
    w = unit.conv.weight
    with torch.no_grad():
        w.copy_(torch.randn(w.shape, generator=torch.Generator().manual_seed(3)))
    mean = w.detach().abs().mean((1, 2, 3), keepdim=True)
    assert torch.equal(unit.conv.weight_quant(w).value.abs(), torch.ones_like(w))
    for q in quants:
        q.real = True
    found = unit.conv.weight_quant(w).value
    torch.testing.assert_close(found.abs().mean((1, 2, 3)), torch.ones(4))
    torch.testing.assert_close(found * mean, w)
    assert unit.conv.weight_quant.tensor_quant.estimator == ("clipped" if name == "scales" else "identity")


def test_signs_of_weights_are_of_one_kind() -> None:
    assert isinstance(BinaryConv(1, 1, 1, SignWeight).weight_quant.tensor_quant, SignWeightQuant)
