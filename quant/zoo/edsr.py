"""EDSR (Lim et al., arXiv 1707.02921) with a binarized body.

The published baseline has 64 channels and 16 blocks, the large size 256 and 32.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field
from torch import Tensor, nn

from ..config import NetworkConfig
from ..layers import trunk_quant
from ..schemes import unit
from .base import register
from .block import ResidualBlock, start_gain
from .ends import BodyNetwork, PublishedConfig


class EDSRConfig(PublishedConfig):
    """EDSR: its size, its binarization scheme, its bits."""

    name: Literal["edsr"] = Field("edsr", description="EDSR with a binarized body")
    channels: int = Field(64, ge=1, le=256, description="channels of the residual stream; 256 in the large size")
    blocks: int = Field(16, ge=1, le=64, description="residual blocks of two binary convolutions; 32 in the large size")


@register
class EDSR(BodyNetwork):
    """Residual blocks, one more binary convolution, and a skip around all of them.

    The published large size multiplies what a block adds by 0.1, for stability. Here every block starts small instead
    (`block.start_gain`), and learns its scale where the scheme has one.
    """

    STAGE_FIELDS: ClassVar[tuple[str, ...]] = ("channels", "blocks")
    Config: ClassVar[type[NetworkConfig]] = EDSRConfig
    cfg: EDSRConfig

    def make_body(self) -> None:
        cfg, gain = self.cfg, start_gain(self.cfg.blocks)
        self.blocks = nn.Sequential(
            *[ResidualBlock(cfg.channels, 3, cfg.scheme, cfg.numerics, gain) for _ in range(cfg.blocks)]
        )
        self.end = unit(cfg.channels, cfg.channels, 3, cfg.scheme, cfg.numerics, gain)
        self.long = trunk_quant(cfg.numerics)

    def stages(self) -> list[nn.Module]:
        return list(self.blocks)

    def body(self, x: Tensor) -> Tensor:
        y: Tensor = self.long(self.end(self.blocks(x)) + x)
        return y
