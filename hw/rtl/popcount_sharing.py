"""What the outputs of a constant-weight popcount share: sums over the inputs on which their weights agree.

With weights s = +-1 and bits x, the popcount of output o is sum_i s_oi x_i + (zeros of its weights). For a batch of k
outputs the inputs fall into at most 2**(k-1) classes: inputs in one class have the same signs in all k outputs, or all
the opposite ones (then the inverted bit is taken). So each class is added up once for k outputs, and each output adds
class sums, some inverted: -v = ~v + 1, with the ones gathered in a constant. The bits of class sums are bits with
weights and signs again, so the same step repeats on smaller batches down to one output.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .popcount_columns import Columns
from .popcount_net import Adder, Gate, Netlist


@dataclass(frozen=True)
class SharingPlan:
    """Batch sizes from the widest down to the last before single outputs, and the least rates at which batches add up.

    Attributes:
        sizes: e.g. (4, 2): batches of four outputs, split into pairs, split into single outputs; () shares nothing.
        rates: bits that a LUT must remove in each size's batches; what is left over goes on unadded.
        finish: for each size, whether class sums become single numbers.
        last: least rate in single outputs, before the final additions.
    """

    sizes: tuple[int, ...]
    rates: tuple[float, ...]
    finish: tuple[bool, ...]
    last: float


@dataclass
class _Terms:
    """Weighted bits with a sign for each output (shape (terms, outputs)), plus a constant for each output."""

    weight: list[int]
    lits: list[int]
    signs: np.ndarray
    constant: np.ndarray


def share(net: Netlist, weights: np.ndarray, width: int, plan: SharingPlan) -> None:
    """Builds the popcounts of XNOR(x, w) for weights (outputs, inputs) of 0/1 into net.outputs, width bits each."""
    signs = 2 * weights.T.astype(np.int64) - 1
    lits = [net.input(i) for i in range(weights.shape[1])]
    terms = _Terms([0] * len(lits), lits, signs, (weights == 0).sum(axis=1).astype(np.int64))
    words: dict[int, list[int]] = {}
    _build(net, terms, list(range(len(weights))), 0, plan, width, words)
    net.outputs = [words[o] for o in range(len(weights))]


def _build(
    net: Netlist,
    terms: _Terms,
    outputs: list[int],
    depth: int,
    plan: SharingPlan,
    width: int,
    words: dict[int, list[int]],
) -> None:
    sizes = [size for size in plan.sizes[depth:] if size < len(outputs)]
    step = sizes[0] if sizes else 1
    if len(outputs) > 1:
        for start in range(0, len(outputs), step):
            part = list(range(start, min(start + step, len(outputs))))
            index = plan.sizes.index(step) if sizes else len(plan.sizes)
            child = _Terms(terms.weight, terms.lits, terms.signs[:, part], terms.constant[part])
            if len(part) > 1:
                child = _add_classes(net, child, width, plan.rates[index], plan.finish[index])
            _build(net, child, [outputs[p] for p in part], index + 1, plan, width, words)
        return
    columns = Columns(net, width)
    constant = int(terms.constant[0])
    for w, lit, sign in zip(terms.weight, terms.lits, terms.signs[:, 0], strict=True):
        columns.add(w, lit if sign > 0 else lit ^ 1)
        constant -= (sign < 0) << w
    for w in range(width):
        if constant >> w & 1:
            columns.add(w, 1)
    columns.compress(plan.last, finish=True)
    words[outputs[0]] = [column[0] if column else 0 for column in columns.bits]


def _add_classes(net: Netlist, terms: _Terms, width: int, rate: float, finish: bool) -> _Terms:
    """Adds up each class of terms; returns the terms left."""
    classes: dict[bytes, list[int]] = {}
    flip = terms.signs[:, 0] < 0
    folded = np.where(flip[:, None], -terms.signs, terms.signs)
    for index, row in enumerate(folded):
        classes.setdefault(row.tobytes(), []).append(index)
    constant = terms.constant.copy()
    weight: list[int] = []
    lits: list[int] = []
    signs: list[np.ndarray] = []
    for members in classes.values():
        columns = Columns(net, width, sum(1 << terms.weight[m] for m in members))
        for m in members:
            columns.add(terms.weight[m], terms.lits[m] ^ int(flip[m]))
            if flip[m]:
                constant += terms.signs[m] << terms.weight[m]
        columns.compress(rate, finish)
        for w, column in enumerate(columns.bits):
            for lit in column:
                weight.append(w)
                lits.append(lit)
                signs.append(folded[members[0]])
    return _Terms(weight, lits, np.array(signs), constant)


def plan_cost(net: Netlist) -> float:
    """Estimated LUTs of a netlist of chains: all positions, and the data inputs that need a LUT."""
    made = {2 * node.out for node in net.nodes if isinstance(node, Gate)}
    cost = 0.0
    for node in net.nodes:
        if not isinstance(node, Adder):
            continue
        for a, b in zip(node.a, node.b, strict=True):
            cost += 1.0 + (a != b and ((a & ~1) in made or (a & 1 and a > 1)))
    return cost


def candidate_plans(outputs: int, inputs: int) -> list[SharingPlan]:
    """Plans worth trying for a matrix; which is best depends on the inputs a class, so all are built and measured."""
    plans = [SharingPlan((), (), (), 1.0)] if outputs < 4 or inputs < 16 else []
    for sizes in ((2,), (3,), (4, 2), (6, 3), (8, 4, 2)):
        if sizes[0] > max(outputs, 2) or (sizes[0] > 2 and inputs < 8 * sizes[0]) or outputs == 1:
            continue
        n = len(sizes)
        for finish in ((False,) * n, (False,) * (n - 1) + (True,), (True,) * n):
            plans.append(SharingPlan(sizes, (1.0,) * n, finish, 1.0))
    return plans
