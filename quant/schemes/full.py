"""Full precision: an ordinary convolution, the upper baseline that binary ones are held against."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field
from torch import Tensor, nn

from ..config import NumericsConfig, SchemeConfig
from .base import BinaryUnit, register


class FloatConfig(SchemeConfig):
    """Float weights and activations; nothing to choose."""

    name: Literal["float"] = Field("float", description="full precision, in the float form only")


@register
class FloatUnit(BinaryUnit):
    """W conv x + b, all in float32; PReLU between two of them."""

    Config: ClassVar[type[SchemeConfig]] = FloatConfig
    has_skip: ClassVar[bool] = False

    def __init__(
        self, channels_in: int, channels_out: int, kernel: int, cfg: FloatConfig, numerics: NumericsConfig, gain: float
    ) -> None:
        super().__init__(channels_in, channels_out, kernel, cfg, numerics, gain)
        self.conv = nn.Conv2d(channels_in, channels_out, kernel, padding=kernel // 2)
        # torch's start weights have a deviation of 1/sqrt(3 fan_in).
        nn.init.normal_(self.conv.weight, std=gain * (kernel * kernel * channels_in) ** -0.5)
        assert self.conv.bias is not None
        nn.init.zeros_(self.conv.bias)

    @classmethod
    def undeployable(cls, cfg: Any) -> str | None:
        return "float weights are on no grid"

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x)
        return y
