"""Concat of streams (and the Quant behind it) -> Concat.

Contract: along the channels, all of one frame; all bipolar or none. Inputs of different power-of-two scales are shifted
onto the finest of them, exactly. Where a Quant alone reads the result it is taken along.
"""

from __future__ import annotations

from dataclasses import replace

import onnx

from ....errors import UserError
from ...graph.chains import attribute, only_consumer
from ...graph.constants import quant_parameters
from ...graph.context import Context, check_shift, exact_type, requant, requant_type
from ...graph.rewrite import Rewrite
from ...types import Range, StreamType
from .op import Concat


class ConcatRewrite(Rewrite):
    """See above."""

    name = "concat"
    takes = ("Concat", "Quant")

    def matches(self, context: Context, node: onnx.NodeProto) -> bool:
        """Any Concat."""
        return node.op_type == "Concat"

    def apply(self, context: Context, node: onnx.NodeProto) -> None:
        """Append one Concat; of one stream alone nothing."""
        kinds = tuple(context.type_of(name) for name in node.input)
        _check(node, kinds)
        if len(kinds) == 1:
            context.same(node, node.input[0], node.output[0])
            return
        channels = sum(kind.channels for kind in kinds)
        if kinds[0].bipolar:
            op = Concat(kinds, replace(kinds[0], channels=channels), (0,) * len(kinds), None)
            context.add(op, [node], list(node.input), [node.output[0]])
            return
        frac = max(kind.frac for kind in kinds)
        shifts = tuple(check_shift(frac - kind.frac, node) for kind in kinds)
        quant = only_consumer(context.model, node.output[0])
        if quant is not None and quant.op_type == "Quant":
            q_frac, bits, lo, hi = quant_parameters(context.model, quant)
            out = requant_type(kinds[0], q_frac, bits, lo, channels)
            op = Concat(kinds, out, shifts, requant(frac, q_frac, lo, hi, quant))
            context.add(op, [node, quant], list(node.input), [quant.output[0]])
            return
        ranges = [Range.of(kind) << shift for kind, shift in zip(kinds, shifts, strict=True)]
        least, greatest = min(one.least for one in ranges), max(one.greatest for one in ranges)
        out = exact_type(kinds[0], least, greatest, channels, frac)
        context.add(Concat(kinds, out, shifts, None), [node], list(node.input), [node.output[0]])


def _check(node: onnx.NodeProto, kinds: tuple[StreamType, ...]) -> None:
    axis = attribute(node, "axis", 1)
    frames = ", ".join(f"{k.channels} x {k.height} x {k.width}" for k in kinds)
    if axis not in (1, -3) or any((k.height, k.width) != (kinds[0].height, kinds[0].width) for k in kinds):
        raise UserError(
            f"Concat '{node.name}': along axis {axis}, of {frames} (C x H x W); supported is along the channels (axis "
            "1), all of one frame. Bring the branches to one frame first, with a pixel shuffle or a Resize."
        )
    if any(k.bipolar != kinds[0].bipolar for k in kinds):
        raise UserError(
            f"Concat '{node.name}': it joins signs with numbers; supported are signs alone or numbers alone. Put the "
            "binary quantizer behind the concatenation."
        )
