"""QONNX networks for tests with what gates, attention, dense blocks and pyramids are made of."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import numpy_helper

from tests.networks import Builder


def integers(b: Builder, *values: int) -> str:
    """A constant of whole numbers: axes, shapes."""
    name = f"const{len(b.constants)}"
    b.constants.append(numpy_helper.from_array(np.array(values, np.int64), name))
    return name


def spatial_gate(b: Builder, x: str, channels: int) -> str:
    """One factor per pixel: the sigmoid of a 1x1 convolution."""
    y = b.quant(b.fixed_conv(b.quant(x, 8, 5), channels, 1, 1), 8, 4)
    return b.quant(b.node("Sigmoid", [y]), 8, 8, signed=False)


def channel_gate(b: Builder, x: str, pixels: int) -> str:
    """One factor per channel: the sigmoid of a convolution along the sums over the frame, as SCALES has it."""
    total = b.quant(b.node("ReduceSum", [b.quant(x, 8, 5), integers(b, 2, 3)], keepdims=1), 12, 3)
    mean = b.quant(b.node("Mul", [total, b.constant(round(2**11 / pixels) / 2**11)]), 8, 5)
    column = b.node("Transpose", [mean], perm=[0, 2, 1, 3])
    weight = b.quant(b.constant(b.rng.normal(0, 0.5, (1, 1, 5, 1))), 8, 6)
    y = b.node("Add", [b.node("Conv", [column, weight], kernel_shape=[5, 1], pads=[2, 0, 2, 0]), b.constant(0.25)])
    y = b.quant(b.node("Transpose", [y], perm=[0, 2, 1, 3]), 8, 4)
    return b.quant(b.node("Sigmoid", [y]), 8, 8, signed=False)


def attention(b: Builder, x: str, channels: int) -> str:
    """RCAN's: mean, two fully connected layers on rows, hard sigmoid."""
    mean = b.quant(b.node("GlobalAveragePool", [b.quant(x, 8, 5)]), 8, 6)
    row = b.node("Flatten", [mean])
    weights = [b.quant(b.constant(b.rng.normal(0, 0.4, shape)), 8, 6) for shape in ((channels, 2), (2, channels))]
    y = b.quant(b.node("Relu", [b.node("MatMul", [row, weights[0]])]), 8, 6, signed=False)
    y = b.quant(b.node("HardSigmoid", [b.quant(b.node("Gemm", [y, weights[1]]), 8, 4)]), 8, 8, signed=False)
    return b.node("Reshape", [y, integers(b, 1, channels, 1, 1)])


def gated(height: int = 4, width: int = 5, channels: int = 4, seed: int = 21) -> onnx.ModelProto:
    """A binary convolution with spatial and channel factors, a dense block with attention, a transposed convolution.

    The thresholds of the sign come from a vector of the frame, as EBSR's do.
    """
    b = Builder(height, width, 3, seed)
    image = b.quant("lr", 8, 8, signed=False)
    x = b.quant(b.fixed_conv(image, 3, channels, 3), 12, 8)
    shifted = b.node("Add", [x, channel_gate(b, x, height * width)])
    y = b.quant(b.affine(b.binary_conv(b.sign(shifted), channels, channels, 3), channels), 12, 8)
    y = b.quant(b.node("Mul", [y, spatial_gate(b, x, channels)]), 12, 8)
    y = b.quant(b.node("Mul", [channel_gate(b, x, height * width), y]), 12, 8)
    x = b.quant(b.node("Add", [y, x]), 12, 8)
    narrow = b.quant(x, 6, 3)
    more = b.quant(b.fixed_conv(narrow, channels, channels, 3), 8, 6)
    both = b.node("Concat", [narrow, more], axis=1)
    y = b.quant(b.node("Mul", [both, attention(b, both, 2 * channels)]), 8, 5)
    y = b.quant(b.node("Sub", [y, both]), 8, 5)
    weight = b.quant(b.constant(b.rng.normal(0, 0.3, (2 * channels, 3, 4, 4))), 8, 6)
    out = b.node("ConvTranspose", [y, weight], kernel_shape=[4, 4], strides=[2, 2], pads=[1] * 4)
    return b.model(b.quant(out, 8, 8, signed=False), 3, 2 * height, 2 * width)
