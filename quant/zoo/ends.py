"""What networks have in common around their bodies: head, upsampler, tail, global skip.

Image to image, in [0, 1), pixel = code / 256, quantized inside the graph: (N, C, H, W) to (N, C, r*H, r*W).
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from ..config import NumericsConfig, SchemeConfig
from ..layers import (
    PIXEL_SCALE,
    FixedConv,
    PReLU,
    act_scale,
    constant_quant,
    pixel_quant,
    statistics_quant,
    trunk_quant,
)
from ..scaled import ScaledConv, Weights, convolution
from ..schemes import between, unit
from .base import BinarizedConfig, Network
from .reach import convolutions_reach

_MEAN_PIXEL = 0.45
_HEAD_GAIN = 3.0
_TAIL_GAIN = 0.1
_STAGES = {2: (2,), 3: (3,), 4: (2, 2)}
_BITS = 8  # of what real convolutions at full width read: with weights of 8 bits their sums fit into 24


_WEIGHTS = (
    "fixed: numerics.weight_bits and one scale for all; int4, int3, int2: so many bits and a factor per output "
    "channel; binary: +1 and -1 with such a factor; binary2: the sum of two of those"
)


class EndsConfig(BinarizedConfig):
    """Fields of every network whose first and last convolutions are not those of its scheme."""

    head_weights: Weights = Field("fixed", description=f"weights of the first convolution; {_WEIGHTS}")
    tail_weights: Weights = Field("fixed", description=f"weights of the last convolution, alike; {_WEIGHTS}")


class BodyConfig(EndsConfig):
    """Fields of every network of head, body, upsampler and tail."""

    skip: Literal["none", "bilinear", "nearest"] = Field("nearest", description="global skip from input to output")
    upsampler: Literal["single", "real", "binary"] = Field(
        "single",
        description="single: the tail makes all phases, one pixel shuffle, no convolution at high resolution (E2FIF); "
        "real: convolutions and pixel shuffles as published, in k bits (BBCU-L); binary: those binarized (BBCU-M)",
    )
    refine: bool = Field(
        False, description="one more convolution behind the upsampler, at high resolution; not with upsampler = single"
    )
    head_kernel: Literal[1, 3, 5, 7, 9] = Field(3, description="kernel size of the first convolution")
    tail_kernel: Literal[1, 3, 5, 7, 9] = Field(3, description="kernel size of the last convolution")
    tail_bits: int = Field(9, ge=2, le=12, description="bits of the last convolution's input")
    tail_channels: int = Field(
        0,
        ge=0,
        le=256,
        description="channels that a 1x1 convolution, with weights as the last one's, leaves to the last convolution; "
        "0: no such convolution",
    )
    residual_bits: int = Field(
        12, ge=9, le=14, description="bits of the last convolution's output, which is added to the global skip"
    )


class PublishedConfig(BodyConfig):
    """The same with the ends that full-precision networks were published with."""

    skip: Literal["none", "bilinear", "nearest"] = Field(
        "none", description="global skip from input to output; none as published"
    )
    upsampler: Literal["single", "real", "binary"] = Field(
        "real", description="single: one convolution and one pixel shuffle; real as published; binary: binarized too"
    )


@torch.no_grad()
def start_head(head: FixedConv | ScaledConv) -> None:
    """Start weights of the first convolution: what it makes of photographs has zero mean and spread about 0.5."""
    _multiply(head, _HEAD_GAIN)
    weight = head.real()[0] if isinstance(head, ScaledConv) else head.conv.weight
    head.bias.weight.copy_(-_MEAN_PIXEL * weight.sum((1, 2, 3)).reshape(1, -1, 1, 1))


@torch.no_grad()
def start_tail(tail: FixedConv | ScaledConv) -> None:
    """Start weights of a convolution whose output is added to an image: it changes little at first."""
    _multiply(tail, _TAIL_GAIN)


def _multiply(conv: FixedConv | ScaledConv, gain: float) -> None:
    for held in conv.scales if isinstance(conv, ScaledConv) else [conv.conv]:
        held.get_parameter("weight").mul_(gain)


class RealConv(nn.Module):
    """A k-bit convolution from trunk to trunk: what stays real in a binarized network."""

    def __init__(self, cin: int, cout: int, kernel: int, numerics: NumericsConfig) -> None:
        super().__init__()
        self.quant = statistics_quant(_BITS, numerics)
        self.conv = FixedConv(cin, cout, kernel, numerics)
        self.out = trunk_quant(numerics)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.out(self.conv(self.quant(x), act_scale(self.quant)))
        return y


class Upsampler(nn.Sequential):
    """A convolution to r*r times the channels and a pixel shuffle, twice for r = 4; (N, C, H, W) to (N, C, r*H, r*W).

    Real convolutions have a PReLU behind the shuffle; binary ones what their scheme has between units.
    """

    def __init__(
        self, channels: int, scale: int, binary: bool, refine: bool, scheme: SchemeConfig, numerics: NumericsConfig
    ) -> None:
        def conv(out: int) -> list[nn.Module]:
            return [unit(channels, out, 3, scheme, numerics, 0.8) if binary else RealConv(channels, out, 3, numerics)]

        def act() -> list[nn.Module]:
            if binary:
                return [between(channels, scheme, numerics)]
            return [PReLU(channels, numerics), trunk_quant(numerics)]

        layers: list[nn.Module] = []
        for r in _STAGES[scale]:
            layers += [*conv(channels * r * r), nn.PixelShuffle(r), *act()]
        super().__init__(*layers, *([*conv(channels), *act()] if refine else []))


class BodyNetwork(Network):
    """Head convolution, body, upsampler if there is one, tail convolution, pixel shuffle, global skip.

    A network of this kind says what its body is: `make_body` and `body`. The configuration has `channels`.
    """

    cfg: BodyConfig

    def __init__(self, cfg: BodyConfig) -> None:
        super().__init__(cfg)
        colors, r, numerics, channels = cfg.image_channels, cfg.scale, cfg.numerics, self.channels
        phases = r if cfg.upsampler == "single" else 1
        self.input = constant_quant(8, PIXEL_SCALE, signed=False)
        self.head = convolution(colors, channels, cfg.head_kernel, numerics, cfg.head_weights, 255)
        self.trunk = trunk_quant(numerics)
        self.make_body()
        # No module where there is none: the names of what networks had before there were upsamplers stay.
        self.upsampler = (
            None
            if cfg.upsampler == "single"
            else Upsampler(self.features, r, cfg.upsampler == "binary", cfg.refine, cfg.scheme, numerics)
        )
        largest = 1 << (cfg.tail_bits - 1)
        seen = cfg.tail_channels or self.features
        self.reduce_in = statistics_quant(cfg.tail_bits, numerics) if cfg.tail_channels else None
        self.reduce = (
            convolution(self.features, seen, 1, numerics, cfg.tail_weights, largest) if cfg.tail_channels else None
        )
        self.tail_in = statistics_quant(cfg.tail_bits, numerics)
        outputs = colors * phases * phases
        self.tail = convolution(seen, outputs, cfg.tail_kernel, numerics, cfg.tail_weights, largest)
        self.residual = constant_quant(cfg.residual_bits, 2.0 ** (1 - cfg.residual_bits), numerics=numerics)
        self.shuffle = nn.PixelShuffle(phases) if phases > 1 else nn.Identity()
        # Bilinear weights of x3 are ninths: the only values off every power-of-two grid, so they meet a Quant at once.
        ninths = cfg.skip == "bilinear" and r == 3 and numerics.deployed
        self.skip_quant = constant_quant(10, 2.0**-10, signed=False) if ninths else None
        self.output = pixel_quant(numerics)
        self._start()

    @property
    def channels(self) -> int:
        """Channels of the residual stream."""
        found: int = self.cfg.channels  # type: ignore[attr-defined]
        return found

    @property
    def features(self) -> int:
        """Channels of what the body gives to the upsampler or the tail."""
        return self.channels

    @property
    def reach(self) -> int | None:
        return convolutions_reach(self, self.cfg.image_channels)

    @abstractmethod
    def make_body(self) -> None:
        """Sets the modules of the body."""

    @abstractmethod
    def body(self, x: Tensor) -> Tensor:
        """(N, channels, H, W) to (N, features, H, W), both on the trunk's grid."""

    def _start(self) -> None:
        """Start weights: the trunk has zero mean and spread about 0.5 on photographs, the output is the skip."""
        with torch.no_grad():
            start_head(self.head)
            start_tail(self.tail)
            if self.cfg.skip == "none":
                self.tail.bias.weight.fill_(_MEAN_PIXEL)

    def skip(self, x: Tensor) -> Tensor:
        """The enlarged input image."""
        if self.cfg.skip == "nearest":
            return F.interpolate(x, scale_factor=self.cfg.scale, mode="nearest")
        y = F.interpolate(x, scale_factor=self.cfg.scale, mode="bilinear", align_corners=False)
        return y if self.skip_quant is None else self.skip_quant(y)

    def forward(self, image: Tensor) -> Tensor:
        x = self.input(image)
        body = self.body(self.trunk(self.head(x, PIXEL_SCALE)))
        if self.upsampler is not None:
            body = self.upsampler(body)
        if self.reduce is not None and self.reduce_in is not None:
            body = self.reduce(self.reduce_in(body), act_scale(self.reduce_in))
        tail = self.tail(self.tail_in(body), act_scale(self.tail_in))
        residual = self.shuffle(self.residual(tail))
        y: Tensor = self.output(residual if self.cfg.skip == "none" else residual + self.skip(x))
        return y
