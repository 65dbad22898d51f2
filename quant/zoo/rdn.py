"""RDN (Zhang et al., arXiv 1802.08797) with a binarized body: dense blocks, all of whose outputs are fused."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from ..config import NetworkConfig
from ..layers import trunk_quant
from ..schemes import between, unit
from .base import register
from .ends import BodyNetwork, PublishedConfig, RealConv

_GAIN = 0.7  # outputs stand beside inputs and are not added: they may be as large


class RDNConfig(PublishedConfig):
    """RDN: its size, its binarization scheme, its bits."""

    name: Literal["rdn"] = Field("rdn", description="RDN with a binarized body")
    channels: int = Field(64, ge=1, le=256, description="channels of the residual stream")
    blocks: int = Field(16, ge=1, le=32, description="dense blocks")
    layers: int = Field(8, ge=1, le=16, description="binary convolutions in each dense block")
    growth: int = Field(64, ge=1, le=128, description="channels that each of them adds")


class DenseBlock(nn.Module):
    """Binary units that each read all that came before; a real 1x1 convolution fuses, and a skip goes around.

    (N, C, H, W) to (N, C, H, W), on the trunk's grid.
    """

    def __init__(self, cfg: RDNConfig) -> None:
        super().__init__()
        c, g, numerics = cfg.channels, cfg.growth, cfg.numerics
        self.layers = nn.ModuleList([unit(c + i * g, g, 3, cfg.scheme, numerics, _GAIN) for i in range(cfg.layers)])
        self.acts = nn.ModuleList(
            [nn.Sequential(between(g, cfg.scheme, numerics), trunk_quant(numerics)) for _ in range(cfg.layers)]
        )
        self.fusion = RealConv(c + cfg.layers * g, c, 1, numerics)
        self.out = trunk_quant(numerics)

    def forward(self, x: Tensor) -> Tensor:
        seen = x
        for layer, act in zip(self.layers, self.acts, strict=True):
            seen = torch.cat([seen, act(layer(seen))], 1)
        y: Tensor = self.out(self.fusion(seen) + x)
        return y


@register
class RDN(BodyNetwork):
    """One binary convolution, dense blocks, their outputs fused by a real 1x1 and a binary convolution, a long skip."""

    STAGE_FIELDS: ClassVar[tuple[str, ...]] = ("channels", "blocks")
    Config: ClassVar[type[NetworkConfig]] = RDNConfig
    cfg: RDNConfig

    def make_body(self) -> None:
        cfg = self.cfg
        c, numerics = cfg.channels, cfg.numerics
        self.start = unit(c, c, 3, cfg.scheme, numerics, _GAIN)
        self.blocks = nn.ModuleList([DenseBlock(cfg) for _ in range(cfg.blocks)])
        self.fusion = RealConv(c * cfg.blocks, c, 1, numerics)
        self.end = unit(c, c, 3, cfg.scheme, numerics, _GAIN)
        self.long = trunk_quant(numerics)

    def stages(self) -> list[nn.Module]:
        return list(self.blocks)

    def body(self, x: Tensor) -> Tensor:
        y, outputs = self.start(x), []
        for block in self.blocks:
            y = block(y)
            outputs.append(y)
        out: Tensor = self.long(self.end(self.fusion(torch.cat(outputs, 1))) + x)
        return out
