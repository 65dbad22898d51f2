"""Chains of per-channel nodes -> Affine.

Contract: a chain is cut behind each Quant and BipolarQuant. A part that has to become thresholds is the threshold
rewrite's. Any other part must have fixed-point constants and becomes one Affine: [a*x + b] [Quant] [PReLU] [Quant],
whatever of these is there; a longer part becomes several.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx

from ....errors import UserError
from ...graph import chains
from ...graph.constants import MAX_BITS, quant_parameters
from ...graph.context import Context, check_shift, exact_type, requant, requant_type
from ...graph.fixed import Fixed, to_fixed
from ...graph.rewrite import Rewrite
from ...types import Range, Requant, StreamType
from .op import Affine


class AffineRewrite(Rewrite):
    """See above."""

    name = "affine"
    takes = (*chains.AFFINE, *chains.PRELU, "Quant")

    def matches(self, context: Context, node: onnx.NodeProto) -> bool:
        """Any elementwise node with one stream."""
        return chains.is_step(context.model, node)

    def apply(self, context: Context, node: onnx.NodeProto) -> None:
        """Append the Affine that begins at this node."""
        source = chains.stream_inputs(context.model, node)[0]
        chains.refuse_bipolar(context.type_of(source), node)
        parts = chains.segments(chains.chain_from(context.model, node, 2))
        clip = next((n for n in parts[0] if n.op_type in chains.CLIPS), None)
        if clip is not None:
            raise UserError(
                f"{clip.op_type} '{clip.name}': the chain of elementwise operators behind it does not end in a Quant, "
                "which would make it exact. Put a QuantIdentity behind it, or leave it out: a Quant saturates."
            )
        following = parts[1] if len(parts) > 1 and _joins(context, parts[1], context.type_of(source)) else []
        _affine(context, _take(parts[0], following), source)


def _joins(context: Context, segment: list[onnx.NodeProto], kind: StreamType) -> bool:
    """Whether the segment behind a Quant may share its Affine."""
    return not chains.folds_to_thresholds(context.model, segment) and chains.stays_affine(context.model, segment, kind)


def _take(first: list[onnx.NodeProto], following: list[onnx.NodeProto]) -> dict[str, list[onnx.NodeProto]]:
    """Sort the nodes that fit one Affine: its affine run, mid quantizer, PReLU and final quantizer."""
    parts: dict[str, list[onnx.NodeProto]] = {"affine": [], "mid": [], "prelu": [], "quant": []}
    rest = list(first)
    while rest and rest[0].op_type in chains.AFFINE:
        parts["affine"].append(rest.pop(0))
    if rest and rest[0].op_type in chains.PRELU:
        parts["prelu"].append(rest.pop(0))
    if rest and rest[0].op_type == "Quant":
        parts["quant"].append(rest.pop(0))
        if not parts["prelu"] and following and following[0].op_type in chains.PRELU:
            parts["mid"] = parts.pop("quant")
            parts["prelu"], parts["quant"] = [following[0]], []
            if len(following) == 2 and following[1].op_type == "Quant":
                parts["quant"].append(following[1])
    return parts


class _Grid:
    """Per-channel ranges of the codes while an Affine is put together, and their lsb, 2**-frac."""

    def __init__(self, context: Context, kind: StreamType) -> None:
        self._context = context
        self.codes = Range.of(kind).per_channel(kind.channels)
        self.frac = kind.frac

    def check(self, node: onnx.NodeProto) -> None:
        """Refuse codes that the reference does not hold."""
        self._context.check_exact(self.codes.peak, node.output[0], node)

    def requant(self, q: Requant, frac: int) -> None:
        """Round and saturate."""
        self.codes, self.frac = Range(q(np.asarray(self.codes.lo)), q(np.asarray(self.codes.hi))), frac


def _affine(context: Context, parts: dict[str, list[onnx.NodeProto]], source: str) -> None:
    kind = context.type_of(source)
    nodes = [n for key in ("affine", "mid", "prelu", "quant") for n in parts[key]]
    target = nodes[-1].output[0]
    grid = _Grid(context, kind)
    bits: dict[str, int] = {}
    scale, bias = _scale_bias(context, parts["affine"], kind, grid, bits)
    mid = _quant(context, parts["mid"], grid)
    slope, slope_frac = _slope(context, parts["prelu"], kind, grid, bits)
    if parts["quant"]:
        frac, width, lo, _ = quant_parameters(context.model, parts["quant"][0])
        quant = _quant(context, parts["quant"], grid)
        out = requant_type(kind, frac, width, lo, kind.channels)
        if width == MAX_BITS and quant is not None:  # as wide as can be: no wider than needed
            least, most = grid.codes.least, grid.codes.greatest
            out, quant = exact_type(kind, least, most, kind.channels, frac), replace(quant, lo=least, hi=most)
    else:
        quant = None
        if mid is not None and not parts["prelu"]:
            raise AssertionError("a quantizer between an affine and nothing")
        out = exact_type(kind, grid.codes.least, grid.codes.greatest, kind.channels, grid.frac)
    op = Affine((kind,), out, scale, bias, mid, slope, slope_frac, quant, bits)
    context.add(op, nodes, [source], [target])


def _scale_bias(
    context: Context, run: list[onnx.NodeProto], kind: StreamType, grid: _Grid, bits: dict[str, int]
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Integer scale and bias of an affine run; `grid` and `bits` follow."""
    if not run:
        return None, None
    a_value, b_value = chains.compose([chains.affine_coefficients(context.model, n, kind.channels) for n in run])
    a, b = to_fixed(a_value, chains.constant_bits(run)), to_fixed(b_value, 24)
    if a is None or b is None:
        where = f"{run[-1].op_type} '{run[-1].name}'"
        raise UserError(
            f"{where}: its constants are no fixed point of at most 18 (scale) and 24 (bias) bits. "
            "Let them be quantized (--affine-bits N), or put a Quant behind them, so that they become exact steps."
        )
    frac = max(kind.frac + a.frac, b.frac) if b.codes.any() else kind.frac + a.frac
    check_shift(frac - kind.frac - a.frac, run[-1])
    check_shift(frac - b.frac if b.codes.any() else 0, run[-1])
    # No longer product fits int64.
    context.check_exact(int(np.max(np.abs(a.codes))) << (frac - kind.frac - a.frac), run[-1].output[0], run[-1])
    scale: np.ndarray | None = a.at(frac - kind.frac)
    bias: np.ndarray | None = b.at(frac) if b.codes.any() else None
    grid.codes, grid.frac = grid.codes * Range(scale, scale), frac  # type: ignore[arg-type]
    grid.check(run[-1])
    if bias is not None:
        grid.codes += Range(bias, bias)
        grid.check(run[-1])
        bits["bias"] = Fixed(bias, 0).bits
    if np.all(scale == 1):
        return None, bias
    assert scale is not None
    bits["scale"] = Fixed(scale, 0).bits
    return scale, bias


