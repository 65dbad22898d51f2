"""A proof that a popcount structure counts right for every input, not only for those that a simulation draws.

Compressors keep a sum: what goes into a heap of weighted bits and what is left of it after a round of carry chains have
the same value. `proved` watches the heaps (`Columns.compress`) while a structure is made, and shows for each of them by
algebra that

    sum of bits before * 2**weight  =  sum of bits after * 2**weight   (modulo 2**width).

A carry chain is one such equation, a full adder another (a + b + c = xor + 2 maj); both are rewritten backwards, as
multipliers are verified, with polynomials over bits (x * x = x). A carry that is dropped must not matter: what is
added is too small for one, or it is worth 2**width or more, or 2**top or more, where the heap holds less than 2**top by
its bound, and no other term is negative.
At last the output words, rewritten through the heaps, must be the count as a linear form of the inputs.

What is left to tests by simulation is the SystemVerilog text of gates and chains, and the 64 cases of xnorsr_match3.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest

from xnorsr.hw.rtl.popcount_columns import Columns
from xnorsr.hw.rtl.popcount_net import Adder, Gate, Match, Netlist

#: Polynomial: integer factor of each product of nets; the empty product is the constant.
Poly = dict[frozenset[int], int]
ONE: frozenset[int] = frozenset()


@dataclass
class Heap:
    """One call of `Columns.compress`: bits as (weight, literal) before and after, and the nets that it began with."""

    before: list[tuple[int, int]]
    after: list[tuple[int, int]]
    old: int
    top: int
    width: int


def literal(lit: int) -> Poly:
    """A literal: net 0 is the constant 0, an odd literal the complement."""
    net: Poly = {} if lit < 2 else {frozenset([lit >> 1]): 1}
    return net if not lit & 1 else plus({ONE: 1}, net, -1)


def plus(left: Poly, right: Poly, factor: int = 1) -> Poly:
    """left + factor * right."""
    total = defaultdict(int, left)
    for term, value in right.items():
        total[term] += factor * value
    return {term: value for term, value in total.items() if value}


def times(left: Poly, right: Poly) -> Poly:
    """left * right; a bit's square is the bit."""
    total: dict[frozenset[int], int] = defaultdict(int)
    for a, x in left.items():
        for b, y in right.items():
            total[a | b] += x * y
    return {term: value for term, value in total.items() if value}


def weighted(bits: list[tuple[int, int]]) -> Poly:
    """Value of a heap of (weight, literal)."""
    total: Poly = {}
    for weight, lit in bits:
        total = plus(total, literal(lit), 1 << weight)
    return total


def gate(node: Gate) -> Poly:
    """A gate as a polynomial of its inputs."""
    ins = [literal(lit) for lit in node.ins]
    if node.kind == "maj":
        a, b, c = ins
        pairs = plus(plus(times(a, b), times(b, c)), times(a, c))
        return plus(pairs, times(times(a, b), c), -2)
    total = ins[0]
    for other in ins[1:]:
        both = times(total, other)
        total = plus(plus(total, other), both, -2) if node.kind == "xor" else both
    return total


def spans(node: Adder) -> list[tuple[int, int]]:
    """Positions [first, end) of the additions in a chain: a position with a == b stands between two of them."""
    breaks = [k for k, (a, b) in enumerate(zip(node.a, node.b, strict=True)) if a == b]
    edges = [-1, *breaks, len(node.a)]
    return [(low + 1, high) for low, high in pairwise(edges) if high > low + 1]


def through_gates(value: Poly, gates: dict[int, Gate]) -> Poly:
    """A value with gates, by output, replaced by their inputs, the last first; equal gates are shared, so some may have
    been made for another heap."""
    while (last := max((net for term in value for net in term if net in gates), default=0)) > 0:
        for term, factor in [held for held in value.items() if last in held[0]]:
            value = plus(value, {term: factor}, -1)
            value = plus(value, times({term - {last}: 1}, gate(gates[last])), factor)
    return value


