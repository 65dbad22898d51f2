"""Random convolutions for tests."""

from __future__ import annotations

import math

import numpy as np

from ...types import StreamType
from ..base import Rng
from ..folds import divisors
from ..random import bipolar_stream, pick, random_stream, stream
from .op import Conv


def make_conv(
    rng: Rng,
    kind: StreamType,
    outputs: int,
    kernel: int,
    *,
    binary: bool,
    pe: int,
    simd: int,
    pad_value: int = 0,
    ends: tuple[int, int] | None = None,
    zeros: np.ndarray | None = None,
) -> Conv:
    """A convolution with random weights and, half of the time, a bias; fixed weights are one of `ends` if given, and
    0 where `zeros` (O, K, K, C) is true.
    """
    shape = (outputs, kernel, kernel, kind.channels)
    bits = 1 if binary else int(rng.integers(2, 9))
    weight = rng.integers(0, 2, shape) if binary else rng.integers(-(1 << (bits - 1)), 1 << (bits - 1), shape)
    if ends is not None:
        weight, bits = rng.choice(ends, shape), max(-ends[0] - 1, ends[1]).bit_length() + 1
    if zeros is not None:
        weight[zeros] = 0
    bias = rng.integers(-40, 40, outputs) * int(rng.integers(2))
    values = np.abs(2 * weight - 1 if binary else weight).sum((1, 2, 3)).max()
    reach = max(int(values * (1 if kind.bipolar else max(-kind.lo, kind.hi)) + np.abs(bias).max()), 1)
    out = stream((kind.height, kind.width), outputs, -reach, reach)
    return Conv((kind,), out, weight, binary, bits, bias, pad_value, pe, simd)


def random_conv(rng: Rng) -> Conv:
    """Any engine, kernel, padding and folding; frames smaller than the kernel included."""
    kernel = pick(rng, [1, 3, 3, 3, 5])
    channels, outputs = int(rng.integers(1, 7 if kernel < 5 else 4)), int(rng.integers(1, 7))
    engine = str(rng.choice(["xnor", "planes", "mac", "mac_bipolar"]))
    size = (int(rng.integers(1, 7)), int(rng.integers(1, 9)))
    if engine in ("xnor", "mac_bipolar"):
        kind, pad = bipolar_stream(rng, channels, size), pick(rng, [0, 0, 1, -1])
    else:
        kind, pad = random_stream(rng, int(rng.integers(1, 9)), channels, size), 0
    binary = engine in ("xnor", "planes")
    zeros = None if binary or rng.integers(2) else _blocks(rng, outputs, kernel, channels)
    made = make_conv(rng, kind, outputs, kernel, binary=binary, pe=1, simd=1, pad_value=pad, zeros=zeros)
    # Engines of a few weights per cycle take long to simulate: at most 100 cycles per pixel.
    synapses = made.synapses
    folds = [
        (pe, simd)
        for pe in made.fold_space().pe  # type: ignore[union-attr]
        for simd in divisors(synapses)
        if (outputs // pe) * (synapses // simd) <= 100
    ]
    pe, simd = folds[int(rng.integers(len(folds)))]
    if engine == "mac" and kind.bits > 1 and rng.integers(2):
        made = made.replace(pe=outputs, digit=int(rng.integers(1, kind.bits + 1)))
        return made.replace(simd=made.synapses)
    return made.replace(pe=pe, simd=simd)


def _blocks(rng: Rng, outputs: int, kernel: int, channels: int) -> np.ndarray:
    """(O, K, K, C): blocks of channels without a weight, as strides and dilations leave them for all outputs alike, and
    groups for some; sometimes all of them.
    """
    both = divisors(math.gcd(outputs, channels))
    if len(both) > 1 and rng.integers(2):
        groups = pick(rng, both[1:])
        other = np.arange(outputs)[:, None] * groups // outputs != np.arange(channels) * groups // channels
        return np.broadcast_to(other[:, None, None], (outputs, kernel, kernel, channels))
    block = pick(rng, divisors(channels))
    empty = rng.random((kernel, kernel, channels // block)) < float(rng.choice([0.3, 0.6, 0.9, 1.0]))
    return np.broadcast_to(np.repeat(empty, block, axis=2), (outputs, kernel, kernel, channels))
