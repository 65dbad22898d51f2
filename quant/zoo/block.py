"""How networks compose binary units: in residual blocks of two."""

from __future__ import annotations

from torch import Tensor, nn

from ..config import NumericsConfig, SchemeConfig
from ..layers import trunk_quant
from ..schemes import SCHEMES, between, unit


def start_gain(blocks: int) -> float:
    """Deviation of a binary convolution's output at start, where the trunk's is about 0.5; less in deep networks.

    With it the sum over all blocks starts well inside the trunk's range.
    """
    return 0.4 * min(1.0, (3 / blocks) ** 0.5)


def gain_of_two(gain: float, scheme: SchemeConfig) -> float:
    """What each of two units of a branch starts with for the branch to start with `gain`.

    Units with a skip of their own add to the stream one after the other; others multiply.
    """
    return gain if SCHEMES[scheme.name].has_skip else gain**0.5


class ResidualBlock(nn.Module):
    """Two binary units; (N, C, H, W) to (N, C, H, W), both on the trunk's grid.

    Units with a skip of their own follow each other, with nothing between them unless their scheme says so. Without one
    they have a PReLU between them and one skip around both, requantized to the trunk.
    """

    def __init__(self, channels: int, kernel: int, scheme: SchemeConfig, numerics: NumericsConfig, gain: float) -> None:
        super().__init__()
        gain = gain_of_two(gain, scheme)
        self.first = unit(channels, channels, kernel, scheme, numerics, gain)
        self.has_skip = not self.first.has_skip
        # The modules' order is the parameters' order, which averaged weights and randomized ones go by.
        self.act = between(channels, scheme, numerics)
        self.second = unit(channels, channels, kernel, scheme, numerics, gain)
        self.out = trunk_quant(numerics) if self.has_skip else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.second(self.act(self.first(x)))
        return self.out(y + x) if self.has_skip else y