def _slope(
    context: Context, nodes: list[onnx.NodeProto], kind: StreamType, grid: _Grid, bits: dict[str, int]
) -> tuple[np.ndarray | None, int]:
    """Integer slopes of a PReLU and their fractional bits; `grid` and `bits` follow."""
    if not nodes:
        return None, 0
    (node,) = nodes
    fixed = to_fixed(chains.slopes(context.model, node, kind.channels))
    if fixed is None:
        raise UserError(
            f"{node.op_type} '{node.name}': its slopes are no fixed point of at most 18 bits. Let them be quantized "
            "(--affine-bits N), or put a Quant behind them, so that they become exact steps."
        )
    frac = check_shift(max(fixed.frac, 0), node)
    fixed = Fixed(fixed.at(frac), frac)
    bits["slope"] = fixed.bits
    grid.codes = grid.codes.negative * Range(fixed.codes, fixed.codes) | grid.codes.positive << frac
    grid.frac += frac
    grid.check(node)
    return fixed.codes, frac


def _quant(context: Context, nodes: list[onnx.NodeProto], grid: _Grid) -> Requant | None:
    if not nodes:
        return None
    frac, _, lo, hi = quant_parameters(context.model, nodes[0])
    q = requant(grid.frac, frac, lo, hi, nodes[0])
    grid.requant(q, frac)
    return q
