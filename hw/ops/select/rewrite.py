"""Gather of channels -> Select.

Contract: constant numbers of channels, in any order. Parts of the channels in other forms (Split, Slice, repetitions)
are Gathers by then (`hw.graph.views`); all channels in their own order are the stream itself. The other forms are
taken to be refused by name.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx

from ....errors import UserError
from ...graph.chains import attribute
from ...graph.context import Context
from ...graph.rewrite import Rewrite
from .op import Select


class SelectRewrite(Rewrite):
    """See above."""

    name = "select"
    takes = ("Gather", "Slice", "Split")

    def matches(self, context: Context, node: onnx.NodeProto) -> bool:
        """Any of them."""
        return node.op_type in self.takes

    def apply(self, context: Context, node: onnx.NodeProto) -> None:
        """Append one Select."""
        kind = context.type_of(node.input[0])
        indices = context.model.get_initializer(node.input[1]) if len(node.input) > 1 else None
        along = attribute(node, "axis", 0)
        if node.op_type != "Gather" or along not in (1, -3) or indices is None or np.ndim(indices) != 1:
            raise UserError(
                f"{node.op_type} '{node.name}': supported is a part of the channels, axis 1, whose numbers are "
                "constants (in PyTorch x[:, a:b], x[:, [a, b]], split and chunk along dim=1). Rows and columns stay "
                "whole."
            )
        channels = tuple(int(n) % kind.channels for n in indices)
        if channels == tuple(range(kind.channels)):
            context.same(node, node.input[0], node.output[0])
            return
        op = Select((kind,), replace(kind, channels=len(channels)), channels)
        context.add(op, [node], [node.input[0]], [node.output[0]])
