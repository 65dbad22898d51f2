"""The baseline block of the binary super-resolution challenge code of 2023 (BSRC): affine plus PReLU, no BatchNorm.

It is the easiest of the published blocks to put into hardware: all that stands behind the convolution is one affine.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from brevitas import nn as qnn
from pydantic import Field
from torch import Tensor, nn

from ..config import NumericsConfig, SchemeConfig
from ..layers import ComputedAffine, MeanScaledConv, PReLU, joined, repeats, trunk_quant
from ..quantizers import SignActivation
from .base import BinaryUnit, register


class BSRCConfig(SchemeConfig):
    """BSRC's baseline block; nothing to choose."""

    name: Literal["bsrc"] = Field("bsrc", description="affine and PReLU behind every binary convolution, with a skip")


@register
class BSRCUnit(BinaryUnit):
    """PReLU_c(a_c (alpha (sign(W) conv sign(x)) + b_c) + m_c) + x, on the trunk's grid; alpha = mean|W| per filter.

    Gradients: max(0, 2 - 2|x|) of the activation's sign; 1 where |W| <= 1 of alpha sign(W) as a whole.
    In the deployed form a*alpha and a*b + m are each one quantized constant per channel.
    """

    Config: ClassVar[type[SchemeConfig]] = BSRCConfig
    has_skip: ClassVar[bool] = True

    def __init__(
        self, channels_in: int, channels_out: int, kernel: int, cfg: BSRCConfig, numerics: NumericsConfig, gain: float
    ) -> None:
        super().__init__(channels_in, channels_out, kernel, cfg, numerics, gain)
        self.repeat = repeats(channels_in, channels_out)
        self.sign = qnn.QuantIdentity(SignActivation)
        self.conv = MeanScaledConv(channels_in, channels_out, kernel, gain)
        self.shift = nn.Parameter(torch.zeros(1, channels_out, 1, 1))
        self.factor = nn.Parameter(torch.ones(1, channels_out, 1, 1))
        self.move = nn.Parameter(torch.zeros(1, channels_out, 1, 1))
        self.affine = ComputedAffine(channels_out, numerics)
        self.mid = trunk_quant(numerics)
        self.act = PReLU(channels_out, numerics)
        self.out = trunk_quant(numerics)

    def forward(self, x: Tensor) -> Tensor:
        s = self.conv(self.sign(x))
        a, b = self.factor * self.conv.alpha(), self.factor * self.shift + self.move
        y: Tensor = self.out(joined(self.act(self.mid(self.affine(s, 1.0, a, b))), x, self.repeat))
        return y
