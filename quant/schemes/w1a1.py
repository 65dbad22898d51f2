"""W1A1: binary weights on binary activations, with a skip around every convolution.

The skip around every convolution and the learned thresholds are those of Bi-Real Net (Liu et al., arXiv 1808.00278) and
ReActNet (Liu et al., arXiv 2003.03488); the quantized affine stands where they have a BatchNorm.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from brevitas import nn as qnn
from pydantic import Field
from torch import Tensor, nn

from ..config import NumericsConfig, SchemeConfig
from ..layers import Affine, BinaryConv, PReLU, joined, repeats, trunk_quant
from ..quantizers import SignActivation, SignWeight
from .base import BinaryUnit, register


class W1A1Config(SchemeConfig):
    """Binary weights and activations; nothing to choose."""

    name: Literal["w1a1"] = Field("w1a1", description="binary weights and activations")


@register
class W1A1Unit(BinaryUnit):
    """x + PReLU(Quant(a * (sign(W) conv sign(x + o)) + b)), requantized to the trunk; o is a float per channel."""

    Config: ClassVar[type[SchemeConfig]] = W1A1Config
    has_skip: ClassVar[bool] = True

    def __init__(
        self, channels_in: int, channels_out: int, kernel: int, cfg: W1A1Config, numerics: NumericsConfig, gain: float
    ) -> None:
        super().__init__(channels_in, channels_out, kernel, cfg, numerics, gain)
        self.repeat = repeats(channels_in, channels_out)
        self.offset = nn.Parameter(torch.zeros(1, channels_in, 1, 1))
        self.sign = qnn.QuantIdentity(SignActivation)
        self.conv = BinaryConv(channels_in, channels_out, kernel, SignWeight)
        self.affine = Affine(channels_out, kernel * kernel * channels_in, gain, numerics)
        self.mid = trunk_quant(numerics)
        self.act = PReLU(channels_out, numerics)
        self.out = trunk_quant(numerics)

    def forward(self, x: Tensor) -> Tensor:
        s = self.conv(self.sign(x + self.offset))
        y: Tensor = self.out(joined(self.act(self.mid(self.affine(s, 1.0))), x, self.repeat))
        return y
