"""E2FIF (Song et al., "E2FIF: Push the limit of binarized deep imagery super-resolution using end-to-end full-precision
information flow", arXiv 2207.06893): BatchNorm and a skip around every binary convolution, LeakyReLU between.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from brevitas import nn as qnn
from pydantic import Field
from torch import Tensor, nn

from ..config import NumericsConfig, SchemeConfig
from ..layers import BinaryConv, PReLU, joined, normalization, repeats, trunk_quant
from ..quantizers import SignActivation, SignWeight
from .base import BinaryUnit, register

SLOPE = 0.1


class E2FIFConfig(SchemeConfig):
    """E2FIF's block; nothing to choose."""

    name: Literal["e2fif"] = Field("e2fif", description="E2FIF: BatchNorm and a skip around every binary convolution")


@register
class E2FIFUnit(BinaryUnit):
    """BN(sign(W) conv sign(x)) + x, on the trunk's grid; LeakyReLU of slope 0.1 behind the first of two.

    Gradients: max(0, 2 - 2|x|) of the activation's sign, 1 of the weight's. The published convolution has a bias, which
    its BatchNorm takes out again: it is left out. In the deployed form an affine stands where BatchNorm does.
    """

    Config: ClassVar[type[SchemeConfig]] = E2FIFConfig
    has_skip: ClassVar[bool] = True

    def __init__(
        self, channels_in: int, channels_out: int, kernel: int, cfg: E2FIFConfig, numerics: NumericsConfig, gain: float
    ) -> None:
        super().__init__(channels_in, channels_out, kernel, cfg, numerics, gain)
        self.repeat = repeats(channels_in, channels_out)
        self.sign = qnn.QuantIdentity(SignActivation)
        self.conv = BinaryConv(channels_in, channels_out, kernel, SignWeight)
        self.affine = normalization(channels_out, kernel * kernel * channels_in, gain, numerics)
        self.mid = trunk_quant(numerics)
        self.out = trunk_quant(numerics)

    @classmethod
    def between(cls, channels: int, numerics: NumericsConfig) -> nn.Module:
        return nn.Sequential(PReLU(channels, numerics, SLOPE, learned=False), trunk_quant(numerics))

    def forward(self, x: Tensor) -> Tensor:
        s = self.conv(self.sign(x))
        y: Tensor = self.out(joined(self.mid(self.affine(s, 1.0)), x, self.repeat))
        return y
