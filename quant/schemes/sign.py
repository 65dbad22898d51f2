"""Plain binary network: binary weights and activations and nothing else; the lower baseline.

The signs and their gradients are those of BinaryNet (Courbariaux et al., arXiv 1602.02830). It has a BatchNorm behind
the convolution; here stands one constant, so that nothing of the sums' size is learned.
"""

from __future__ import annotations

import math
from typing import ClassVar, Literal

from brevitas import nn as qnn
from pydantic import Field
from torch import Tensor

from ..config import NumericsConfig, SchemeConfig
from ..layers import BinaryConv, trunk_quant
from ..quantizers import ClippedSignActivation, ClippedSignWeight
from .base import BinaryUnit, register


class SignConfig(SchemeConfig):
    """Binary weights and activations without a scale; nothing to choose."""

    name: Literal["sign"] = Field("sign", description="binary weights and activations, no scale")


@register
class SignUnit(BinaryUnit):
    """2**-k * (sign(W) conv sign(x)), requantized to the trunk's grid.

    k is a constant of the layer's size. Gradients: 1 where |x| <= 1, 1 where |W| <= 1, else 0.
    """

    Config: ClassVar[type[SchemeConfig]] = SignConfig
    has_skip: ClassVar[bool] = False

    def __init__(
        self, channels_in: int, channels_out: int, kernel: int, cfg: SignConfig, numerics: NumericsConfig, gain: float
    ) -> None:
        super().__init__(channels_in, channels_out, kernel, cfg, numerics, gain)
        # Sums of K*K*C signs have a deviation of about sqrt(K*K*C), many times what the trunk holds. They do not
        # follow the input's magnitude, so that a branch's second unit alone has the gain that two of them make up.
        self.scale = 2.0 ** round(math.log2(gain**2 * (kernel * kernel * channels_in) ** -0.5))
        self.sign = qnn.QuantIdentity(ClippedSignActivation)
        self.conv = BinaryConv(channels_in, channels_out, kernel, ClippedSignWeight)
        self.mid = trunk_quant(numerics)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.mid(self.conv(self.sign(x)) * self.scale)
        return y
