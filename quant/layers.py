"""The layers that binarized networks are made of.

The residual stream ("trunk") lives on one grid: `trunk_bits` signed codes of `2 * trunk_range / 2**trunk_bits`.
With `numerics.deployed` false each layer is its published float form: the same parameters, no quantizer.
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
from .gradients import mean_magnitude
from .quantizers import (
    ConstantActivation,
    ConstantParameter,
    FixedPointParameter,
    ScaledSignWeight,
    StatisticsActivation,
    fixed_point,
)


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


class FloatParameter(nn.Module):
    """A learned constant in the float form; as `QuantParameter` without its quantizer."""

    def __init__(self, init: Tensor, unit: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(init / unit)
        self.unit = unit

    def forward(self, floor: float | None = None) -> tuple[Tensor, float]:
        """The value, and 1, as it has no scale."""
        return self.weight * self.unit, 1.0


def parameter(
    init: Tensor, quant: Any, numerics: NumericsConfig, unit: float = 1.0, **kwargs: Any
) -> QuantParameter | FloatParameter:
    """A learned constant, with its quantizer in the deployed form; arguments as of `QuantParameter`."""
    return QuantParameter(init, quant, unit, **kwargs) if numerics.deployed else FloatParameter(init, unit)


class Computed(QuantWeightMixin, nn.Module):
    """Quantizes a constant that is computed from parameters, such as mean|W|; exported as Quant(initializer).

    Args:
        shape: of the constant.
        bits: signed fixed point; the scale follows from the greatest magnitude.
    """

    weight_quant: Any

    def __init__(self, shape: tuple[int, ...], bits: int) -> None:
        nn.Module.__init__(self)
        # No parameter: the value that was quantized last, which Brevitas asks for while exporting.
        self.weight = torch.ones(shape)
        QuantWeightMixin.__init__(self, FixedPointParameter, weight_bit_width=bits)

    @property
    def output_channel_dim(self) -> int:
        """What Brevitas asks of every holder of weights."""
        return 0

    def forward(self, value: Tensor, floor: float | None = None) -> tuple[Tensor, float]:
        """The quantized value and its scale, which is not below `floor` where that is given."""
        self.weight = value.detach()
        if torch.jit.is_tracing():
            # A constant of the file: another runtime might round the sums in it otherwise.
            value = torch.tensor(value.tolist())
        quant = self.weight_quant.tensor_quant
        if floor is not None:
            quant.floor = floor
        return self.weight_quant(value).value, float(quant.scale)


def act_scale(layer: nn.Module) -> float:
    """The scale of an activation quantizer of ours, now; 1 in the float form, where there is none."""
    if isinstance(layer, nn.Identity):
        return 1.0
    return float(tensor_quant(layer).scale)


def tensor_quant(layer: nn.Module) -> Any:
    """The module inside an activation quantizer of ours that does the arithmetic."""
    return layer.act_quant.fused_activation_quant_proxy.tensor_quant  # type: ignore[union-attr]


def constant_quant(bits: int, scale: float, signed: bool = True, numerics: NumericsConfig | None = None) -> nn.Module:
    """Quant node at a constant power-of-two scale; none in the float form."""
    if numerics is not None and not numerics.deployed:
        return nn.Identity()
    return qnn.QuantIdentity(ConstantActivation, bit_width=bits, fixed_scale=scale, signed=signed)


def statistics_quant(bits: int, numerics: NumericsConfig | None = None) -> nn.Module:
    """Quant node, signed, whose power-of-two scale follows the training's statistics; none in the float form."""
    if numerics is not None and not numerics.deployed:
        return nn.Identity()
    return qnn.QuantIdentity(StatisticsActivation, bit_width=bits)


def trunk_scale(numerics: NumericsConfig) -> float:
    """The lsb of the residual stream."""
    return 2.0 * numerics.trunk_range / (1 << numerics.trunk_bits)


def trunk_quant(numerics: NumericsConfig) -> nn.Module:
    """Quant node onto the residual stream's grid; none in the float form."""
    return constant_quant(numerics.trunk_bits, trunk_scale(numerics)) if numerics.deployed else nn.Identity()


def joined(y: Tensor, x: Tensor, repeat: int) -> Tensor:
    """y + x, with x repeated so many times along the channels; y alone where `repeat` is 0."""
    if not repeat:
        return y
    return y + (x if repeat == 1 else torch.cat([x] * repeat, 1))


def repeats(channels_in: int, channels_out: int) -> int:
    """How often a unit's input is repeated for its skip: 0, no skip, where the numbers of channels do not divide.

    Repeating is how BBCU (Xia et al., arXiv 2210.00405) has a skip around the convolutions of its upsampler.
    """
    return channels_out // channels_in if channels_out % channels_in == 0 else 0


PIXEL_SCALE = 2.0**-8


class _FloatPixels(nn.Module):
    """The output of a float form: as it is in training, rounded to 8-bit pixels and clipped in eval mode."""

    def forward(self, x: Tensor) -> Tensor:
        return x if self.training else fixed_point(x, PIXEL_SCALE, 0, 255)


def pixel_quant(numerics: NumericsConfig) -> nn.Module:
    """Quant node to 8-bit pixels, code / 256; in the float form in eval mode only, as whoever saves the image would."""
    return constant_quant(8, PIXEL_SCALE, signed=False) if numerics.deployed else _FloatPixels()


