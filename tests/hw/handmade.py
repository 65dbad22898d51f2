"""Networks made by hand, operator by operator, without a QONNX file."""

from __future__ import annotations

import numpy as np

from tests.hw import random_ops as ro
from xnorsr.hw.names import Names
from xnorsr.hw.network import Network, Node, Reference, Stream
from xnorsr.hw.ops.add import Add
from xnorsr.hw.ops.affine import Affine
from xnorsr.hw.ops.base import Op
from xnorsr.hw.ops.conv import Conv
from xnorsr.hw.ops.fork import Fork
from xnorsr.hw.ops.pixel_shuffle import PixelShuffle
from xnorsr.hw.ops.resize import ResizePhases
from xnorsr.hw.ops.threshold import Threshold
from xnorsr.hw.types import Requant, StreamType


class Net:
    """A network under construction. Tensors may be read several times: `network` puts forks in."""

    def __init__(self, height: int, width: int, channels: int = 3) -> None:
        self.kind = {"input": StreamType(height, width, channels, 8, False, 8)}
        self.steps: list[tuple[str, Op, tuple[str, ...], tuple[str, ...]]] = []

    def add(self, name: str, op: Op, *inputs: str) -> str:
        """Append an operator whose output is called as it; returns the (first) output."""
        outputs = (name,) if len(op.outputs) == 1 else tuple(f"{name}.{n}" for n in range(len(op.outputs)))
        self.kind.update(zip(outputs, op.outputs, strict=True))
        self.steps.append((name, op, inputs, outputs))
        return outputs[0]

    def network(self, *outputs: str) -> Network:
        """The network; its outputs are those named, else the last step's."""
        wanted = list(outputs) or [self.steps[-1][3][0]]
        names, streams, nodes = Names(), {}, []
        queue: dict[str, list[str]] = {}

        def stream(wish: str, tensor: str, place: Reference | None) -> str:
            made = names.fresh(wish)
            streams[made] = Stream(made, tensor, self.kind[tensor], place)
            return made

        def give(tensor: str, place: Reference | None) -> str:
            name = stream(tensor if tensor == "input" else f"{tensor}_out", tensor, place)
            count = sum(step[2].count(tensor) for step in self.steps) + wanted.count(tensor)
            queue[tensor] = [name]
            if count > 1:
                queue[tensor] = [stream(f"{tensor}_copy{n}", tensor, None) for n in range(count)]
                fork = Fork((self.kind[tensor],), count)
                nodes.append(Node(names.fresh(f"fork_{tensor}"), fork, (name,), tuple(queue[tensor]), tensor))
            return name

        entry = give("input", None)
        for name, op, inputs, made in self.steps:
            taken = tuple(queue[i].pop(0) for i in inputs)
            at, layer = len(nodes), names.fresh(name)
            outs = tuple(give(t, Reference(t)) for t in made)
            nodes.insert(at, Node(layer, op, taken, outs, name))
        return Network(entry, tuple(queue[t].pop(0) for t in wanted), tuple(nodes), streams)

    def golden(self, codes: np.ndarray) -> dict[str, np.ndarray]:
        """Codes of every tensor for the input's."""
        values = {"input": codes}
        for _, op, inputs, outputs in self.steps:
            values.update(zip(outputs, op.execute(*(values[i] for i in inputs)), strict=True))
        return values

    def conv(self, name: str, x: str, outputs: int, kernel: int = 3, binary: bool = False, seed: int = 0) -> str:
        """A convolution with random weights; its output is 16 bits."""
        a, rng = self.kind[x], np.random.default_rng(seed)
        lo, hi = (0, 2) if binary else (-8, 8)
        weight = rng.integers(lo, hi, (outputs, kernel, kernel, a.channels))
        out = StreamType(a.height, a.width, outputs, 16, True, a.frac)
        op = Conv((a,), out, weight, binary, 1 if binary else 4, np.zeros(outputs, np.int64))
        return self.add(name, op, x)

    def sign(self, name: str, x: str) -> str:
        """Sign with a threshold of 0 on every channel."""
        a = self.kind[x]
        out = StreamType(a.height, a.width, a.channels, 1, False, 0, True)
        op = Threshold((a,), out, np.zeros((a.channels, 1), np.int64), np.ones(a.channels, np.int64), 0)
        return self.add(name, op, x)

    def affine(self, name: str, x: str) -> str:
        """Scale, bias and PReLU slope of 8, 12 and 6 bits."""
        a = self.kind[x]
        one = np.ones(a.channels, np.int64)
        quant = Requant(4, -(1 << 11), (1 << 11) - 1)
        out = StreamType(a.height, a.width, a.channels, 12, True, a.frac)
        bits = {"scale": 8, "bias": 12, "slope": 6}
        return self.add(name, Affine((a,), out, one, one, None, one, 4, quant, bits), x)

    def sum(self, name: str, x: str, y: str) -> str:
        """Residual add to the width of x."""
        a, b = self.kind[x], self.kind[y]
        return self.add(name, Add((a, b), a, 0, 0, Requant(0, a.lo, a.hi)), x, y)

    def shuffle(self, name: str, x: str, factor: int) -> str:
        """Pixel shuffle."""
        a, r = self.kind[x], factor
        out = StreamType(a.height * r, a.width * r, a.channels // r**2, a.bits, a.signed, a.frac)
        return self.add(name, PixelShuffle((a,), out, r, "CRD"), x)

    def resize(self, name: str, x: str, factor: int, mode: str) -> str:
        """Polyphase resize."""
        a, r = self.kind[x], factor
        out = StreamType(a.height, a.width, a.channels * r**2, a.bits + 4, a.signed, a.frac)
        return self.add(name, ResizePhases((a,), out, r, mode), x)


def srresnet(height: int, width: int, channels: int, blocks: int, scale: int = 2, mode: str = "nearest") -> Network:
    """E2FIF's shape: head, two binary convolutions per block, each with its skip, one-convolution tail, global skip."""
    net = Net(height, width)
    trunk = net.conv("head", "input", channels)
    for i in range(2 * blocks):
        y = net.conv(f"body{i}", net.sign(f"sign{i}", trunk), channels, binary=True, seed=i)
        trunk = net.sum(f"add{i}", net.affine(f"affine{i}", y), trunk)
    tail = net.conv("tail", trunk, 3 * scale**2)
    up = net.resize("up", "input", scale, mode)
    net.shuffle("shuffle", net.sum("sum", tail, up), scale)
    return net.network()


def skip_network(height: int, width: int, channels: int = 5, kernel: int = 3, seed: int = 0) -> Net:
    """Head, two binary convolutions under one skip, a shuffle, and one more skip behind it, at its rate.

    Layers have names that are no C identifiers.
    """
    rng = np.random.default_rng(seed)
    net = Net(height, width)
    x = net.add(
        "1st conv", ro.make_conv(rng, net.kind["input"], 4 * channels, 3, binary=False, pe=channels, simd=9), "input"
    )
    trunk = StreamType(height, width, 4 * channels, 8, True, 0)
    x = net.add("quant", _requant(net.kind[x], trunk), x)
    y = x
    for n in range(2):
        y = net.add(f"sign.{n}", _sign(rng, net.kind[y]), y)
        conv = ro.make_conv(rng, net.kind[y], 4 * channels, kernel, binary=True, pe=2, simd=4 * channels)
        y = net.add(f"class.{n}", conv, y)
    x = net.add("add", Add((net.kind[y], trunk), trunk, 0, 1, Requant(1, -128, 127)), y, x)
    wide = StreamType(2 * height, 2 * width, channels, 8, True, 0)
    x = net.add("shuffle", PixelShuffle((trunk,), wide, 2, "CRD"), x)
    y = net.add("sign.2", _sign(rng, wide), x)
    y = net.add("conv", ro.make_conv(rng, net.kind[y], channels, kernel, binary=True, pe=channels, simd=channels), y)
    net.add("add_1", Add((wide, net.kind[y]), wide, 0, 1, Requant(1, -128, 127)), x, y)
    return net


def _sign(rng: np.random.Generator, kind: StreamType) -> Threshold:
    out = StreamType(kind.height, kind.width, kind.channels, 1, False, 0, bipolar=True)
    thresholds = rng.integers(kind.lo // 2, kind.hi // 2, (kind.channels, 1))
    return Threshold((kind,), out, thresholds, rng.choice([-1, 1], kind.channels), 0)


def _requant(kind: StreamType, out: StreamType) -> Affine:
    return Affine((kind,), out, None, None, None, None, 0, Requant(kind.bits - 10, out.lo, out.hi), {})
