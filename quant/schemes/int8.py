"""Eight bits: what a user would deploy instead of a binary network, the upper baseline in hardware."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from brevitas import nn as qnn
from pydantic import Field
from torch import Tensor, nn

from ..config import NumericsConfig, SchemeConfig
from ..layers import QuantParameter, act_scale, statistics_quant, trunk_quant
from ..quantizers import FixedPointParameter
from .base import BinaryUnit, register

BITS = 8


class Int8Config(SchemeConfig):
    """Weights and activations of 8 bits; nothing to choose."""

    name: Literal["int8"] = Field("int8", description="weights and activations of 8 bits")


@register
class Int8Unit(BinaryUnit):
    """Quant_8(W) conv Quant_8(x) + b, requantized to the trunk's grid; PReLU between two of them.

    Scales are powers of two: the weights' of their greatest magnitude, the activations' of running statistics.
    Gradients are straight-through inside the range. The float form quantizes the same, without the trunk's grid.
    """

    Config: ClassVar[type[SchemeConfig]] = Int8Config
    has_skip: ClassVar[bool] = False

    def __init__(
        self, channels_in: int, channels_out: int, kernel: int, cfg: Int8Config, numerics: NumericsConfig, gain: float
    ) -> None:
        super().__init__(channels_in, channels_out, kernel, cfg, numerics, gain)
        self.quant = statistics_quant(BITS)
        self.conv = qnn.QuantConv2d(
            channels_in,
            channels_out,
            kernel,
            padding=kernel // 2,
            bias=False,
            weight_quant=FixedPointParameter,
            weight_bit_width=BITS,
        )
        # Uniform, not normal: the scale follows the greatest weight.
        most = 3**0.5 * gain * (kernel * kernel * channels_in) ** -0.5
        nn.init.uniform_(self.conv.weight, -most, most)
        self.bias = QuantParameter(
            torch.zeros(1, channels_out, 1, 1), FixedPointParameter, bit_width=numerics.bias_bits
        )
        self.mid = trunk_quant(numerics)

    def forward(self, x: Tensor) -> Tensor:
        acc = self.conv(self.quant(x))
        floor = self.conv.weight_quant.tensor_quant.scale * act_scale(self.quant)
        y: Tensor = self.mid(acc + self.bias(floor)[0])
        return y
