"""What a binarization scheme is: one binary convolution with all that belongs to it, and the registry of schemes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, TypeVar

from torch import Tensor, nn

from ..config import NumericsConfig, SchemeConfig
from ..layers import PReLU
from ..registry import Registry

U = TypeVar("U", bound="BinaryUnit")


class BinaryUnit(nn.Module, ABC):
    """A binary convolution unit: (N, in, H, W) to (N, out, H, W), float32, both on the residual stream's grid.

    The grid is that of `layers.trunk_quant`: `trunk_bits` signed codes of `2 * trunk_range / 2**trunk_bits`.
    Hold the weights in a `layers.BinaryConv`: training then keeps its latent weights clipped.

    Attributes:
        Config: the scheme's configuration; its `name` is the scheme's name in recipes.
        has_skip: True: the unit adds its input to its output itself, repeated along the channels where it has more out
            than in (`layers.repeats`). False: it does not, and the block that is made of units has one skip around
            all of them.
    """

    Config: ClassVar[type[SchemeConfig]]
    has_skip: ClassVar[bool]

    @abstractmethod
    def __init__(
        self, channels_in: int, channels_out: int, kernel: int, cfg: Any, numerics: NumericsConfig, gain: float
    ) -> None:
        """Make the unit.

        Args:
            channels_in, channels_out: of the convolution.
            kernel: side of the convolution's kernel, odd; zero padding keeps the size.
            cfg: of the type `Config`.
            numerics: bits of parameters and of the residual stream.
            gain: standard deviation that the convolution's scaled output starts with, over that of its input.
        """
        super().__init__()

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """The unit's output."""

    @classmethod
    def between(cls, channels: int, numerics: NumericsConfig) -> nn.Module:
        """What stands behind a unit in front of the next one; its output is on no finer grid than 24 bits can hold.

        Nothing for units with a skip of their own, a PReLU for others, unless a scheme says otherwise.
        """
        return nn.Identity() if cls.has_skip else PReLU(channels, numerics)

    @classmethod
    def undeployable(cls, cfg: Any) -> str | None:
        """Why a configuration of this scheme has no deployed form; None where it has one."""
        return None

    def before_norm(self) -> Tensor | float:
        """What the float form multiplies its sums by in front of its BatchNorm, `affine`; (1, O, 1, 1), or 1."""
        return 1.0

    @classmethod
    def for_tokens(cls, cfg: Any) -> Any:
        """The configuration that a linear layer on tokens has, a unit of kernel 1: what belongs to images is off."""
        return cfg

    @classmethod
    def not_for_tokens(cls, cfg: Any) -> str | None:
        """Why a unit of this configuration is no linear layer on tokens; None where it is one."""
        return None


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
        ValueError: the scheme has no deployed form, and `numerics` asks for it.
    """
    cls = SCHEMES[cfg.name]
    check_deployable(cfg, numerics)
    return cls(channels_in, channels_out, kernel, cfg, numerics, gain)


def check_deployable(cfg: SchemeConfig, numerics: NumericsConfig) -> None:
    """Refuses a scheme without a deployed form where `numerics` asks for it.

    Raises:
        ValueError: says which scheme, why, and what to set.
    """
    reason = SCHEMES[cfg.name].undeployable(cfg) if numerics.deployed else None
    if reason:
        raise ValueError(
            f"scheme {cfg.name} has no deployed form: {reason}; set numerics.deployed to false to train it in float, "
            "or choose another scheme"
        )


def check_tokens(cfg: SchemeConfig) -> None:
    """Refuses a scheme whose units are no linear layers on tokens, for networks that have such.

    Raises:
        ValueError: says which scheme and why.
    """
    reason = SCHEMES[cfg.name].not_for_tokens(cfg)
    if reason:
        raise ValueError(f"scheme {cfg.name} has no linear layer on tokens: {reason}; choose another scheme or network")


def between(channels: int, cfg: SchemeConfig, numerics: NumericsConfig) -> nn.Module:
    """What stands between two units of the scheme that `cfg` belongs to."""
    return SCHEMES[cfg.name].between(channels, numerics)
