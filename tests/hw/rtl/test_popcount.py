"""Popcount structures: netlists against NumPy, SystemVerilog against $countones, border constants against sums."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.hw.rtl.popcount_proof import ONE, proved
from xnorsr import tools
from xnorsr.errors import UserError
from xnorsr.hw.rtl import popcount, popcount_columns
from xnorsr.hw.rtl.popcount_columns import Chain, Columns
from xnorsr.hw.rtl.popcount_net import Gate, Match, Netlist
from xnorsr.hw.rtl.popcount_sharing import plan_cost
from xnorsr.sim import verilate

STRUCTURES = [style for style in popcount.STYLES if style != "loop"]
# One input, one output; sizes around the blocks' 3, 5, 6 and 7 bits; outputs not multiples of a batch.
SIZES = [(1, 1), (1, 2), (1, 7), (2, 6), (3, 13), (5, 36), (16, 31), (9, 100), (17, 65)]


def random_bits(seed: int, *shape: int) -> np.ndarray:
    """0/1 of a shape."""
    return np.random.default_rng(seed).integers(0, 2, shape)


def stimuli(inputs: int, seed: int) -> np.ndarray:
    """Random vectors, and those with all counts' extremes: all 0, all 1, single bits."""
    single = np.eye(inputs, dtype=np.int64)[:: max(inputs // 8, 1)]
    return np.vstack(
        [np.zeros((1, inputs), np.int64), np.ones((1, inputs), np.int64), single, random_bits(seed, 60, inputs)]
    )


@pytest.mark.slow
@pytest.mark.parametrize("style", STRUCTURES)
@pytest.mark.parametrize(("outputs", "inputs"), SIZES)
def test_structures_count(style: str, outputs: int, inputs: int) -> None:
    weights = random_bits(outputs + inputs, outputs, inputs)
    x = stimuli(inputs, 1)
    x = np.vstack([x, weights, 1 - weights])  # counts of all inputs and of none
    counted = popcount.build(weights, style).evaluate(x)
    expected = (x[:, None, :] == weights[None]).sum(axis=2)
    np.testing.assert_array_equal(counted, expected)
    np.testing.assert_array_equal(popcount.reference(weights, x), expected)


@pytest.mark.parametrize("style", STRUCTURES)
@pytest.mark.parametrize("fill", [0, 1])
def test_constant_rows(style: str, fill: int) -> None:
    weights = np.full((6, 40), fill)
    weights[1, ::2] ^= 1  # half of it agrees with the others
    x = stimuli(40, 2)
    np.testing.assert_array_equal(popcount.build(weights, style).evaluate(x), popcount.reference(weights, x))


@pytest.mark.slow
def test_large_matrix_is_small() -> None:
    # All places of the chains, carry-outs too; 0.9 a MAC without sharing. LUT figures: benchmarks/popcount_luts.
    weights = random_bits(3, 16, 288)
    net = popcount.build(weights)
    x = stimuli(288, 3)
    np.testing.assert_array_equal(net.evaluate(x), popcount.reference(weights, x))
    assert plan_cost(net) / weights.size < 0.33


def test_no_line_is_too_long_for_a_tool() -> None:
    """Verilator takes 40,000 tokens on a line; the registers of a wide structure were one."""
    weights = random_bits(3, 8, 96)
    text = popcount.generate(weights, "wide", pipeline=popcount.constant_stages(96, 8))
    registers = [line for line in text.splitlines() if "pipe1_q" in line]
    assert len(registers) > 12
    assert max(map(len, text.splitlines())) < 1000


@pytest.mark.parametrize("seed", range(12))
def test_columns_add_up(seed: int) -> None:
    """Any heap of bits, with inverted and constant ones, at any rate, to one bit a column."""
    rng = np.random.default_rng(seed)
    net = Netlist([f"x[{i}]" for i in range(40)])
    width = 9
    columns = Columns(net, width)
    x = random_bits(seed, 50, 40)
    expected = np.zeros(50, np.int64)
    for i in range(40):
        weight, inverted = int(rng.integers(0, width)) // 2, int(rng.integers(0, 2))
        columns.add(weight, net.input(i) ^ inverted)
        expected += (x[:, i] ^ inverted) << weight
    for weight in range(width):
        if rng.integers(0, 2):
            columns.add(weight, 1)
            expected += 1 << weight
    columns.compress(float(rng.choice([0.9, 1.0, 1.3, 9.0])), finish=True)
    assert columns.height() <= 1
    net.outputs = [[column[0] if column else 0 for column in columns.bits]]
    np.testing.assert_array_equal(net.evaluate(x)[:, 0], expected % (1 << width))


@pytest.mark.parametrize("style", ["auto", "tree"])
@pytest.mark.parametrize(("outputs", "inputs"), [(1, 1), (2, 5), (3, 48), (1, 144)])
def test_variable_weights(style: str, outputs: int, inputs: int) -> None:
    weights = random_bits(4, 40, outputs, inputs)
    x = random_bits(5, 40, inputs)
    counted = popcount.build_variable(inputs, outputs, style).evaluate(np.hstack([x, weights.reshape(40, -1)]))
    np.testing.assert_array_equal(counted, (x[:, None, :] == weights).sum(axis=2))


@pytest.mark.slow
def test_same_bytes_each_time() -> None:
    weights = random_bits(8, 10, 50)
    texts = {popcount.generate(weights, "twice", pipeline=7) for _ in range(2)}
    assert len(texts) == 1
    assert popcount.generate(1 - weights, "twice", pipeline=7) not in texts


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: popcount.generate(np.array([[0, 2]]), "m"), "matrix (outputs, inputs) of 0/1, got shape (1, 2)"),
        (lambda: popcount.generate(np.zeros((0, 4)), "m"), "matrix (outputs, inputs) of 0/1, got shape (0, 4)"),
        (lambda: popcount.generate(np.ones((1, 4)), "m", "best"), "unknown popcount style 'best'; allowed: auto"),
        (lambda: popcount.generate(np.ones((1, 4)), "m", pipeline=-1), "0 or more register stages, got -1"),
        (
            lambda: popcount.generate_variable(288, 1, "m", pipeline=2),
            "of 2 register stages: this structure needs 6, or",
        ),
        (lambda: popcount.generate_variable(0, 1, "m"), "at least 1 input and 1 output, got 0 and 1"),
        (lambda: popcount.generate_variable(4, 1, "m", "cse"), "'cse' is not for variable weights"),
    ],
)
def test_bad_input(call: object, words: str) -> None:
    with pytest.raises(UserError) as caught:
        call()  # type: ignore[operator]
    assert words in str(caught.value)


