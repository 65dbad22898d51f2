"""SRGAN (Ledig et al., arXiv 1609.04802): SRResNet trained against a discriminator, for looks instead of PSNR."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator

from ..config import NetworkConfig
from .base import register
from .srresnet import SRResNet, SRResNetConfig


class SRGANConfig(SRResNetConfig):
    """SRGAN: the generator is an SRResNet; the rest is how it is trained."""

    name: Literal["srgan"] = Field("srgan", description="SRResNet trained against a discriminator")  # type: ignore[assignment]
    content: Literal["gradient", "vgg"] = Field(
        "gradient",
        description="what keeps the image like the original: gradient, of pixels and of the differences of neighbours; "
        "vgg, of features of VGG19 as published, which need the file `vgg`",
    )
    adversarial: float = Field(1e-3, ge=0, le=1, description="weight of the discriminator's verdict; 1e-3 as published")
    discriminator: int = Field(64, ge=1, le=128, description="channels of the discriminator's first convolution")
    vgg: Path | None = Field(
        None, validate_default=True, description="state dict of torchvision's vgg19, for content = vgg"
    )

    @field_validator("vgg")
    @classmethod
    def _named(cls, vgg: Path | None, info: ValidationInfo) -> Path | None:
        if vgg is None and info.data.get("content") == "vgg":
            raise ValueError("content = vgg needs a file; name one, or set content to gradient")
        return vgg


@register
class SRGAN(SRResNet):
    """The generator alone: what is trained with `adversarial.AdversarialLearner`, measured, exported, built."""

    Config: ClassVar[type[NetworkConfig]] = SRGANConfig
    cfg: SRGANConfig
