"""Named networks: `build(ModelConfig)` gives the module, `randomize` adverse weights for tests."""

from __future__ import annotations

from collections.abc import Callable

import torch

from ..config import ModelConfig
from ..layers import BinaryConv, Network
from ..quantizers import StatisticsQuant
from .srresnet import SRResNet

ZOO: dict[str, Callable[[ModelConfig], Network]] = {"srresnet": SRResNet}


def build(cfg: ModelConfig) -> Network:
    """The network of a configuration, with start weights from torch's random generator."""
    return ZOO[cfg.name](cfg)


def randomize(model: Network, seed: int) -> Network:
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
