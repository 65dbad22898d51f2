"""BNN-SR (Ma et al., "Efficient Super Resolution Using Binarized Neural Network", arXiv 1812.06378).

Binary weights with a learned scale per filter, on real activations; here quantized to several bits unless asked for.
The clipped gradient is from memory.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field
from torch import Tensor, nn

from ..config import NumericsConfig, SchemeConfig
from ..layers import Affine, BinaryConv, act_scale, statistics_quant, trunk_quant
from ..quantizers import ClippedSignWeight
from .base import BinaryUnit, register


class BNNConfig(SchemeConfig):
    """Binary weights, n-bit activations."""

    name: Literal["bnn"] = Field("bnn", description="BNN-SR: binary weights on activations of several bits")
    act_bits: int = Field(8, ge=2, le=8, description="bits of the activations that the binary convolutions read")
    real_activations: bool = Field(
        False, description="true: the binary convolutions read float activations, as published; act_bits then is idle"
    )


@register
class BNNUnit(BinaryUnit):
    """alpha * (sign(W) conv Quant_n(x)) + b, requantized to the trunk's grid; alpha is learned per filter."""

    Config: ClassVar[type[SchemeConfig]] = BNNConfig
    has_skip: ClassVar[bool] = False

    def __init__(
        self, channels_in: int, channels_out: int, kernel: int, cfg: BNNConfig, numerics: NumericsConfig, gain: float
    ) -> None:
        super().__init__(channels_in, channels_out, kernel, cfg, numerics, gain)
        self.quant = nn.Identity() if cfg.real_activations else statistics_quant(cfg.act_bits)
        self.conv = BinaryConv(channels_in, channels_out, kernel, ClippedSignWeight)
        self.affine = Affine(channels_out, kernel * kernel * channels_in, gain, numerics)
        self.mid = trunk_quant(numerics)

    @classmethod
    def undeployable(cls, cfg: BNNConfig) -> str | None:
        return "float activations are on no grid (real_activations is true)" if cfg.real_activations else None

    def forward(self, x: Tensor) -> Tensor:
        s = self.conv(self.quant(x))
        y: Tensor = self.mid(self.affine(s, act_scale(self.quant)))
        return y
