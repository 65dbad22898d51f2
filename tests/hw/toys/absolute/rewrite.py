"""Abs and the Quant behind it -> Absolute. Contract: signed input, an unsigned Quant with the same scale."""

from __future__ import annotations

import onnx

from xnorsr.errors import UserError
from xnorsr.hw.graph.chains import only_consumer
from xnorsr.hw.graph.constants import quant_parameters
from xnorsr.hw.graph.context import Context, requant_type
from xnorsr.hw.graph.rewrite import Rewrite

from .op import Absolute


class AbsoluteRewrite(Rewrite):
    """See above."""

    name = "absolute"
    takes = ("Abs", "Quant")

    def matches(self, context: Context, node: onnx.NodeProto) -> bool:
        return node.op_type == "Abs"

    def apply(self, context: Context, node: onnx.NodeProto) -> None:
        kind, quant = context.type_of(node.input[0]), only_consumer(context.model, node.output[0])
        if not kind.signed or quant is None or quant.op_type != "Quant":
            raise UserError(f"Abs '{node.name}': wants a signed stream and a Quant behind it. Add one.")
        frac, bits, lo, _ = quant_parameters(context.model, quant)
        if frac != kind.frac or lo != 0:
            raise UserError(f"Quant '{quant.name}': behind an Abs it keeps the scale and is unsigned.")
        op = Absolute((kind,), requant_type(kind, frac, bits, lo, kind.channels))
        context.add(op, [node, quant], [node.input[0]], [quant.output[0]])
