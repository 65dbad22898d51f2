"""Networks in plain brevitas.nn with Brevitas's default quantizers: no class of ours, float scales. Those that a user
may start from are in docs/examples.
"""

from __future__ import annotations

import io
from collections.abc import Callable

import brevitas.nn as qnn
import numpy as np
import onnx
import torch
from brevitas.export import export_qonnx
from brevitas.quant import (
    Int8ActPerTensorFloat,
    Int8WeightPerTensorFloat,
    ShiftedUint8ActPerTensorFloat,
    SignedTernaryWeightPerTensorConst,
)
from brevitas.quant.binary import SignedBinaryActPerTensorConst, SignedBinaryWeightPerTensorConst
from torch import nn

from tests.examples import example

DEFAULTS = example("default_quantizers")
conv, relu, picture_in, espcn = DEFAULTS.conv, DEFAULTS.relu, DEFAULTS.picture, DEFAULTS.espcn


def identity(bits: int = 8, quant: type = Int8ActPerTensorFloat) -> nn.Module:
    return qnn.QuantIdentity(act_quant=quant, bit_width=bits)


class Residual(nn.Module):
    """Blocks of two convolutions with a skip, whose two summands have scales of their own or share one."""

    def __init__(self, shared: bool, quantized: bool = True) -> None:
        super().__init__()
        self.head = nn.Sequential(picture_in(), conv(3, 6), identity())
        self.body = nn.Sequential(conv(6, 6), nn.BatchNorm2d(6), relu(), conv(6, 6), nn.BatchNorm2d(6))
        self.before = identity()
        self.skip = self.before if shared else nn.Identity()
        self.quantized = quantized
        self.after = identity()
        self.tail = nn.Sequential(conv(6, 12), nn.PixelShuffle(2), relu())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.head(x)
        y = self.body(x)
        y = self.before(y) if self.quantized else y
        return self.tail(self.after(y + self.skip(x)))


class Binary(nn.Module):
    """E2FIF-like: binary convolutions with a skip each, BatchNorm behind, PReLU slopes of both signs."""

    def __init__(self, channels: int = 6, depth: int = 2, norm_behind: bool = False) -> None:
        super().__init__()
        self.head = nn.Sequential(picture_in(), conv(3, channels), identity())
        self.sign = nn.ModuleList(
            [qnn.QuantIdentity(act_quant=SignedBinaryActPerTensorConst, scaling_init=0.7) for _ in range(depth)]
        )
        self.convs = nn.ModuleList(
            [
                qnn.QuantConv2d(
                    channels,
                    channels,
                    3,
                    padding=1,
                    bias=True,
                    weight_quant=SignedBinaryWeightPerTensorConst,
                    weight_scaling_init=0.05,
                )
                for _ in range(depth)
            ]
        )
        self.rest = nn.ModuleList(
            [nn.Sequential(nn.BatchNorm2d(channels), nn.PReLU(channels), identity()) for _ in range(depth)]
        )
        self.sums = nn.ModuleList([identity() for _ in range(depth)])
        self.behind = nn.Sequential(nn.BatchNorm2d(channels), nn.PReLU(channels), identity()) if norm_behind else None
        self.tail = nn.Sequential(conv(channels, 12), nn.PixelShuffle(2), relu())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.head(x)
        for sign, one, rest, total in zip(self.sign, self.convs, self.rest, self.sums, strict=True):
            x = total(x + rest(one(sign(x))))
        return self.tail(x if self.behind is None else self.behind(x))


def calibrated(net: nn.Module, seed: int = 0, frame: tuple[int, int] = (8, 10), channels: int = 3) -> nn.Module:
    """A network whose statistics, slopes and scales are as after some training; in eval mode."""
    trained: nn.Module = DEFAULTS.as_trained(net, seed, frame, channels)
    return trained


def exported(net: nn.Module, frame: tuple[int, int] = (8, 10), channels: int = 3, **options: int) -> onnx.ModelProto:
    """The network's QONNX model by Brevitas's own route."""
    file = io.BytesIO()
    options.setdefault("dynamo", False)
    export_qonnx(net, args=torch.zeros(1, channels, *frame), export_path=file, **options)
    return onnx.load_from_string(file.getvalue())


def shifted() -> nn.Module:
    """Zero points other than 0, at the input, inside and at the weights' side none."""
    act = ShiftedUint8ActPerTensorFloat
    return nn.Sequential(identity(8, act), conv(3, 6), identity(8, act), conv(6, 3), relu())


