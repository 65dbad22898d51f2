"""Random QONNX networks for tests, written node by node: no training, no Brevitas, milliseconds each.

They have the structure that the zoo exports (head, binary blocks with skips, tail, shuffle, resized skip) and adverse
parameters: thresholds in the midst of the data, slopes of both signs, quantizers that saturate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

QONNX = "qonnx.custom_op.general"


@dataclass(frozen=True)
class NetworkSpec:
    """One point of the test matrix."""

    scheme: str = "w1a1"
    scale: int = 2
    colors: int = 3
    channels: int = 8
    blocks: int = 1
    height: int = 6
    width: int = 7
    skip: str = "bilinear"
    act_bits: int = 4
    pad_value: int = 0
    kernel: int = 3
    seed: int = 0

    def __str__(self) -> str:
        return (
            f"{self.scheme}{self.act_bits if self.scheme == 'bnn' else ''}-x{self.scale}-c{self.colors}-"
            f"{self.channels}ch-{self.blocks}b-{self.width}x{self.height}-{self.skip}-pad{self.pad_value}-k{self.kernel}-s{self.seed}"
        )


class Builder:
    """Appends QONNX nodes; each method returns the output tensor's name."""

    def __init__(self, height: int, width: int, channels: int, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.inputs = [helper.make_tensor_value_info("lr", TensorProto.FLOAT, [1, channels, height, width])]

    def constant(self, value: object) -> str:
        name = f"const{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, np.float32), name))
        return name

    def whole(self, values: list[int]) -> str:
        """A constant of whole numbers, such as a shape or indices."""
        name = f"const{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.array(values, np.int64), name))
        return name

    def node(self, op: str, inputs: list[str], domain: str = "", **attributes: object) -> str:
        count = sum(n.op_type == op for n in self.nodes)
        name = f"{op}_{count}"
        self.nodes.append(helper.make_node(op, inputs, [f"{name}_out"], name=name, domain=domain, **attributes))
        return f"{name}_out"

    def quant(self, x: str, bits: int, frac: int, signed: bool = True, narrow: bool = False) -> str:
        constants = [self.constant(v) for v in (2.0**-frac, 0.0, float(bits))]
        return self.node("Quant", [x, *constants], QONNX, signed=int(signed), narrow=int(narrow), rounding_mode="ROUND")

    def sign(self, x: str, scale: float = 1.0) -> str:
        return self.node("BipolarQuant", [x, self.constant(scale)], QONNX)

    def threshold(self, x: str, channels: int, spread: float = 0.5) -> str:
        return self.sign(self.node("Sub", [x, self.constant(self.rng.normal(0, spread, (1, channels, 1, 1)))]))

    def binary_conv(self, x: str, cin: int, cout: int, k: int, pad_value: int = 0) -> str:
        weight = self.sign(self.constant(self.rng.normal(size=(cout, cin, k, k))))
        return self._conv(x, weight, k, pad_value)

    def fixed_conv(self, x: str, cin: int, cout: int, k: int, bits: int = 8, frac: int = 7) -> str:
        values = self.rng.normal(0, 1.0 / k / np.sqrt(cin), (cout, cin, k, k))
        return self._conv(x, self.quant(self.constant(values), bits, frac, narrow=True), k, 0)

    def _conv(self, x: str, weight: str, k: int, pad_value: int) -> str:
        half = k // 2
        if pad_value:
            pads = numpy_helper.from_array(np.array([0, 0, half, half] * 2, np.int64), f"pads{len(self.constants)}")
            self.constants.append(pads)
            x = self.node("Pad", [x, pads.name, self.constant(float(pad_value))], mode="constant")
            half = 0
        return self.node("Conv", [x, weight], kernel_shape=[k, k], pads=[half] * 4)

    def affine(self, x: str, channels: int, scale_bits: int = 8, frac: int = 8) -> str:
        shape = (1, channels, 1, 1)
        scale = self.quant(self.constant(self.rng.normal(0, 0.08, shape)), scale_bits, frac)
        bias = self.quant(self.constant(self.rng.normal(0, 0.3, shape)), 12, 10)
        return self.node("Add", [self.node("Mul", [x, scale]), bias])

    def prelu(self, x: str, channels: int) -> str:
        slope = self.quant(self.constant(self.rng.normal(0.2, 0.4, (1, channels, 1, 1))), 8, 6)
        return self.node("PRelu", [x, slope])

    def resize(self, x: str, scale: int, mode: str) -> str:
        scales = self.constant([1.0, 1.0, scale, scale])
        attributes = (
            {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
            if mode == "bilinear"
            else {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
        )
        return self.node("Resize", [x, "", scales], **attributes)

    def model(self, output: str, channels: int, height: int, width: int) -> onnx.ModelProto:
        return self.models({output: ("sr", (channels, height, width))})

    def models(self, outputs: dict[str, tuple[str, tuple[int, int, int]]]) -> onnx.ModelProto:
        """A model with several outputs: tensor -> (name, (C, H, W))."""
        names = {tensor: name for tensor, (name, _) in outputs.items()}
        for node in self.nodes:
            node.output[:] = [names.get(o, o) for o in node.output]
            node.input[:] = [names.get(i, i) for i in node.input]
        outs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, *shape]) for name, shape in outputs.values()]
        graph = helper.make_graph(self.nodes, "net", self.inputs, outs, self.constants)
        opsets = [helper.make_opsetid("", 17), helper.make_opsetid(QONNX, 1)]
        model = helper.make_model(graph, opset_imports=opsets)
        model.ir_version = 10
        return model


