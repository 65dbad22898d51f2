"""HAT (Chen et al., arXiv 2205.04437) in its small size, with binarized linear layers and convolutions in the body.

Attention in windows beside convolutions with channel attention, and attention to overlapping windows behind each group.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field
from torch import Tensor, nn

from ..config import NetworkConfig
from ..gates import ChannelAttention
from ..layers import PReLU, trunk_quant
from ..schemes import unit
from .attention import (
    OverlappingAttention,
    Perceptron,
    TokenNorm,
    TransformerBlock,
    TransformerConfig,
    TransformerGroup,
    WindowAttention,
    WindowNetwork,
)
from .base import register
from .block import start_gain
from .ends import RealConv

_SLOPE = 0.01


class HATSmallConfig(TransformerConfig):
    """HAT-S: its size, its binarization scheme, its bits."""

    name: Literal["hat_small"] = Field("hat_small", description="HAT-S with a binarized body")
    channels: int = Field(144, ge=1, le=256, description="channels of the residual stream, a multiple of heads")
    groups: int = Field(6, ge=1, le=12, description="groups of blocks, each with a convolution and a skip")
    window: int = Field(16, ge=2, le=32, multiple_of=2, description="side of the windows inside which tokens attend")
    overlap: float = Field(
        0.5, ge=0, le=1, description="the larger windows exceed the others by this share of their side, in whole pixels"
    )
    compress: int = Field(24, ge=1, le=64, description="channels over those between the two convolutions of a block")
    squeeze: int = Field(24, ge=1, le=64, description="channels over those inside the channel attention")
    conv_weight: float = Field(0.01, gt=0, le=1, description="what the convolutions' part of a block is multiplied by")
    features: int = Field(64, ge=1, le=256, description="channels that the upsampler works on")


class AttendedConv(nn.Module):
    """Two binarized 3x3 convolutions, fewer channels between them, GELU, and channel attention; (N, C, H, W)."""

    def __init__(self, cfg: HATSmallConfig, gain: float) -> None:
        super().__init__()
        c, few, numerics = cfg.channels, max(cfg.channels // cfg.compress, 1), cfg.numerics
        self.first = unit(c, few, 3, cfg.scheme, numerics, gain)
        self.act = nn.GELU()
        self.mid = trunk_quant(numerics)
        self.second = unit(few, c, 3, cfg.scheme, numerics, gain)
        self.attention = ChannelAttention(c, cfg.squeeze, numerics)
        self.out = trunk_quant(numerics)

    def forward(self, x: Tensor) -> Tensor:
        y = self.second(self.mid(self.act(self.first(x))))
        out: Tensor = self.out(y * self.attention(y))
        return out


class HybridBlock(nn.Module):
    """x + attention(n) + w * convolutions(n) with n = norm(x), then x + perceptron(norm(x)); (N, C, H, W)."""

    def __init__(self, cfg: HATSmallConfig, shift: int, gain: float) -> None:
        super().__init__()
        self.norm1, self.norm2 = TokenNorm(cfg), TokenNorm(cfg)
        self.attention = WindowAttention(cfg, shift, gain)
        self.conv, self.weight = AttendedConv(cfg, 1.0), cfg.conv_weight
        self.mid = trunk_quant(cfg.numerics)
        self.perceptron = Perceptron(cfg, gain)
        self.out = trunk_quant(cfg.numerics)

    def forward(self, x: Tensor) -> Tensor:
        n = self.norm1(x)
        x = self.mid(x + self.attention(n) + self.weight * self.conv(n))
        y: Tensor = self.out(x + self.perceptron(self.norm2(x)))
        return y


@register
class HATSmall(WindowNetwork):
    """Groups between two norms, a binarized convolution, a skip around all; then real convolutions to the upsampler."""

    Config: ClassVar[type[NetworkConfig]] = HATSmallConfig
    cfg: HATSmallConfig

    @property
    def features(self) -> int:
        return self.cfg.features

    def make_body(self) -> None:
        cfg = self.cfg
        gain = start_gain(cfg.groups * (cfg.blocks + 1))
        self.make_groups((self._group(gain) for _ in range(cfg.groups)), gain)
        self.narrow = RealConv(cfg.channels, cfg.features, 3, cfg.numerics)
        self.act = PReLU(cfg.features, cfg.numerics, _SLOPE, learned=False)
        self.narrowed = trunk_quant(cfg.numerics)

    def _group(self, gain: float) -> TransformerGroup:
        """Hybrid blocks, every second one with shifted windows, and one that attends to overlapping windows."""
        cfg = self.cfg
        hybrid = [HybridBlock(cfg, i % 2 * cfg.window // 2, gain) for i in range(cfg.blocks)]
        # As much on each side: whole pixels.
        seen = cfg.window + 2 * int(cfg.overlap * cfg.window / 2)
        overlapping = TransformerBlock(cfg, OverlappingAttention(cfg, seen, gain), gain)
        return TransformerGroup(cfg, [*hybrid, overlapping], gain)

    def body(self, x: Tensor) -> Tensor:
        out: Tensor = self.narrowed(self.act(self.narrow(self.windows(x))))
        return out
