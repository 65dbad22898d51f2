"""Layers of Transformers on images, whose linear layers a scheme binarizes: windows, attention, perceptron.

Tokens are the pixels of a map (N, C, H, W), float32, so a linear layer is a unit of kernel 1. Norms, softmax and GELU
stay float in both forms; deployed, what linear layers read and write is on the trunk's grid.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import torch
from pydantic import Field, ValidationInfo, field_validator
from torch import Tensor, nn
from torch.nn import functional as F

from ..config import SchemeConfig
from ..layers import trunk_quant
from ..schemes import SCHEMES, BinaryUnit, check_tokens, unit
from .ends import BodyNetwork, PublishedConfig

_GAIN = 0.5
_HIDDEN = -100.0  # added to logits of pairs that must not see each other, as Swin does


class TransformerConfig(PublishedConfig):
    """Fields of every network of windows and attention."""

    channels: int = Field(60, ge=1, le=256, description="channels of the residual stream, a multiple of heads")
    groups: int = Field(4, ge=1, le=12, description="groups of blocks, each with a convolution and a skip")
    blocks: int = Field(6, ge=1, le=12, description="Transformer blocks in each group")
    heads: int = Field(6, ge=1, le=16, description="heads of each attention")
    window: int = Field(8, ge=2, le=32, multiple_of=2, description="side of the windows inside which tokens attend")
    widening: int = Field(2, ge=1, le=4, description="channels inside each perceptron over those outside")

    @field_validator("scheme")
    @classmethod
    def _for_tokens(cls, scheme: SchemeConfig) -> SchemeConfig:
        check_tokens(scheme)
        return scheme

    @field_validator("heads")
    @classmethod
    def _divides(cls, heads: int, info: ValidationInfo) -> int:
        channels = info.data.get("channels", heads)
        if channels % heads:
            raise ValueError(f"must divide channels, {channels}")
        return heads


def linear(cin: int, cout: int, cfg: TransformerConfig, gain: float) -> BinaryUnit:
    """A binarized linear layer on tokens, (N, cin, H, W) to (N, cout, H, W), trunk to trunk."""
    return unit(cin, cout, 1, SCHEMES[cfg.scheme.name].for_tokens(cfg.scheme), cfg.numerics, gain)


def mirrored(x: Tensor, side: int) -> Tensor:
    """An image (N, C, H, W), mirrored at its lower and right edge up to multiples of `side`; of any size."""
    for axis in (2, 3):
        size = x.shape[axis]
        if size % side:
            period = max(2 * size - 2, 1)
            at = torch.arange(-(-size // side) * side, device=x.device) % period
            x = x.index_select(axis, torch.minimum(at, period - at) if size > 1 else at)
    return x


def cut(x: Tensor, heads: int, side: int) -> Tensor:
    """Windows of a map: (N, C, H, W) to (N * windows, heads, side**2, C / heads); sides are multiples of `side`."""
    n, c, h, w = x.shape
    parts = x.reshape(n, heads, c // heads, h // side, side, w // side, side).permute(0, 3, 5, 1, 4, 6, 2)
    return parts.reshape(-1, heads, side * side, c // heads)


def joined_windows(parts: Tensor, height: int, width: int, side: int) -> Tensor:
    """The map (N, C, height, width) of windows that `cut` made."""
    heads, d = parts.shape[1], parts.shape[3]
    x = parts.reshape(-1, height // side, width // side, heads, side, side, d).permute(0, 3, 6, 1, 4, 2, 5)
    return x.reshape(x.shape[0], heads * d, height, width)


def wrapped(height: int, width: int, side: int, shift: int) -> Tensor:
    """What is added to logits in windows of a map that was rolled by -shift, (windows, side**2, side**2).

    Parts of a window that come from opposite edges of the map must not see each other.
    """
    regions = torch.zeros(1, 1, height, width)
    for i, rows in enumerate((slice(-side), slice(-side, -shift), slice(-shift, None))):
        for j, columns in enumerate((slice(-side), slice(-side, -shift), slice(-shift, None))):
            regions[..., rows, columns] = 3 * i + j
    region = cut(regions, 1, side)[:, 0, :, 0]
    return (region[:, :, None] != region[:, None, :]) * _HIDDEN


class TokenNorm(nn.Module):
    """LayerNorm over the channels of each token, then the trunk's grid; (N, C, H, W) to the same."""

    def __init__(self, cfg: TransformerConfig) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(cfg.channels)
        self.out = trunk_quant(cfg.numerics)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.out(self.norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2))
        return y


