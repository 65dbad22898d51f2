"""What a network is to the rest of the flow, and the registry of networks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Annotated, Any, ClassVar, TypeVar, final

from pydantic import Field, ValidationInfo, field_validator
from torch import Tensor, nn
from torch.nn import functional as F

from ..config import NetworkConfig, NumericsConfig, SchemeConfig
from ..registry import Choice, Registry
from ..schemes import W1A1Config, check_deployable

N = TypeVar("N", bound="Network")


class BinarizedConfig(NetworkConfig):
    """Base of the configurations of networks whose body a scheme binarizes."""

    scheme: Annotated[SchemeConfig, Choice("xnorsr.quant.schemes:SCHEMES")] = Field(
        default_factory=W1A1Config, description="how the body is binarized: a scheme's name, or a table with it"
    )
    numerics: NumericsConfig = Field(
        default_factory=NumericsConfig, description="bits of the parameters and of the residual stream"
    )

    @field_validator("numerics")
    @classmethod
    def _deployable(cls, numerics: NumericsConfig, info: ValidationInfo) -> NumericsConfig:
        if "scheme" in info.data:
            check_deployable(info.data["scheme"], numerics)
        return numerics


class Network(nn.Module, ABC):
    """Base of all networks: images (N, C, H, W), float32 of code / 256, to (N, C, r*H, r*W), the same.

    C is `cfg.image_channels`, r is `cfg.scale`. The first thing done to the input is to quantize it.

    Attributes:
        PAPER: fields that differ from their defaults in the size that papers train and count.
        Config: the network's configuration; its `name` is the network's name in recipes.
        cfg: the configuration it was made from.
        STAGE_FIELDS: fields that the number and the channels of `stages` follow from.
    """

    PAPER: ClassVar[dict[str, Any]] = {}
    STAGE_FIELDS: ClassVar[tuple[str, ...]] = ()
    Config: ClassVar[type[NetworkConfig]]
    # Of the subclass's own type: typing cannot say that Config's instances are meant.
    cfg: Any

    def __init__(self, cfg: NetworkConfig) -> None:
        super().__init__()
        self.cfg = cfg

    @property
    def step(self) -> int:
        """Work grows linearly with the frame where its sides are multiples of this."""
        return 8

    @property
    def reach(self) -> int | None:
        """Low-resolution pixels on each side that an output pixel depends on at most, so that images can be cut into
        tiles; None, the default, where it may be the whole frame."""
        return None

    @abstractmethod
    def forward(self, image: Tensor) -> Tensor:
        """The enlarged image."""

    def outputs(self, image: Tensor) -> dict[str, Tensor]:
        """Every image that the network can give, by name; "sr" is that of `forward` and comes last."""
        return {"sr": self(image)}

    def stages(self) -> list[nn.Module]:
        """Parts of the body, in order, whose outputs a teacher's are compared with; none unless a network says so."""
        return []

    def loss_of(self, outputs: dict[str, Tensor], high: Tensor) -> Tensor:
        """What training makes small, a scalar: mean |error| of "sr", unless a network says otherwise.

        Args:
            outputs: what `outputs` gave for the reduced images.
            high: images, (N, C, r*H, r*W), float32 of code / 256.
        """
        return F.l1_loss(outputs["sr"], high)

    @final
    def loss(self, low: Tensor, high: Tensor) -> Tensor:
        """`loss_of` for low-resolution images (N, C, H, W), float32 of code / 256."""
        return self.loss_of(self.outputs(low), high)


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
