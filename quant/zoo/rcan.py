"""RCAN (Zhang et al., arXiv 1807.02758) with a binarized body: groups of residual blocks with channel attention."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field
from torch import Tensor, nn

from ..config import NetworkConfig
from ..gates import ChannelAttention
from ..layers import trunk_quant
from ..schemes import SCHEMES, between, unit
from .base import register
from .block import gain_of_two, start_gain
from .ends import BodyNetwork, PublishedConfig


class RCANConfig(PublishedConfig):
    """RCAN: its size, its binarization scheme, its bits."""

    name: Literal["rcan"] = Field("rcan", description="RCAN with a binarized body")
    channels: int = Field(64, ge=1, le=256, description="channels of the residual stream")
    groups: int = Field(10, ge=1, le=20, description="residual groups")
    blocks: int = Field(20, ge=1, le=40, description="blocks with channel attention in each group")
    reduction: int = Field(16, ge=1, le=64, description="channels over those inside the attention")


class AttentionBlock(nn.Module):
    """x + r . attention(r), r being what two binary units make of x; (N, C, H, W) on the trunk's grid.

    Units with a skip of their own hand x on: it is taken out again, so that only what they add is weighted.
    """

    def __init__(self, cfg: RCANConfig, gain: float) -> None:
        super().__init__()
        c, numerics, gain = cfg.channels, cfg.numerics, gain_of_two(gain, cfg.scheme)
        self.first = unit(c, c, 3, cfg.scheme, numerics, gain)
        self.act = between(c, cfg.scheme, numerics)
        self.second = unit(c, c, 3, cfg.scheme, numerics, gain)
        self.added = trunk_quant(numerics)
        self.attention = ChannelAttention(c, cfg.reduction, numerics)
        self.weighted = trunk_quant(numerics)
        self.out = trunk_quant(numerics)

    def forward(self, x: Tensor) -> Tensor:
        r = self.second(self.act(self.first(x)))
        if self.first.has_skip:
            r = self.added(r - x)
        y: Tensor = self.out(self.weighted(r * self.attention(r)) + x)
        return y


class Group(nn.Module):
    """Blocks and one binary unit, with a skip around them where the units have none; otherwise x came through."""

    def __init__(self, cfg: RCANConfig, gain: float) -> None:
        super().__init__()
        c = cfg.channels
        self.blocks = nn.Sequential(*[AttentionBlock(cfg, gain) for _ in range(cfg.blocks)])
        self.end = unit(c, c, 3, cfg.scheme, cfg.numerics, gain)
        self.out = nn.Identity() if SCHEMES[cfg.scheme.name].has_skip else trunk_quant(cfg.numerics)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.end(self.blocks(x))
        return y if self.end.has_skip else self.out(y + x)


@register
class RCAN(BodyNetwork):
    """Groups, one more binary convolution, and a skip around all of them."""

    STAGE_FIELDS: ClassVar[tuple[str, ...]] = ("channels", "groups")
    Config: ClassVar[type[NetworkConfig]] = RCANConfig
    cfg: RCANConfig

    def make_body(self) -> None:
        cfg = self.cfg
        # The attention starts at one half.
        gain = 2 * start_gain(cfg.groups * cfg.blocks)
        self.groups = nn.Sequential(*[Group(cfg, gain) for _ in range(cfg.groups)])
        self.end = unit(cfg.channels, cfg.channels, 3, cfg.scheme, cfg.numerics, gain)
        self.long = trunk_quant(cfg.numerics)

    def stages(self) -> list[nn.Module]:
        return list(self.groups)

    def body(self, x: Tensor) -> Tensor:
        y: Tensor = self.long(self.end(self.groups(x)) + x)
        return y
