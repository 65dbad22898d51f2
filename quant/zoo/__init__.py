"""Networks, one file each: `register` makes one known to recipes, `build` gives the module of a configuration."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import nn

from ..layers import BinaryConv
from ..quantizers import StatisticsQuant
from .base import NETWORKS, BinarizedConfig, Network, build, register
from .block import ResidualBlock
from .edsr import EDSR, EDSRConfig
from .hat_small import HATSmall, HATSmallConfig
from .lapsrn import LapSRN, LapSRNConfig
from .rcan import RCAN, RCANConfig
from .rdn import RDN, RDNConfig
from .srgan import SRGAN, SRGANConfig
from .srresnet import SRResNet, SRResNetConfig
from .swinir_light import SwinIRLight, SwinIRLightConfig

__all__ = [
    "EDSR",
    "NETWORKS",
    "RCAN",
    "RDN",
    "SRGAN",
    "BinarizedConfig",
    "EDSRConfig",
    "HATSmall",
    "HATSmallConfig",
    "LapSRN",
    "LapSRNConfig",
    "Network",
    "RCANConfig",
    "RDNConfig",
    "ResidualBlock",
    "SRGANConfig",
    "SRResNet",
    "SRResNetConfig",
    "SwinIRLight",
    "SwinIRLightConfig",
    "build",
    "randomize",
    "register",
]

M = TypeVar("M", bound=nn.Module)


def randomize(model: M, seed: int) -> M:
    """Sets random weights that make borders, ties, negative scales and saturation show; returns the model.

    About one channel in eight gets a scale large enough to saturate; thresholds are on and off the grid.
    """
    gen = torch.Generator().manual_seed(seed)

    def uniform(shape: torch.Size, lo: float, hi: float) -> torch.Tensor:
        return torch.rand(shape, generator=gen) * (hi - lo) + lo

    with torch.no_grad():
        for name, p in model.named_parameters():
            if name.endswith("offset"):
                value = uniform(p.shape, -1, 1)
                grid = (value * 16).round() / 16
                p.copy_(torch.where(uniform(p.shape, 0, 1) < 0.5, grid, value))
            elif name.endswith("affine.scale.weight"):
                value = uniform(p.shape, -1.5, 1.5)
                p.copy_(torch.where(uniform(p.shape, 0, 1) < 0.125, 6 * value, value))
            elif name.endswith("slope.weight"):
                p.copy_(uniform(p.shape, -1.2, 1.2))
            elif name.endswith("bias.weight"):
                p.copy_(uniform(p.shape, -0.5, 0.5))
            else:
                p.copy_(uniform(p.shape, -0.3, 0.3))
        for m in model.modules():
            if isinstance(m, BinaryConv):
                m.weight.view(-1)[::17] = 0.0
            elif isinstance(m, StatisticsQuant):
                m.mean_square.fill_(float(uniform(torch.Size(()), 0.02, 1.0)))
    return model
