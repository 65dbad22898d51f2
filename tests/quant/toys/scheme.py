"""The toy scheme: sign(x - t) with one constant threshold, a binary convolution, an affine; no skip, no PReLU."""

from __future__ import annotations

from typing import ClassVar, Literal

from brevitas import nn as qnn
from pydantic import Field
from torch import Tensor

from xnorsr.quant.config import NumericsConfig, SchemeConfig
from xnorsr.quant.layers import Affine, BinaryConv, trunk_quant
from xnorsr.quant.quantizers import SignActivation, SignWeight
from xnorsr.quant.schemes import BinaryUnit


class ToySchemeConfig(SchemeConfig):
    """One field of its own."""

    name: Literal["toy"] = Field("toy", description="toy scheme")
    threshold: float = Field(0.0, ge=-1, le=1, description="where the sign changes")


class ToyUnit(BinaryUnit):
    """a * (sign(W) conv sign(x - threshold)) + b on the trunk's grid."""

    Config: ClassVar[type[SchemeConfig]] = ToySchemeConfig
    has_skip: ClassVar[bool] = False

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        kernel: int,
        cfg: ToySchemeConfig,
        numerics: NumericsConfig,
        gain: float,
    ) -> None:
        super().__init__(channels_in, channels_out, kernel, cfg, numerics, gain)
        self.threshold = cfg.threshold
        self.sign = qnn.QuantIdentity(SignActivation)
        self.conv = BinaryConv(channels_in, channels_out, kernel, SignWeight)
        self.affine = Affine(channels_out, kernel * kernel * channels_in, gain, numerics)
        self.out = trunk_quant(numerics)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.out(self.affine(self.conv(self.sign(x - self.threshold)), 1.0))
        return y
