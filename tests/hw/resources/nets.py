"""Small networks as stages, made by hand, for tests of `hw.resources`."""

from __future__ import annotations

import numpy as np

from xnorsr.hw.graph.ops import Affine, Conv, Op, PixelShuffle, Residual, Threshold, Upsample
from xnorsr.hw.resources.view import Stage
from xnorsr.hw.types import Requant, StreamType


class Net:
    """Builds stages in order; each method returns the name of what it added."""

    def __init__(self, height: int, width: int, channels: int = 3) -> None:
        self.chain: list[Stage] = []
        self.kind: dict[str, StreamType] = {}
        stream = StreamType(height, width, channels, 8, False, 8)
        self._add("input", "input", None, (), stream)

    def _add(self, name: str, role: str, op: Op | None, inputs: tuple[str, ...], output: StreamType) -> str:
        self.chain.append(Stage(name, role, op, inputs, inputs, output, (name,)))  # type: ignore[arg-type]
        self.kind[name] = output
        return name

    def stages(self) -> list[Stage]:
        """The network; its last stage is the output."""
        last = self.chain[-1]
        return [*self.chain[:-1], Stage(**(vars(last) | {"is_output": True}))]

    def conv(self, name: str, x: str, outputs: int, kernel: int = 3, binary: bool = False, seed: int = 0) -> str:
        """A convolution with random weights; its output is 16 bits."""
        a, rng = self.kind[x], np.random.default_rng(seed)
        lo, hi = (0, 2) if binary else (-8, 8)
        weight = rng.integers(lo, hi, (outputs, kernel, kernel, a.channels))
        out = StreamType(a.height, a.width, outputs, 16, True, a.frac)
        op = Conv((a,), out, weight, binary, 1 if binary else 4, np.zeros(outputs, np.int64))
        return self._add(name, "op", op, (x,), out)

    def sign(self, name: str, x: str) -> str:
        """Sign with a threshold of 0 on every channel."""
        a = self.kind[x]
        out = StreamType(a.height, a.width, a.channels, 1, False, 0, True)
        op = Threshold((a,), out, np.zeros((a.channels, 1), np.int64), np.ones(a.channels, np.int64), 0)
        return self._add(name, "op", op, (x,), out)

    def affine(self, name: str, x: str) -> str:
        """Scale, bias and PReLU slope of 8, 12 and 6 bits."""
        a = self.kind[x]
        one = np.ones(a.channels, np.int64)
        quant = Requant(4, -(1 << 11), (1 << 11) - 1)
        out = StreamType(a.height, a.width, a.channels, 12, True, a.frac)
        bits = {"scale": 8, "bias": 12, "slope": 6}
        return self._add(name, "op", Affine((a,), out, one, one, None, one, 4, quant, bits), (x,), out)

    def add(self, name: str, x: str, y: str) -> str:
        """Residual add to the width of x."""
        a, b = self.kind[x], self.kind[y]
        return self._add(name, "op", Residual((a, b), a, 0, 0, Requant(0, a.lo, a.hi)), (x, y), a)

    def fork(self, name: str, x: str) -> str:
        """A fork; all who read it name it."""
        return self._add(name, "fork", None, (x,), self.kind[x])

    def shuffle(self, name: str, x: str, factor: int) -> str:
        """Pixel shuffle."""
        a, r = self.kind[x], factor
        out = StreamType(a.height * r, a.width * r, a.channels // r**2, a.bits, a.signed, a.frac)
        return self._add(name, "op", PixelShuffle((a,), out, r, "CRD"), (x,), out)

    def upsample(self, name: str, x: str, factor: int, mode: str) -> str:
        """Polyphase resize."""
        a, r = self.kind[x], factor
        out = StreamType(a.height, a.width, a.channels * r**2, a.bits + 4, a.signed, a.frac)
        return self._add(name, "op", Upsample((a,), out, r, mode), (x,), out)


def srresnet(height: int, width: int, channels: int, blocks: int, scale: int = 2, mode: str = "nearest") -> list[Stage]:
    """E2FIF's shape: head, 2 binary convolutions a block, each with its skip, one-convolution tail, global skip."""
    net = Net(height, width)
    image = net.fork("fork_in", "input")
    trunk = net.conv("head", image, channels)
    for i in range(2 * blocks):
        x = net.fork(f"fork{i}", trunk)
        y = net.sign(f"sign{i}", x)
        y = net.conv(f"body{i}", y, channels, binary=True, seed=i)
        y = net.affine(f"affine{i}", y)
        trunk = net.add(f"add{i}", y, x)
    tail = net.conv("tail", trunk, 3 * scale**2)
    up = net.upsample("up", image, scale, mode)
    net.shuffle("shuffle", net.add("sum", tail, up), scale)
    return net.stages()
