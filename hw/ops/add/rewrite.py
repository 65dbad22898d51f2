"""Add and Sub of two streams (and the Quant behind them) -> Add.

Contract: both of one frame and one number of channels, neither bipolar. Where a Quant alone reads the result, it is
taken along; otherwise the result is exact.
"""

from __future__ import annotations

import onnx

from ....errors import UserError
from ...graph.chains import only_consumer, stream_inputs
from ...graph.constants import quant_parameters
from ...graph.context import Context, check_shift, exact_type, requant, requant_type
from ...graph.rewrite import Rewrite
from ...types import Range
from .op import Add


class AddRewrite(Rewrite):
    """See above."""

    name = "add"
    takes = ("Add", "Sub", "Quant")

    def matches(self, context: Context, node: onnx.NodeProto) -> bool:
        """An Add or Sub whose inputs are both streams."""
        return node.op_type in ("Add", "Sub") and len(stream_inputs(context.model, node)) == 2

    def apply(self, context: Context, node: onnx.NodeProto) -> None:
        """Append one Add."""
        _addition(context, node)


def _addition(context: Context, node: onnx.NodeProto) -> None:
    a, b = (context.type_of(name) for name in node.input)
    if (a.height, a.width, a.channels) != (b.height, b.width, b.channels):
        raise UserError(
            f"{node.op_type} '{node.name}': its inputs have {a.channels} x {a.height} x {a.width} and "
            f"{b.channels} x {b.height} x {b.width} (C x H x W); they must be the same."
        )
    if a.bipolar or b.bipolar:
        raise UserError(f"{node.op_type} '{node.name}': a bipolar stream cannot be added; read it by a convolution.")
    frac = max(a.frac, b.frac)
    shift_a, shift_b = check_shift(frac - a.frac, node), check_shift(frac - b.frac, node)
    subtract = node.op_type == "Sub"
    second = Range.of(b) * Range(-1, -1) if subtract else Range.of(b)
    total = (Range.of(a) << shift_a) + (second << shift_b)
    context.check_exact(total.peak, node.output[0], node)
    quant = only_consumer(context.model, node.output[0])
    if quant is not None and quant.op_type == "Quant":
        q_frac, bits, q_lo, q_hi = quant_parameters(context.model, quant)
        out = requant_type(a, q_frac, bits, q_lo, a.channels)
        op = Add((a, b), out, shift_a, shift_b, requant(frac, q_frac, q_lo, q_hi, quant), subtract)
        context.add(op, [node, quant], list(node.input), [quant.output[0]])
    else:
        out = exact_type(a, total.least, total.greatest, a.channels, frac)
        context.add(Add((a, b), out, shift_a, shift_b, None, subtract), [node], list(node.input), [node.output[0]])
