"""SCALES (Wei et al., arXiv 2303.12270 v2, DATE 2025): binary convolutions with three corrections by the input.

The layer-wise factor, the spatial and the channel-wise re-scaling can each be switched off. The formula is from memory.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from brevitas import nn as qnn
from pydantic import Field
from torch import Tensor, nn

from ..config import NumericsConfig, SchemeConfig
from ..gates import ChannelGate, SpatialGate
from ..layers import ComputedAffine, MeanScaledConv, joined, repeats, trunk_quant
from ..quantizers import SignActivation
from .base import BinaryUnit, register

_LEAST_FACTOR = 2.0**-8


class SCALESConfig(SchemeConfig):
    """Which of the corrections are made."""

    name: Literal["scales"] = Field("scales", description="SCALES: corrections per layer, pixel and channel")
    layer_factor: bool = Field(True, description="a learned factor a per layer: a sign((x - b)/a)")
    spatial: bool = Field(True, description="one factor per pixel, the sigmoid of a 1x1 convolution of the input")
    channel: bool = Field(
        True, description="one factor per channel, the sigmoid of a convolution along pooled channels"
    )


@register
class SCALESUnit(BinaryUnit):
    """(W^ conv x^) . sigmoid(Conv1x1(x)) . sigmoid(Conv1d_5(GAP(x))) + x, on the trunk's grid.

    x^ = a sign((x - b_c)/a), W^ = mean|W| sign(W). Gradients: max(0, 2 - 2|u|) of sign(u), the rest of x^ as it stands,
    so a and b learn too; 1 where |W| <= 1 of W^ as a whole. a counts by its magnitude and is never below 2**-8.
    `offset` is -b. In the deployed form a * mean|W| is one quantized constant per channel; the sign needs no a.
    """

    Config: ClassVar[type[SchemeConfig]] = SCALESConfig
    has_skip: ClassVar[bool] = True

    def __init__(
        self, channels_in: int, channels_out: int, kernel: int, cfg: SCALESConfig, numerics: NumericsConfig, gain: float
    ) -> None:
        super().__init__(channels_in, channels_out, kernel, cfg, numerics, gain)
        self.repeat = repeats(channels_in, channels_out)
        self.offset = nn.Parameter(torch.zeros(1, channels_in, 1, 1))
        self.factor = nn.Parameter(torch.ones(1, 1, 1, 1)) if cfg.layer_factor else None
        self.sign = qnn.QuantIdentity(SignActivation)
        # Both sigmoids start at one half, and larger weights to make up for that would change their signs more slowly:
        # `benchmarks.compare_schemes` tells what that costs.
        self.conv = MeanScaledConv(channels_in, channels_out, kernel, gain)
        self.affine = ComputedAffine(channels_out, numerics)
        self.mid = trunk_quant(numerics)
        self.spatial = SpatialGate(channels_in, numerics) if cfg.spatial else None
        self.after_spatial = trunk_quant(numerics)
        # One factor per channel of the input: it has none for outputs that are no channel of it.
        self.channel = ChannelGate(numerics) if cfg.channel and channels_in == channels_out else None
        self.after_channel = trunk_quant(numerics)
        self.out = trunk_quant(numerics)

    @classmethod
    def for_tokens(cls, cfg: SCALESConfig) -> SCALESConfig:
        # A factor per layer and per token, as in its Transformers; the mean over a frame belongs to convolutions.
        return cfg.model_copy(update={"channel": False})

    def binary(self, x: Tensor) -> Tensor:
        """W^ conv x^."""
        shifted, alpha = x + self.offset, self.conv.alpha()
        if self.factor is None:
            return self.affine(self.conv(self.sign(shifted)), 1.0, alpha)
        a = self.factor.abs().clamp(min=_LEAST_FACTOR)
        # The division shapes the gradient only; without it the exported sign has one float constant less.
        u = shifted / a if self.training else shifted
        y: Tensor = self.affine(self.conv(self.sign(u)), 1.0, a * alpha)
        return y

    def forward(self, x: Tensor) -> Tensor:
        y = self.mid(self.binary(x))
        if self.spatial is not None:
            y = self.after_spatial(y * self.spatial(x))
        if self.channel is not None:
            y = self.after_channel(y * self.channel(x))
        out: Tensor = self.out(joined(y, x, self.repeat))
        return out
