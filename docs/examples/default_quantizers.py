"""Super-resolution networks of plain brevitas.nn with Brevitas's default quantizers: float scales, no class of xnorsr.

Nothing here is prepared for hardware. Each network builds without an option:

    python default_quantizers.py unet unet.onnx
    xnorsr build unet.onnx --out build/unet
    xnorsr sim build/unet --image PHOTO.png --crop

Take one of them, train it, export it; `NETWORKS` lists them with sizes that simulate within a minute.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import brevitas.nn as qnn
import torch
from brevitas.export import export_qonnx
from brevitas.quant import (
    Int8ActPerTensorFloat,
    Int8WeightPerChannelFloat,
    Int8WeightPerTensorFloat,
    Uint8ActPerTensorFloat,
)
from brevitas.quant.binary import SignedBinaryActPerTensorConst, SignedBinaryWeightPerTensorConst
from torch import Tensor, nn

Weight = type


def picture() -> nn.Module:
    """The 8-bit picture, at the input and at the output."""
    return qnn.QuantIdentity(act_quant=Uint8ActPerTensorFloat, return_quant_tensor=False)


def relu(bits: int = 8) -> nn.Module:
    """ReLU onto unsigned codes."""
    return qnn.QuantReLU(act_quant=Uint8ActPerTensorFloat, bit_width=bits)


def identity(bits: int = 8) -> nn.Module:
    """Signed codes."""
    return qnn.QuantIdentity(act_quant=Int8ActPerTensorFloat, bit_width=bits)


def conv(
    cin: int, cout: int, kernel: int = 3, bits: int = 8, weight: Weight | None = Int8WeightPerChannelFloat
) -> nn.Module:
    """Convolution of weights of `bits` bits (floats where no quantizer is given) and a float bias."""
    bit_width = {"weight_bit_width": bits} if weight is not None else {}
    return qnn.QuantConv2d(cin, cout, kernel, padding=kernel // 2, bias=True, weight_quant=weight, **bit_width)


def prelu(channels: int, bits: int = 8) -> nn.Module:
    """A slope per channel, of either sign, and codes behind it."""
    return nn.Sequential(nn.PReLU(channels), identity(bits))


class BinaryConv(nn.Sequential):
    """sign, then 3x3 weights of +1 and -1 times a float scale: one per output channel, the mean of their magnitudes, or
    a constant for all.
    """

    def __init__(self, cin: int, cout: int, per_channel: bool = True) -> None:
        scale: dict[str, Any] = {"weight_scaling_init": 0.05}
        if per_channel:
            scale = {
                "weight_scaling_impl_type": "parameter_from_stats",
                "weight_scaling_stats_op": "ave",
                "weight_scaling_per_output_channel": True,
            }
        super().__init__(
            qnn.QuantIdentity(act_quant=SignedBinaryActPerTensorConst, scaling_init=0.7),
            qnn.QuantConv2d(
                cin, cout, 3, padding=1, bias=False, weight_quant=SignedBinaryWeightPerTensorConst, **scale
            ),
        )


class Skip(nn.Module):
    """x + inner(x), and a quantizer behind the sum."""

    def __init__(self, *inner: nn.Module, bits: int = 8) -> None:
        super().__init__()
        self.inner, self.sum = nn.Sequential(*inner), identity(bits)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.sum(x + self.inner(x))
        return y


def espcn(bits: int, weight: Weight = Int8WeightPerChannelFloat, channels: int = 8) -> nn.Module:
    """ESPCN: three convolutions and a pixel shuffle, x2."""
    return nn.Sequential(
        picture(),
        conv(3, channels, 5, 8, weight),
        relu(bits),
        conv(channels, channels, 3, bits, weight),
        relu(bits),
        conv(channels, 12, 3, bits, weight),
        nn.PixelShuffle(2),
        relu(8),
    )


def fsrcnn(channels: int = 8, shrunk: int = 4, maps: int = 2) -> nn.Module:
    """FSRCNN: shrink, map, expand, PReLU, and a 9x9 transposed convolution of stride 2, x2."""
    up = qnn.QuantConvTranspose2d(
        channels, 3, 9, stride=2, padding=4, output_padding=1, bias=True, weight_quant=Int8WeightPerTensorFloat
    )
    body = [module for _ in range(maps) for module in (conv(shrunk, shrunk), prelu(shrunk))]
    return nn.Sequential(
        picture(),
        *(conv(3, channels, 5), prelu(channels), conv(channels, shrunk, 1), prelu(shrunk)),
        *body,
        *(conv(shrunk, channels, 1), prelu(channels), up, relu(8)),
    )


class ECBSR(nn.Module):
    """ECBSR as it is deployed, its branches of training merged: 3x3 convolutions and PReLU, and the picture added to
    each of the four phases in front of the pixel shuffle, x2.
    """

    def __init__(self, channels: int = 8, blocks: int = 3) -> None:
        super().__init__()
        body = [module for _ in range(blocks) for module in (conv(channels, channels), prelu(channels))]
        self.picture, self.residual = picture(), identity()
        self.body = nn.Sequential(conv(3, channels), prelu(channels), *body, conv(channels, 12))
        self.out = nn.Sequential(nn.PixelShuffle(2), relu(8))

    def forward(self, x: Tensor) -> Tensor:
        x = self.picture(x)
        y: Tensor = self.out(self.residual(self.body(x)) + x.repeat_interleave(4, dim=1))
        return y


def e2fif(channels: int = 8, depth: int = 3) -> nn.Module:
    """Like E2FIF: every binary convolution has BatchNorm and PReLU behind it and a skip around, x2."""
    return nn.Sequential(
        picture(),
        *(conv(3, channels), identity()),
        *(Skip(BinaryConv(channels, channels), nn.BatchNorm2d(channels), prelu(channels)) for _ in range(depth)),
        *(conv(channels, 12), nn.PixelShuffle(2), relu(8)),
    )


class Moved(nn.Module):
    """PReLU between two learned shifts per channel (RPReLU)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.before = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.behind = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.prelu = nn.PReLU(channels)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.prelu(x - self.before) + self.behind
        return y


