"""The modules that operators become, against the goldens, through the layers that the emitter writes.

Each test compiles one model with all its parameter sets and plays random frames (full range, then the ends of the
range only) without pauses, with random ones, without more input, and with a reset inside a frame. Latency and interval
must be what the schedule counts on.
"""

from pathlib import Path

import numpy as np
import pytest

from tests.hw import random_ops as ro
from xnorsr.hw.ops.base import Op
from xnorsr.hw.ops.conv import Conv
from xnorsr.hw.ops.conv.popcounts import popcounts_text
from xnorsr.hw.ops.conv.products import choose
from xnorsr.hw.types import StreamType
from xnorsr.sim.benches.op_cases import case_of, run_cases, run_ops

pytestmark = pytest.mark.eda


def _fixed(height: int, width: int, channels: int, bits: int, signed: bool) -> StreamType:
    return StreamType(height, width, channels, bits, signed, 0)


def test_binary_convolution(tmp_path: Path) -> None:
    # Foldings: none, each alone, both, down to one bit a cycle; channels that are no power of two; every padding;
    # slices that cut through a tap (SIMD 10 of 5 channels x 9); K = 1 has no border.
    seed = 1
    rng = np.random.default_rng(seed)
    shapes = [  # kernel, channels, outputs, pe, simd, padding
        (3, 5, 6, 6, 45, 0), (3, 5, 6, 2, 45, 0), (3, 5, 6, 6, 9, 0), (3, 4, 6, 3, 12, 0), (3, 2, 3, 1, 1, 0),
        (3, 5, 4, 4, 45, 1), (3, 5, 4, 2, 15, -1), (1, 12, 6, 3, 4, 0), (1, 12, 6, 6, 12, 0), (5, 2, 4, 2, 10, 0),
        (3, 10, 2, 1, 10, 0), (3, 32, 4, 4, 288, 0),
    ]  # fmt: skip
    ops: dict[str, Op] = {}
    for n, (kernel, channels, outputs, pe, simd, pad) in enumerate(shapes):
        kind = ro.bipolar_stream(rng, channels)
        ops[f"binary{n}"] = ro.make_conv(rng, kind, outputs, kernel, binary=True, pe=pe, simd=simd, pad_value=pad)
    run_ops(ops, tmp_path / "bench", seed)


def test_bit_plane_convolution(tmp_path: Path) -> None:
    # Widths 2 to 8, and 1 that is not bipolar; the sign plane is negative.
    seed = 2
    rng = np.random.default_rng(seed)
    shapes = [  # bits, signed, pe, simd of 6 outputs and 4 channels x 9
        (2, False, 6, 36), (2, True, 6, 36), (4, True, 2, 12), (4, False, 3, 36), (8, True, 6, 6), (8, False, 1, 4),
        (1, False, 2, 9),
    ]  # fmt: skip
    ops: dict[str, Op] = {
        f"planes{n}": ro.make_conv(rng, _fixed(3, 5, 4, bits, signed), 6, 3, binary=True, pe=pe, simd=simd)
        for n, (bits, signed, pe, simd) in enumerate(shapes)
    }
    run_ops(ops, tmp_path / "bench", seed)


def test_popcount_structures(tmp_path: Path) -> None:
    """What is synthesized instead of $countones gives the same codes in the same cycles."""
    seed = 9
    rng = np.random.default_rng(seed)
    convolutions: list[Conv] = []
    for pe, simd in ((6, 45), (2, 45), (2, 9), (6, 45)):  # constant, from ROMs, and constant once more
        kind = ro.bipolar_stream(rng, 5)
        convolutions.append(ro.make_conv(rng, kind, 6, 3, binary=True, pe=pe, simd=simd))
    for pe, simd in ((6, 36), (3, 12)):
        kind = _fixed(3, 4, 4, 3, True)
        convolutions.append(ro.make_conv(rng, kind, 6, 3, binary=True, pe=pe, simd=simd))
    ops: dict[str, Op] = {f"popcount{n}": op for n, op in enumerate(convolutions)}
    cases = [case_of(name, op, rng) for name, op in ops.items()]
    text = popcounts_text(dict(enumerate(convolutions)))
    ids = {name: n for n, name in enumerate(ops)}
    run_cases(cases, tmp_path / "bench", seed, ops=ops, text=text, indices=ids, defines={"SYNTHESIS": 1})


