"""SwinIR (Liang et al., arXiv 2108.10257) in its light size, with binarized linear layers and convolutions in the body.

The linear layers are what SCALES (arXiv 2303.12270) binarizes in it: with a factor per layer and a scale per token.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field
from torch import Tensor

from ..config import NetworkConfig
from .attention import TransformerBlock, TransformerConfig, TransformerGroup, WindowAttention, WindowNetwork
from .base import register
from .block import start_gain


class SwinIRLightConfig(TransformerConfig):
    """SwinIR-light: its size, its binarization scheme, its bits."""

    name: Literal["swinir_light"] = Field("swinir_light", description="SwinIR-light with a binarized body")
    upsampler: Literal["single", "real", "binary"] = Field(
        "single", description="single: one convolution and one pixel shuffle, as published for the light size"
    )


@register
class SwinIRLight(WindowNetwork):
    """Groups of Transformer blocks, every second one with shifted windows."""

    Config: ClassVar[type[NetworkConfig]] = SwinIRLightConfig
    cfg: SwinIRLightConfig

    def make_body(self) -> None:
        cfg = self.cfg
        gain = start_gain(cfg.groups * cfg.blocks)
        self.make_groups((self._group(gain) for _ in range(cfg.groups)), gain)

    def _group(self, gain: float) -> TransformerGroup:
        cfg = self.cfg
        attentions = (WindowAttention(cfg, i % 2 * cfg.window // 2, gain) for i in range(cfg.blocks))
        return TransformerGroup(cfg, (TransformerBlock(cfg, one, gain) for one in attentions), gain)

    def body(self, x: Tensor) -> Tensor:
        return self.windows(x)