def ternary() -> nn.Module:
    return nn.Sequential(
        picture_in(),
        conv(3, 6),
        relu(),
        qnn.QuantConv2d(
            6, 6, 3, padding=1, bias=False, weight_quant=SignedTernaryWeightPerTensorConst, weight_scaling_init=0.03
        ),
        relu(),
        conv(6, 3),
        relu(),
    )


def per_tensor() -> nn.Module:
    return espcn(8, Int8WeightPerTensorFloat)


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "espcn_w4a4": lambda: espcn(4),
    "espcn_w8a8": lambda: espcn(8),
    "espcn_per_tensor": per_tensor,
    "residual_shared": lambda: Residual(True),
    "residual_apart": lambda: Residual(False),
    "residual_float": lambda: Residual(False, quantized=False),
    "binary": Binary,
    "binary_norm_behind": lambda: Binary(norm_behind=True),
    "shifted": shifted,
    "ternary": ternary,
}


def codes_for(frame: tuple[int, int] = (8, 10), channels: int = 3, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (*frame, channels))


class Shared(nn.Module):
    """Floats with several readers: a BatchNorm and a bias that a Quant and a sum read."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Sequential(picture_in(), conv(3, 6), nn.BatchNorm2d(6), nn.PReLU(6))
        self.one, self.two = nn.Sequential(identity(), conv(6, 6)), identity()
        self.activation = nn.PReLU(6)
        self.tail = nn.Sequential(identity(), conv(6, 3), nn.Hardtanh(0.0, 1.0), picture_in())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.head(x)
        return self.tail(self.activation(self.one(x) + self.two(x)) * 0.1)


class Normalized(nn.Module):
    """A normalization in front of the first quantizer inside, EDSR's mean shift, ReLU6, residual scaling, clamp."""

    def __init__(self) -> None:
        super().__init__()
        self.input, self.first = picture_in(), identity()
        self.register_buffer("mean", torch.tensor([0.4488, 0.4371, 0.404]).reshape(1, 3, 1, 1))
        self.register_buffer("deviation", torch.tensor([0.229, 0.224, 0.225]).reshape(1, 3, 1, 1))
        self.head = nn.Sequential(conv(3, 6), nn.ReLU6(), identity())
        self.body = nn.Sequential(conv(6, 6), relu(), conv(6, 6))
        self.after = nn.Sequential(identity(), conv(6, 12), nn.PixelShuffle(2))
        self.output = picture_in()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.head(self.first((self.input(x) - self.mean) / self.deviation))
        x = self.after(x + self.body(x) * 0.1)
        return self.output((x + 0.45).clamp(0, 1))


class Joined(nn.Module):
    """Concatenation of two scales in front of a convolution, as a U-Net has it, and a product of two streams."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Sequential(picture_in(), conv(3, 4), relu())
        self.body, self.gate = nn.Sequential(conv(4, 4), relu()), nn.Sequential(conv(4, 8), relu())
        self.join, self.gated = nn.Sequential(conv(8, 8), identity()), identity()
        self.tail = nn.Sequential(conv(8, 3), relu())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.head(x)
        return self.tail(self.gated(self.join(torch.cat([x, self.body(x)], 1)) * self.gate(x)))


def unet(channels: int = 4) -> nn.Module:
    """A U-Net whose joined streams have scales of their own."""
    return DEFAULTS.UNet(channels, shared=False)


class Parts(nn.Module):
    """Unshuffled pictures, a mean of blocks, parts of the channels that go their own ways, channels repeated to the
    colors of an enlarged picture.
    """

    def __init__(self) -> None:
        super().__init__()
        self.input, self.unshuffle = picture_in(), nn.PixelUnshuffle(2)
        self.head = nn.Sequential(conv(12, 6), relu())
        self.one, self.two = nn.Sequential(conv(3, 3), relu()), nn.Sequential(conv(3, 9), relu())
        self.tail = nn.Sequential(conv(12, 12), nn.PixelShuffle(2))
        self.mean = nn.Sequential(nn.AvgPool2d(2), identity())
        self.skip, self.out = identity(), relu()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.input(x)
        one, two = torch.chunk(self.head(self.unshuffle(x)), 2, 1)
        y = self.tail(torch.cat([self.one(one), self.two(two)], 1))
        small = self.mean(x).repeat_interleave(4, dim=1)
        return self.out(self.skip(y) + nn.functional.pixel_shuffle(small, 2))


NETWORKS |= {"shared": Shared, "normalized": Normalized, "joined": Joined, "parts": Parts}