def test_fixed_convolution(tmp_path: Path) -> None:
    # Head (unsigned pixels, K = 9 on a smaller frame), tail (signed), a bipolar input with every padding, 1x1.
    seed = 3
    rng = np.random.default_rng(seed)
    ops: dict[str, Op] = {}
    shapes = [  # kernel, channels, bits, signed, outputs, pe, simd
        (3, 3, 8, False, 4, 4, 27), (3, 3, 8, False, 4, 2, 9), (9, 1, 8, False, 2, 2, 81), (3, 4, 6, True, 3, 1, 4),
        (3, 4, 6, True, 3, 3, 36), (1, 5, 7, True, 4, 2, 5), (1, 1, 8, False, 2, 2, 1), (3, 2, 5, True, 4, 4, 1),
    ]  # fmt: skip
    for n, (kernel, channels, bits, signed, outputs, pe, simd) in enumerate(shapes):
        kind = _fixed(4, 5, channels, bits, signed)
        ops[f"fixed{n}"] = ro.make_conv(rng, kind, outputs, kernel, binary=False, pe=pe, simd=simd)
    for pad in (0, 1, -1):
        kind = ro.bipolar_stream(rng, 4)
        ops[f"bipolar{pad + 1}"] = ro.make_conv(
            rng, kind, 2, 3, binary=False, pe=2, simd=12 if pad else 36, pad_value=pad
        )
    run_ops(ops, tmp_path / "bench", seed)


def test_products_in_slices(tmp_path: Path) -> None:
    """Weights and activations at the ends of their ranges: two products per slice, one, and none."""
    seed = 10
    rng = np.random.default_rng(seed)
    shapes = [  # bits, signed, weights, outputs, pe, simd of 18, bits of a slice's wide factor, shift, chain
        (9, True, (-128, 127), 4, 4, 9, 27, 18, 3), (9, True, (-127, 127), 3, 3, 18, 27, 19, 8),
        (8, False, (-127, 127), 6, 2, 18, 25, 17, 2), (8, False, (-128, 127), 2, 1, 18, 25, 0, 8),
        (8, False, (-128, 127), 2, 2, 6, 25, 16, 1), (14, True, (-128, 127), 2, 2, 3, 27, 0, 3),
        (17, False, (-1024, 1023), 2, 2, 1, 25, 0, 1), (28, True, (-8, 7), 3, 3, 18, 27, 0, 0),
        (5, False, (-64, 63), 4, 2, 2, 27, 0, 0), (12, True, (-4, 3), 3, 3, 9, 27, 23, 8),
        (20, True, (-8, 7), 2, 2, 9, 25, 0, 8),
    ]  # fmt: skip
    ops: dict[str, Op] = {}
    for n, (bits, signed, ends, outputs, pe, simd, width, shift, chain) in enumerate(shapes):
        kind = _fixed(3, 4, 2, bits, signed)
        op = ro.make_conv(rng, kind, outputs, 3, binary=False, pe=pe, simd=simd, ends=ends).replace(dsp_width=width)
        made_with = choose(op)
        assert (made_with.shift, made_with.chain) == (shift, chain)
        ops[f"slices{n}"] = op
    run_ops(ops, tmp_path / "bench", seed)


def test_affine(tmp_path: Path) -> None:
    # Which parts are there is random; channels a cycle: all, a divisor, one.
    seed = 4
    rng = np.random.default_rng(seed)
    ops: dict[str, Op] = {}
    for n in range(24):
        kind = ro.random_stream(rng, channels=6)
        op = ro.make_affine(rng, kind, pe=int(rng.choice([0, 0, 6, 3, 2, 1])))
        ops[f"affine{n}"] = op.replace(logic_levels=2 + n % 3)
    run_ops(ops, tmp_path / "bench", seed, frames=3)


def test_threshold(tmp_path: Path) -> None:
    seed = 5
    rng = np.random.default_rng(seed)
    levels = [1, 1, 1, 1, 3, 7, 15, 2, 15, 31, 255, 100]
    ops: dict[str, Op] = {
        f"threshold{n}": ro.make_threshold(rng, ro.random_stream(rng), count).replace(logic_levels=2 + n % 3)
        for n, count in enumerate(levels)
    }
    run_ops(ops, tmp_path / "bench", seed, frames=3)


def test_residual(tmp_path: Path) -> None:
    seed = 6
    rng = np.random.default_rng(seed)
    ops: dict[str, Op] = {f"residual{n}": ro.make_add(rng, d) for n, d in enumerate([1] * 10 + [3, 9, 25])}
    run_ops(ops, tmp_path / "bench", seed, frames=3)


def test_pixel_shuffle(tmp_path: Path) -> None:
    seed = 7
    rng = np.random.default_rng(seed)
    shapes = [(2, "CRD"), (2, "DCR"), (3, "CRD"), (3, "DCR"), (4, "CRD"), (2, "CRD"), (5, "DCR")]
    ops: dict[str, Op] = {f"shuffle{n}": ro.make_shuffle(rng, r, mode) for n, (r, mode) in enumerate(shapes)}
    run_ops(ops, tmp_path / "bench", seed)


def test_upsample(tmp_path: Path) -> None:
    seed = 8
    rng = np.random.default_rng(seed)
    shapes = [(r, mode) for r in (2, 3, 4) for mode in ("nearest", "bilinear", "bilinear")]
    shapes += [(r, "bilinear") for r in (5, 6, 7, 8, 8)]
    ops: dict[str, Op] = {
        f"upsample{n}": ro.make_resize(rng, r, mode).replace(logic_levels=2 + n % 3)
        for n, (r, mode) in enumerate(shapes)
    }
    run_ops(ops, tmp_path / "bench", seed)
