"""Sums of products with constant weights in look-up tables and carry chains: no multiplier, no DSP slice.

A weight is written with digits -1, 0 and 1, no two neighbours of them other than 0 (canonical signed digits: the
fewest). So each bit of an input is added, or its complement, in as many columns as the weight has digits, and the
columns are added up by the chains of the popcounts (`popcount_columns`). Of -v = ~v + 1 the ones are a constant.

Outputs whose weights are much alike, as those of three colours are, share sums: one is another one's and the sum with
the differences of their weights, a word each. Which is made from which is a minimum spanning tree, of no more than
`DEPTH` edges in a row, since each of them makes the structure deeper (da4ml does so with the columns of a matrix).
"""

from __future__ import annotations

import functools

import numpy as np

from ...errors import UserError
from .popcount import CONSTANT, KEPT, LEVELS
from .popcount_columns import Columns
from .popcount_net import Netlist
from .popcount_stages import assign
from .popcount_write import write_body

#: Sums that are made one from the other, at most.
DEPTH = 1
#: What a bit of the adder of two sums costs, in bits that are added.
ADDER = 1.25
#: More outputs are not compared with each other: that takes time by their square.
MOST_OUTPUTS = 128


def signed_digits(weights: np.ndarray) -> np.ndarray:
    """Canonical signed digits of integers: (digits, *weights.shape) of -1, 0 and 1, the lowest digit first."""
    rest, digits = np.asarray(weights, np.int64), []
    while np.any(rest):
        digit = np.where(rest & 1, 2 - (rest & 3), 0)
        digits.append(digit)
        rest = (rest - digit) >> 1
    return np.array(digits, np.int64).reshape(len(digits), *np.shape(weights))


def digit_count(weights: np.ndarray) -> np.ndarray:
    """Digits that are not 0, of each row of weights."""
    size = np.abs(np.asarray(weights, np.int64))
    return np.bitwise_count(size * 3 ^ size).sum(-1).astype(np.int64)


def added_bits(weights: np.ndarray, digit: int) -> int:
    """Bits that the structure adds up, for inputs of so many bits."""
    digits = digit_count(_differences(weights, _parents(weights, digit)))
    return int(digits.sum()) * digit


def _parents(weights: np.ndarray, digit: int) -> list[int]:
    """For each output the one whose sum is added to its own, -1 for none; by Prim's algorithm."""
    count = len(weights)
    parents, depth = [-1] * count, [0] * count
    if count > MOST_OUTPUTS:
        return parents
    best = digit_count(weights) * digit
    adder = int(ADDER * sum_bits(weights, digit))
    left = list(range(count))
    while left:
        chosen = min(left, key=lambda o: (int(best[o]), o))
        left.remove(chosen)
        depth[chosen] = 0 if parents[chosen] < 0 else depth[parents[chosen]] + 1
        if depth[chosen] < DEPTH:
            costs = digit_count(weights - weights[chosen]) * digit + adder
            for o in left:
                if costs[o] < best[o]:
                    best[o], parents[o] = costs[o], chosen
    return parents


def _differences(weights: np.ndarray, parents: list[int]) -> np.ndarray:
    """Weights less those of the output whose sum is added."""
    return np.stack([row - (weights[p] if p >= 0 else 0) for row, p in zip(weights, parents, strict=True)])


def sum_bits(weights: np.ndarray, digit: int) -> int:
    """Bits of two's complement that hold the sum of weight*u of each row for all u of so many bits."""
    most = (1 << digit) - 1
    high = int(np.where(weights > 0, weights, 0).sum(1).max()) * most
    low = int(np.where(weights < 0, weights, 0).sum(1).min()) * most
    return max(high.bit_length(), (~low).bit_length()) + 1


def build(weights: np.ndarray, digit: int, width: int) -> Netlist:
    """The netlist: inputs x_i[i][j], bit j of input i; one output word for each row of weights, modulo 2**width.

    Args:
        weights: (outputs, inputs), integers.
        digit: bits of an input, without a sign.
    """
    net = Netlist([f"x_i[{i}][{j}]" for i in range(weights.shape[1]) for j in range(digit)])
    parents = _parents(weights, digit)
    digits = signed_digits(_differences(weights, parents))
    words: dict[int, list[int]] = {}

    def word(o: int) -> list[int]:
        if o not in words:
            own = _sum(net, digits[:, o], digit, width)
            words[o] = net.adder(own, word(parents[o])) if parents[o] >= 0 else own
        return words[o]

    net.outputs = [word(o) for o in range(len(weights))]
    return net


def _sum(net: Netlist, digits: np.ndarray, digit: int, width: int) -> list[int]:
    """Bits of a sum, modulo 2**width, by the digits of its weights, (digits, inputs)."""
    columns, constant = Columns(net, width), 0
    for k, i in zip(*np.nonzero(digits), strict=True):
        negative = int(digits[k, i] < 0)
        for j in range(digit):
            columns.add(int(k) + j, net.input(int(i) * digit + j) ^ negative)
            constant -= negative << (int(k) + j)
    for w in range(width):
        if constant >> w & 1:
            columns.add(w, 1)
    columns.compress(1.0, finish=True)
    return [column[0] if column else 0 for column in columns.bits]


def stages(weights: np.ndarray, digit: int, entry: int) -> int:
    """Register stages that the structure needs, none with more than two LUT levels and one carry chain; at least 1.

    Args:
        entry: LUT levels in front of the inputs.
    """
    weights = np.ascontiguousarray(weights, np.int64)
    return _stages(weights.tobytes(), weights.shape, digit, entry)


@functools.lru_cache(maxsize=256)
def _stages(weights: bytes, shape: tuple[int, ...], digit: int, entry: int) -> int:
    made = np.frombuffer(weights, np.int64).reshape(shape)
    return assign(build(made, digit, sum_bits(made, digit)), LEVELS, entry).count


def generate(weights: np.ndarray, digit: int, name: str, latency: int, entry: int) -> str:
    """A module: sum_o[o] = sum over i of weights[o][i]*x_i[i], `latency` cycles of en_i = 1 behind x_i.

    Raises:
        UserError: fewer stages than the structure needs.
    """
    width = sum_bits(weights, digit)
    net = build(weights, digit, width)
    staging = assign(net, LEVELS, entry)
    if latency < staging.count:
        raise UserError(f"sums of constants in {latency} register stages: this structure needs {staging.count}")
    outputs, inputs = weights.shape
    lines = [
        f"// {outputs} sums of {inputs} inputs of {digit} bits times constant weights, in {latency} stages.",
        *KEPT,
        f"module {name} (",
        "  input  logic clk_i,",
        "  input  logic en_i,",
        f"  input  logic [{inputs - 1}:0][{digit - 1}:0] x_i,",
        f"  output logic [{outputs - 1}:0][{width - 1}:0] sum_o",
        ");",
        "  // Top positions of some chains bring no bit that is needed; inputs whose weights are all 0 neither.",
        "  /* verilator lint_off UNUSEDSIGNAL */",
        *write_body(net, staging, latency, "sum_o"),
        "  /* verilator lint_on UNUSEDSIGNAL */",
        "endmodule",
        "",
    ]
    return "\n".join(lines)


#: What structures are called in a project; a number follows. Synthesis maps them as popcounts with constant weights.
SUMS = f"{CONSTANT}_sums"
