"""Every kernel against the goldens, in both of its forms: the fast one and the one that is synthesized, bit for bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.hw import random_ops as ro
from tests.hw.hls.kernel_bench import KernelBench, frames
from xnorsr.hw.ops.base import Op
from xnorsr.hw.ops.conv import Conv
from xnorsr.hw.types import StreamType

SEED = 20240607
FORMS = pytest.mark.parametrize("bit_true", [False, True], ids=["fast", "bit-true"])


def _size(rng: np.random.Generator, height: int, width: int, channels: int, bits: int, signed: bool) -> StreamType:
    return StreamType(height, width, channels, bits, signed, 0)


def _check(ops: dict[str, Op], folder: Path, bit_true: bool) -> None:
    bench = KernelBench(ops, folder, bit_true)
    rng = np.random.default_rng(SEED)
    for name, op in ops.items():
        for n, inputs in enumerate(frames(op, rng)):
            for got, want in zip(bench.run(name, *inputs), op.execute(*inputs), strict=True):
                np.testing.assert_array_equal(got, want, f"{name}, frame {n}: {op}")


def _convolutions() -> dict[str, Op]:
    rng = np.random.default_rng(SEED)
    ops: dict[str, Op] = {}
    # Bipolar input. Frames smaller than the kernel, one pixel, one line, one column; every padding; one channel and
    # 65 (one more than a machine word); slices that cut through a tap (SIMD 15 of 5 channels x 9).
    for n, (k, c, o, h, w, pad, pe, simd) in enumerate([
        (3, 5, 6, 5, 4, 0, 3, 15), (3, 5, 6, 5, 4, 0, 6, 45), (3, 5, 6, 5, 4, 1, 2, 9), (3, 5, 6, 4, 5, -1, 1, 1),
        (1, 65, 4, 3, 3, 0, 2, 13), (3, 65, 3, 3, 3, 0, 3, 65), (3, 64, 8, 4, 3, 0, 4, 64), (5, 3, 2, 1, 7, 0, 2, 25),
        (5, 2, 9, 7, 1, 1, 3, 10), (9, 1, 2, 3, 3, 0, 1, 27), (9, 2, 2, 3, 3, -1, 2, 18), (7, 3, 1, 1, 1, 0, 1, 49),
    ]):  # fmt: skip
        kind = ro.bipolar_stream(rng, c, (h, w))
        ops[f"xnor{n}"] = ro.make_conv(rng, kind, o, k, binary=True, pe=pe, simd=simd, pad_value=pad)
    # Binary weights on n bits, n = 1 to 8, signed and not.
    for n, (k, c, o, bits, signed, pe, simd) in enumerate([
        (3, 5, 6, 1, False, 2, 9), (3, 5, 6, 2, True, 3, 45), (3, 5, 6, 3, False, 6, 15), (3, 66, 3, 4, True, 1, 27),
        (1, 7, 4, 5, False, 4, 7), (5, 2, 3, 6, True, 3, 5), (3, 4, 2, 8, False, 2, 12), (3, 4, 2, 8, True, 1, 36),
    ]):  # fmt: skip
        kind = _size(rng, 3, 5, c, bits, signed)
        ops[f"planes{n}"] = ro.make_conv(rng, kind, o, k, binary=True, pe=pe, simd=simd)
    # Multiply-accumulate: pixels into a head of K = 9, few and many outputs (two loop orders), bipolar with padding.
    for n, (k, c, o, bits, signed, pe, simd) in enumerate([
        (9, 3, 4, 8, False, 2, 27), (3, 3, 20, 8, False, 5, 9), (3, 12, 3, 12, True, 3, 12), (1, 5, 4, 16, True, 1, 5),
        (3, 2, 17, 17, True, 17, 3), (5, 1, 1, 20, False, 1, 25),
    ]):  # fmt: skip
        kind = _size(rng, 4, 3, c, bits, signed)
        ops[f"mac{n}"] = ro.make_conv(rng, kind, o, k, binary=False, pe=pe, simd=simd)
    for pad in (0, 1, -1):
        kind = ro.bipolar_stream(rng, 4, (3, 4))
        ops[f"mac_bipolar{pad + 1}"] = ro.make_conv(rng, kind, 2, 3, binary=False, pe=2, simd=12, pad_value=pad)
    return ops


@pytest.mark.slow
@FORMS
def test_convolution(tmp_path: Path, bit_true: bool) -> None:
    _check(_convolutions(), tmp_path, bit_true)


@pytest.mark.slow
@FORMS
def test_foldings_give_the_same_codes(tmp_path: Path, bit_true: bool) -> None:
    # One binary and one fixed layer under every kind of folding: none, all, each alone, both.
    rng = np.random.default_rng(SEED + 1)
    base: dict[str, Conv] = {
        "binary": ro.make_conv(rng, ro.bipolar_stream(rng, 6, (4, 5)), 4, 3, binary=True, pe=1, simd=1),
        "fixed": ro.make_conv(rng, _size(rng, 4, 5, 6, 5, True), 4, 3, binary=False, pe=1, simd=1),
    }
    folds = [(1, 1), (4, 54), (4, 1), (1, 54), (2, 27), (2, 4 * 54 // 24)]
    ops: dict[str, Op] = {
        f"{n}_{pe}_{simd}": op.replace(pe=pe, simd=simd) for n, op in base.items() for pe, simd in folds
    }
    bench = KernelBench(ops, tmp_path, bit_true)
    for name, op in base.items():
        for inputs in frames(op, rng):
            (want,) = op.execute(*inputs)
            for pe, simd in folds:
                (got,) = bench.run(f"{name}_{pe}_{simd}", *inputs)
                np.testing.assert_array_equal(got, want)


def _pointwise() -> dict[str, Op]:
    rng = np.random.default_rng(SEED + 2)
    ops: dict[str, Op] = {}
    for n in range(16):
        kind = ro.random_stream(rng, bits=int(rng.integers(2, 22)), channels=6)
        ops[f"affine{n}"] = ro.make_affine(rng, kind, pe=[0, 6, 3, 1][n % 4])
    # 255 levels go by bisection in the fast form too; the others count.
    for n, levels in enumerate([1, 1, 1, 3, 7, 2, 5, 15, 255]):
        ops[f"threshold{n}"] = ro.make_threshold(rng, ro.random_stream(rng), levels)
    for n, divisor in enumerate([1] * 6 + [3, 9, 25]):
        ops[f"residual{n}"] = ro.make_add(rng, divisor)
    return ops


@pytest.mark.slow
@FORMS
def test_affine_threshold_residual(tmp_path: Path, bit_true: bool) -> None:
    _check(_pointwise(), tmp_path, bit_true)


def _resizes() -> dict[str, Op]:
    rng = np.random.default_rng(SEED + 3)
    ops: dict[str, Op] = {}
    for n, (r, mode) in enumerate([(2, "CRD"), (2, "DCR"), (3, "CRD"), (3, "DCR"), (4, "CRD"), (5, "DCR")]):
        ops[f"shuffle{n}"] = ro.make_shuffle(rng, r, mode)
    for n, (r, mode) in enumerate([(r, m) for r in (2, 3, 4) for m in ("nearest", "bilinear")] + [(5, "bilinear")]):
        ops[f"upsample{n}"] = ro.make_resize(rng, r, mode)
    return ops


@pytest.mark.slow
@FORMS
def test_pixel_shuffle_and_upsample(tmp_path: Path, bit_true: bool) -> None:
    _check(_resizes(), tmp_path, bit_true)
