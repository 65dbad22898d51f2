"""What a network is to the rest of the flow, and the registry of networks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, TypeVar

from torch import Tensor, nn

from ..config import NetworkConfig
from ..registry import Registry

N = TypeVar("N", bound="Network")


class Network(nn.Module, ABC):
    """Base of all networks: images (N, C, H, W), float32 of code / 256, to (N, C, r*H, r*W), the same.

    C is `cfg.image_channels`, r is `cfg.scale`. The first thing done to the input is to quantize it.

    Attributes:
        Config: the network's configuration; its `name` is the network's name in recipes.
        cfg: the configuration it was made from.
    """

    Config: ClassVar[type[NetworkConfig]]
    # Of the subclass's own type: typing cannot say that Config's instances are meant.
    cfg: Any

    def __init__(self, cfg: NetworkConfig) -> None:
        super().__init__()
        self.cfg = cfg

    @abstractmethod
    def forward(self, image: Tensor) -> Tensor:
        """The enlarged image."""


NETWORKS: Registry[Network] = Registry("network", Network, NetworkConfig, "srresnet")


def register(cls: type[N]) -> type[N]:
    """Class decorator that makes a network known as `model.name = NAME`, where NAME is its Config's `name`.

    Raises:
        TypeError: the class is incomplete; names what is missing.
        ValueError: the name is taken.
    """
    NETWORKS.add(cls)
    return cls


def build(cfg: NetworkConfig) -> Network:
    """The network of a configuration, with start weights from torch's random generator."""
    return NETWORKS[cfg.name](cfg)
