"""SRResNet (Ledig et al., arXiv 1609.04802) with a binarized body.

Its sizes as papers have them: with 9x9 ends and a post-body convolution (BNN-SR), with 3x3 ends, `refine` and a
bilinear skip (BBCU), or with one convolution for a tail (E2FIF), which is the default here.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field
from torch import Tensor, nn

from ..config import NetworkConfig
from ..layers import trunk_quant
from .base import register
from .block import ResidualBlock, start_gain
from .ends import BodyConfig, BodyNetwork, RealConv


class SRResNetConfig(BodyConfig):
    """SRResNet: its size, its binarization scheme, its bits."""

    name: Literal["srresnet"] = Field("srresnet", description="SRResNet with a binarized body")
    channels: int = Field(32, ge=1, le=256, description="channels of the residual stream")
    blocks: int = Field(3, ge=1, le=64, description="residual blocks of two binary convolutions each")
    body_kernel: Literal[1, 3, 5, 7] = Field(3, description="kernel size of the binary convolutions")
    post_body: bool = Field(
        False, description="a real convolution behind the blocks, and a skip from the head's output around all of them"
    )


@register
class SRResNet(BodyNetwork):
    """Head convolution, binary blocks, tail convolution, pixel shuffle, global skip."""

    PAPER: ClassVar[dict[str, Any]] = {
        "channels": 64,
        "blocks": 16,
        "upsampler": "real",
        "refine": True,
        "skip": "bilinear",
    }
    STAGE_FIELDS: ClassVar[tuple[str, ...]] = ("channels", "blocks")
    Config: ClassVar[type[NetworkConfig]] = SRResNetConfig
    cfg: SRResNetConfig

    def make_body(self) -> None:
        cfg, gain = self.cfg, start_gain(self.cfg.blocks)
        self.blocks = nn.Sequential(
            *[ResidualBlock(cfg.channels, cfg.body_kernel, cfg.scheme, cfg.numerics, gain) for _ in range(cfg.blocks)]
        )
        self.post_body = RealConv(cfg.channels, cfg.channels, 3, cfg.numerics) if cfg.post_body else None
        self.long = trunk_quant(cfg.numerics) if cfg.post_body else None

    def stages(self) -> list[nn.Module]:
        return list(self.blocks)

    def body(self, x: Tensor) -> Tensor:
        y: Tensor = self.blocks(x)
        if self.post_body is None or self.long is None:
            return y
        y = self.long(self.post_body(y) + x)
        return y
