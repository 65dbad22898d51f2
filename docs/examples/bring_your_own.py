"""A binarized super-resolution network of plain brevitas.nn modules, exported with Brevitas's own exporter.

Nothing here comes from xnorsr. The QONNX file goes through `xnorsr build` and `xnorsr sim`:

    python bring_your_own.py byo.onnx
    xnorsr build byo.onnx --out build/byo
    xnorsr sim build/byo --image PHOTO.png --crop

What makes it pass: power-of-two scales, an 8-bit quantizer at the input and at the output, and a quantizer of few bits
behind each BatchNorm and PReLU, so that both fold into integer thresholds, exactly.
"""

from __future__ import annotations

import sys
from typing import Any

import brevitas.nn as qnn
import torch
from brevitas.export import export_qonnx
from brevitas.inject.enum import ScalingImplType
from brevitas.quant.binary import SignedBinaryActPerTensorConst, SignedBinaryWeightPerTensorConst
from brevitas.quant.fixed_point import (
    Int8ActPerTensorFixedPoint,
    Int8WeightPerTensorFixedPoint,
    Uint8ActPerTensorFixedPoint,
)
from torch import Tensor, nn
from torch.nn import functional as F


class BinaryWeight(SignedBinaryWeightPerTensorConst):
    """+1/-1."""

    scaling_const = 1.0


class BinaryAct(SignedBinaryActPerTensorConst):
    """+1/-1."""

    scaling_const = 1.0


class Pixel(Uint8ActPerTensorFixedPoint):
    """8-bit pixels in [0, 1): code / 256."""

    scaling_impl_type = ScalingImplType.CONST
    scaling_init = 1.0


class Fixed(Int8ActPerTensorFixedPoint):
    """Signed fixed point in [-scaling_init, scaling_init); `bit_width` and `scaling_init` are set where it is used."""

    scaling_impl_type = ScalingImplType.CONST


def fixed(bits: int, reach: float) -> qnn.QuantIdentity:
    """Quantizer onto `bits` signed bits in [-reach, reach)."""
    return qnn.QuantIdentity(Fixed, bit_width=bits, scaling_init=reach)


def conv(cin: int, cout: int, weight_quant: Any) -> qnn.QuantConv2d:
    """3x3 convolution with zero padding, no bias."""
    return qnn.QuantConv2d(cin, cout, 3, padding=1, bias=False, weight_quant=weight_quant)


class Block(nn.Module):
    """x + Quant4(PReLU(BatchNorm(binary convolution))), back on the 12-bit residual stream."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.sign = qnn.QuantIdentity(BinaryAct)
        self.conv = conv(channels, channels, BinaryWeight)
        self.norm = nn.BatchNorm2d(channels)
        self.act = nn.PReLU(channels)
        self.few = fixed(4, 2.0)
        self.out = fixed(12, 4.0)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.out(self.few(self.act(self.norm(self.conv(self.sign(x))))) + x)
        return y


class Net(nn.Module):
    """x2, RGB, input and output 8-bit pixels."""

    def __init__(self, channels: int = 16, blocks: int = 2) -> None:
        super().__init__()
        self.input = qnn.QuantIdentity(Pixel)
        self.head = conv(3, channels, Int8WeightPerTensorFixedPoint)
        self.trunk = fixed(12, 4.0)
        self.blocks = nn.Sequential(*[Block(channels) for _ in range(blocks)])
        self.tail_in = fixed(8, 4.0)
        self.tail = conv(channels, 12, Int8WeightPerTensorFixedPoint)
        self.residual = fixed(12, 1.0)
        self.shuffle = nn.PixelShuffle(2)
        self.output = qnn.QuantIdentity(Pixel)

    def forward(self, image: Tensor) -> Tensor:
        x = self.input(image)
        y = self.tail(self.tail_in(self.blocks(self.trunk(self.head(x)))))
        skip = F.interpolate(x, scale_factor=2, mode="nearest")
        out: Tensor = self.output(self.shuffle(self.residual(y)) + skip)
        return out


def random_network(seed: int = 0) -> Net:
    """A network with random weights and statistics in place of trained ones; train it like any PyTorch network."""
    torch.manual_seed(seed)
    net = Net()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 4)
            module.running_var.uniform_(30, 200)
            nn.init.uniform_(module.weight, -1, 1)
            nn.init.uniform_(module.bias, -0.5, 0.5)
        elif isinstance(module, nn.PReLU):
            nn.init.uniform_(module.weight, 0.05, 0.5)
    return net.eval()


def main(path: str, height: int = 48, width: int = 64) -> None:
    """Write the QONNX file for frames of height x width."""
    export_qonnx(random_network(), args=torch.zeros(1, 3, height, width), export_path=path)
    print(f"wrote {path}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "bring_your_own.onnx")