PROVED = [(1, 1), (1, 36), (3, 13), (8, 72), (16, 144), (9, 288)]


@pytest.mark.slow
@pytest.mark.parametrize("style", ["auto", "alike"])
@pytest.mark.parametrize(("outputs", "inputs"), PROVED)
def test_constant_structures_are_right_for_every_input(
    monkeypatch: pytest.MonkeyPatch, style: str, outputs: int, inputs: int
) -> None:
    """By algebra: simulations draw some inputs, and random ones never come near the ends of the range."""
    weights = random_bits(inputs, outputs, inputs)
    words = proved(monkeypatch, lambda: popcount.build(weights, style))
    size = 1 << popcount.count_bits(inputs)
    for row, word in zip(weights, words, strict=True):
        form = {frozenset([i + 1]): 1 if bit else size - 1 for i, bit in enumerate(row)}  # x where 1, 1 - x where 0
        constant = {ONE: int((row == 0).sum())} if (row == 0).any() else {}
        assert word == {**form, **constant}


@pytest.mark.parametrize(("outputs", "inputs"), [(1, 1), (2, 9), (1, 144), (1, 577)])
def test_variable_structures_are_right_for_every_input(
    monkeypatch: pytest.MonkeyPatch, outputs: int, inputs: int
) -> None:
    nets: list[Netlist] = []

    def make() -> Netlist:
        nets.append(popcount.build_variable(inputs, outputs))
        return nets[-1]

    words = proved(monkeypatch, make)
    xors = {gate.ins: gate.out for gate in nets[0].nodes if isinstance(gate, Gate)}
    matches = {match.x + match.w: match.outs for match in nets[0].nodes if isinstance(match, Match)}
    for output, word in enumerate(words):
        pairs = [(nets[0].input(i), nets[0].input(inputs * (output + 1) + i)) for i in range(inputs)]
        counted: dict[frozenset[int], int] = {}
        for first in range(0, inputs - 2, 3):  # as many of three as there are
            x, w = zip(*pairs[first : first + 3], strict=True)
            counted |= {frozenset([out]): 1 << k for k, out in enumerate(matches[x + w])}
        for pair in pairs[inputs - inputs % 3 :]:  # one less the exclusive or
            counted[frozenset([xors[pair]])] = (1 << popcount.count_bits(inputs)) - 1
            counted[ONE] = counted.get(ONE, 0) + 1
        assert word == counted


