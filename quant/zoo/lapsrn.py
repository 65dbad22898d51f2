"""LapSRN (Lai et al., arXiv 1704.03915) with binarized feature extraction: one level for each doubling of the sides."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from ..config import NetworkConfig
from ..layers import (
    PIXEL_SCALE,
    FixedUpscale,
    PReLU,
    act_scale,
    constant_quant,
    pixel_quant,
    statistics_quant,
    trunk_quant,
)
from ..scaled import convolution
from ..schemes import SCHEMES, between, unit
from .base import Network, register
from .block import start_gain
from .ends import EndsConfig, start_head, start_tail
from .reach import convolutions_reach

_BITS = 8
_IMAGE_BITS = 12
_EPSILON = 1e-3
_SLOPE = 0.2


class LapSRNConfig(EndsConfig):
    """LapSRN: its size, its binarization scheme, its bits."""

    name: Literal["lapsrn"] = Field("lapsrn", description="LapSRN with binarized feature extraction")
    scale: Literal[2, 4, 8] = Field(2, description="enlargement; there is an output at every power of two up to it")  # type: ignore[assignment]
    channels: int = Field(64, ge=1, le=256, description="channels of the features")
    depth: int = Field(10, ge=1, le=20, description="binary convolutions in each level")
    tail_bits: int = Field(8, ge=2, le=12, description="bits of the last convolution's input, in each level")


def charbonnier(got: Tensor, wanted: Tensor) -> Tensor:
    """Mean of sqrt(error^2 + 1e-3^2) over all pixels: LapSRN's loss."""
    return ((got - wanted) ** 2 + _EPSILON**2).sqrt().mean()


class Level(nn.Module):
    """One doubling: features (N, C, H, W) and image (N, colors, H, W) to those of twice the sides.

    Binary units one after the other, a real transposed convolution of the features, a real convolution to what is
    added to the image, which a transposed convolution per colour enlarges; that one starts as bilinear interpolation.
    """

    def __init__(self, cfg: LapSRNConfig) -> None:
        super().__init__()
        c, colors, numerics = cfg.channels, cfg.image_channels, cfg.numerics
        gain = start_gain(cfg.depth) if SCHEMES[cfg.scheme.name].has_skip else 1.0
        layers: list[nn.Module] = []
        for _ in range(cfg.depth):
            layers += [unit(c, c, 3, cfg.scheme, numerics, gain), between(c, cfg.scheme, numerics)]
        self.features = nn.Sequential(*layers)
        self.quant = statistics_quant(_BITS, numerics)
        self.upscale = FixedUpscale(c, c, numerics)
        self.trunk = trunk_quant(numerics)
        self.act = PReLU(c, numerics, _SLOPE)
        self.out = trunk_quant(numerics)
        self.residual_in = statistics_quant(cfg.tail_bits, numerics)
        self.residual = convolution(c, colors, 3, numerics, cfg.tail_weights, 1 << (cfg.tail_bits - 1))
        self.residual_quant = constant_quant(_IMAGE_BITS, 2.0 ** (1 - _IMAGE_BITS), numerics=numerics)
        self.image = FixedUpscale(colors, colors, numerics, groups=colors)
        self.image_quant = constant_quant(_IMAGE_BITS, 2.0 ** (1 - _IMAGE_BITS), numerics=numerics)
        self.sum = constant_quant(_IMAGE_BITS, 2.0 ** (1 - _IMAGE_BITS), numerics=numerics)
        start_tail(self.residual)

    def forward(self, features: Tensor, image: Tensor) -> tuple[Tensor, Tensor]:
        wide = self.out(self.act(self.trunk(self.upscale(self.quant(self.features(features))))))
        residual = self.residual_quant(self.residual(self.residual_in(wide), act_scale(self.residual_in)))
        return wide, self.sum(self.image_quant(self.image(image)) + residual)


@register
class LapSRN(Network):
    """A pyramid of images, x2, x4 and so on up to the scale; `forward` gives the last one, `pyramid` all.

    Trained on the sum of Charbonnier losses of all levels, each against the reduced high-resolution image.
    """

    STAGE_FIELDS: ClassVar[tuple[str, ...]] = ("channels",)
    Config: ClassVar[type[NetworkConfig]] = LapSRNConfig
    cfg: LapSRNConfig

    def __init__(self, cfg: LapSRNConfig) -> None:
        super().__init__(cfg)
        self.input = constant_quant(8, PIXEL_SCALE, signed=False)
        self.head = convolution(cfg.image_channels, cfg.channels, 3, cfg.numerics, cfg.head_weights, 255)
        self.trunk = trunk_quant(cfg.numerics)
        self.levels = nn.ModuleList([Level(cfg) for _ in range(cfg.scale.bit_length() - 1)])
        self.output = pixel_quant(cfg.numerics)
        start_head(self.head)

    @property
    def reach(self) -> int | None:
        return convolutions_reach(self, self.cfg.image_channels)

    def pyramid(self, image: Tensor) -> list[Tensor]:
        """The images of every level, (N, C, 2H, 2W), (N, C, 4H, 4W), .."""
        x = self.input(image)
        features, found = self.trunk(self.head(x, PIXEL_SCALE)), []
        for level in self.levels:
            features, x = level(features, x)
            found.append(self.output(x))
        return found

    def forward(self, image: Tensor) -> Tensor:
        return self.pyramid(image)[-1]

    def outputs(self, image: Tensor) -> dict[str, Tensor]:
        *smaller, last = self.pyramid(image)
        return {**{f"sr_x{2 << i}": y for i, y in enumerate(smaller)}, "sr": last}

    def stages(self) -> list[nn.Module]:
        return [level.features for level in self.levels if isinstance(level, Level)]

    def loss_of(self, outputs: dict[str, Tensor], high: Tensor) -> Tensor:
        total = high.new_zeros(())
        for got in outputs.values():
            # Antialiased bicubic of torch is MATLAB's; it is what a level would have been trained on alone.
            size = [int(s) for s in got.shape[-2:]]
            same = got.shape[-1] == high.shape[-1]
            wanted = high if same else F.interpolate(high, size, mode="bicubic", antialias=True)
            total = total + charbonnier(got, wanted)
        return total
