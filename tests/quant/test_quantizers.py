"""The Brevitas quantizers: values, gradients, scales."""

import math

import numpy as np
import pytest
import torch
from brevitas import nn as qnn
from hypothesis import given, settings
from hypothesis import strategies as st
from qonnx.custom_op.general.intquant import int_quant

from xnorsr.quant.gradients import sign
from xnorsr.quant.layers import BinaryConv, QuantParameter, act_scale, constant_quant, statistics_quant
from xnorsr.quant.quantizers import (
    ClippedSignWeight,
    FixedPointParameter,
    SignActivation,
    SignWeight,
    StatisticsQuant,
    code_range,
    fixed_point,
    power_of_two_above,
)


def test_sign_of_zero_is_plus_one() -> None:
    x = torch.tensor([-2.0, -0.0, 0.0, 1e-30, -1e-30])
    assert sign(x).tolist() == [-1, 1, 1, 1, -1]
    assert qnn.QuantIdentity(SignActivation)(x).tolist() == [-1, 1, 1, 1, -1]


def test_sign_activation_gradient_is_a_tent() -> None:
    x = torch.tensor([-1.5, -1.0, -0.25, 0.0, 0.5, 2.0], requires_grad=True)
    (qnn.QuantIdentity(SignActivation)(x) * torch.arange(1.0, 7.0)).sum().backward()
    assert x.grad is not None and x.grad.tolist() == [0.0, 0.0, 1.5 * 3, 2.0 * 4, 1.0 * 5, 0.0]


@pytest.mark.parametrize(("quant", "outside"), [(SignWeight, 1.0), (ClippedSignWeight, 0.0)])
def test_sign_weight_gradient(quant: type, outside: float) -> None:
    conv = BinaryConv(1, 1, 1, quant)
    for value, want in [(0.5, 1.0), (-0.5, 1.0), (1.5, outside), (-1.5, outside)]:
        conv.weight.data.fill_(value)
        conv.weight.grad = None
        assert conv(torch.ones(1, 1, 1, 1)).item() == math.copysign(1, value)
        conv(torch.ones(1, 1, 1, 1)).sum().backward()
        assert conv.weight.grad is not None and conv.weight.grad.item() == want
    conv.clip_latent(1.0)
    assert conv.weight.item() == -1.0


@settings(max_examples=60, deadline=None)
@given(
    bits=st.integers(2, 16),
    signed=st.booleans(),
    exponent=st.integers(-12, 2),
    seed=st.integers(0, 2**31),
)
def test_fixed_point_is_qonnx_quant(bits: int, signed: bool, exponent: int, seed: int) -> None:
    """The same values as qonnx's own Quant: half-integers round to even, both ends saturate; and the gradient."""
    lo, hi = code_range(bits, signed, False)
    rng = np.random.default_rng(seed)
    codes = rng.integers(2 * lo - 9, 2 * hi + 9, 200) / 2
    scale = 2.0**exponent
    x = torch.tensor(codes * scale, dtype=torch.float32, requires_grad=True)
    y = fixed_point(x, scale, lo, hi)
    want = int_quant(x.detach().numpy(), np.float32(scale), np.float32(0), np.float32(bits), signed, False, "ROUND")
    assert np.array_equal(y.detach().numpy(), want)
    y.sum().backward()
    inside = (np.rint(codes) >= lo) & (np.rint(codes) <= hi)
    assert x.grad is not None and np.array_equal(x.grad.numpy(), inside.astype(np.float32))


@given(st.floats(1e-6, 1e6))
def test_power_of_two_above(value: float) -> None:
    p = power_of_two_above(value)
    assert math.frexp(p)[0] == 0.5 and p / 2 < value <= p


@pytest.mark.parametrize("greatest", [0.0, 0.02, 1.0, 127 / 128, 3.7])
def test_parameter_scale_just_holds_the_greatest(greatest: float) -> None:
    p = QuantParameter(torch.tensor([0.3 * greatest, -greatest]), FixedPointParameter, bit_width=8)
    value, scale = p()
    assert torch.equal((value / scale).round(), value / scale) and (value / scale).abs().max() <= 127
    assert torch.all((value - p.weight).abs() <= scale / 2)
    if greatest:
        assert greatest / scale > 63, "a finer power of two would not hold it"
    value, scale = p(floor=0.5)
    assert scale >= 0.5 and torch.equal((value * 2).round(), value * 2)


def test_unit_scales_latent_values_only() -> None:
    p = QuantParameter(torch.tensor([0.25]), FixedPointParameter, unit=0.125, bit_width=8)
    assert p.weight.item() == 2.0 and p()[0].item() == 0.25


def test_constant_activation_range() -> None:
    q = constant_quant(4, 0.25)
    assert q(torch.tensor([-9.0, 9.0, 0.125, 0.375])).tolist() == [-2.0, 1.75, 0.0, 0.5]
    q = constant_quant(8, 2.0**-8, signed=False)
    assert q(torch.tensor([-1.0, 1.0])).tolist() == [0.0, 255 / 256]


@pytest.mark.parametrize("bits", range(2, 9))
def test_statistics_follow_training_only(bits: int) -> None:
    gen = torch.Generator().manual_seed(bits)
    x = torch.randn(20000, generator=gen) * 0.7
    q = statistics_quant(bits).train()
    for _ in range(200):
        y = q(x)
    scale = act_scale(q)
    assert math.frexp(scale)[0] == 0.5
    error = float(((y - x) ** 2).mean())
    others = [float(((fixed_point(x, scale * f, *code_range(bits, True, False)) - x) ** 2).mean()) for f in (0.25, 4)]
    assert error < min(others), "the scale is near the best one"
    q.eval()(x * 100)
    assert act_scale(q) == scale
    (module,) = [m for m in q.modules() if isinstance(m, StatisticsQuant)]
    module.frozen = True
    q.train()(x * 100)
    assert act_scale(q) == scale
