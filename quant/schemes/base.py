"""What a binarization scheme is: one binary convolution with all that belongs to it, and the registry of schemes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, TypeVar

from torch import Tensor, nn

from ..config import NumericsConfig, SchemeConfig
from ..registry import Registry

U = TypeVar("U", bound="BinaryUnit")


class BinaryUnit(nn.Module, ABC):
    """A binary convolution unit: (N, in, H, W) to (N, out, H, W), float32, both on the residual stream's grid.

    The grid is that of `layers.trunk_quant`: `trunk_bits` signed codes of `2 * trunk_range / 2**trunk_bits`.
    Hold the weights in a `layers.BinaryConv`: training then keeps its latent weights clipped.

    Attributes:
        Config: the scheme's configuration; its `name` is the scheme's name in recipes.
        has_skip: True: the unit adds its input to its output itself. False: it does not, and the block that is made
            of units has one skip around all of them.
    """

    Config: ClassVar[type[SchemeConfig]]
    has_skip: ClassVar[bool]

    @abstractmethod
    def __init__(
        self, channels_in: int, channels_out: int, kernel: int, cfg: Any, numerics: NumericsConfig, gain: float
    ) -> None:
        """Make the unit.

        Args:
            channels_in, channels_out: of the convolution; equal where the unit has a skip.
            kernel: side of the convolution's kernel, odd; zero padding keeps the size.
            cfg: of the type `Config`.
            numerics: bits of parameters and of the residual stream.
            gain: standard deviation that the convolution's scaled output starts with, over that of its input.
        """
        super().__init__()

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """The unit's output."""


SCHEMES: Registry[BinaryUnit] = Registry("scheme", BinaryUnit, SchemeConfig, "w1a1", ("has_skip",))


def register(cls: type[U]) -> type[U]:
    """Class decorator that makes a unit known as `model.scheme = NAME`, where NAME is its Config's `name`.

    Raises:
        TypeError: the class is incomplete; names what is missing.
        ValueError: the name is taken.
    """
    SCHEMES.add(cls)
    return cls


def unit(
    channels_in: int, channels_out: int, kernel: int, cfg: SchemeConfig, numerics: NumericsConfig, gain: float
) -> BinaryUnit:
    """A new unit of the scheme that `cfg` belongs to; arguments as of `BinaryUnit`.

    Raises:
        ValueError: the unit has a skip and the numbers of channels differ.
    """
    cls = SCHEMES[cfg.name]
    if cls.has_skip and channels_in != channels_out:
        raise ValueError(
            f"scheme {cfg.name}: a unit with a skip has as many channels out as in, not {channels_in} and "
            f"{channels_out}"
        )
    return cls(channels_in, channels_out, kernel, cfg, numerics, gain)
