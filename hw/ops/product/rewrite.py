"""Mul of two streams (and the Quant behind it) -> Product.

Contract: both of one frame and one number of channels by now, neither bipolar. The lsb of the product is the product of
the lsbs. Where a Quant alone reads it, it is taken along; otherwise the product is exact.
"""

from __future__ import annotations

import onnx

from ....errors import UserError
from ...graph.chains import only_consumer, stream_inputs
from ...graph.constants import quant_parameters
from ...graph.context import Context, check_exact, exact_type, requant, requant_type
from ...graph.rewrite import Rewrite
from ...types import Range
from .op import Product


class ProductRewrite(Rewrite):
    """See above."""

    name = "product"
    takes = ("Mul", "Quant")
    before = ("add",)

    def matches(self, context: Context, node: onnx.NodeProto) -> bool:
        """A Mul whose inputs are both streams."""
        return node.op_type == "Mul" and len(stream_inputs(context.model, node)) == 2

    def apply(self, context: Context, node: onnx.NodeProto) -> None:
        """Append one Product."""
        a, b = (context.type_of(name) for name in node.input)
        if a.shape != b.shape:
            raise UserError(
                f"Mul '{node.name}': its inputs have {a.channels} x {a.height} x {a.width} and {b.channels} x "
                f"{b.height} x {b.width} (C x H x W); allowed are two of one shape, or one of 1 channel, of 1 x 1 "
                "pixels, or both."
            )
        if a.bipolar or b.bipolar:
            raise UserError(
                f"Mul '{node.name}': a bipolar stream cannot be multiplied; read it by a convolution, or put the "
                "product in front of the sign."
            )
        product, frac = Range.of(a) * Range.of(b), a.frac + b.frac
        check_exact(product.peak, node.output[0], node)
        quant = only_consumer(context.model, node.output[0])
        if quant is not None and quant.op_type == "Quant":
            q_frac, bits, q_lo, q_hi = quant_parameters(context.model, quant)
            out = requant_type(a, q_frac, bits, q_lo, a.channels)
            op = Product((a, b), out, requant(frac, q_frac, q_lo, q_hi, quant))
            context.add(op, [node, quant], list(node.input), [quant.output[0]])
            return
        out = exact_type(a, product.least, product.greatest, a.channels, frac)
        context.add(Product((a, b), out, None), [node], list(node.input), [node.output[0]])
