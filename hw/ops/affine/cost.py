"""What an affine costs: its lanes, their parameters, and the width converters around fewer lanes than channels."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ...resources.cost import Cost, coefficient, control, multiplier, rom

if TYPE_CHECKING:
    from .op import Affine


def lanes(op: Affine) -> Cost:
    """The whole layer without its handshake."""
    there = op.param_bits
    lane = Cost(ff=2.0 * op.output.bits)
    products = Cost()
    if op.scale is not None:
        products += multiplier(op.input.bits, there["scale"])
    if op.bias is not None and op.scale is None:  # a product's bias goes into the DSP
        lane += Cost(lut=coefficient("adder") * op.input.bits)
    if op.slope is not None:
        products += multiplier(op.mid.hi.bit_length() + 1 if op.mid is not None else op.input.bits, there["slope"])
    lane += replace(products, dsp=products.dsp * (coefficient("constant_dsp") if op.folds == 1 else 1.0))
    rounds = sum(1 for q in (op.mid, op.quant) if q is not None and q.shift > 0)
    clips = sum(1 for q in (op.mid, op.quant) if q is not None and q.shift <= 0)
    luts = coefficient("round") * rounds * (op.output.bits + 2) + clips * op.output.bits / 3
    cost = (lane + Cost(lut=luts)).times(op.lanes)
    if op.folds > 1:
        cost += rom(op.folds, op.lanes * sum(there.values()))
        cost += Cost(lut=op.input.word_bits, ff=op.input.word_bits + 2.0 * op.output.word_bits)
    return cost


def affine(op: Affine) -> Cost:
    """The whole layer."""
    return control() + lanes(op)