def through_chain(value: Poly, node: Adder, gates: dict[int, Gate], dropped: list[int]) -> Poly:
    """A value with a chain's sum bits replaced by what was added; notes what carries are worth that may come out of it
    and go nowhere."""
    for k in range(1, len(node.a)):  # two such positions in a row: the upper one's sum bit is the lower one's bit
        if node.a[k] == node.b[k] and node.a[k - 1] == node.b[k - 1]:
            out = frozenset([node.outs[k]])
            value = plus(plus(value, literal(node.a[k - 1]), factor := value.get(out, 0)), {out: 1}, -factor)
    if node.a[0] == node.b[0]:  # nothing comes from below the first
        value = {term: factor for term, factor in value.items() if term != frozenset([node.outs[0]])}
    for first, end in spans(node):
        size = end - first
        sums: Poly = {frozenset([node.outs[first + k]]): 1 << k for k in range(size)}
        added = literal(node.a[first - 1]) if first else {}  # the position in front hands its bit up as carry-in
        for k in range(size):
            for lit in (node.a[first + k], node.b[first + k]):
                added = plus(added, literal(lit), 1 << k)
        factor = value.get(frozenset([node.outs[first]]), 0)
        carry = frozenset([node.outs[end]]) if end < len(node.a) else ONE  # the one behind shows it as its sum bit
        if carry != ONE and value.get(carry, 0) == factor << size:
            sums[carry] = 1 << size
        elif factor and greatest(through_gates(added, gates)) >> size:
            dropped.append(factor << size)
        value = plus(value, plus(sums, added, -1), -factor)
    return value


def greatest(value: Poly) -> int:
    """A bound of a polynomial over bits: no term is above its factor."""
    return sum(max(factor, 0) if term else factor for term, factor in value.items())


def prove(heap: Heap, nodes: list[Gate | Adder | Match], gates: dict[int, Gate]) -> None:
    """Raises AssertionError if a heap may hold another value after its rounds than before."""
    dropped: list[int] = []
    value, before = weighted(heap.after), weighted(heap.before)
    inner = {out: node for out, node in gates.items() if frozenset([out]) not in before}
    for node in reversed(nodes):
        if not isinstance(node, Adder):
            continue
        value = through_chain(through_gates(value, inner), node, inner, dropped)
        left = [out for out in node.outs if any(out in term for term in value)]
        assert not left, f"nets {left} of {node} are left: their sum was not kept"
    left_over = plus(through_gates(value, inner), before, -1)
    wrong = {term: value for term, value in left_over.items() if value % (1 << heap.width)}
    assert not wrong, f"heap of {len(heap.before)} bits: {wrong} too much"
    for worth in dropped:
        assert worth % (1 << heap.top) == 0, f"a carry worth {worth} is dropped below 2**{heap.top}"
    if heap.top < heap.width and dropped:
        assert (most := greatest(before)) < 1 << heap.top, f"a heap of up to {most} is held in {heap.top} bits"


def through_heap(value: Poly, heap: Heap) -> Poly:
    """A linear form with what a heap left replaced by what went in."""
    made, lit = next(((weight, lit) for weight, lit in heap.after if lit >> 1 > heap.old), (0, 0))
    factor = value.get(frozenset([lit >> 1]), 0) * (-1 if lit & 1 else 1)
    if factor % (1 << made):
        raise AssertionError(f"bit {lit} of weight {made} is used {factor} times")
    value = plus(value, weighted(heap.after), -(factor >> made))
    return plus(value, weighted(heap.before), factor >> made)


def proved(monkeypatch: pytest.MonkeyPatch, make: Callable[[], Netlist]) -> list[Poly]:
    """The output words of a structure that ``make`` builds, as linear forms of its inputs, each modulo 2**width.

    Raises:
        AssertionError: a heap may lose or gain something, or an output is no linear form of inputs.
    """
    heaps: list[tuple[Netlist, Heap]] = []
    plain = Columns.compress

    def watched(self: Columns, rate: float, finish: bool) -> None:
        old = len(self.net.level) - 1
        before = [(w, lit) for w, column in enumerate(self.bits) for lit in column]
        plain(self, rate, finish)
        after = [(w, lit) for w, column in enumerate(self.bits) for lit in column]
        heaps.append((self.net, Heap(before, after, old, self.top, self.width)))

    with monkeypatch.context() as patch:
        patch.setattr(Columns, "compress", watched)
        net = make()
    mine = [heap for owner, heap in heaps if owner is net]
    gates = {node.out: node for node in net.nodes if isinstance(node, Gate)}
    first = [min((n.out,) if isinstance(n, Gate) else n.outs) for n in net.nodes]
    for heap, later in zip(mine, [*(h.old for h in mine[1:]), len(net.level)], strict=True):
        low, high = (int(np.searchsorted(first, net_number, "right")) for net_number in (heap.old, later))
        prove(heap, net.nodes[low:high], gates)
    words = []
    for word in net.outputs:
        value = weighted(list(enumerate(word)))
        for heap in reversed(mine):
            value = through_heap(value, heap)
        words.append({term: v % (1 << len(word)) for term, v in value.items() if v % (1 << len(word))})
    return words
