"""BBCU (Xia et al., "Basic binary convolution unit for binarized image restoration network", arXiv 2210.00405).

BBCU-L binarizes a network's body, BBCU-M its upsampler too: that is the network's choice (`model.upsampler`).
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


class BBCUConfig(SchemeConfig):
    """BBCU's unit; nothing to choose."""

    name: Literal["bbcu"] = Field("bbcu", description="BBCU: shifted PReLU and a skip around every binary convolution")


@register
class BBCUUnit(BinaryUnit):
    """PReLU_c(alpha (sign(W) conv sign(x + b0)) + b1) + b2 + x, on the trunk's grid; alpha = mean|W| per filter.

    Gradients: max(0, 2 - 2|x + b0|) of the activation's sign; 1 where |W| <= 1 of alpha sign(W) as a whole.
    b0 (`offset`), b1, b2 and the slopes are learned per channel.
    """

    Config: ClassVar[type[SchemeConfig]] = BBCUConfig
    has_skip: ClassVar[bool] = True

    def __init__(
        self, channels_in: int, channels_out: int, kernel: int, cfg: BBCUConfig, numerics: NumericsConfig, gain: float
    ) -> None:
        super().__init__(channels_in, channels_out, kernel, cfg, numerics, gain)
        self.repeat = repeats(channels_in, channels_out)
        self.offset = nn.Parameter(torch.zeros(1, channels_in, 1, 1))
        self.sign = qnn.QuantIdentity(SignActivation)
        self.conv = MeanScaledConv(channels_in, channels_out, kernel, gain)
        self.before = nn.Parameter(torch.zeros(1, channels_out, 1, 1))
        self.affine = ComputedAffine(channels_out, numerics)
        self.mid = trunk_quant(numerics)
        self.act = PReLU(channels_out, numerics)
        self.after = nn.Parameter(torch.zeros(1, channels_out, 1, 1))
        # On the trunk's own grid the last shift costs no bit.
        self.after_quant = trunk_quant(numerics)
        self.out = trunk_quant(numerics)

    def forward(self, x: Tensor) -> Tensor:
        s = self.conv(self.sign(x + self.offset))
        z = self.act(self.mid(self.affine(s, 1.0, self.conv.alpha(), self.before))) + self.after_quant(self.after)
        y: Tensor = self.out(joined(z, x, self.repeat))
        return y
