"""The layers that binarized networks are made of.

The residual stream ("trunk") lives on one grid: `trunk_bits` signed codes of `2 * trunk_range / 2**trunk_bits`.
Binary convolutions with all that belongs to them are in `schemes`, whole networks in `zoo`.
"""

from __future__ import annotations

from typing import Any

import torch
from brevitas import nn as qnn
from brevitas.nn.mixin import QuantWeightMixin
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn import functional as F

from .config import NumericsConfig
from .quantizers import ConstantActivation, ConstantParameter, FixedPointParameter, StatisticsActivation


class QuantParameter(QuantWeightMixin, nn.Module):
    """A learned constant that is quantized where it is used; exported as Quant(initializer).

    Args:
        init: start value, any shape.
        quant: Brevitas weight quantizer; `bit_width` and further fields as keyword arguments.
        unit: the latent value is kept in this unit, so that the optimizer's steps are relative to it.
    """

    weight_quant: Any

    def __init__(self, init: Tensor, quant: Any, unit: float = 1.0, **kwargs: Any) -> None:
        nn.Module.__init__(self)
        self.weight = nn.Parameter(init / unit)
        self.unit = unit
        QuantWeightMixin.__init__(self, quant, **{f"weight_{k}": v for k, v in kwargs.items()})

    @property
    def output_channel_dim(self) -> int:
        """What Brevitas asks of every holder of weights."""
        return 0

    def quant_weight(self, *_: Any) -> Any:
        """Brevitas's quantized tensor."""
        return self.weight_quant(self.weight if self.unit == 1.0 else self.weight * self.unit)

    def forward(self, floor: float | None = None) -> tuple[Tensor, float]:
        """The quantized value and its scale, which is not below `floor` where that is given."""
        quant = self.weight_quant.tensor_quant
        if floor is not None:
            quant.floor = floor
        return self.quant_weight().value, float(quant.scale)


def act_scale(layer: qnn.QuantIdentity) -> float:
    """The scale of an activation quantizer of ours, now."""
    return float(layer.act_quant.fused_activation_quant_proxy.tensor_quant.scale)


def constant_quant(bits: int, scale: float, signed: bool = True) -> qnn.QuantIdentity:
    """Quant node at a constant power-of-two scale."""
    return qnn.QuantIdentity(ConstantActivation, bit_width=bits, fixed_scale=scale, signed=signed)


def statistics_quant(bits: int) -> qnn.QuantIdentity:
    """Quant node, signed, whose power-of-two scale follows the training's statistics."""
    return qnn.QuantIdentity(StatisticsActivation, bit_width=bits)


def trunk_scale(numerics: NumericsConfig) -> float:
    """The lsb of the residual stream."""
    return 2.0 * numerics.trunk_range / (1 << numerics.trunk_bits)


def trunk_quant(numerics: NumericsConfig) -> qnn.QuantIdentity:
    """Quant node onto the residual stream's grid."""
    return constant_quant(numerics.trunk_bits, trunk_scale(numerics))


class FixedConv(nn.Module):
    """k-bit convolution with bias, stride 1, zero padding; (N, C, H, W) to (N, O, H, W), the exact accumulator.

    The input must be on the grid of `in_scale`; the bias is never finer than the products.
    """

    def __init__(self, cin: int, cout: int, kernel: int, numerics: NumericsConfig) -> None:
        super().__init__()
        self.conv = qnn.QuantConv2d(
            cin,
            cout,
            kernel,
            padding=kernel // 2,
            bias=False,
            weight_quant=FixedPointParameter,
            weight_bit_width=numerics.weight_bits,
        )
        self.bias = QuantParameter(torch.zeros(1, cout, 1, 1), FixedPointParameter, bit_width=numerics.bias_bits)

    def forward(self, x: Tensor, in_scale: float) -> Tensor:
        acc = self.conv(x)
        return acc + self.bias(self.conv.weight_quant.tensor_quant.scale * in_scale)[0]


class Affine(nn.Module):
    """Quantized per-channel a*s + b behind a binary convolution; stands where BatchNorm stands.

    Args:
        channels: C.
        fan_in: products in each sum. a starts at gain/sqrt(fan_in), so the output's deviation is `gain` times the
            input's.
        gain: see fan_in.
    """

    def __init__(self, channels: int, fan_in: int, gain: float, numerics: NumericsConfig) -> None:
        super().__init__()
        unit = fan_in**-0.5
        self.scale = QuantParameter(
            torch.full((1, channels, 1, 1), gain * unit), FixedPointParameter, unit, bit_width=numerics.param_bits
        )
        self.bias = QuantParameter(torch.zeros(1, channels, 1, 1), FixedPointParameter, bit_width=numerics.bias_bits)

    def forward(self, s: Tensor, in_scale: float) -> Tensor:
        a, a_scale = self.scale()
        b, _ = self.bias(a_scale * in_scale)
        return s * a + b


class _PReLUFn(Function):
    """PReLU with slopes of shape (C, 1, 1). Exported as one PRelu node; torch's own puts an Unsqueeze behind the Quant.

    The backward pass is in place where it can be, which takes half of the time of torch's on a CPU.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, slope: Tensor) -> Tensor:
        ctx.save_for_backward(x, slope)
        return F.prelu(x, slope.flatten())

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        x, slope = ctx.saved_tensors
        grad_slope = x.clamp(max=0).mul_(grad).sum((0, 2, 3)).reshape(slope.shape)
        factor = torch.gt(x, 0, out=torch.empty_like(x)).mul_(1 - slope).add_(slope)
        return factor.mul_(grad), grad_slope

    @staticmethod
    def symbolic(g: Any, x: Any, slope: Any) -> Any:
        return g.op("PRelu", x, slope).setType(x.type())


class PReLU(nn.Module):
    """PReLU per channel with quantized slopes in [-1, 1)."""

    def __init__(self, channels: int, numerics: NumericsConfig) -> None:
        super().__init__()
        bits = numerics.param_bits
        self.slope = QuantParameter(
            torch.full((channels, 1, 1), 0.25), ConstantParameter, bit_width=bits, fixed_scale=2.0 ** (1 - bits)
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = _PReLUFn.apply(x, self.slope()[0])
        return y


class BinaryConv(qnn.QuantConv2d):
    """Convolution with +1/-1 weights, zero padding, no bias; its latent weights are clipped in training."""

    def __init__(self, channels_in: int, channels_out: int, kernel: int, weight_quant: Any) -> None:
        super().__init__(channels_in, channels_out, kernel, padding=kernel // 2, bias=False, weight_quant=weight_quant)
        nn.init.uniform_(self.weight, -0.1, 0.1)

    def clip_latent(self, limit: float) -> None:
        """Keeps latent weights near the threshold, so that they can still change sign."""
        with torch.no_grad():
            self.weight.clamp_(-limit, limit)
