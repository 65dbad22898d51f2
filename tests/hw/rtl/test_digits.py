"""Fixed-point convolutions with constant weights and no DSP slice: the sums, and the unit that takes digits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.hw import random_ops as ro
from xnorsr.errors import UserError
from xnorsr.hw.ops.base import Op
from xnorsr.hw.ops.conv import Conv, digits
from xnorsr.hw.rtl import constant_sums
from xnorsr.hw.rtl.popcount import LEVELS
from xnorsr.hw.rtl.popcount_stages import assign
from xnorsr.hw.types import StreamType
from xnorsr.sim.benches.op_cases import case_of, run_cases, run_ops


@pytest.mark.parametrize("bits", [2, 4, 8, 12])
def test_signed_digits(bits: int) -> None:
    """They make the number, no two neighbours are other than 0, and no other signed digits are fewer."""
    values = np.arange(-(1 << (bits - 1)), 1 << (bits - 1))
    made = constant_sums.signed_digits(values)
    np.testing.assert_array_equal((made << np.arange(len(made))[:, None]).sum(0), values)
    assert set(np.unique(made)) <= {-1, 0, 1} and not (made[1:] * made[:-1]).any()
    fewest = {0: 0}  # over all signed digits, by the number of them
    for count in range(1, bits):
        for known in list(fewest):
            for digit in range(bits + 1):
                for sign in (1, -1):
                    fewest.setdefault(known + (sign << digit), count)
    assert np.abs(made).sum(0).tolist() == [fewest[v] for v in values.tolist()]


@pytest.mark.parametrize("digit", [1, 2, 3, 5])
@pytest.mark.parametrize(("outputs", "inputs", "bits"), [(1, 1, 2), (3, 7, 8), (4, 45, 8), (2, 90, 4)])
def test_structures_add_up(digit: int, outputs: int, inputs: int, bits: int) -> None:
    """Random inputs and both ends of the range, for random weights, the largest, and none; within two LUT levels."""
    rng = np.random.default_rng(digit)
    top = 1 << (bits - 1)
    for weights in (
        rng.integers(-top, top, (outputs, inputs)),
        rng.choice([-top, top - 1], (outputs, inputs)),
        np.full((outputs, inputs), -top),
        np.zeros((outputs, inputs), np.int64),
    ):
        width = constant_sums.sum_bits(weights, digit)
        net = constant_sums.build(weights, digit, width)
        u = rng.integers(0, 1 << digit, (40, inputs))
        u[0], u[1] = 0, (1 << digit) - 1
        # The greatest and the least sum of each output
        u[2 : 2 + outputs] = np.where(weights > 0, (1 << digit) - 1, 0)
        u[10 : 10 + outputs] = np.where(weights < 0, (1 << digit) - 1, 0)
        found = net.evaluate((u[:, :, None] >> np.arange(digit) & 1).reshape(len(u), -1))
        signed = found - ((found >> (width - 1)) << width)
        np.testing.assert_array_equal(signed, u @ weights.T)
        for entry in (0, 1):
            staging = assign(net, LEVELS, entry)
            assert staging.worst[0] <= LEVELS and staging.worst[1] <= 1
            assert staging.count == constant_sums.stages(weights, digit, entry)


def test_too_few_stages_are_refused() -> None:
    weights = np.arange(1, 61).reshape(2, 30)
    needed = constant_sums.stages(weights, 2, 0)
    assert f"in {needed + 1} stages" in constant_sums.generate(weights, 2, "sums", needed + 1, 0)
    with pytest.raises(UserError, match=rf"in {needed - 1} register stages: this structure needs {needed}"):
        constant_sums.generate(weights, 2, "sums", needed - 1, 0)


SHAPES = [  # bits, signed, kernel, channels, outputs, digit
    (8, False, 3, 3, 5, 2), (9, True, 3, 4, 3, 3), (9, True, 3, 2, 4, 2), (8, False, 3, 2, 3, 8), (5, True, 1, 6, 4, 5),
    (7, True, 3, 2, 2, 1), (6, False, 1, 9, 3, 4), (2, True, 5, 1, 2, 1), (12, True, 1, 4, 2, 5),
]  # fmt: skip


def _convolutions(rng: np.random.Generator) -> list[Conv]:
    made = []
    for bits, signed, kernel, channels, outputs, digit in SHAPES:
        kind = StreamType(4, 5, channels, bits, signed, 0)
        synapses = kernel * kernel * channels
        op = ro.make_conv(rng, kind, outputs, kernel, binary=False, pe=outputs, simd=synapses)
        made.append(op.replace(digit=digit))
    return made


@pytest.mark.eda
def test_the_unit(tmp_path: Path) -> None:
    """Codes, latency and interval, with pauses and resets; taps outside, biases, digits that do not divide."""
    seed = 31
    ops: dict[str, Op] = {f"digits{n}": op for n, op in enumerate(_convolutions(np.random.default_rng(seed)))}
    run_ops(ops, tmp_path / "bench", seed)


@pytest.mark.eda
def test_what_is_synthesized(tmp_path: Path) -> None:
    """The structures give the same codes in the same cycles."""
    seed = 32
    rng = np.random.default_rng(seed)
    convolutions = _convolutions(rng)
    ops: dict[str, Op] = {f"digits{n}": op for n, op in enumerate(convolutions)}
    ids = {name: n for n, name in enumerate(ops)}
    text = digits.text(dict(enumerate(convolutions)))
    cases = [case_of(name, op, rng) for name, op in ops.items()]
    run_cases(cases, tmp_path / "bench", seed, ops=ops, text=text, indices=ids, defines={"SYNTHESIS": 1})


@pytest.mark.parametrize(
    ("pe", "simd", "digit"),
    [(6, 100, 8), (3, 100, 4), (2, 100, 3), (6, 25, 2), (1, 100, 2), (6, 20, 2), (3, 25, 1), (1, 1, 1)],
)
def test_the_digit_keeps_the_cycles(pe: int, simd: int, digit: int) -> None:
    """As few bits a cycle as leave the layer no slower than its folding; with one bit it may be faster."""
    kind = StreamType(4, 5, 100, 8, False, 0)
    op = ro.make_conv(np.random.default_rng(1), kind, 6, 1, binary=False, pe=pe, simd=simd)
    chosen = op.constant_weights()
    assert isinstance(chosen, Conv) and chosen.digit == digit
    assert chosen.timing("rtl").interval <= op.timing("rtl").interval
    slower = chosen.replace(digit=max(digit - 1, 1)).timing("rtl").interval
    assert digit == 1 or slower > op.timing("rtl").interval
    assert chosen.constant_weights() is None and chosen.cost().dsp == 0


def test_who_has_no_digits() -> None:
    """Binary weights and inputs of one bit have engines of their own; padding other than 0 comes with the latter."""
    rng = np.random.default_rng(2)
    one = ro.make_conv(rng, StreamType(4, 5, 3, 1, False, 0), 2, 3, binary=False, pe=1, simd=1)
    bipolar = ro.make_conv(rng, ro.bipolar_stream(rng, 3), 2, 3, binary=False, pe=1, simd=1, pad_value=1)
    assert one.constant_weights() is None and bipolar.constant_weights() is None
