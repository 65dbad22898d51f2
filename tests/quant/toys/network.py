"""The toy network: head, one block, one unit that narrows to the output's phases, pixel shuffle; no global skip."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field
from torch import Tensor, nn

from xnorsr.quant.config import NetworkConfig, NumericsConfig, SchemeConfig
from xnorsr.quant.layers import FixedConv, constant_quant, trunk_quant
from xnorsr.quant.registry import Choice
from xnorsr.quant.schemes import BNNConfig, unit
from xnorsr.quant.zoo import Network, ResidualBlock

PIXEL = 2.0**-8


class ToyConfig(NetworkConfig):
    """Fields with names of its own."""

    name: Literal["toynet"] = Field("toynet", description="toy network")
    width: int = Field(4, ge=1, le=16, description="channels in the middle")
    scheme: Annotated[SchemeConfig, Choice("xnorsr.quant.schemes:SCHEMES")] = Field(
        default_factory=BNNConfig, description="a scheme's name, or a table with it"
    )


class ToyNet(Network):
    """Binary convolutions up to the last one, whose numbers of channels in and out differ."""

    Config: ClassVar[type[NetworkConfig]] = ToyConfig
    cfg: ToyConfig

    def __init__(self, cfg: ToyConfig) -> None:
        super().__init__(cfg)
        colors, numerics = cfg.image_channels, NumericsConfig()
        self.input = constant_quant(8, PIXEL, signed=False)
        self.head = FixedConv(colors, cfg.width, 3, numerics)
        self.trunk = trunk_quant(numerics)
        self.block = ResidualBlock(cfg.width, 3, cfg.scheme, numerics, 0.4)
        self.tail = unit(cfg.width, colors * cfg.scale**2, 3, cfg.scheme, numerics, 0.2)
        self.shuffle = nn.PixelShuffle(cfg.scale)
        self.output = constant_quant(8, PIXEL, signed=False)

    def forward(self, image: Tensor) -> Tensor:
        x = self.block(self.trunk(self.head(self.input(image), PIXEL)))
        y: Tensor = self.output(self.shuffle(self.tail(x)) + 0.5)
        return y
