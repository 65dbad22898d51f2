"""Ends of few bits: their formula, where they start, conversion from wider ones, and exact export of every setting."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from xnorsr.errors import UserError
from xnorsr.hw.golden import prove
from xnorsr.hw.graph.lower import lower
from xnorsr.quant import deploy, zoo
from xnorsr.quant.config import NetworkConfig, NumericsConfig
from xnorsr.quant.export import execute, to_qonnx
from xnorsr.quant.inference import upscale
from xnorsr.quant.scaled import ScaledConv, Weights

FORMS: list[Weights] = [w for w in get_args(Weights) if w != "fixed"]
SMALL: dict[str, Any] = {"name": "srresnet", "channels": 6, "blocks": 1}


def config(**fields: Any) -> NetworkConfig:
    found: NetworkConfig = zoo.NETWORKS.validate({**SMALL, **fields})
    return found


def images(seed: int) -> np.ndarray:
    print(f"seed {seed}")
    return np.random.default_rng(seed).integers(0, 256, (3, 6, 5), dtype=np.uint8)


def plain(made: ScaledConv, x: Tensor, in_scale: float) -> Tensor:
    """The formula with torch alone: codes of weights, factors and bias by rounding, one convolution."""

    def on_grid(value: Tensor, bits: int, floor: float) -> tuple[Tensor, float]:
        most = 2 ** (bits - 1) - 1
        scale = max(2.0 ** np.ceil(np.log2(float(value.detach().abs().max()) / most)), floor)
        return (value / scale).round().clamp(-most, most) * scale, scale

    total, floor = torch.zeros(()), 2.0**-14
    for i, (conv, held) in enumerate(zip(made.convs, made.scales, strict=True)):
        latent = conv.get_parameter("weight")
        if made.bits == 1:
            weight = torch.where(latent >= 0, 1.0, -1.0)
        else:
            steps = 2 ** (made.bits - 1)
            weight = (latent * steps).round().clamp(1 - steps, steps - 1) / steps
        a, scale = on_grid(held.weight * held.unit, held.weight_quant.tensor_quant.bits, floor)  # type: ignore[operator,union-attr]
        floor = scale if i == 0 else floor
        total = total + F.conv2d(x, weight * a.reshape(-1, 1, 1, 1), padding=weight.shape[-1] // 2)
    return total + on_grid(made.bias.weight, 12, floor * in_scale)[0]


@pytest.mark.parametrize("form", FORMS)
def test_the_formula(form: Weights) -> None:
    torch.manual_seed(3)
    made = ScaledConv(5, 7, 3, NumericsConfig(), form, 128)
    with torch.no_grad():
        for p in made.parameters():
            p.mul_(1 + 0.5 * torch.randn_like(p))
        made.bias.weight.normal_(0, 0.2)
    x = torch.randint(-128, 128, (2, 5, 6, 4)) / 64.0
    got = made(x, 2.0**-6)
    assert torch.allclose(got, plain(made, x, 2.0**-6), rtol=0, atol=2e-5)
    got.square().sum().backward()
    assert all(p.grad is not None and float(p.grad.abs().max()) > 0 for p in made.parameters())


def test_it_starts_near_a_real_convolution() -> None:
    """The more bits or bases, the nearer; two bases are those of residual binarization."""
    torch.manual_seed(4)
    weight, bias = torch.randn(8, 4, 3, 3) * torch.rand(8, 1, 1, 1), torch.rand(1, 8, 1, 1)
    errors = {}
    for form in FORMS:
        made = ScaledConv(4, 8, 3, NumericsConfig(), form, 128)
        made.set_real(weight, bias)
        # An image of single ones shows the weights.
        x = torch.zeros(36, 4, 3, 3)
        x.view(36, -1)[torch.arange(36), torch.arange(36)] = 1.0
        seen = made(x, 1.0)[:, :, 1, 1] - made.bias.weight[0, :, 0, 0]
        errors[form] = float((seen.T.reshape(8, 4, 3, 3) - weight).square().mean())
        if form == "binary2":
            first = weight.abs().mean((1, 2, 3), keepdim=True)
            rest = weight - first * weight.sign()
            second = rest.abs().mean((1, 2, 3), keepdim=True)
            wanted = first * weight.sign() + second * rest.sign()
            assert torch.allclose(made.real()[0], wanted, atol=1e-6)
        assert torch.allclose(made.real()[1], bias)
    assert errors["int4"] < errors["int3"] < errors["int2"] < errors["binary"]
    assert errors["binary2"] < 0.5 * errors["binary"]


CASES: list[dict[str, Any]] = [
    *({"head_weights": form, "tail_weights": form} for form in FORMS),
    {"tail_bits": 2, "tail_channels": 3},
    {"tail_channels": 3, "tail_weights": "binary2", "tail_bits": 4, "numerics": {"trunk_bits": 10}},
    {"channels": 32, "head_weights": "int2", "tail_weights": "binary2", "tail_bits": 12},
    {"name": "edsr", "upsampler": "real", "tail_weights": "int3", "head_weights": "binary"},
    {"name": "rcan", "groups": 1, "reduction": 2, "tail_weights": "binary2", "tail_channels": 4},
    {"name": "lapsrn", "depth": 1, "blocks": None, "tail_weights": "binary", "head_weights": "int4", "tail_bits": 5},
]


@pytest.mark.slow
@pytest.mark.parametrize("fields", CASES, ids=str)
def test_export_and_lowering_are_exact(fields: dict[str, Any]) -> None:
    table = {k: v for k, v in {**SMALL, **fields}.items() if v is not None}
    cfg = zoo.NETWORKS.validate(table)
    noise = images(1)
    torch.manual_seed(1)
    model = zoo.randomize(zoo.build(cfg), 1).eval()
    exported = to_qonnx(model, 3, 6, 5)
    assert np.array_equal(execute(exported, noise), upscale(model, noise))
    assert prove(lower(exported)) > 0


@pytest.mark.parametrize("form", ["int4", "int2"])
def test_conversion_with_open_quantizers_changes_nothing(form: str) -> None:
    """From the float form: with the new quantizers open the network computes what it did."""
    torch.manual_seed(2)
    source = zoo.build(config(numerics={"deployed": False})).eval()
    low = torch.from_numpy(images(2)[None] / 256).float()
    model, anew = deploy.converted(source, config(head_weights=form, tail_weights=form), [low])
    assert anew == []
    made = deploy.kinds(source, model)
    assert "weights of real convolutions, " + form[3:] + " bits" in [kind.label for kind in made]
    with torch.no_grad(), deploy.without(made):
        assert float((model(low) - source(low)).abs().max()) <= 1.01 / 256


def test_conversions_between_forms() -> None:
    torch.manual_seed(2)
    low = torch.from_numpy(images(2)[None] / 256).float()
    source, _ = deploy.converted(zoo.build(config()), config(tail_weights="int4"), [low])
    weight = source.get_submodule("tail").real()[0]  # type: ignore[operator]
    same, anew = deploy.converted(source, config(tail_weights="int4", tail_bits=6), [low])
    assert anew == [] and torch.equal(same.get_parameter("tail.convs.0.weight"), source.tail.convs[0].weight)  # type: ignore[union-attr,index]
    other, anew = deploy.converted(source, config(tail_weights="int3"), [low])
    error = other.get_submodule("tail").real()[0] - weight  # type: ignore[operator]
    assert anew == [] and float(error.abs().max()) < 1e-5, "names and shapes are the same, the units are not"
    back, anew = deploy.converted(source, config(), [low])
    assert anew == [] and torch.allclose(back.get_parameter("tail.conv.weight"), weight)


def test_a_narrower_tail_begins_with_the_best_of_its_rank() -> None:
    torch.manual_seed(2)
    source = zoo.build(config())
    low = torch.from_numpy(images(2)[None] / 256).float()
    weight = source.get_parameter("tail.conv.weight")
    left = []
    for channels in (1, 3, 6):
        model, anew = deploy.converted(source, config(tail_channels=channels), [low])
        first, second = model.get_parameter("reduce.conv.weight"), model.get_parameter("tail.conv.weight")
        product = torch.einsum("onyx,nc->ocyx", second, first[:, :, 0, 0])
        left.append(float((product - weight).detach().norm() / weight.detach().norm()))
        assert anew == []
    assert left[0] > left[1] > left[2] and left[2] < 1e-5


def test_bits_and_forms_may_differ_from_the_start() -> None:
    deploy.check_start("x", config(), config(head_weights="binary", tail_weights="int2", tail_channels=3, tail_bits=4))
    with pytest.raises(UserError, match=r"model\.tail_kernel \(there 3, asked for 5\)"):
        deploy.check_start("x", config(), config(tail_kernel=5))