def _w1a1(b: Builder, x: str, s: NetworkSpec) -> str:
    for _ in range(2):
        y = b.binary_conv(b.threshold(x, s.channels), s.channels, s.channels, s.kernel, s.pad_value)
        y = b.quant(b.affine(y, s.channels), 14, 9)
        x = b.quant(b.node("Add", [b.prelu(y, s.channels), x]), 14, 9)
    return x


def _bnn(b: Builder, x: str, s: NetworkSpec) -> str:
    y = b.binary_conv(b.quant(x, s.act_bits, s.act_bits - 2), s.channels, s.channels, s.kernel)
    y = b.prelu(b.quant(b.affine(y, s.channels), 14, 9), s.channels)
    y = b.binary_conv(b.quant(y, s.act_bits, s.act_bits - 2), s.channels, s.channels, s.kernel)
    return b.quant(b.node("Add", [b.quant(b.affine(y, s.channels), 14, 9), x]), 14, 9)


SCHEMES = {"w1a1": _w1a1, "bnn": _bnn}


def pyramid(height: int = 5, width: int = 6, channels: int = 6, seed: int = 12) -> onnx.ModelProto:
    """LapSRN's shape: the image twice as large, and four times as large from the features of the first.

    The outputs have frames and rates of their own; the second one's layers run behind a shuffle, at four times the
    rate.
    """
    b = Builder(height, width, 3, seed)
    spec = NetworkSpec(channels=channels, seed=seed)
    image = b.quant("lr", 8, 8, signed=False)
    x = _w1a1(b, b.quant(b.fixed_conv(image, 3, channels, 3), 14, 9), spec)
    outputs: dict[str, tuple[str, tuple[int, int, int]]] = {}
    for level in (1, 2):
        x = b.quant(b.fixed_conv(b.quant(x, 8, 6), channels, 4 * channels, 3), 10, 7)
        x = b.node("DepthToSpace", [x], blocksize=2, mode="CRD")
        detail = b.quant(b.fixed_conv(b.quant(x, 8, 6), channels, 3, 3), 12, 9)
        image = b.quant(b.node("Add", [detail, b.resize(image, 2, "bilinear")]), 8, 8, signed=False)
        outputs[image] = (f"x{2**level}", (3, height * 2**level, width * 2**level))
        if level == 1:
            x = b.quant(b.affine(b.binary_conv(b.threshold(x, channels), channels, channels, 3), channels), 14, 9)
    return b.models(outputs)


def floats(seed: int) -> onnx.ModelProto:
    """BatchNorm, PReLU and LeakyReLU with float constants, into thresholds."""
    b = Builder(5, 4, 3, seed)
    x = b.binary_conv(b.quant("lr", 8, 8, signed=False), 3, 5, 3)
    constants = [b.constant(b.rng.uniform(0.3, 2, 5)) for _ in range(4)]
    x = b.sign(b.node("BatchNormalization", [x, *constants], epsilon=1e-5), 0.3)
    x = b.node("LeakyRelu", [b.binary_conv(x, 5, 4, 3)], alpha=0.25)
    x = b.quant(b.node("Mul", [x, b.constant(0.31)]), 3, 1)
    x = b.node("Relu", [b.fixed_conv(x, 4, 12, 1)])
    return b.model(b.node("DepthToSpace", [b.quant(x, 8, 8, False)], blocksize=2, mode="DCR"), 3, 10, 8)


