"""Bi-Real Net (Liu et al., arXiv 1808.00278): a skip around every binary convolution, mean|W| in training."""

from __future__ import annotations

from typing import ClassVar, Literal

from brevitas import nn as qnn
from pydantic import Field
from torch import Tensor

from ..config import NumericsConfig, SchemeConfig
from ..gradients import mean_magnitude
from ..layers import BinaryConv, joined, normalization, repeats, trunk_quant
from ..quantizers import ClippedSignWeight, SignActivation
from .base import BinaryUnit, register


class BiRealConfig(SchemeConfig):
    """Bi-Real Net's block; nothing to choose."""

    name: Literal["bireal"] = Field("bireal", description="Bi-Real Net: a skip around every binary convolution")


@register
class BiRealUnit(BinaryUnit):
    """BN(mean|W| * (sign(W) conv sign(x))) + x, on the trunk's grid.

    Gradients: max(0, 2 - 2|x|) of the activation's sign; mean|W| where |W| <= 1 of the scaled weights.
    In the deployed form one learned affine a*s + b stands for mean|W| and BatchNorm together.
    """

    Config: ClassVar[type[SchemeConfig]] = BiRealConfig
    has_skip: ClassVar[bool] = True

    def __init__(
        self, channels_in: int, channels_out: int, kernel: int, cfg: BiRealConfig, numerics: NumericsConfig, gain: float
    ) -> None:
        super().__init__(channels_in, channels_out, kernel, cfg, numerics, gain)
        self.repeat = repeats(channels_in, channels_out)
        self.scaled = not numerics.deployed
        self.sign = qnn.QuantIdentity(SignActivation)
        self.conv = BinaryConv(channels_in, channels_out, kernel, ClippedSignWeight)
        self.affine = normalization(channels_out, kernel * kernel * channels_in, gain, numerics)
        self.mid = trunk_quant(numerics)
        self.out = trunk_quant(numerics)

    def before_norm(self) -> Tensor | float:
        return mean_magnitude(self.conv.weight).reshape(1, -1, 1, 1) if self.scaled else 1.0

    def forward(self, x: Tensor) -> Tensor:
        s = self.conv(self.sign(x))
        if self.scaled:
            s = s * self.before_norm()
        y: Tensor = self.out(joined(self.mid(self.affine(s, 1.0)), x, self.repeat))
        return y
