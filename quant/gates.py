"""Factors that depend on the input: sigmoids of convolutions on the stream, and of vectors pooled over the frame.

Deployed, all of them are on power-of-two grids: a sigmoid is a table of 256 codes between two quantizers, and a mean
over the frame is an exact sum that is quantized, multiplied by a constant near one over the frame's pixels, and
quantized again. In the float form they are what their formulas say.
"""

from __future__ import annotations

import torch
from brevitas import nn as qnn
from torch import Tensor, nn

from .config import NumericsConfig
from .layers import FixedConv, act_scale, constant_quant, statistics_quant, tensor_quant
from .quantizers import FrameActivation

BITS = 8
_SUM_BITS = 12


class Sigmoid(nn.Module):
    """sigmoid(x), any shape. Deployed: x in steps of 1/16 from -8 to 8, the result in steps of 1/256 below 1."""

    def __init__(self, numerics: NumericsConfig) -> None:
        super().__init__()
        deployed = numerics.deployed
        self.quant = constant_quant(BITS, 2.0**-4) if deployed else nn.Identity()
        self.table = constant_quant(BITS, 2.0**-BITS, signed=False) if deployed else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.table(torch.sigmoid(self.quant(x)))
        return y


class FrameMean(nn.Module):
    """Mean over the frame, (N, C, H, W) to (N, C, 1, 1); deployed, of 8-bit codes, to 8 bits.

    The published name is global average pooling. A division by the number of pixels would be on no grid: the sum is
    rounded to 12 bits instead and multiplied by a factor of 12 bits, which is within 2**-12 of one over that number.
    That factor belongs to the frame that is exported.
    """

    def __init__(self, numerics: NumericsConfig) -> None:
        super().__init__()
        self.deployed = numerics.deployed
        self.quant = statistics_quant(BITS, numerics)
        self.sum = qnn.QuantIdentity(FrameActivation, bit_width=_SUM_BITS) if self.deployed else nn.Identity()
        self.out = statistics_quant(BITS, numerics)

    def forward(self, x: Tensor) -> Tensor:
        if not self.deployed:
            return x.mean((2, 3), keepdim=True)
        x = self.quant(x)
        pixels = int(x.shape[2]) * int(x.shape[3])
        log = (pixels - 1).bit_length()
        # The greatest sum is 2**(BITS - 1) * pixels codes of the input; there is no grid finer than the sum's own.
        tensor_quant(self.sum).scale = act_scale(self.quant) * 2.0 ** max(BITS + log - _SUM_BITS, 0)
        part = round(2 ** (log + _SUM_BITS - 1) / pixels) * 2.0 ** (1 - _SUM_BITS - log)
        y: Tensor = self.out(self.sum(x.sum((2, 3), keepdim=True)) * part)
        return y


class SpatialGate(nn.Module):
    """sigmoid(Conv1x1_{C->1}(x)): one factor per pixel, (N, C, H, W) to (N, 1, H, W)."""

    def __init__(self, channels: int, numerics: NumericsConfig) -> None:
        super().__init__()
        self.quant = statistics_quant(BITS, numerics)
        self.conv = FixedConv(channels, 1, 1, numerics)
        self.sigmoid = Sigmoid(numerics)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.sigmoid(self.conv(self.quant(x), act_scale(self.quant)))
        return y


class ChannelGate(nn.Module):
    """sigmoid(Conv1d_{k=5}(mean over the frame)): one factor per channel, (N, C, H, W) to (N, C, 1, 1).

    The convolution runs along the channels, zeros beyond the first and last (ECA, Wang et al., arXiv 1910.03151).
    """

    def __init__(self, numerics: NumericsConfig, kernel: int = 5) -> None:
        super().__init__()
        self.mean = FrameMean(numerics)
        self.conv = FixedConv(1, 1, (kernel, 1), numerics)
        self.sigmoid = Sigmoid(numerics)

    def forward(self, x: Tensor) -> Tensor:
        # Channels where rows are: (N, 1, C, 1).
        vector = self.mean(x).transpose(1, 2)
        y: Tensor = self.sigmoid(self.conv(vector, act_scale(self.mean.out)).transpose(1, 2))
        return y


class Squeeze(nn.Module):
    """ReLU(FC(mean over the frame)), (N, C, H, W) to (N, C / reduction, 1, 1), on the grid of `scale()`.

    The first half of the squeeze-and-excitation of Hu et al. (arXiv 1709.01507).
    """

    def __init__(self, channels: int, reduction: int, numerics: NumericsConfig) -> None:
        super().__init__()
        self.channels = max(channels // reduction, 1)
        self.mean = FrameMean(numerics)
        self.conv = FixedConv(channels, self.channels, 1, numerics)
        self.quant = statistics_quant(BITS, numerics)

    def scale(self) -> float:
        """The output's scale, for the layer that reads it."""
        return act_scale(self.quant)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.quant(torch.relu(self.conv(self.mean(x), act_scale(self.mean.out))))
        return y


class ChannelAttention(nn.Module):
    """sigmoid(FC(ReLU(FC(mean over the frame)))), (N, C, H, W) to (N, C, 1, 1): RCAN's (arXiv 1807.02758)."""

    def __init__(self, channels: int, reduction: int, numerics: NumericsConfig) -> None:
        super().__init__()
        self.squeeze = Squeeze(channels, reduction, numerics)
        self.conv = FixedConv(self.squeeze.channels, channels, 1, numerics)
        self.sigmoid = Sigmoid(numerics)

    def forward(self, x: Tensor) -> Tensor:
        vector = self.squeeze(x)
        y: Tensor = self.sigmoid(self.conv(vector, self.squeeze.scale()))
        return y
