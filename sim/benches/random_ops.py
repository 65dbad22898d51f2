"""Random operators for module and layer tests: parameters from the whole legal range, small enough to simulate fast."""

from __future__ import annotations

import numpy as np

from ...hw.graph.ops import Affine, Conv, PixelShuffle, Residual, Threshold, Upsample
from ...hw.types import Requant, StreamType, bits_for

Rng = np.random.Generator
Range = tuple[int, int]


def _stream(size: tuple[int, int], channels: int, kind: Range, frac: int = 0) -> StreamType:
    bits, signed = bits_for(*kind)
    return StreamType(*size, channels, bits, signed, frac)


def random_stream(rng: Rng, bits: int | None = None, channels: int | None = None) -> StreamType:
    """A fixed-point stream of a small frame."""
    bits = bits or int(rng.integers(2, 11))
    height, width = (int(n) for n in rng.integers(1, 9, 2))
    return StreamType(height, width, channels or int(rng.integers(1, 7)), bits, bool(rng.integers(2)), 0)


def bipolar_stream(rng: Rng, channels: int, size: tuple[int, int] | None = None) -> StreamType:
    """A bipolar stream of a small frame."""
    height, width = size or (int(n) for n in rng.integers(1, 9, 2))
    return StreamType(height, width, channels, 1, False, 0, bipolar=True)


def random_requant(rng: Rng, least: int, most: int, divisor: int = 1) -> Requant:
    """A requantization of values from least to most, which mostly saturates a little."""
    wide = max(abs(least), abs(most), 1).bit_length()
    shift = int(rng.integers(-2, max(wide - 1, -1)))
    bits, signed = int(rng.integers(2, 9)), bool(rng.integers(2))
    return Requant(shift, -(1 << (bits - 1)) if signed else 0, (1 << (bits - signed)) - 1, divisor)


def random_conv(
    rng: Rng, kind: StreamType, outputs: int, kernel: int, *, binary: bool, pe: int, simd: int, pad_value: int = 0
) -> Conv:
    """A convolution with random weights and, half of the time, a bias."""
    shape = (outputs, kernel, kernel, kind.channels)
    bits = 1 if binary else int(rng.integers(2, 9))
    weight = rng.integers(0, 2, shape) if binary else rng.integers(-(1 << (bits - 1)), 1 << (bits - 1), shape)
    bias = rng.integers(-40, 40, outputs) * int(rng.integers(2))
    values = np.abs(2 * weight - 1 if binary else weight).sum((1, 2, 3)).max()
    reach = int(values * (1 if kind.bipolar else max(-kind.lo, kind.hi)) + np.abs(bias).max())
    size = (kind.height, kind.width)
    out = _stream(size, outputs, (-max(reach, 1), max(reach, 1)))
    return Conv((kind,), out, weight, binary, bits, bias, pad_value, pe, simd)


def random_affine(rng: Rng, kind: StreamType, pe: int) -> Affine:
    """An affine with a random choice of parts."""
    c = kind.channels
    has = {part: bool(rng.integers(4)) for part in ("scale", "bias", "mid", "slope", "quant")}
    bits = {part: int(rng.integers(2, 10)) for part in ("scale", "bias", "slope") if has[part]}
    codes = {p: rng.integers(-(1 << (b - 1)), 1 << (b - 1), c) for p, b in bits.items()}
    frac = int(rng.integers(0, 6))
    reach = max(-kind.lo, kind.hi) * (1 << bits.get("scale", 1)) + (1 << bits.get("bias", 1))
    mid = random_requant(rng, -reach, reach) if has["mid"] else None
    reach = max(-mid.lo, mid.hi) if mid else reach
    reach = reach << max(frac, bits.get("slope", 0)) if has["slope"] else reach
    quant = random_requant(rng, -reach, reach) if has["quant"] else None
    out = _stream((kind.height, kind.width), c, (quant.lo, quant.hi) if quant else (-reach, reach))
    return Affine(
        (kind,), out, codes.get("scale"), codes.get("bias"), mid, codes.get("slope"), frac, quant, bits, pe=pe
    )


def random_threshold(rng: Rng, kind: StreamType, levels: int) -> Threshold:
    """Thresholds in ascending order, some never reached; one level makes a bipolar output."""
    c = kind.channels
    sign = rng.choice([-1, 1], c)
    reach = max(-kind.lo, kind.hi)
    thresholds = np.sort(rng.integers(-reach, reach + 1, (c, levels), endpoint=True), axis=1)
    base = 0 if levels == 1 else int(rng.integers(-levels, 1))
    size = (kind.height, kind.width)
    out = bipolar_stream(rng, c, size) if levels == 1 else _stream(size, c, (base, base + levels))
    return Threshold((kind,), out, thresholds, sign, base)


def random_residual(rng: Rng, divisor: int = 1) -> Residual:
    """Two streams of different types; with a divisor always a requantization."""
    a = random_stream(rng)
    bits, signed = int(rng.integers(2, 11)), bool(rng.integers(2))
    b = StreamType(a.height, a.width, a.channels, bits, signed, 0)
    shift_a, shift_b = (int(n) for n in rng.integers(0, 4, 2))
    least = (a.lo << shift_a) + (b.lo << shift_b)
    most = (a.hi << shift_a) + (b.hi << shift_b)
    quant = random_requant(rng, least, most, divisor) if divisor > 1 or rng.integers(2) else None
    out = _stream((a.height, a.width), a.channels, (quant.lo, quant.hi) if quant else (least, most))
    return Residual((a, b), out, shift_a, shift_b, quant)


def random_shuffle(rng: Rng, factor: int, mode: str) -> PixelShuffle:
    """A pixel shuffle of a small frame."""
    channels = int(rng.integers(1, 4))
    kind = random_stream(rng, channels=channels * factor**2)
    out = StreamType(kind.height * factor, kind.width * factor, channels, kind.bits, kind.signed, 0)
    return PixelShuffle((kind,), out, factor, mode)


def random_upsample(rng: Rng, factor: int, mode: str) -> Upsample:
    """A resize; one whose denominator is no power of two has a requantization."""
    kind = random_stream(rng, channels=int(rng.integers(1, 4)))
    quant, reach = None, (kind.lo, kind.hi)
    if mode == "bilinear":
        den = (2 * factor if factor % 2 == 0 else factor) ** 2
        odd = den
        while odd % 2 == 0:
            odd //= 2
        reach = (kind.lo * den, kind.hi * den)
        if odd > 1 or rng.integers(2):
            quant = random_requant(rng, *reach, odd)
            reach = (quant.lo, quant.hi)
    out = _stream((kind.height, kind.width), kind.channels * factor**2, reach)
    return Upsample((kind,), out, factor, mode, quant)
