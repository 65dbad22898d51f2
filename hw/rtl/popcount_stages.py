"""Where registers stand in a popcount structure: no stage has more than so many LUTs, and one carry chain, in a row.

A carry chain with the LUTs at its inputs is one LUT level and the chain; what `popcount_net` calls merged gates are a
part of the LUT that follows them. Each LUT or chain works in the earliest stage in which that limit leaves room for it.
Registers stand behind the last stage too, so that the counts leave the structure from registers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from .popcount_net import Adder, Gate, Match, Netlist


class _Path(NamedTuple):
    """The worst path to a net since the last register: compared stage first, since earlier stages are registered."""

    stage: int
    luts: int
    chains: int


@dataclass(frozen=True)
class Staging:
    """Stages of a netlist.

    Attributes:
        stage: for each net, the stage that computes it; 0 for inputs.
        count: number of register stages, the one behind the outputs included.
        registers: flip-flops of all stages.
        worst: most LUT levels, and most chains, of a stage.
    """

    stage: tuple[int, ...]
    count: int
    registers: int
    worst: tuple[int, int]


def _worst(paths: list[_Path]) -> _Path:
    """Where several nets meet: only those of the latest stage still have a path without register."""
    stage = max((path.stage for path in paths), default=0)
    now = [path for path in paths if path.stage == stage]
    return _Path(stage, max((p.luts for p in now), default=0), max((p.chains for p in now), default=0))


def _inputs(node: Gate | Adder | Match) -> tuple[int, ...]:
    if isinstance(node, Gate):
        return node.ins
    return (*node.a, *node.b) if isinstance(node, Adder) else (*node.x, *node.w)


def _outs(node: Gate | Adder | Match) -> tuple[int, ...]:
    return (node.out,) if isinstance(node, Gate) else node.outs


def assign(net: Netlist, levels: int, entry: int = 0) -> Staging:
    """Stages of a netlist.

    Args:
        levels: most LUT levels between two registers, beside one carry chain; at least 2.
        entry: LUT levels that stand in front of the inputs, behind the last register there.
    """
    paths = [_Path(0, entry, 0)] * (len(net.inputs) + 1)
    paths[0] = _Path(0, 0, 0)
    paths += [_Path(0, 0, 0)] * (len(net.level) - len(paths))
    worst_luts, worst_chains = 0, 0
    for node in net.nodes:
        path = _worst([paths[lit >> 1] for lit in _inputs(node) if lit > 1])
        chain = isinstance(node, Adder)
        if not (isinstance(node, Gate) and node.out in net.merged):
            if path.luts + 1 > levels or (chain and path.chains):
                path = _Path(path.stage + 1, 0, 0)
            path = _Path(path.stage, path.luts + 1, path.chains + chain)
            worst_luts, worst_chains = max(worst_luts, path.luts), max(worst_chains, path.chains)
        for out in _outs(node):
            paths[out] = path
    stages = [path.stage for path in paths]
    last = max((stages[lit >> 1] for word in net.outputs for lit in word), default=0)
    stages = _with_merged(net, stages, last)
    return Staging(tuple(stages), last + 1, _registers(net, stages, last + 1), (worst_luts, worst_chains))


def _with_merged(net: Netlist, stages: list[int], last: int) -> list[int]:
    """Merged gates work in the stage of the first LUT that they are a part of: registers stand in front of them."""
    for out in net.merged:
        stages[out] = last
    for node in reversed(net.nodes):
        own = stages[_outs(node)[0]]
        for lit in _inputs(node):
            if lit >> 1 in net.merged:
                stages[lit >> 1] = min(stages[lit >> 1], own)
    return stages


def _registers(net: Netlist, stages: list[int], count: int) -> int:
    """Flip-flops: a net is carried on from the stage that computes it to the last one that reads it."""
    until = list(stages)
    for node in net.nodes:
        own = stages[_outs(node)[0]]
        for lit in _inputs(node):
            until[lit >> 1] = max(until[lit >> 1], own)
    for word in net.outputs:
        for lit in word:
            until[lit >> 1] = count
    return sum(last - first for first, last in zip(stages[1:], until[1:], strict=True))
