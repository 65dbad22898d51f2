"""SRResNet with a binarized body and a one-convolution tail.

Input and output are images in [0, 1), pixel = code / 256, quantized inside the graph:
(N, C, H, W) to (N, C, r*H, r*W).
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from ..config import NetworkConfig, NumericsConfig, SchemeConfig
from ..layers import FixedConv, act_scale, constant_quant, statistics_quant, trunk_quant
from ..registry import Choice
from ..schemes import W1A1Config
from .base import Network, register
from .block import ResidualBlock, start_gain

PIXEL_SCALE = 2.0**-8
_MEAN_PIXEL = 0.45
_HEAD_GAIN = 3.0
_TAIL_GAIN = 0.1


class SRResNetConfig(NetworkConfig):
    """SRResNet: its size, its binarization scheme, its bits."""

    name: Literal["srresnet"] = Field("srresnet", description="SRResNet with a binarized body")
    channels: int = Field(32, ge=1, le=256, description="channels of the residual stream")
    blocks: int = Field(3, ge=1, le=64, description="residual blocks of two binary convolutions each")
    scheme: Annotated[SchemeConfig, Choice("xnorsr.quant.schemes:SCHEMES")] = Field(
        default_factory=W1A1Config, description="how the body is binarized: a scheme's name, or a table with it"
    )
    skip: Literal["bilinear", "nearest"] = Field("nearest", description="global skip from input to output")
    head_kernel: Literal[1, 3, 5, 7, 9] = Field(3, description="kernel size of the first convolution")
    body_kernel: Literal[1, 3, 5, 7] = Field(3, description="kernel size of the binary convolutions")
    tail_kernel: Literal[1, 3, 5, 7, 9] = Field(3, description="kernel size of the last convolution")
    tail_bits: int = Field(9, ge=6, le=12, description="bits of the last convolution's input")
    residual_bits: int = Field(
        12, ge=9, le=14, description="bits of the last convolution's output, which is added to the global skip"
    )
    numerics: NumericsConfig = Field(
        default_factory=NumericsConfig, description="bits of the parameters and of the residual stream"
    )


@register
class SRResNet(Network):
    """Head convolution, binary blocks, tail convolution, pixel shuffle, global skip."""

    Config: ClassVar[type[NetworkConfig]] = SRResNetConfig
    cfg: SRResNetConfig

    def __init__(self, cfg: SRResNetConfig) -> None:
        super().__init__(cfg)
        colors, r, numerics, gain = cfg.image_channels, cfg.scale, cfg.numerics, start_gain(cfg.blocks)
        self.input = constant_quant(8, PIXEL_SCALE, signed=False)
        self.head = FixedConv(colors, cfg.channels, cfg.head_kernel, numerics)
        self.trunk = trunk_quant(numerics)
        self.blocks = nn.Sequential(
            *[ResidualBlock(cfg.channels, cfg.body_kernel, cfg.scheme, numerics, gain) for _ in range(cfg.blocks)]
        )
        self.tail_in = statistics_quant(cfg.tail_bits)
        self.tail = FixedConv(cfg.channels, colors * r * r, cfg.tail_kernel, numerics)
        self.residual = constant_quant(cfg.residual_bits, 2.0 ** (1 - cfg.residual_bits))
        self.shuffle = nn.PixelShuffle(r)
        # Bilinear weights of x3 are ninths: the only values off every power-of-two grid, so they meet a Quant at once.
        self.skip_quant = constant_quant(10, 2.0**-10, signed=False) if cfg.skip == "bilinear" and r == 3 else None
        self.output = constant_quant(8, PIXEL_SCALE, signed=False)
        self._start()

    def _start(self) -> None:
        """Start weights: the trunk has zero mean and spread about 0.5 on photographs, the output is the skip."""
        with torch.no_grad():
            weight = self.head.conv.weight
            weight.mul_(_HEAD_GAIN)
            self.head.bias.weight.copy_(-_MEAN_PIXEL * weight.sum((1, 2, 3)).reshape(1, -1, 1, 1))
            self.tail.conv.weight.mul_(_TAIL_GAIN)

    def skip(self, x: Tensor) -> Tensor:
        """The enlarged input image."""
        if self.cfg.skip == "nearest":
            return F.interpolate(x, scale_factor=self.cfg.scale, mode="nearest")
        y = F.interpolate(x, scale_factor=self.cfg.scale, mode="bilinear", align_corners=False)
        return y if self.skip_quant is None else self.skip_quant(y)

    def forward(self, image: Tensor) -> Tensor:
        x = self.input(image)
        body = self.blocks(self.trunk(self.head(x, PIXEL_SCALE)))
        tail = self.tail(self.tail_in(body), act_scale(self.tail_in))
        y: Tensor = self.output(self.shuffle(self.residual(tail)) + self.skip(x))
        return y