class Product(nn.Module):
    """softmax(q k^T / sqrt(d) + bias) v with q (B, heads, n, d), k and v (B, heads, m, d), bias (.., n, m).

    Real in every scheme: there are no weights in it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.softmax = nn.Softmax(-1)

    def forward(self, q: Tensor, k: Tensor, v: Tensor, bias: Tensor) -> Tensor:
        y: Tensor = self.softmax(q * q.shape[-1] ** -0.5 @ k.transpose(2, 3) + bias) @ v
        return y


class PositionBias(nn.Module):
    """A learned number per head for each offset of two tokens: (heads, n, m).

    Args:
        side: of the window of n tokens that ask.
        seen: side of the window of m tokens that are asked, around it.
    """

    index: Tensor

    def __init__(self, heads: int, side: int, seen: int) -> None:
        super().__init__()
        span = side + seen - 1
        self.table = nn.Parameter(torch.zeros(span * span, heads))
        nn.init.trunc_normal_(self.table, std=0.02)
        ask, asked = (torch.cartesian_prod(torch.arange(n), torch.arange(n)) for n in (side, seen))
        offset = asked[None] - ask[:, None] + side - 1
        self.register_buffer("index", offset[..., 0] * span + offset[..., 1], persistent=False)

    def forward(self) -> Tensor:
        return self.table[self.index].permute(2, 0, 1)


class WindowAttention(nn.Module):
    """Self-attention inside windows, those of every second block shifted by half (Swin, Liu et al., arXiv 2103.14030).

    (N, C, H, W) to the same, sides multiples of the window's; queries, keys and values come of one binarized layer.
    """

    def __init__(self, cfg: TransformerConfig, shift: int, gain: float) -> None:
        super().__init__()
        self.heads, self.side, self.shift = cfg.heads, cfg.window, shift
        self.qkv = linear(cfg.channels, 3 * cfg.channels, cfg, _GAIN)
        self.position = PositionBias(cfg.heads, cfg.window, cfg.window)
        self.product = Product()
        self.attended = trunk_quant(cfg.numerics)
        self.out = linear(cfg.channels, cfg.channels, cfg, gain)

    def forward(self, x: Tensor) -> Tensor:
        n, _, h, w = x.shape
        qkv, bias = self.qkv(x), self.position()
        if self.shift:
            qkv = torch.roll(qkv, (-self.shift, -self.shift), (2, 3))
            bias = bias + wrapped(h, w, self.side, self.shift).to(x.device).repeat(n, 1, 1)[:, None]
        q, k, v = (cut(part, self.heads, self.side) for part in qkv.chunk(3, 1))
        y = joined_windows(self.product(q, k, v, bias), h, w, self.side)
        if self.shift:
            y = torch.roll(y, (self.shift, self.shift), (2, 3))
        out: Tensor = self.out(self.attended(y))
        return out


class OverlappingAttention(nn.Module):
    """Attention of windows to larger ones around them (HAT's OCAB, Chen et al., arXiv 2205.04437); zeros beyond."""

    def __init__(self, cfg: TransformerConfig, seen: int, gain: float) -> None:
        super().__init__()
        self.heads, self.side, self.seen = cfg.heads, cfg.window, seen
        self.qkv = linear(cfg.channels, 3 * cfg.channels, cfg, _GAIN)
        self.position = PositionBias(cfg.heads, cfg.window, seen)
        self.product = Product()
        self.attended = trunk_quant(cfg.numerics)
        self.out = linear(cfg.channels, cfg.channels, cfg, gain)

    def forward(self, x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        q, kv = self.qkv(x).split((c, 2 * c), 1)
        around = F.unfold(kv, self.seen, padding=(self.seen - self.side) // 2, stride=self.side)
        around = around.reshape(n, 2, self.heads, c // self.heads, self.seen**2, -1).permute(1, 0, 5, 2, 4, 3)
        k, v = around.flatten(1, 2)
        y = self.product(cut(q, self.heads, self.side), k, v, self.position())
        out: Tensor = self.out(self.attended(joined_windows(y, h, w, self.side)))
        return out


class Perceptron(nn.Module):
    """Two binarized linear layers with GELU between them; (N, C, H, W) to the same."""

    def __init__(self, cfg: TransformerConfig, gain: float) -> None:
        super().__init__()
        inside = cfg.widening * cfg.channels
        self.first = linear(cfg.channels, inside, cfg, _GAIN)
        self.act = nn.GELU()
        self.mid = trunk_quant(cfg.numerics)
        self.second = linear(inside, cfg.channels, cfg, gain)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.second(self.mid(self.act(self.first(x))))
        return y


class GroupEnd(nn.Module):
    """A binarized 3x3 convolution of y and a skip around the group that made y of x.

    A unit with a skip of its own hands y on, and x with it: a second skip would double the stream.
    """

    def __init__(self, cfg: TransformerConfig, gain: float) -> None:
        super().__init__()
        self.conv = unit(cfg.channels, cfg.channels, 3, cfg.scheme, cfg.numerics, gain)
        self.out = nn.Identity() if self.conv.has_skip else trunk_quant(cfg.numerics)

    def forward(self, y: Tensor, x: Tensor) -> Tensor:
        y = self.conv(y)
        out: Tensor = y if self.conv.has_skip else self.out(y + x)
        return out


class TransformerBlock(nn.Module):
    """x + attention(norm(x)), then x + perceptron(norm(x)); (N, C, H, W) on the trunk's grid."""

    def __init__(self, cfg: TransformerConfig, attention: nn.Module, gain: float) -> None:
        super().__init__()
        self.norm1, self.norm2 = TokenNorm(cfg), TokenNorm(cfg)
        self.attention = attention
        self.mid = trunk_quant(cfg.numerics)
        self.perceptron = Perceptron(cfg, gain)
        self.out = trunk_quant(cfg.numerics)

    def forward(self, x: Tensor) -> Tensor:
        x = self.mid(x + self.attention(self.norm1(x)))
        y: Tensor = self.out(x + self.perceptron(self.norm2(x)))
        return y


class TransformerGroup(nn.Module):
    """Blocks, a binarized convolution and a skip around them; (N, C, H, W)."""

    def __init__(self, cfg: TransformerConfig, blocks: Iterable[nn.Module], gain: float) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*blocks)
        self.end = GroupEnd(cfg, gain)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.end(self.blocks(x), x)
        return y


class WindowNetwork(BodyNetwork):
    """A network whose body works in windows: groups between two norms, one more binarized convolution, a skip.

    Images are mirrored up to whole windows, and what that adds is cut off.
    """

    STAGE_FIELDS: ClassVar[tuple[str, ...]] = ("channels", "groups")
    cfg: TransformerConfig

    def stages(self) -> list[nn.Module]:
        return list(self.groups)

    def make_groups(self, groups: Iterable[nn.Module], gain: float) -> None:
        """The layers of `windows`, around what a network's groups are."""
        cfg = self.cfg
        self.norm1, self.norm2 = TokenNorm(cfg), TokenNorm(cfg)
        self.groups = nn.Sequential(*groups)
        self.end = unit(cfg.channels, cfg.channels, 3, cfg.scheme, cfg.numerics, gain)
        self.long = trunk_quant(cfg.numerics)

    def windows(self, x: Tensor) -> Tensor:
        """The groups with the skip around them, trunk to trunk."""
        y: Tensor = self.long(self.end(self.norm2(self.groups(self.norm1(x)))) + x)
        return y

    @property
    def step(self) -> int:
        return self.cfg.window

    @property
    def reach(self) -> int | None:
        return None  # where the windows stand depends on the frame

    def forward(self, image: Tensor) -> Tensor:
        height, width = (self.cfg.scale * size for size in image.shape[2:])
        return super().forward(mirrored(image, self.cfg.window))[..., :height, :width]