class Shift(nn.Module):
    """A learned threshold per channel in front of a sign."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(1, channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.bias


def bbcu(channels: int = 8, depth: int = 3) -> nn.Module:
    """Like BBCU: a shift, a sign, a binary convolution with a scale per channel, RPReLU, a skip, no BatchNorm, x2."""
    units = (Skip(Shift(channels), BinaryConv(channels, channels), Moved(channels), identity()) for _ in range(depth))
    return nn.Sequential(
        picture(),
        *(conv(3, channels), identity()),
        *units,
        *(conv(channels, 12), nn.PixelShuffle(2), relu(8)),
    )


class UNet(nn.Module):
    """Down by a stride and by a max pool, up by a transposed convolution and by a pixel shuffle, joined with what was
    there before (`torch.cat`). Frames are multiples of 4 x 4 pixels.

    Args:
        shared: what is joined has one quantizer, so that its codes are joined; with one each, the build rounds them to
            a common scale and prints by how much.
    """

    def __init__(self, channels: int = 4, shared: bool = True) -> None:
        super().__init__()
        c = channels
        fine, coarse = relu(), relu()
        strided = qnn.QuantConv2d(
            c, 2 * c, 3, stride=2, padding=1, weight_quant=Int8WeightPerChannelFloat, weight_bit_width=4
        )
        transposed = qnn.QuantConvTranspose2d(2 * c, c, 2, stride=2, weight_quant=Int8WeightPerTensorFloat)
        self.head = nn.Sequential(picture(), conv(3, c), fine)
        self.down = nn.Sequential(strided, nn.BatchNorm2d(2 * c), coarse)
        self.bottom = nn.Sequential(nn.MaxPool2d(2), conv(2 * c, 2 * c, bits=4), relu())
        self.up = nn.Sequential(transposed, coarse if shared else relu())
        self.middle = nn.Sequential(conv(3 * c, 4 * c, bits=4), nn.PixelShuffle(2), fine if shared else relu())
        self.tail = nn.Sequential(conv(2 * c, 3), relu())

    def forward(self, x: Tensor) -> Tensor:
        x = self.head(x)
        y = self.down(x)
        y = self.middle(torch.cat([y, self.up(self.bottom(y))], 1))
        out: Tensor = self.tail(torch.cat([x, y], 1))
        return out


def deep(ends: Weight | None, channels: int = 64, depth: int = 10) -> nn.Module:
    """A deep binary network, x4: 9x9 convolutions at both ends, binary ones with a skip each between them, BatchNorm
    behind the body and a skip around it, two upsamplers of a convolution and a shuffle.

    Args:
        ends: quantizer of the weights at the ends and in the upsamplers; None leaves them floats, which is refused.
    """
    body = (Skip(BinaryConv(channels, channels), prelu(channels)) for _ in range(depth))
    up = [
        module
        for _ in range(2)
        for module in (conv(channels, 4 * channels, weight=ends), nn.PixelShuffle(2), prelu(channels))
    ]
    return nn.Sequential(
        picture(),
        *(conv(3, channels, 9, weight=ends), prelu(channels)),
        Skip(*body, BinaryConv(channels, channels), nn.BatchNorm2d(channels), identity()),
        *up,
        *(conv(channels, 3, 9, weight=ends), relu(8)),
    )


#: Networks by name, in sizes that simulate within a minute.
NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "espcn_w4a4": lambda: espcn(4),
    "espcn_w8a8": lambda: espcn(8),
    "fsrcnn_w8a8": fsrcnn,
    "ecbsr": ECBSR,
    "e2fif": e2fif,
    "bbcu": bbcu,
    "unet": UNet,
    "deep_per_tensor": lambda: deep(Int8WeightPerTensorFloat, channels=8),
    "deep_per_channel": lambda: deep(Int8WeightPerChannelFloat, channels=8),
}


def as_trained(net: nn.Module, seed: int = 0, frame: tuple[int, int] = (8, 12), channels: int = 3) -> nn.Module:
    """Random slopes of both signs, statistics and scales in place of trained ones; in eval mode."""
    torch.manual_seed(seed)
    for module in net.modules():
        if isinstance(module, nn.PReLU):
            nn.init.uniform_(module.weight, -0.4, 0.6)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.3, 1.5)
            nn.init.normal_(module.bias, 0, 0.2)
        elif isinstance(module, Moved | Shift):
            for parameter in module.parameters(recurse=False):
                nn.init.normal_(parameter, 0, 0.1)
    net.train()
    for _ in range(4):
        net(torch.rand(2, channels, *frame))
    return net.eval()


def main(name: str, path: str, height: int = 48, width: int = 64) -> None:
    """Write the QONNX file of a network for frames of height x width."""
    export_qonnx(as_trained(NETWORKS[name]()), args=torch.zeros(1, 3, height, width), export_path=path)
    print(f"wrote {path}")


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in NETWORKS:
        sys.exit(f"usage: python default_quantizers.py {{{','.join(NETWORKS)}}} FILE.onnx")
    main(sys.argv[1], sys.argv[2])
