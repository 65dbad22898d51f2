"""ReduceSum, ReduceMean and GlobalAveragePool over rows and columns (and the Quant behind them) -> Pool.

Contract: in mode previous a vector that is read becomes a state (`Context.keep`). The sum is exact. The reference
executes it in float32, so it has to fit 24 significant bits: 8-bit codes of at most 65,536 pixels. A mean over a number
of pixels that is no power of two has a Quant behind it, coarse enough that the float32 mean never rounds another way
than the exact one: the sum times the ratio of the two lsbs within 2**22.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx

from ....errors import UserError
from ...graph.chains import attribute, only_consumer
from ...graph.constants import quant_parameters
from ...graph.context import Context, check_exact, check_shift, exact_type, requant_type
from ...graph.rewrite import Rewrite
from ...types import Requant, StreamType
from .op import Pool

_MEANS = ("ReduceMean", "GlobalAveragePool")
_MEAN_BITS = 22  # float32 divides with an error of less than 2**-22 of the mean


class PoolRewrite(Rewrite):
    """See above."""

    name = "pool"
    takes = ("ReduceSum", *_MEANS, "Quant")

    def matches(self, context: Context, node: onnx.NodeProto) -> bool:
        """A sum or mean."""
        return node.op_type in ("ReduceSum", *_MEANS)

    def apply(self, context: Context, node: onnx.NodeProto) -> None:
        """Append one Pool."""
        kind = context.type_of(node.input[0])
        _check(context, node, kind)
        mean = node.op_type in _MEANS
        peak = max(-kind.lo, kind.hi) * kind.pixels
        if peak >> 24:
            most = (1 << 24) // max(-kind.lo, kind.hi)
            raise UserError(
                f"{node.op_type} '{node.name}': its sum of {kind.bits} bits over {kind.width} x {kind.height} pixels "
                f"does not fit 24 significant bits, up to which a float32 reference is exact. At {kind.bits} bits "
                f"allowed are {most:,} pixels: build for a smaller frame or tile (--frame WxH), or put a Quant of "
                "fewer bits in front of it."
            )
        quant = only_consumer(context.model, node.output[0])
        odd = kind.pixels if mean else 1
        down = 0
        while odd % 2 == 0:
            odd, down = odd // 2, down + 1
        if quant is None or quant.op_type != "Quant":
            if odd > 1:
                raise UserError(
                    f"{node.op_type} '{node.name}': the mean of {kind.width} x {kind.height} pixels has parts that no "
                    "binary fraction holds. Put one Quant (QuantIdentity) right behind it, which nothing else reads."
                )
            frac = kind.frac + down
            out = exact_type(kind, kind.lo * kind.pixels, kind.hi * kind.pixels, kind.channels, frac)
            self._add(context, Pool((kind,), _vector(out), None), [node], node.output[0])
            return
        frac, bits, lo, hi = quant_parameters(context.model, quant)
        out = requant_type(kind, frac, bits, lo, kind.channels)
        shift = check_shift(kind.frac - frac, quant) + (down if odd == 1 else 0)
        if odd > 1 and peak << max(1 - (kind.frac - frac), 0) > 1 << _MEAN_BITS:
            raise UserError(
                f"Quant '{quant.name}': its scale is so fine beside the sum that {node.op_type} '{node.name}' makes "
                f"of {kind.pixels:,} pixels that a float32 mean may round another way. Take a scale at least "
                f"{(peak << max(1 - (kind.frac - frac), 0)) >> _MEAN_BITS:,} times as great, fewer bits in front, or a "
                "frame whose number of pixels is a power of two."
            )
        divisor = kind.pixels if odd > 1 else 1
        op = Pool((kind,), _vector(out), Requant(shift, lo, hi, divisor))
        check_exact(peak, node.output[0], node)
        self._add(context, op, [node, quant], quant.output[0])

    def _add(self, context: Context, op: Pool, nodes: list[onnx.NodeProto], vector: str) -> None:
        """Append it; with the vector of the frame before, if the lowering wants that."""
        op = op.replace(start=context.keep(vector, op.output))
        context.add(op, nodes, [nodes[0].input[0]], [vector])


def _vector(kind: StreamType) -> StreamType:
    return replace(kind, height=1, width=1)


def _check(context: Context, node: onnx.NodeProto, kind: StreamType) -> None:
    if kind.bipolar:
        raise UserError(f"{node.op_type} '{node.name}': a bipolar stream cannot be summed; take the numbers before it.")
    if node.op_type == "GlobalAveragePool":
        return
    given = context.model.get_initializer(node.input[1]) if len(node.input) > 1 and node.input[1] else None
    axes = [int(n) for n in np.ravel(attribute(node, "axes", []) if given is None else given)]  # type: ignore[arg-type]
    if sorted(n % 4 for n in axes) != [2, 3] or attribute(node, "keepdims", 1) != 1:
        raise UserError(
            f"{node.op_type} '{node.name}': over axes {axes or 'all'}, keepdims {attribute(node, 'keepdims', 1)}; "
            "supported are rows and columns, axes 2 and 3, with keepdims 1 (in PyTorch: x.mean((2, 3), keepdim=True))."
        )
