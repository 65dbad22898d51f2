"""What pieces cost: comparators, the choice of constants, multipliers, rounding, and width converters where folded."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ...resources.cost import YOSYS_SOURCE, Coefficient, Cost, coefficient, control, multiplier, rom

if TYPE_CHECKING:
    from .op import Pieces

COEFFICIENTS: dict[str, Coefficient] = {
    "piece_compare": Coefficient(0.35, "LUT per bit", f"comparison with a constant; {YOSYS_SOURCE}"),
    "piece_choice": Coefficient(0.5, "LUT per bit and piece", f"selection of a constant's bit; {YOSYS_SOURCE}"),
}


def lanes(op: Pieces) -> Cost:
    """The whole layer without its handshake."""
    bits, more = op.param_bits, op.count - 1
    compare = COEFFICIENTS["piece_compare"].value * more * op.input.bits
    choice = COEFFICIENTS["piece_choice"].value * more * (bits["scale"] + bits["bias"])
    product = multiplier(op.input.bits, bits["scale"])
    if op.folds == 1 and op.count == 1:
        product = replace(product, dsp=product.dsp * coefficient("constant_dsp"))
    rounding = coefficient("round") * (op.output.bits + 2)
    lane = product + Cost(lut=compare + choice + rounding, ff=2.0 * op.output.bits + 2.0 * op.input.bits)
    cost = lane.times(op.lanes)
    if op.folds > 1:
        stored = op.count * (bits["scale"] + bits["bias"]) + more * bits["split"]
        cost += rom(op.folds, op.lanes * stored)
        cost += Cost(lut=op.input.word_bits, ff=op.input.word_bits + 2.0 * op.output.word_bits)
    return cost


def pieces(op: Pieces) -> Cost:
    """The whole layer."""
    return control() + lanes(op)
