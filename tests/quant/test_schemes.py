"""Each scheme against a plain PyTorch statement of its published formula: outputs, and gradients of everything.

The statements use torch alone. A sign is written as "hard value, gradient of a soft one": `hard(soft, value)`.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from xnorsr.quant import schemes
from xnorsr.quant.config import NumericsConfig
from xnorsr.quant.layers import act_scale
from xnorsr.quant.schemes import SCHEMES, BinaryUnit

FLOAT = NumericsConfig(deployed=False)
WIDE = NumericsConfig(trunk_bits=16, trunk_range=16)  # holds what the random parameters below make
CHANNELS, GAIN = 6, 0.5


def hard(soft: Tensor, value: Tensor) -> Tensor:
    """`value` in the forward pass, the gradient of `soft` in the backward pass."""
    return soft + (value - soft).detach()


def plain_sign(x: Tensor) -> Tensor:
    return torch.where(x >= 0, 1.0, -1.0).to(x.dtype)


def sign_act(x: Tensor) -> Tensor:
    """Gradient 2 - 2|x| within one: that of the parabolas 2x + x^2 and 2x - x^2."""
    inner = x.clamp(-1, 1)
    return hard(2 * inner - inner * inner.abs(), plain_sign(x))


def sign_clipped(x: Tensor) -> Tensor:
    return hard(x.clamp(-1, 1), plain_sign(x))


def mean_scaled(w: Tensor) -> Tensor:
    """mean|W| sign(W) per filter; gradient 1 where |W| <= 1."""
    return hard(w.clamp(-1, 1), w.abs().mean((1, 2, 3), keepdim=True) * plain_sign(w))


def conv(x: Tensor, w: Tensor, bias: Tensor | None = None) -> Tensor:
    return F.conv2d(x, w, bias, padding=w.shape[-1] // 2)


def per_channel(v: Tensor) -> Tensor:
    return v.reshape(1, -1, 1, 1)


def batch_norm(s: Tensor, m: BinaryUnit) -> Tensor:
    mean, var = s.mean((0, 2, 3), keepdim=True), s.var((0, 2, 3), unbiased=False, keepdim=True)
    return (s - mean) / (var + 1e-5).sqrt() * per_channel(m.affine.weight) + per_channel(m.affine.bias)


def prelu(z: Tensor, slope: Tensor) -> Tensor:
    return torch.where(z >= 0, z, z * per_channel(slope))


def spatial(x: Tensor, gate: nn.Module) -> Tensor:
    return torch.sigmoid((x * per_channel(gate.conv.conv.weight)).sum(1, keepdim=True) + gate.conv.bias.weight)


def linear(x: Tensor, layer: nn.Module) -> Tensor:
    return x @ layer.conv.weight.flatten(1).T + layer.bias.weight.flatten()


def bnn(m: BinaryUnit, x: Tensor) -> Tensor:
    alpha, b = (p.weight * p.unit for p in (m.affine.scale, m.affine.bias))
    return alpha * conv(x, sign_clipped(m.conv.weight)) + b


def w1a1(m: BinaryUnit, x: Tensor) -> Tensor:
    w = hard(m.conv.weight, plain_sign(m.conv.weight))
    s = conv(sign_act(x + m.offset), w)
    return prelu(m.affine.scale.weight * m.affine.scale.unit * s + m.affine.bias.weight, m.act.slope.weight) + x


def plain_bnn(m: BinaryUnit, x: Tensor) -> Tensor:
    # 0.5**2 / sqrt(9 * 6) is 2**-4.9.
    return conv(sign_clipped(x), sign_clipped(m.conv.weight)) / 32


def bireal(m: BinaryUnit, x: Tensor) -> Tensor:
    w = m.conv.weight
    scaled = w.detach().abs().mean((1, 2, 3), keepdim=True) * sign_clipped(w)
    return batch_norm(conv(sign_act(x), scaled), m) + x


def e2fif(m: BinaryUnit, x: Tensor) -> Tensor:
    w = m.conv.weight
    return batch_norm(conv(sign_act(x), hard(w, plain_sign(w))), m) + x


def bbcu(m: BinaryUnit, x: Tensor) -> Tensor:
    z = conv(sign_act(x + m.offset), mean_scaled(m.conv.weight))
    return prelu(z + m.before, m.act.slope.weight) + m.after + x


def bsrc(m: BinaryUnit, x: Tensor) -> Tensor:
    s = conv(sign_act(x), mean_scaled(m.conv.weight))
    return prelu(m.factor * (s + m.shift) + m.move, m.act.slope.weight) + x


def scales(m: BinaryUnit, x: Tensor) -> Tensor:
    a, b = (1.0 if m.factor is None else m.factor), -m.offset
    y = conv(a * sign_act((x - b) / a), mean_scaled(m.conv.weight))
    if m.spatial is not None:
        y = y * spatial(x, m.spatial)
    if m.channel is not None:
        k = m.channel.conv
        vector = F.conv1d(
            x.mean((2, 3)).unsqueeze(1), k.conv.weight.reshape(1, 1, 5), k.bias.weight.flatten(), padding=2
        )
        y = y * torch.sigmoid(vector).reshape(len(x), -1, 1, 1)
    return y + x


def ebsr(m: BinaryUnit, x: Tensor) -> Tensor:
    hidden = F.relu(linear(x.mean((2, 3)), m.squeeze.conv))
    t, c = (linear(hidden, layer)[:, :, None, None] for layer in (m.threshold, m.channel))
    return conv(sign_act(x + t), mean_scaled(m.conv.weight)) * spatial(x, m.spatial) * torch.sigmoid(c) + x


def full(m: BinaryUnit, x: Tensor) -> Tensor:
    return conv(x, m.conv.weight, m.conv.bias)


def int8(m: BinaryUnit, x: Tensor) -> Tensor:
    def quantized(v: Tensor, scale: float, least: int) -> Tensor:
        return hard(v.clamp(scale * (least - 0.5), scale * 127.5), (v / scale).round().clamp(least, 127) * scale)

    w, scale = m.conv.weight, float(m.conv.weight_quant.tensor_quant.scale)
    assert scale / 2 < float(w.abs().max()) / 127 <= scale
    return conv(quantized(x, act_scale(m.quant), -128), quantized(w, scale, -127))


STATEMENTS: dict[str, Callable[[BinaryUnit, Tensor], Tensor]] = {
    "bbcu": bbcu,
    "bireal": bireal,
    "bnn": bnn,
    "bsrc": bsrc,
    "e2fif": e2fif,
    "ebsr": ebsr,
    "float": full,
    "int8": int8,
    "scales": scales,
    "sign": plain_bnn,
    "w1a1": w1a1,
}
SPECIAL = {
    "bnn": {"real_activations": True},
    "ebsr": {"reduction": 1},
}  # as published; enough hidden units that some live
OPTIONS = [
    *({"name": name, **SPECIAL.get(name, {})} for name in STATEMENTS),
    {"name": "scales", "layer_factor": False},
    {"name": "scales", "spatial": False},
    {"name": "scales", "channel": False},
]


def made(options: dict[str, object], seed: int, numerics: NumericsConfig = FLOAT) -> BinaryUnit:
    """A unit in double precision with random parameters, some weights zero and some beyond one."""
    unit = schemes.unit(CHANNELS, CHANNELS, 3, SCHEMES.validate(options), numerics, GAIN)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in unit.named_parameters():
            p.copy_(torch.randn(p.shape, generator=generator) * (0.8 if "conv.weight" in name else 0.4))
            if name == "factor":
                p.add_(1.5)
        unit.conv.weight.view(-1)[::17] = 0
        if options["name"] == "int8":
            unit.bias.weight.zero_()
    return unit.double()


def image(seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed + 1000)
    x = torch.randn((2, CHANNELS, 5, 4), generator=generator, dtype=torch.float64)
    x.view(-1)[::13] = 0
    return x


def test_every_scheme_has_a_statement() -> None:
    assert sorted(STATEMENTS) == SCHEMES.names()


@pytest.mark.parametrize("options", OPTIONS, ids=lambda o: "-".join(str(v) for v in [o["name"], *[*o][1:]]))
@pytest.mark.parametrize("seed", [1, 2])
def test_outputs_and_gradients_are_those_of_the_formula(options: dict[str, object], seed: int) -> None:
    print(f"seed {seed}")
    unit, x = made(options, seed), image(seed)
    weight = torch.randn(x.shape, generator=torch.Generator().manual_seed(seed), dtype=x.dtype)
    results = []
    for call in (unit, lambda v: STATEMENTS[str(options["name"])](unit, v)):
        unit.zero_grad()
        v = x.clone().requires_grad_()
        y = call(v)
        (y * weight).sum().backward()
        # A bias in front of a quantizer that int8 does not have in its statement is left out there.
        grads = {n: p.grad.clone() for n, p in unit.named_parameters() if p.grad is not None and n != "bias.weight"}
        results.append((y, v.grad, grads))
    (y, gx, grads), (wanted, wanted_gx, wanted_grads) = results
    torch.testing.assert_close(y, wanted, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(gx, wanted_gx, rtol=1e-5, atol=1e-5)
    assert grads.keys() == wanted_grads.keys() and len(grads) == len([n for n, _ in unit.named_parameters()]) - (
        options["name"] == "int8"
    )
    for name in grads:
        torch.testing.assert_close(grads[name], wanted_grads[name], rtol=1e-5, atol=1e-5, msg=name)
        assert float(grads[name].abs().max()) > 0, f"{name} must learn"


@pytest.mark.parametrize("name", ["bbcu", "bsrc", "scales", "ebsr", "w1a1", "bnn", "sign"])
def test_the_deployed_form_is_near_the_float_form(name: str) -> None:
    """The same parameters, in fixed point: what differs is rounding, and signs that rounding flips."""
    print("seed 3")
    plain, deployed = made({"name": name}, 3), made({"name": name}, 3, WIDE)
    grid = 2.0**-11
    x = (image(3) / grid).round().clamp(-32000, 32000) * grid
    for _ in range(3):  # statistics of the pooled vectors settle
        deployed.float().train()(x.float())
    with torch.no_grad():
        got, wanted = deployed.eval()(x.float()).double(), plain.eval()(x)
    wanted = wanted.clamp(-16, 16 - grid)
    assert float((got - wanted).abs().mean()) < 0.03 * float(wanted.std())
    assert torch.equal(got, (got / grid).round() * grid), "on the trunk's grid"


@pytest.mark.parametrize("name", ["e2fif", "ebsr"])
def test_leaky_relu_stands_between_units(name: str) -> None:
    x = image(1).float()
    plain = schemes.between(CHANNELS, SCHEMES.validate(name), FLOAT)
    assert torch.equal(plain(x), F.leaky_relu(x, 0.1))
    deployed = schemes.between(CHANNELS, SCHEMES.validate(name), NumericsConfig())
    # 0.1 in eighths of a bit below one is 13/128; results are rounded to the trunk's grid.
    wanted = torch.where(x >= 0, x, x * 13 / 128).clamp(-4, 4 - 2**-11)
    assert float((deployed(x) - wanted).abs().max()) <= 2**-12
    assert not any(p.requires_grad for p in deployed.parameters())


@pytest.mark.parametrize("name", SCHEMES.names())
def test_a_unit_that_widens_repeats_its_input(name: str) -> None:
    """For a skip: twice as many channels get the input twice; numbers that do not divide get none."""
    cfg = SCHEMES.validate(name)
    x = image(1).float()
    for out in (2 * CHANNELS, CHANNELS + 1):
        unit = schemes.unit(CHANNELS, out, 3, cfg, FLOAT, GAIN).eval()
        y = unit(x)
        assert y.shape == (2, out, 5, 4)
        if SCHEMES[name].has_skip:
            with torch.no_grad():
                for p in unit.parameters():
                    p.zero_()
                unit.conv.weight.zero_()
            skip = torch.cat([x, x], 1) if out == 2 * CHANNELS else torch.zeros_like(y)
            rest = unit(x) - skip
            # mean|W| of zero weights is held at 2**-14, and BatchNorm's running mean is zero.
            assert float(rest.abs().max()) < 0.01


def test_schemes_without_a_deployed_form_say_what_to_set() -> None:
    for options, reason in [
        ({"name": "float"}, "float weights are on no grid"),
        ({"name": "bnn", "real_activations": True}, "float activations are on no grid (real_activations is true)"),
    ]:
        with pytest.raises(ValueError) as e:
            schemes.unit(4, 4, 3, SCHEMES.validate(options), NumericsConfig(), 0.4)
        assert str(e.value) == (
            f"scheme {options['name']} has no deployed form: {reason}; set numerics.deployed to false to train it in "
            "float, or choose another scheme"
        )
