"""EBSR, the first version of SCALES (Wei et al., arXiv 2303.12270 v1): thresholds and factors that follow the image."""

from __future__ import annotations

from typing import ClassVar, Literal

from brevitas import nn as qnn
from pydantic import Field
from torch import Tensor, nn

from ..config import NumericsConfig, SchemeConfig
from ..gates import Sigmoid, SpatialGate, Squeeze
from ..layers import ComputedAffine, FixedConv, MeanScaledConv, PReLU, joined, repeats, trunk_quant
from ..quantizers import SignActivation
from .base import BinaryUnit, register

SLOPE = 0.1


class EBSRConfig(SchemeConfig):
    """EBSR's block."""

    name: Literal["ebsr"] = Field("ebsr", description="EBSR: thresholds and factors that follow the image")
    reduction: int = Field(16, ge=1, le=64, description="channels over those between the two fully connected layers")


@register
class EBSRUnit(BinaryUnit):
    """(W^ conv sign(x + t)) . s . sigmoid(c) + x, on the trunk's grid; LeakyReLU of slope 0.1 behind the first of two.

    s = sigmoid(Conv1x1_{C->1}(x)), [t, c] = FC(ReLU(FC(GAP(x)))), W^ = mean|W| sign(W). Gradients: max(0, 2 - 2|u|) of
    sign(u), t's included; 1 where |W| <= 1 of W^ as a whole.
    """

    Config: ClassVar[type[SchemeConfig]] = EBSRConfig
    has_skip: ClassVar[bool] = True

    def __init__(
        self, channels_in: int, channels_out: int, kernel: int, cfg: EBSRConfig, numerics: NumericsConfig, gain: float
    ) -> None:
        super().__init__(channels_in, channels_out, kernel, cfg, numerics, gain)
        self.repeat = repeats(channels_in, channels_out)
        self.squeeze = Squeeze(channels_in, cfg.reduction, numerics)
        # The second layer in two: what makes thresholds has as many outputs as there are inputs, the other need not.
        self.threshold = FixedConv(self.squeeze.channels, channels_in, 1, numerics)
        self.threshold_quant = trunk_quant(numerics)
        self.channel = FixedConv(self.squeeze.channels, channels_out, 1, numerics)
        self.sigmoid = Sigmoid(numerics)
        self.spatial = SpatialGate(channels_in, numerics)
        self.sign = qnn.QuantIdentity(SignActivation)
        self.conv = MeanScaledConv(channels_in, channels_out, kernel, gain)  # a quarter of it behind both sigmoids
        self.affine = ComputedAffine(channels_out, numerics)
        self.mid = trunk_quant(numerics)
        self.after_spatial = trunk_quant(numerics)
        self.after_channel = trunk_quant(numerics)
        self.out = trunk_quant(numerics)

    @classmethod
    def between(cls, channels: int, numerics: NumericsConfig) -> nn.Module:
        return nn.Sequential(PReLU(channels, numerics, SLOPE, learned=False), trunk_quant(numerics))

    @classmethod
    def not_for_tokens(cls, cfg: EBSRConfig) -> str | None:
        return "its thresholds and channel factors follow the mean over the frame, which tokens of a window do not have"

    def forward(self, x: Tensor) -> Tensor:
        vector = self.squeeze(x)
        scale = self.squeeze.scale()
        t = self.threshold_quant(self.threshold(vector, scale))
        y = self.mid(self.affine(self.conv(self.sign(x + t)), 1.0, self.conv.alpha()))
        y = self.after_spatial(y * self.spatial(x))
        y = self.after_channel(y * self.sigmoid(self.channel(vector, scale)))
        out: Tensor = self.out(joined(y, x, self.repeat))
        return out
