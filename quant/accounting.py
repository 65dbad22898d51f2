"""Parameters, operations and model size of a network, by the rule that papers on binary super-resolution count with.

Operations = real multiply-accumulates + binary ones / 64, on a low-resolution frame of 320x180 pixels, the products of
attention included; parameters = real weights + binary ones / 32 (Bi-Real Net, arXiv 1808.00278, and BBCU, arXiv
2210.00405). Weights of convolutions and linear layers count; what there is besides, per channel (biases, affines,
slopes, thresholds, norms) or per offset of two tokens, is told apart, as papers leave it out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from . import zoo
from .config import NetworkConfig
from .layers import BinaryConv
from .zoo.attention import Product

FRAME = (320, 180)  # (width, height) in low-resolution pixels


@dataclass(frozen=True)
class Account:
    """What a network needs.

    Attributes:
        real_macs, binary_macs: multiply-accumulates for one frame of `FRAME`.
        real_weights, binary_weights: weights of convolutions and linear layers.
        others: parameters that are no weights of convolutions or linear layers.
    """

    real_macs: int
    binary_macs: int
    real_weights: int
    binary_weights: int
    others: int

    @property
    def operations(self) -> float:
        """Operations by the rule."""
        return self.real_macs + self.binary_macs / 64

    @property
    def parameters(self) -> float:
        """Parameters by the rule, in units of 32 bits."""
        return self.real_weights + self.binary_weights / 32

    @property
    def size_bytes(self) -> float:
        """Size of the weights, real ones in 32 bits and binary ones in 1."""
        return 4 * self.parameters

    @property
    def saved(self) -> float:
        """Share of the size that binary weights save against the same network with all weights in 32 bits."""
        return 1 - self.parameters / (self.real_weights + self.binary_weights)


def _macs(model: nn.Module, channels: int, frame: tuple[int, int]) -> tuple[int, int]:
    """(real, binary) multiply-accumulates on a frame (width, height)."""
    found = [0, 0]

    def count(module: Any, inputs: Any, output: Any) -> None:
        # A transposed convolution uses every weight once per pixel of its input, others of their output.
        size = inputs[0] if isinstance(module, nn.ConvTranspose2d) else output
        found[isinstance(module, BinaryConv)] += module.weight.numel() * size.shape[-2] * size.shape[-1]

    def multiply(module: Any, inputs: Any, output: Any) -> None:
        # Queries with keys, and their weights with values.
        found[0] += 2 * inputs[0].numel() * inputs[1].shape[2]

    kinds = nn.Conv2d | nn.ConvTranspose2d
    hooks = [m.register_forward_hook(count) for m in model.modules() if isinstance(m, kinds)]
    hooks += [m.register_forward_hook(multiply) for m in model.modules() if isinstance(m, Product)]
    with torch.no_grad():
        model(torch.zeros(1, channels, frame[1], frame[0]))
    for hook in hooks:
        hook.remove()
    return found[0], found[1]


def account(cfg: NetworkConfig) -> Account:
    """The account of a configuration's network; its bits do not matter, so it is counted in its float form."""
    numerics = getattr(cfg, "numerics", None)
    if numerics is not None:
        cfg = cfg.model_copy(update={"numerics": numerics.model_copy(update={"deployed": False})})
    model = zoo.build(cfg).eval()
    convolutions = [m for m in model.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]
    weights = [0, 0]
    for module in convolutions:
        weights[isinstance(module, BinaryConv)] += module.weight.numel()
    every = sum(p.numel() for p in model.parameters())
    # Multiply-accumulates of a network are a fixed number and one per pixel: two small frames tell both.
    side = model.step
    small, large = (_macs(model, cfg.image_channels, frame) for frame in ((side, side), (side, 2 * side)))
    pixels, step = FRAME[0] * FRAME[1], side * side
    macs = [a + (b - a) * (pixels - step) // step for a, b in zip(small, large, strict=True)]
    return Account(macs[0], macs[1], weights[0], weights[1], every - sum(weights))


def paper_config(network: str, scheme: str | dict[str, Any], scale: int, **changes: Any) -> NetworkConfig:
    """The size of a network that papers train and count, with a scheme, in its float form.

    Raises:
        ValidationError: no such network or scheme, or a scale that the network does not have.
    """
    paper = zoo.NETWORKS[network].PAPER if network in zoo.NETWORKS else {}
    table = {"name": network, **paper, "scheme": scheme, "scale": scale, "numerics": {"deployed": False}, **changes}
    found: NetworkConfig = zoo.NETWORKS.validate(table)
    return found
