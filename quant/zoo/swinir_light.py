"""SwinIR (Liang et al., arXiv 2108.10257) in its light size, with binarized linear layers and convolutions in the body.

The linear layers are what SCALES (arXiv 2303.12270) binarizes in it: with a factor per layer and a scale per token.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field
from torch import Tensor, nn

from ..config import NetworkConfig
from ..layers import trunk_quant
from ..schemes import unit
from .attention import GroupEnd, Perceptron, TokenNorm, TransformerConfig, WindowAttention, WindowNetwork
from .base import register
from .block import start_gain


class SwinIRLightConfig(TransformerConfig):
    """SwinIR-light: its size, its binarization scheme, its bits."""

    name: Literal["swinir_light"] = Field("swinir_light", description="SwinIR-light with a binarized body")
    upsampler: Literal["single", "real", "binary"] = Field(
        "single", description="single: one convolution and one pixel shuffle, as published for the light size"
    )


class SwinBlock(nn.Module):
    """x + attention(norm(x)), then x + perceptron(norm(x)); (N, C, H, W) on the trunk's grid."""

    def __init__(self, cfg: TransformerConfig, shift: int, gain: float) -> None:
        super().__init__()
        self.norm1, self.norm2 = TokenNorm(cfg), TokenNorm(cfg)
        self.attention = WindowAttention(cfg, shift, gain)
        self.mid = trunk_quant(cfg.numerics)
        self.perceptron = Perceptron(cfg, gain)
        self.out = trunk_quant(cfg.numerics)

    def forward(self, x: Tensor) -> Tensor:
        x = self.mid(x + self.attention(self.norm1(x)))
        y: Tensor = self.out(x + self.perceptron(self.norm2(x)))
        return y


class SwinGroup(nn.Module):
    """Blocks, every second one with shifted windows, a binarized convolution and a skip."""

    def __init__(self, cfg: TransformerConfig, gain: float) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*[SwinBlock(cfg, i % 2 * cfg.window // 2, gain) for i in range(cfg.blocks)])
        self.end = GroupEnd(cfg, gain)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.end(self.blocks(x), x)
        return y


@register
class SwinIRLight(WindowNetwork):
    """Groups of Transformer blocks between two norms, one more binarized convolution, a skip around all of them."""

    STAGE_FIELDS: ClassVar[tuple[str, ...]] = ("channels", "groups")
    Config: ClassVar[type[NetworkConfig]] = SwinIRLightConfig
    cfg: SwinIRLightConfig

    def make_body(self) -> None:
        cfg = self.cfg
        gain = start_gain(cfg.groups * cfg.blocks)
        self.norm1, self.norm2 = TokenNorm(cfg), TokenNorm(cfg)
        self.groups = nn.Sequential(*[SwinGroup(cfg, gain) for _ in range(cfg.groups)])
        self.end = unit(cfg.channels, cfg.channels, 3, cfg.scheme, cfg.numerics, gain)
        self.long = trunk_quant(cfg.numerics)

    def stages(self) -> list[nn.Module]:
        return list(self.groups)

    def body(self, x: Tensor) -> Tensor:
        y: Tensor = self.long(self.end(self.norm2(self.groups(self.norm1(x)))) + x)
        return y
