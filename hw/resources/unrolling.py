"""What SystemVerilog builds with constant weights although HLS folds it. Names no operator: each says what it can be
(`Op.constant_weights`).

Constant weights let popcounts share sums between outputs, which a folded layer cannot: so a binary layer that takes
everything in one cycle may be smaller than one that takes two or three for it. And they make fixed-point products sums
of a few shifted digits, without DSP slices, which a layer then takes digit by digit of its activations. HLS does
neither, and keeps the folding.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, TypeAlias

from ...errors import UserError
from ..network import Network
from ..ops.base import Op
from .cost import Cost
from .devices import Device, device, known
from .folding import Target

#: Share of a part's DSP slices that a network may use before layers do without. Slices that are there cost nothing;
#: a part that is more than half full is hard to route.
ROOM = 0.5

Unroll: TypeAlias = Literal["auto", "never", "all"] | Sequence[str]


def unrolled(network: Network, how: Unroll, target: Target, part: str | None = None) -> Network:
    """The network as SystemVerilog has it.

    Args:
        network: as HLS has it, folded.
        how: "auto": layers that take DSP slices, where the part has few (`_relieved`); others where look-up tables,
            block RAM and half of the flip-flops (`Cost.balance`) are fewer; "never"; "all"; or names of layers.
        target: what the network was folded by. "auto" leaves a folding by layer as it was given, and "min", whose aim
            is not throughput.
        part: FPGA part or board; one that is not in the table keeps its DSP slices.

    Raises:
        UserError: a name that is not that of a layer with this choice.
    """
    choices = {node.name: made for node in network.nodes if (made := node.op.constant_weights()) is not None}
    if how == "auto":
        if target == "min" or not isinstance(target, (int, str)):
            return network
        now = {name: network.node(name).op.fold_cost() for name in choices}
        slices = {n: op for n, op in choices.items() if op.fold_cost().dsp < now[n].dsp}
        others = {n: op for n, op in choices.items() if n not in slices and op.fold_cost().balance < now[n].balance}
        smaller = network.with_ops(others)
        return smaller if part is None or not known(part) else _relieved(smaller, slices, device(part))
    if isinstance(how, str):
        return network if how == "never" else network.with_ops(choices)
    spaces = {node.name: node.op.fold_space() for node in network.nodes}
    able = [name for name, s in spaces.items() if name in choices or (s is not None and s.unroll_on_request)]
    if unknown := [name for name in how if name not in able]:
        raise UserError(
            f"unroll: {unknown[0]!r} is no layer with this choice; those with it are: {', '.join(able) or 'none'}"
        )
    return network.with_ops({name: choices[name] for name in how if name in choices})


def _relieved(network: Network, choices: dict[str, Op], chip: Device) -> Network:
    """The network with as many of the choices as it takes that no more than `ROOM` of the part's DSP slices are used,
    those first that pay the fewest look-up tables for a slice; but none that leaves the fullest resource fuller.
    """
    now = {node.name: node.op.cost() for node in network.nodes}
    made = {name: op.cost() for name, op in choices.items()}
    rate = {name: (cost.lut - now[name].lut) / (now[name].dsp - cost.dsp) for name, cost in made.items()}
    taken: dict[str, Op] = {}
    for name in sorted(made, key=lambda name: (rate[name], name)):
        if sum(cost.dsp for cost in now.values()) <= ROOM * chip.dsp:
            break
        tried = now | {name: made[name]}
        if _fullest(tried.values(), chip) < _fullest(now.values(), chip):
            now, taken = tried, taken | {name: choices[name]}
    return network.with_ops(taken)


def _fullest(costs: Iterable[Cost], chip: Device) -> float:
    """Share of the part's fullest resource."""
    total = sum(costs, Cost())
    return max(total.lut / chip.lut, total.ff / chip.ff, total.dsp / chip.dsp, total.bram36 / chip.bram36)


def differing(rtl: Network, hls: Network) -> list[str]:
    """Names of the layers that are folded in one way in SystemVerilog and in another in HLS."""
    twins = {node.name: node.op for node in hls.nodes}

    found = []
    for node in rtl.nodes:
        own, other = node.op.fold_space(), twins[node.name].fold_space()
        if own is not None and other is not None and (own.now != other.now or node.op.rtl_note):
            found.append(node.name)
    return found