class FixedConv(nn.Module):
    """k-bit convolution with bias, stride 1, zero padding; (N, C, H, W) to (N, O, H, W), the exact accumulator.

    The input must be on the grid of `in_scale`; the bias is never finer than the products.

    Args:
        kernel: side, or (height, width).
    """

    def __init__(self, cin: int, cout: int, kernel: int | tuple[int, int], numerics: NumericsConfig) -> None:
        super().__init__()
        size = (kernel, kernel) if isinstance(kernel, int) else kernel
        padding = (size[0] // 2, size[1] // 2)
        self.conv = (
            qnn.QuantConv2d(
                cin,
                cout,
                size,
                padding=padding,
                bias=False,
                weight_quant=FixedPointParameter,
                weight_bit_width=numerics.weight_bits,
            )
            if numerics.deployed
            else nn.Conv2d(cin, cout, size, padding=padding, bias=False)
        )
        self.bias = parameter(torch.zeros(1, cout, 1, 1), FixedPointParameter, numerics, bit_width=numerics.bias_bits)

    @property
    def weight_quant(self) -> Any:
        """The module that quantizes the weights; None in the float form."""
        return self.conv.weight_quant.tensor_quant if isinstance(self.conv, qnn.QuantConv2d) else None

    def forward(self, x: Tensor, in_scale: float) -> Tensor:
        acc = self.conv(x)  # first: it settles the weights' scale
        y: Tensor = acc + self.bias(None if self.weight_quant is None else self.weight_quant.scale * in_scale)[0]
        return y


class FixedUpscale(nn.Module):
    """k-bit transposed convolution of 4x4 taps that doubles both sides; (N, C, H, W) to (N, O, 2H, 2W), no bias.

    Args:
        groups: 1, or as many as channels in and out: then each channel starts as bilinear interpolation.
    """

    def __init__(self, cin: int, cout: int, numerics: NumericsConfig, groups: int = 1) -> None:
        super().__init__()
        shape = {"kernel_size": 4, "stride": 2, "padding": 1, "groups": groups, "bias": False}
        self.conv = (
            qnn.QuantConvTranspose2d(
                cin, cout, weight_quant=FixedPointParameter, weight_bit_width=numerics.weight_bits, **shape
            )
            if numerics.deployed
            else nn.ConvTranspose2d(cin, cout, **shape)  # type: ignore[arg-type]
        )
        if groups > 1 or cin == cout == 1:
            taps = torch.tensor([0.25, 0.75, 0.75, 0.25])
            with torch.no_grad():
                self.conv.weight.copy_((taps[:, None] * taps).expand_as(self.conv.weight))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x)
        return y


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
        self.scale = parameter(
            torch.full((1, channels, 1, 1), gain * unit),
            FixedPointParameter,
            numerics,
            unit,
            bit_width=numerics.param_bits,
        )
        self.bias = parameter(
            torch.zeros(1, channels, 1, 1), FixedPointParameter, numerics, bit_width=numerics.bias_bits
        )

    def forward(self, s: Tensor, in_scale: float) -> Tensor:
        a, a_scale = self.scale()
        b, _ = self.bias(a_scale * in_scale)
        return s * a + b


class BatchNorm(nn.BatchNorm2d):
    """The BatchNorm of a published float form, called as `Affine` is; its factors start at `gain`."""

    def __init__(self, channels: int, gain: float) -> None:
        super().__init__(channels)
        nn.init.constant_(self.weight, gain)

    def forward(self, s: Tensor, in_scale: float) -> Tensor:  # type: ignore[override]
        return super().forward(s)


def normalization(channels: int, fan_in: int, gain: float, numerics: NumericsConfig) -> nn.Module:
    """BatchNorm where the float form has one; in the deployed form what it folds to, an `Affine`, learned directly."""
    return Affine(channels, fan_in, gain, numerics) if numerics.deployed else BatchNorm(channels, gain)


class ComputedAffine(nn.Module):
    """a*s + b with a and b that a scheme computes from its parameters, each (1, C, 1, 1); quantized if deployed."""

    def __init__(self, channels: int, numerics: NumericsConfig) -> None:
        super().__init__()
        shape = (1, channels, 1, 1)
        self.scale = Computed(shape, numerics.param_bits) if numerics.deployed else None
        self.bias = Computed(shape, numerics.bias_bits) if numerics.deployed else None

    def forward(self, s: Tensor, in_scale: float, a: Tensor, b: Tensor | None = None) -> Tensor:
        if self.scale is None or self.bias is None:
            return s * a if b is None else s * a + b
        a, a_scale = self.scale(a)
        return s * a if b is None else s * a + self.bias(b, a_scale * in_scale)[0]


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
    """PReLU per channel; quantized slopes in [-1, 1).

    Args:
        slope: for negative values, at start.
        learned: False keeps it, which is a LeakyReLU.
    """

    def __init__(self, channels: int, numerics: NumericsConfig, slope: float = 0.25, learned: bool = True) -> None:
        super().__init__()
        bits = numerics.param_bits
        self.slope = parameter(
            torch.full((channels, 1, 1), slope),
            ConstantParameter,
            numerics,
            bit_width=bits,
            fixed_scale=2.0 ** (1 - bits),
        )
        self.slope.weight.requires_grad_(learned)

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


class MeanScaledConv(BinaryConv):
    """Convolution with sign(W) that a product with `alpha()` follows: together one with mean|W| sign(W).

    Factor per filter and layout as in XNOR-Net (Rastegari et al., arXiv 1603.05279), gradient as in ReActNet.

    Args:
        gain: standard deviation that the scaled output starts with, over that of a binary input.
    """

    def __init__(self, channels_in: int, channels_out: int, kernel: int, gain: float) -> None:
        super().__init__(channels_in, channels_out, kernel, ScaledSignWeight)
        most = 2 * gain * (kernel * kernel * channels_in) ** -0.5
        nn.init.uniform_(self.weight, -most, most)

    def alpha(self) -> Tensor:
        """mean|W| of each filter, (1, O, 1, 1); constant in the backward pass."""
        return mean_magnitude(self.weight).reshape(1, -1, 1, 1)
