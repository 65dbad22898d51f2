"""Convolutions with weights of few bits and a learned factor per filter: what the ends of a cheap network are made of.

With one scale for the whole tensor, as `layers.FixedConv` has it, weights of 2 to 4 bits would mostly be zero. Here
every filter has its own: y = sum_i a_i * (W_i conv x) + b, where W_i are numbers of few bits, or signs. Sums of binary
convolutions are those of ABC-Net (Lin et al., arXiv 1711.11294); they start as residual binarization does: each basis
is the sign of what those before it leave, its factor the mean magnitude of that. They are free to part from there.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import torch
from brevitas import nn as qnn
from torch import Tensor, nn

from .config import NumericsConfig
from .gradients import sign
from .layers import BinaryConv, FixedConv, FloatParameter, QuantParameter, parameter
from .quantizers import ConstantParameter, FixedPointParameter, SignWeight, code_range, power_of_two_above

#: fixed: `numerics.weight_bits` and one scale, a `FixedConv`.
Weights = Literal["fixed", "int4", "int3", "int2", "binary", "binary2"]

_BITS = {"int4": 4, "int3": 3, "int2": 2}
_BASES = {"binary": 1, "binary2": 2}
#: What a sum may need is 24 bits, so that float32 holds it; one is left to the bias.
_SUM = 1 << 23
#: Mean magnitude that latent binary weights start with: near enough to zero to change sign, far enough to be stable.
_LATENT = 0.1
_FRACTIONS = 40  # clipping points that are tried for weights of few bits


def _scale_bits(products: int, most: int) -> int:
    """Bits of the factors with which the sum of so many products stays exact; not below 4, which export may refuse."""
    return min(most, max(4, (_SUM // products + 1).bit_length()))


class ScaledConv(nn.Module):
    """Convolution with weights of few bits, a factor per filter and a bias; the exact accumulator.

    (N, C, H, W) to (N, O, H, W), stride 1, zero padding, float32; called as `layers.FixedConv` is. In the float form
    weights of several bits are not rounded; binary ones are binary in both.

    Args:
        kernel: side, odd.
        weights: form of the weights; not "fixed".
        largest: greatest magnitude of the input's codes, from which the factors' bits follow.
    """

    def __init__(
        self, cin: int, cout: int, kernel: int, numerics: NumericsConfig, weights: Weights, largest: int
    ) -> None:
        super().__init__()
        self.bits, count = _BITS.get(weights, 1), _BASES.get(weights, 1)
        # Latent weights of either kind are within -1 and 1, so that one learning rate suits them.
        self.lsb = 2.0 ** (1 - self.bits)
        self.most = code_range(self.bits, True, True)[1] if self.bits > 1 else 1
        self.convs = nn.ModuleList([self._conv(cin, cout, kernel, numerics) for _ in range(count)])
        fan_in = kernel * kernel * cin
        bits = _scale_bits(fan_in * self.most * largest * count, numerics.param_bits)
        self.scale_most = code_range(bits, True, True)[1]
        shape, unit = (1, cout, 1, 1), fan_in**-0.5 / (self.most * self.lsb)
        self.scales = nn.ModuleList(
            [
                parameter(torch.full(shape, unit), FixedPointParameter, numerics, unit, bit_width=bits)
                for _ in range(count)
            ]
        )
        self.bias = parameter(torch.zeros(shape), FixedPointParameter, numerics, bit_width=numerics.bias_bits)
        weight = torch.empty(cout, cin, kernel, kernel)
        nn.init.kaiming_uniform_(weight, a=math.sqrt(5))  # as torch's own convolutions start
        self.set_real(weight, torch.zeros(shape))

    def _conv(self, cin: int, cout: int, kernel: int, numerics: NumericsConfig) -> nn.Module:
        if self.bits == 1:
            return BinaryConv(cin, cout, kernel, SignWeight)
        shape: dict[str, Any] = {"kernel_size": kernel, "padding": kernel // 2, "bias": False}
        if not numerics.deployed:
            return nn.Conv2d(cin, cout, **shape)
        quant = {"weight_bit_width": self.bits, "weight_fixed_scale": self.lsb, "weight_narrow_range": True}
        return qnn.QuantConv2d(cin, cout, weight_quant=ConstantParameter, **quant, **shape)

    def forward(self, x: Tensor, in_scale: float) -> Tensor:
        total, floor = None, None
        for conv, scale in zip(self.convs, self.scales, strict=True):
            # No basis on a finer grid than the first one's, so that the sum of all needs no more bits.
            a, a_scale = scale(floor)
            y = conv(x) * a
            if total is None:
                floor, total = a_scale, y + self.bias(a_scale * in_scale)[0]
            else:
                total = total + y
        assert total is not None
        return total

    @torch.no_grad()
    def real(self) -> tuple[Tensor, Tensor]:
        """The latent weights (O, C, K, K) and biases (1, O, 1, 1) as a real convolution has them."""
        total = torch.zeros(())
        for conv, scale in zip(self.convs, self.scales, strict=True):
            weight = conv.get_parameter("weight")
            total = total + _value(scale).reshape(-1, 1, 1, 1) * (sign(weight) if self.bits == 1 else weight)
        return total, _value(self.bias)

    @torch.no_grad()
    def states(self, weight: Tensor, bias: Tensor) -> dict[str, Tensor]:
        """Parameters with which it is nearest to a real convolution; arguments as what `real` gives."""
        made, rest = {"bias.weight": bias / self.bias.unit}, weight
        for i, scale in enumerate(self.scales):
            a = self._factors(rest)
            unit_weights = rest / a
            if self.bits == 1:
                made[f"convs.{i}.weight"] = (unit_weights * _LATENT).clamp(-1, 1)
                rest = rest - a * sign(rest)
            else:
                made[f"convs.{i}.weight"] = unit_weights
            made[f"scales.{i}.weight"] = a.reshape(1, -1, 1, 1) / _unit(scale)
        return made

    def set_real(self, weight: Tensor, bias: Tensor) -> None:
        """Becomes nearest to a real convolution; arguments as of `states`."""
        self.load_state_dict(self.states(weight, bias), strict=False)

    def _factors(self, weight: Tensor) -> Tensor:
        """Factors with least squared error of the weights, (O, 1, 1, 1); for weights of several bits on their grid."""
        if self.bits == 1:
            return weight.abs().mean((1, 2, 3), keepdim=True).clamp(min=2.0**-14)
        greatest = weight.abs().amax((1, 2, 3), keepdim=True).clamp(min=2.0**-14)
        tried = [greatest / (self.most * self.lsb) * (i + 1) / _FRACTIONS for i in range(_FRACTIONS)]
        errors = torch.stack([self._error(weight, a) for a in tried])
        best = torch.stack(tried).gather(0, errors.argmin(0, keepdim=True))[0]
        grid = power_of_two_above(float(best.max()) / self.scale_most)
        return (best / grid).round().clamp(min=1) * grid

    def _error(self, weight: Tensor, a: Tensor) -> Tensor:
        rounded = (weight / (a * self.lsb)).round().clamp(-self.most, self.most) * (a * self.lsb)
        return ((weight - rounded) ** 2).sum((1, 2, 3), keepdim=True)


def _unit(held: nn.Module) -> float:
    """What the latent value of a learned constant is told in."""
    assert isinstance(held, QuantParameter | FloatParameter)
    return held.unit


def _value(held: nn.Module) -> Tensor:
    """The latent value of a learned constant."""
    return held.get_parameter("weight").detach() * _unit(held)


Convolution = FixedConv | ScaledConv


def real_convolution(module: nn.Module) -> tuple[Tensor, Tensor] | None:
    """Latent weights and biases of a convolution of either kind, as `ScaledConv.real` gives them; None for others."""
    if isinstance(module, FixedConv):
        return module.conv.weight.detach(), _value(module.bias)
    return module.real() if isinstance(module, ScaledConv) else None


def states_of(module: Convolution, weight: Tensor, bias: Tensor) -> dict[str, Tensor]:
    """Parameters with which a convolution of either kind is nearest to a real one; as `ScaledConv.states`."""
    if isinstance(module, ScaledConv):
        return module.states(weight, bias)
    return {"conv.weight": weight, "bias.weight": bias / module.bias.unit}


def form_of(module: nn.Module) -> tuple[int, int, torch.Size]:
    """(bits of the weights, 0 where a scale for all follows them; convolutions; shape of their weights)."""
    if isinstance(module, ScaledConv):
        return module.bits, len(module.convs), module.convs[0].get_parameter("weight").shape
    assert isinstance(module, FixedConv)
    return 0, 1, module.conv.weight.shape


def convolution(
    cin: int, cout: int, kernel: int, numerics: NumericsConfig, weights: Weights, largest: int
) -> Convolution:
    """A convolution of the asked form; arguments as of `ScaledConv`."""
    if weights == "fixed":
        return FixedConv(cin, cout, kernel, numerics)
    return ScaledConv(cin, cout, kernel, numerics, weights, largest)
