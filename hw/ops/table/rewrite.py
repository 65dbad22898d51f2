"""A function of one stream that ends in a quantizer -> Table, or Threshold.

Contract: the codes are those that qonnx computes at every code of the input, so nothing is said of the function but
that its value does not depend on the place of a pixel. Up to 12 bits become a table. A function that only rises or only
falls becomes thresholds where they cost less, and where the input has more bits, up to 20.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx

from ....errors import UserError
from ...graph import chains
from ...graph.constants import quant_parameters
from ...graph.context import Context, requant_type
from ...graph.functions import FUNCTIONS, function_from
from ...graph.probe import Probe
from ...graph.rewrite import Rewrite
from ...types import StreamType
from ..threshold.op import Threshold
from .op import Table

TABLE_BITS = 12
STEP_BITS = 20
_TABLES = 1 << 18  # codes of all channels' tables
_LEVELS = 255  # thresholds per channel


class TableRewrite(Rewrite):
    """See above."""

    name = "table"
    takes = (*FUNCTIONS, *chains.AFFINE, *chains.PRELU, *chains.TERMINAL)
    before = ("affine", "threshold", "add", "product")

    def matches(self, context: Context, node: onnx.NodeProto) -> bool:
        """The first node of a function, and any node of a function that cannot become a table, to say why."""
        return node.op_type in FUNCTIONS or function_from(context.model, node) is not None

    def apply(self, context: Context, node: onnx.NodeProto) -> None:
        """Append one operator for the whole function."""
        found = function_from(context.model, node)
        if found is None:
            raise UserError(
                f"{node.op_type} '{node.name}': supported is a function of one stream behind which one Quant stands, "
                "and nothing else reads what is between them. Put a quantizer (QuantIdentity) behind it."
            )
        source, nodes = found
        kind = context.type_of(source)
        chains.refuse_bipolar(kind, node)
        _check_bits(node, kind)
        out, codes = _codes(context, nodes, source, kind)
        steps = _thresholds(kind, out, codes)
        table = Table((kind,), out, np.roll(codes, kind.lo, axis=1))
        if kind.bits > TABLE_BITS or codes.size > _TABLES:
            if steps is None:
                raise UserError(
                    f"{node.op_type} '{node.name}': of {kind.bits} bits and {len(codes)} tables; allowed are "
                    f"{TABLE_BITS} bits, or a function that only rises or only falls, of at most {_LEVELS + 1} codes. "
                    f"Put a Quant of at most {TABLE_BITS} bits in front of it."
                )
            context.add(steps, nodes, [source], [nodes[-1].output[0]])
            return
        cheaper = steps is not None and steps.cost().weight <= table.cost().weight
        context.add(steps if cheaper and steps is not None else table, nodes, [source], [nodes[-1].output[0]])


def _check_bits(node: onnx.NodeProto, kind: StreamType) -> None:
    if kind.bits > STEP_BITS:
        raise UserError(
            f"{node.op_type} '{node.name}': of {kind.bits} bits; allowed are {TABLE_BITS}, and {STEP_BITS} for a "
            f"function that only rises or only falls. Put a Quant of at most {TABLE_BITS} bits in front of it."
        )


def _codes(
    context: Context, nodes: list[onnx.NodeProto], source: str, kind: StreamType
) -> tuple[StreamType, np.ndarray]:
    """(type of the result, its codes for every code of the input from the least on, one row or one for each channel).

    Raises:
        UserError: a runtime that gives another float at another place of a tensor, and so another code.
    """
    model, last = context.model, nodes[-1]
    if last.op_type == "BipolarQuant":
        out = StreamType(kind.height, kind.width, kind.channels, 1, False, 0, bipolar=True)
    else:
        frac, bits, lo, _ = quant_parameters(model, last)
        out = requant_type(kind, frac, bits, lo, kind.channels)
    constants = {i for n in nodes for i in n.input if i and model.get_initializer(i) is not None}
    whole = any(np.size(model.get_initializer(i)) > 1 for i in constants)
    rows = kind.channels if whole else 1
    probe = Probe(model, nodes, source, replace(kind, channels=rows))
    every = np.arange(kind.lo, kind.hi + 1, dtype=np.int64)
    codes = out.to_codes(probe(np.tile(every, (rows, 1))))
    # Vectorized loops have ends: the same codes at other places, in reverse and moved by one.
    for order in (np.arange(every.size)[::-1], np.roll(np.arange(every.size), 1)):
        if not np.array_equal(out.to_codes(probe(np.tile(every[order], (rows, 1)))), codes[:, order]):
            raise UserError(
                f"{nodes[0].op_type} '{nodes[0].name}': a value of it lies so near the middle between two codes of "
                f"'{last.output[0]}' that the reference rounds it now up, now down. Change the scale or the bits of "
                f"{last.op_type} '{last.name}'."
            )
    return out, codes


def _thresholds(kind: StreamType, out: StreamType, codes: np.ndarray) -> Threshold | None:
    """The steps of the codes of one row or one for each channel; None where they do not all rise or fall."""
    steps = np.diff(codes, axis=1)
    falls = np.array((steps <= 0).all(1) & (steps < 0).any(1))
    base, levels = int(codes.min()), int(codes.max() - codes.min())
    if not np.all(falls | (steps >= 0).all(1)) or not 1 <= levels <= _LEVELS or (out.bipolar and levels != 1):
        return None
    sign = np.where(falls, -1, 1)
    wanted = np.arange(base + 1, base + 1 + levels)
    rows = [
        np.searchsorted(row[::-1] if turned else row, wanted) + (-kind.hi if turned else kind.lo)
        for row, turned in zip(codes, falls, strict=True)
    ]
    thresholds = np.array(rows, np.int64)
    if len(codes) == 1:
        thresholds, sign = thresholds.repeat(kind.channels, 0), sign.repeat(kind.channels)
    return Threshold((kind,), out, thresholds, sign, base)