def exported(seed: int) -> onnx.ModelProto:
    """What exporters leave: constants as nodes and as inputs, reshaped slopes, shapes that are computed."""
    b = Builder(4, 6, 3, seed)
    x = b.quant(b.fixed_conv(b.quant("lr", 8, 8, signed=False), 3, 4, 3), 10, 7)
    b.constants.append(numpy_helper.from_array(np.array([4, 1, 1], np.int64), "shape"))
    slope = b.node("Reshape", [b.quant(b.constant(b.rng.uniform(0.1, 0.6, 4)), 8, 6), "shape"])
    x = b.quant(b.node("PRelu", [x, slope]), 10, 7)
    half = helper.make_tensor("half", TensorProto.FLOAT, [], [0.5])
    x = b.node("Mul", [x, b.node("Constant", [], value=half)])
    model = b.model(b.quant(b.fixed_conv(x, 4, 3, 3), 8, 8, False), 3, 4, 6)
    model.graph.input.extend(
        helper.make_tensor_value_info(i.name, i.data_type, i.dims) for i in model.graph.initializer
    )
    return model


def network(spec: NetworkSpec) -> onnx.ModelProto:
    """A random network of this shape as QONNX."""
    b = Builder(spec.height, spec.width, spec.colors, spec.seed)
    image = b.quant("lr", 8, 8, signed=False)
    x = b.quant(b.fixed_conv(image, spec.colors, spec.channels, 3), 14, 9)
    for _ in range(spec.blocks):
        x = SCHEMES[spec.scheme](b, x, spec)
    x = b.fixed_conv(b.quant(x, 8, 6), spec.channels, spec.colors * spec.scale**2, 3)
    x = b.node("DepthToSpace", [b.quant(x, 12, 9)], blocksize=spec.scale, mode="CRD")
    skip = b.resize(image, spec.scale, spec.skip)
    if spec.scale == 3 and spec.skip == "bilinear":
        skip = b.quant(skip, 12, 10, signed=False)
    y = b.quant(b.node("Add", [x, skip]), 8, 8, signed=False)
    return b.model(y, spec.colors, spec.height * spec.scale, spec.width * spec.scale)


def images(spec: NetworkSpec) -> dict[str, np.ndarray]:
    """Inputs of (H, W, C) codes: random, and the extremes where borders and saturation show."""
    shape = (spec.height, spec.width, spec.colors)
    rng = np.random.default_rng(spec.seed + 1)
    checker = (np.indices(shape[:2]).sum(0) % 2 * 255)[..., None].repeat(spec.colors, -1)
    return {
        "random": rng.integers(0, 256, shape),
        "black": np.zeros(shape, np.int64),
        "white": np.full(shape, 255, np.int64),
        "checkerboard": checker,
    }


MATRIX = [
    NetworkSpec(),
    NetworkSpec(scale=3, channels=13, blocks=2, height=5, width=9, seed=1),
    NetworkSpec(scale=4, colors=1, channels=16, height=7, width=5, seed=2),
    NetworkSpec(height=3, width=3, channels=11, seed=3),
    NetworkSpec(height=3, width=3, kernel=5, channels=8, skip="nearest", scale=3, seed=4),
    NetworkSpec(pad_value=1, channels=9, seed=5),
    NetworkSpec(pad_value=-1, channels=10, colors=1, skip="nearest", seed=6),
    NetworkSpec(scheme="bnn", act_bits=2, channels=12, seed=7),
    NetworkSpec(scheme="bnn", act_bits=4, scale=3, colors=1, height=4, width=11, seed=8),
    NetworkSpec(scheme="bnn", act_bits=8, channels=32, scale=4, height=9, width=3, skip="nearest", seed=9),
    NetworkSpec(channels=64, blocks=1, height=8, width=13, seed=10),
    NetworkSpec(channels=20, blocks=4, height=11, width=6, seed=11),
]

#: Each network with one folding, in turn, so that every folding meets every kind of layer; the first one with all. The
#: smallest engines only there: one weight a cycle is millions of cycles a frame on the wide networks,
#: and unrolling 64 channels is minutes of compiling.
FOLDINGS: tuple[int | str, ...] = ("port", "full", 3)
CASES = [(spec, "port" if spec.channels > 32 else FOLDINGS[i % len(FOLDINGS)]) for i, spec in enumerate(MATRIX)]
CASES += [(MATRIX[0], folding) for folding in ("full", "min")]
