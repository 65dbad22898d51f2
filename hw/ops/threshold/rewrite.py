"""A chain that ends in a sign or in few bits -> Threshold, exactly.

Contract: each node is monotone in its stream. Then so is the chain as float32 computes it (rounding is monotone),
and for each channel and output code there is one integer where the code is first reached. It is found by bisection
over the input's codes, with the chain itself executed by qonnx at every probe: no algebra on float constants, hence
no rounding of thresholds.
"""

from __future__ import annotations

import numpy as np
import onnx

from ....errors import UserError
from ...graph import chains
from ...graph.constants import quant_parameters
from ...graph.context import Context, requant_type
from ...graph.probe import Probe
from ...graph.rewrite import Rewrite
from ...types import StreamType
from .op import Threshold


class ThresholdRewrite(Rewrite):
    """See above. A quantizer of few bits whose constants are all fixed point stays an affine."""

    name = "threshold"
    takes = (*chains.AFFINE, *chains.PRELU, *chains.TERMINAL)
    before = ("affine", "pieces")

    def matches(self, context: Context, node: onnx.NodeProto) -> bool:
        """The first node of a chain with one stream whose first segment has to become thresholds."""
        if not chains.is_step(context.model, node):
            return False
        first = chains.segments(chains.chain_from(context.model, node, 1))[0]
        channels = context.type_of(chains.stream_inputs(context.model, node)[0]).channels
        if not chains.folds_to_thresholds(context.model, first) or not _monotone(context, first, channels):
            return False
        if first[-1].op_type == "BipolarQuant":
            return True
        fixed = all(chains.is_fixed(context.model, n, channels) for n in first)
        return not fixed

    def apply(self, context: Context, node: onnx.NodeProto) -> None:
        """Append one Threshold for the whole segment."""
        source = chains.stream_inputs(context.model, node)[0]
        chains.refuse_bipolar(context.type_of(source), node)
        _thresholds(context, chains.segments(chains.chain_from(context.model, node, 1))[0], source)


def _thresholds(context: Context, segment: list[onnx.NodeProto], source: str) -> None:
    kind = context.type_of(source)
    last = segment[-1]
    if last.op_type == "BipolarQuant":
        _check_sign(segment)
        base, levels = 0, 1
        out = StreamType(kind.height, kind.width, kind.channels, 1, False, 0, bipolar=True)
    else:
        frac, bits, base, hi = quant_parameters(context.model, last)
        levels = hi - base
        out = requant_type(kind, frac, bits, base, kind.channels)
    sign = _direction(context, segment, kind.channels)
    probe = Probe(context.model, segment, source, kind)
    wanted = np.arange(base + 1, base + 1 + levels)
    lo = np.where(sign > 0, kind.lo, -kind.hi)[:, None].repeat(levels, 1)
    hi_code = np.where(sign > 0, kind.hi, -kind.lo)[:, None].repeat(levels, 1) + 1
    lo, hi_code = lo.astype(np.int64), hi_code.astype(np.int64)
    # Invariant: the first code that reaches the level lies in [lo, hi]; hi starts one above the range (never).
    while np.any(lo < hi_code):
        middle = (lo + hi_code) // 2
        reached = out.to_codes(probe(np.clip(sign[:, None] * middle, kind.lo, kind.hi))) >= wanted
        reached |= middle >= hi_code
        hi_code = np.where(reached, middle, hi_code)
        lo = np.where(reached, lo, middle + 1)
    op = Threshold((kind,), out, lo, sign, base)
    context.add(op, segment, [source], [last.output[0]], floats=True)


def _check_sign(segment: list[onnx.NodeProto]) -> None:
    """Refuse the sign of what is never negative."""
    if len(segment) > 1 and segment[-2].op_type == "Relu":
        raise UserError(
            f"BipolarQuant '{segment[-1].name}': it reads Relu '{segment[-2].name}', which is never negative, so that "
            "it gives +1 for every picture. Brevitas exports QuantReLU(bit_width=1) so; take a QuantIdentity with a "
            "SignedBinary... quantizer and no ReLU, or at least 2 bits."
        )


def _monotone(context: Context, segment: list[onnx.NodeProto], channels: int) -> bool:
    """Whether each node is monotone, in a direction that its constants tell."""
    prelus = [n for n in segment if n.op_type in chains.PRELU]
    known = all(n.op_type in (*chains.AFFINE, *chains.PRELU) for n in segment[:-1])
    return known and all(np.all(chains.slopes(context.model, n, channels) >= 0) for n in prelus)


def _direction(context: Context, segment: list[onnx.NodeProto], channels: int) -> np.ndarray:
    sign = np.ones(channels, np.int64)
    for node in segment[:-1]:
        if node.op_type in chains.AFFINE:
            a, _ = chains.affine_coefficients(context.model, node, channels)
            sign *= np.where(a < 0, -1, 1)
    return sign