def test_a_wrong_structure_is_not_proved(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compressors that lose something, which few of the drawn inputs would show."""
    weights = random_bits(5, 4, 72)
    monkeypatch.setattr(Chain, "most", property(lambda self: 0))  # no carry comes out of any chain
    with pytest.raises(AssertionError, match=r"a carry worth \d+ is dropped below 2\*\*7"):
        proved(monkeypatch, lambda: popcount.build(weights, "slices"))
    monkeypatch.undo()
    monkeypatch.setitem(popcount_columns._LUT_ROOM, "T2", (3, 5))  # sums of up to 5 in two bits
    with pytest.raises(AssertionError, match=r"too much|not kept"):
        proved(monkeypatch, lambda: popcount.build(weights, "slices"))


BENCH = """
module bench (
  input logic clk_i, input logic en_i, input logic [{x}:0] x_i, input logic [{w}:0] w_i, output logic [15:0] bad_o
);
  logic [{c}:0] fast0, slow0, fast1, slow1, fast2, slow2;
  constant0 #(.Structure(0)) u_fast0 (.x_i, .count_o(fast0));
  constant0 #(.Structure(1)) u_slow0 (.x_i, .count_o(slow0));
  constant8 #(.Structure(0)) u_fast1 (.clk_i, .en_i, .x_i, .count_o(fast1));
  constant8 #(.Structure(1)) u_slow1 (.clk_i, .en_i, .x_i, .count_o(slow1));
  variable5 #(.Structure(0)) u_fast2 (.clk_i, .en_i, .x_i, .w_i, .count_o(fast2));
  variable5 #(.Structure(1)) u_slow2 (.clk_i, .en_i, .x_i, .w_i, .count_o(slow2));
  assign bad_o = 16'({{fast0 != slow0, fast1 != slow1, fast2 != slow2}});
endmodule
"""

MAIN = """
#include "Vbench.h"
#include <cstdio>
#include <cstdlib>
int main() {{
  Vbench top;
  srand({seed});
  unsigned bad = 0;
  for (int t = 0; t < 2000; t++) {{
    for (int k = 0; k < {x_words}; k++) top.x_i[k] = t % 50 == 0 ? 0 : rand() * 2654435761u ^ rand();
    for (int k = 0; k < {w_words}; k++) top.w_i[k] = t % 50 == 1 ? ~0u : rand() * 2654435761u ^ rand();
    top.x_i[{x_words} - 1] &= {x_mask};
    top.w_i[{w_words} - 1] &= {w_mask};
    top.en_i = rand() % 4 != 0;
    top.clk_i = 0;
    top.eval();
    top.clk_i = 1;
    top.eval();
    if (t >= 40) bad |= top.bad_o;  // registers are loaded by now
  }}
  printf("bad %u\\n", bad);
  return 0;
}}
"""


@pytest.mark.eda
def test_structure_equals_countones(tmp_path: Path) -> None:
    """Verilator, -Wall: both alternatives of each module, without and with registers, en_i at random."""
    outputs, inputs, seed = 6, 100, 11
    weights = random_bits(seed, outputs, inputs)
    modules = {
        "constant0": popcount.generate(weights, "constant0"),
        "constant8": popcount.generate(weights, "constant8", pipeline=8),
        "variable5": popcount.generate_variable(inputs, outputs, "variable5", pipeline=5),
    }
    for name, text in modules.items():
        (tmp_path / f"{name}.sv").write_text(text)
    width = popcount.count_bits(inputs)
    (tmp_path / "bench.sv").write_text(BENCH.format(x=inputs - 1, w=outputs * inputs - 1, c=outputs * width - 1))

    def words(bits: int) -> tuple[int, str]:
        return -(-bits // 32), hex((1 << (bits % 32 or 32)) - 1) + "u"

    (x_words, x_mask), (w_words, w_mask) = words(inputs), words(inputs * outputs)
    (tmp_path / "main.cpp").write_text(
        MAIN.format(seed=seed, x_words=x_words, x_mask=x_mask, w_words=w_words, w_mask=w_mask)
    )
    tool = tools.verilator()
    library = Path(popcount.__file__).parent / "lib"
    sources = [str(library / "xnorsr_match3.sv"), *(f"{name}.sv" for name in modules), "bench.sv", "main.cpp"]
    command = [str(tool.path), "--cc", "--exe", "--build", "-Wall", "-Wno-DECLFILENAME", "--top", "bench", *sources]
    environment = {**tool.environment(), **verilate._make_variables(tool, "-O0")}
    build = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert build.returncode == 0, build.stdout + build.stderr
    run = subprocess.run([tmp_path / "obj_dir" / "Vbench"], capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout == "bad 0\n"
