"""Popcount structures that the chosen one is measured against, and those of variable weights."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...errors import UserError
from .popcount_columns import Columns
from .popcount_net import CONST0, Netlist, small_sum


def add_tree(net: Netlist, weights: np.ndarray, width: int) -> None:
    """Plain compressor tree for each output on its own: 6:3 counters, then 3:2, then one addition."""
    for row in weights:
        columns = Columns(net, width, len(row))
        for i, weight in enumerate(row):
            columns.add(0, net.input(i) ^ int(weight == 0))
        net.outputs.append(_reduce_63(net, columns))


def add_groups(net: Netlist, weights: np.ndarray, width: int, size: int = 6, counters: bool = True) -> None:
    """Groups of inputs aligned over the outputs, one count for each pair of opposite weight patterns.

    The count of the opposite pattern is size - c. For 6 inputs and 3 bits that is ~c - 1, for 3 inputs and 2 bits ~c.

    Args:
        size: inputs a group.
        counters: add the groups' counts with 6:3 counters; otherwise with chains.
    """
    inputs = weights.shape[1]
    for row in weights:
        columns = Columns(net, width, None)
        constant = 0
        for start in range(0, inputs, size):
            bits = row[start : start + size]
            flip = bits[0] == 0  # the pattern whose first weight is 1 stands for both
            lits = [net.input(start + k) ^ int((bit == 0) != flip) for k, bit in enumerate(bits)]
            count = [_as_lut(net, lit) for lit in small_sum(net, [lits])]
            for k, lit in enumerate(count):
                columns.add(k, lit ^ int(flip))
            if flip:  # size - c = ~c + size - (2**bits - 1)
                constant += len(bits) - ((1 << len(count)) - 1)
        for k in range(width):
            if constant >> k & 1:
                columns.add(k, 1)
        if counters:
            net.outputs.append(_reduce_63(net, columns))
        else:
            columns.compress(1.0, True)
            net.outputs.append([column[0] if column else CONST0 for column in columns.bits])


def _as_lut(net: Netlist, lit: int) -> int:
    """Counts this literal as the end of a LUT."""
    if lit >> 1 in net.merged:
        net.merged.discard(lit >> 1)
        net.level[lit >> 1] += 1
    return lit


def add_groups_chains(net: Netlist, weights: np.ndarray, width: int) -> None:
    """Groups of three inputs (all four counts fit in two bits), counts added with chains."""
    add_groups(net, weights, width, 3, False)


def add_groups6_chains(net: Netlist, weights: np.ndarray, width: int) -> None:
    """Groups of six inputs, counts added with chains."""
    add_groups(net, weights, width, 6, False)


def add_slices(net: Netlist, weights: np.ndarray, width: int) -> None:
    """The chain compressors alone (12:5 slice halves first), nothing shared."""
    for row in weights:
        columns = Columns(net, width, len(row))
        for i, weight in enumerate(row):
            columns.add(0, net.input(i) ^ int(weight == 0))
        columns.compress(1.0, True)
        net.outputs.append([column[0] if column else CONST0 for column in columns.bits])


def add_alike(net: Netlist, weights: np.ndarray, width: int) -> None:
    """As `add_slices`, in a structure of the same depth whatever the weights are."""
    for row in weights:
        columns = Columns(net, width, len(row), alike=True)
        for i, weight in enumerate(row):
            columns.add(0, net.input(i) ^ int(weight == 0))
        columns.compress(1.0, True)
        net.outputs.append([column[0] if column else CONST0 for column in columns.bits])


def add_cse(net: Netlist, weights: np.ndarray, width: int) -> None:
    """Two-term common-subexpression elimination of the sign matrix, as da4ml does: the pair of terms u + v or u - v
    that most outputs use becomes a term, until no pair is used twice; the rest is added with chains.

    A term is a signed number: bits with weights, negative top weight, kept here as value + offset.
    """
    inputs = weights.shape[1]
    terms: list[tuple[list[int], int]] = [([net.input(i)], 0) for i in range(inputs)]  # value = bits - offset
    use = [2 * weights.T.astype(np.int64)[i] - 1 for i in range(inputs)]
    matrix = np.array(use)
    while True:
        pair = _best_pair(matrix)
        if pair is None:
            break
        u, v, sign = pair
        terms.append(_add_terms(net, terms[u], terms[v], sign))
        hit = (matrix[u] != 0) & (matrix[v] == sign * matrix[u])
        matrix = np.vstack([matrix, np.where(hit, matrix[u], 0)])
        matrix[u, hit] = 0
        matrix[v, hit] = 0
    for o, row in enumerate(weights):
        columns = Columns(net, width, None)
        constant = int((row == 0).sum())
        for (bits, offset), sign in zip(terms, matrix[:, o], strict=True):
            if sign == 0:
                continue
            constant -= int(sign) * offset
            for k, lit in enumerate(bits):
                columns.add(k, lit if sign > 0 else lit ^ 1)
            constant -= ((1 << len(bits)) - 1) if sign < 0 else 0
        for k in range(width):
            if constant >> k & 1:
                columns.add(k, 1)
        columns.compress(1.0, True)
        net.outputs.append([column[0] if column else CONST0 for column in columns.bits])


def _best_pair(matrix: np.ndarray) -> tuple[int, int, int] | None:
    """Terms (u, v) and the sign of v against u that most outputs share, at least four; None if there are none."""
    product = matrix @ matrix.T
    both = np.abs(matrix) @ np.abs(matrix).T
    same, opposite = (both + product) // 2, (both - product) // 2
    for table in (same, opposite):
        table[np.tril_indices(len(table))] = 0
    table = np.maximum(same, opposite)
    u, v = divmod(int(table.argmax()), len(table))
    if table[u, v] < 4:
        return None
    return u, v, 1 if same[u, v] >= opposite[u, v] else -1


def _add_terms(net: Netlist, u: tuple[list[int], int], v: tuple[list[int], int], sign: int) -> tuple[list[int], int]:
    """u + sign * v, where a term's value is its bits' value less an offset. -v is taken as ~v less its offset."""
    (u_bits, u_offset), (v_bits, v_offset) = u, v
    if sign < 0:
        v_offset = (1 << len(v_bits)) - 1 - v_offset
        v_bits = [lit ^ 1 for lit in v_bits]
    size = max(len(u_bits), len(v_bits))
    most = (1 << len(u_bits)) + (1 << len(v_bits)) - 2
    bits = most.bit_length()
    a = u_bits + [CONST0] * (bits - len(u_bits))
    b = v_bits + [CONST0] * (bits - len(v_bits))
    if size == 1:
        return [_as_lut(net, lit) for lit in small_sum(net, [[a[0], b[0]]])], u_offset + v_offset
    return net.adder(a, b), u_offset + v_offset


def _reduce_63(net: Netlist, columns: Columns) -> list[int]:
    """Rounds of 6:3 counters, then full adders, until two rows are left for one addition."""
    while columns.height() > 2:
        new: list[tuple[int, int]] = []
        size = 6 if columns.height() >= 6 else 3
        for w, column in enumerate(columns.bits):
            while len(column) >= size:
                bits = columns.take(w, size)
                sums = small_sum(net, [bits])
                new += [(w + k, _as_lut(net, lit)) for k, lit in enumerate(sums)]
        for w, lit in new:
            columns.add(w, lit)
        if not new:
            break
    sums = net.adder(*[[column[row] if len(column) > row else CONST0 for column in columns.bits] for row in (0, 1)])
    return sums


def add_variable(net: Netlist, inputs: int, outputs: int, width: int, style: str) -> None:
    """Variable weights: three XNORs and a full adder in two LUTs first, then chains ("auto") or 6:3 counters ("tree").

    Raises:
        UserError: unknown style.
    """
    if style not in ("auto", "tree"):
        raise UserError(f"popcount style '{style}' is not for variable weights; allowed: auto, tree, loop")
    for o in range(outputs):
        columns = Columns(net, width, inputs)
        pairs = [(net.input(i), net.input(inputs * (o + 1) + i)) for i in range(inputs)]
        while len(pairs) >= 3 and style == "auto":
            x, w = zip(*pairs[:3], strict=True)
            for k, lit in enumerate(net.match3(list(x), list(w))):
                columns.add(k, lit)
            pairs = pairs[3:]
        for pair in pairs:
            columns.add(0, _as_lut(net, net.gate("xor", list(pair)) ^ 1))
        if style == "tree":
            net.outputs.append(_reduce_63(net, columns))
            continue
        columns.compress(1.0, True)
        net.outputs.append([column[0] if column else CONST0 for column in columns.bits])


PLAIN_STYLES: dict[str, Callable[[Netlist, np.ndarray, int], None]] = {
    "tree": add_tree,
    "groups6": add_groups,
    "groups6_chains": add_groups6_chains,
    "groups3_chains": add_groups_chains,
    "slices": add_slices,
    "alike": add_alike,
    "cse": add_cse,
}
