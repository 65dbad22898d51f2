"""SRResNet with a binarized body and a one-convolution tail.

Input and output are images in [0, 1), pixel = code / 256, quantized inside the graph:
(N, C, H, W) to (N, C, r*H, r*W).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..config import ModelConfig
from ..layers import SCHEMES, FixedConv, Network, act_scale, constant_quant, statistics_quant, trunk_quant

PIXEL_SCALE = 2.0**-8
_MEAN_PIXEL = 0.45
_HEAD_GAIN = 3.0
_TAIL_GAIN = 0.1


class SRResNet(Network):
    """Head convolution, binary blocks, tail convolution, pixel shuffle, global skip."""

    def __init__(self, cfg: ModelConfig) -> None:
        super().__init__(cfg)
        colors, r = cfg.image_channels, cfg.scale
        self.input = constant_quant(8, PIXEL_SCALE, signed=False)
        self.head = FixedConv(colors, cfg.channels, cfg.head_kernel, cfg)
        self.trunk = trunk_quant(cfg)
        self.blocks = nn.Sequential(*[SCHEMES[cfg.scheme](cfg) for _ in range(cfg.blocks)])
        self.tail_in = statistics_quant(cfg.tail_bits)
        self.tail = FixedConv(cfg.channels, colors * r * r, cfg.tail_kernel, cfg)
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
