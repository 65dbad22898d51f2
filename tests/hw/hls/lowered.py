"""Hand-made lowered networks: ONNX models of ``xnorsr.hw`` nodes, without the lowering."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import onnx
from onnx import TensorProto, helper

from xnorsr.hw.graph.ops import DOMAIN, Op, PixelShuffle, Residual, Threshold, to_node
from xnorsr.hw.types import Requant, StreamType
from xnorsr.sim.benches import random_ops as ro
from xnorsr.sim.golden import golden


class Lowered:
    """A network under construction; tensors have names that are no C identifiers."""

    def __init__(self, kind: StreamType) -> None:
        self.kinds = {"in/0": kind}
        self.steps: list[tuple[str, Op, list[str], str]] = []

    def add(self, name: str, op: Op, *inputs: str) -> str:
        """Append an operator; its output tensor."""
        tensor = f"{name}:out"
        self.kinds[tensor] = op.output
        self.steps.append((name, op, list(inputs), tensor))
        return tensor

    def model(self) -> onnx.ModelProto:
        """The ONNX model; the last tensor is the output."""

        def info(name: str) -> onnx.ValueInfoProto:
            k = self.kinds[name]
            return helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, k.height, k.width, k.channels])

        nodes = [to_node(op, name, inputs, tensor) for name, op, inputs, tensor in self.steps]
        tensors = [s[3] for s in self.steps]
        graph = helper.make_graph(
            nodes, "net", [info("in/0")], [info(tensors[-1])], value_info=[info(t) for t in tensors[:-1]]
        )
        opsets = [helper.make_opsetid("", 13), helper.make_opsetid(DOMAIN, 1)]
        model = helper.make_model(graph, opset_imports=opsets)
        entry = model.metadata_props.add()
        entry.key, entry.value = "xnorsr.input", json.dumps(asdict(self.kinds["in/0"]))
        return model

    def golden(self, codes: np.ndarray) -> dict[str, np.ndarray]:
        """Codes of every tensor."""
        values = {"in/0": codes}
        for _, op, inputs, tensor in self.steps:
            values[tensor] = golden(op, *(values[i] for i in inputs))
        return values


def skip_network(height: int, width: int, channels: int = 5, kernel: int = 3, seed: int = 0) -> Lowered:
    """Head, two binary convolutions under one skip, a shuffle, and one more skip behind it, at its rate."""
    rng = np.random.default_rng(seed)
    net = Lowered(StreamType(height, width, 3, 8, False, 8))
    kind = net.kinds["in/0"]
    x = net.add("1st conv", ro.random_conv(rng, kind, 4 * channels, 3, binary=False, pe=channels, simd=9), "in/0")
    trunk = StreamType(height, width, 4 * channels, 8, True, 0)
    x = net.add("quant", _requant(net.kinds[x], trunk), x)
    y = x
    for n in range(2):
        y = net.add(f"sign.{n}", _sign(rng, net.kinds[y]), y)
        conv = ro.random_conv(rng, net.kinds[y], 4 * channels, kernel, binary=True, pe=2, simd=4 * channels)
        y = net.add(f"class.{n}", conv, y)
    add = Residual((net.kinds[y], trunk), trunk, 0, 1, Requant(1, -128, 127))
    x = net.add("add", add, y, x)
    wide = StreamType(2 * height, 2 * width, channels, 8, True, 0)
    x = net.add("shuffle", PixelShuffle((trunk,), wide, 2, "CRD"), x)
    y = net.add("sign.2", _sign(rng, wide), x)
    y = net.add("conv", ro.random_conv(rng, net.kinds[y], channels, kernel, binary=True, pe=channels, simd=channels), y)
    net.add("add_1", Residual((wide, net.kinds[y]), wide, 0, 1, Requant(1, -128, 127)), x, y)
    return net


def _sign(rng: np.random.Generator, kind: StreamType) -> Threshold:
    out = StreamType(kind.height, kind.width, kind.channels, 1, False, 0, bipolar=True)
    thresholds = rng.integers(kind.lo // 2, kind.hi // 2, (kind.channels, 1))
    return Threshold((kind,), out, thresholds, rng.choice([-1, 1], kind.channels), 0)


def _requant(kind: StreamType, out: StreamType) -> Op:
    from xnorsr.hw.graph.ops import Affine

    return Affine((kind,), out, None, None, None, None, 0, Requant(kind.bits - 10, out.lo, out.hi), {})
