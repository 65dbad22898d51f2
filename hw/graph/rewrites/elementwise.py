"""Chains of per-channel nodes -> Affine, Threshold.

Contract: a chain is cut behind each Quant and BipolarQuant. A part that ends in a BipolarQuant, or in a Quant of few
bits with float constants, becomes integer thresholds (see `threshold`). Any other part must have fixed-point constants
and becomes one Affine: [a*x + b] [Quant] [PReLU] [Quant], whatever of these is there; a longer part becomes several.
"""

from __future__ import annotations

import numpy as np
import onnx

from ....errors import UserError
from ...types import Requant, StreamType
from .. import chains
from ..constants import quant_parameters
from ..context import Context, check_exact, exact_type, requant, requant_type
from ..convert import compose, folds_to_thresholds
from ..fixed import Fixed, to_fixed
from ..ops import Affine
from . import threshold


def matches(context: Context, node: onnx.NodeProto) -> bool:
    """Any elementwise node with one stream."""
    return chains.is_step(context.model, node)


def apply(context: Context, node: onnx.NodeProto) -> None:
    """Append the stage that begins at this node."""
    source = chains.stream_inputs(context.model, node)[0]
    if context.type_of(source).bipolar:
        raise UserError(f"{node.op_type} '{node.name}': reads a bipolar stream; only convolutions may.")
    parts = chains.segments(chains.chain_from(context.model, node))
    first = parts[0]
    channels = context.type_of(source).channels
    fixed = all(_is_fixed(context, n, channels) for n in first)
    if first[-1].op_type == "BipolarQuant" or (folds_to_thresholds(context.model, first) and not fixed):
        threshold.apply(context, first, source)
        return
    following = parts[1] if len(parts) > 1 and not folds_to_thresholds(context.model, parts[1]) else []
    _affine(context, _take(first, following), source)


def _is_fixed(context: Context, node: onnx.NodeProto, channels: int) -> bool:
    if node.op_type in chains.AFFINE:
        if node.op_type == "BatchNormalization":
            return False
        return all(to_fixed(v) is not None for v in chains.affine_coefficients(context.model, node, channels))
    if node.op_type in chains.PRELU:
        return to_fixed(chains.slopes(context.model, node, channels)) is not None
    return True


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


class _Range:
    """Per-channel bounds of the codes while an Affine is put together, and their lsb."""

    def __init__(self, kind: StreamType) -> None:
        self.lo = np.full(kind.channels, kind.lo, np.int64)
        self.hi = np.full(kind.channels, kind.hi, np.int64)
        self.frac = kind.frac

    def multiply(self, a: np.ndarray) -> None:
        ends = np.stack([self.lo * a, self.hi * a])
        self.lo, self.hi = ends.min(0), ends.max(0)

    def requant(self, q: Requant, frac: int) -> None:
        self.lo, self.hi, self.frac = q(self.lo), q(self.hi), frac

    def peak(self) -> int:
        return int(max(-self.lo.min(), self.hi.max()))


def _affine(context: Context, parts: dict[str, list[onnx.NodeProto]], source: str) -> None:
    kind = context.type_of(source)
    nodes = [n for key in ("affine", "mid", "prelu", "quant") for n in parts[key]]
    target = nodes[-1].output[0]
    bounds = _Range(kind)
    bits: dict[str, int] = {}
    scale, bias = _scale_bias(context, parts["affine"], kind, bounds, bits)
    mid = _quant(context, parts["mid"], bounds)
    slope, slope_frac = None, 0
    if parts["prelu"]:
        fixed = to_fixed(chains.slopes(context.model, parts["prelu"][0], kind.channels))
        if fixed is None:
            raise UserError(f"{parts['prelu'][0].op_type} '{parts['prelu'][0].name}': its slopes are no fixed point.")
        fixed = Fixed(fixed.at(max(fixed.frac, 0)), max(fixed.frac, 0))
        slope, slope_frac, bits["slope"] = fixed.codes, fixed.frac, fixed.bits
        low = np.stack(
            [
                np.minimum(bounds.lo, 0) * slope,
                np.maximum(bounds.lo, 0) << slope_frac,
                np.zeros_like(slope),
                np.minimum(bounds.hi, 0) * slope,
                np.maximum(bounds.hi, 0) << slope_frac,
            ]
        )
        bounds.lo, bounds.hi, bounds.frac = low.min(0), low.max(0), bounds.frac + slope_frac
        check_exact(
            bounds.peak(), parts["prelu"][0].output[0], f"{parts['prelu'][0].op_type} '{parts['prelu'][0].name}'"
        )
    if parts["quant"]:
        frac, width, lo, _ = quant_parameters(context.model, parts["quant"][0])
        quant = _quant(context, parts["quant"], bounds)
        out = requant_type(kind, frac, width, lo, kind.channels)
    else:
        quant = None
        if mid is not None and not parts["prelu"]:
            raise AssertionError("a quantizer between an affine and nothing")
        out = exact_type(kind, int(bounds.lo.min()), int(bounds.hi.max()), kind.channels, bounds.frac)
    op = Affine((kind,), out, scale, bias, mid, slope, slope_frac, quant, bits)
    context.add(op, nodes, [source], target)


def _scale_bias(
    context: Context, run: list[onnx.NodeProto], kind: StreamType, bounds: _Range, bits: dict[str, int]
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Integer scale and bias of an affine run; `bounds` and `bits` follow."""
    if not run:
        return None, None
    where = f"{run[-1].op_type} '{run[-1].name}'"
    a_value, b_value = compose([chains.affine_coefficients(context.model, n, kind.channels) for n in run])
    a, b = to_fixed(a_value), to_fixed(b_value, 24)
    if a is None or b is None:
        raise UserError(f"{where}: its constants are no fixed point of at most 18 (scale) and 24 (bias) bits.")
    frac = max(kind.frac + a.frac, b.frac) if b.codes.any() else kind.frac + a.frac
    scale: np.ndarray | None = a.at(frac - kind.frac)
    bias: np.ndarray | None = b.at(frac) if b.codes.any() else None
    bounds.multiply(scale)  # type: ignore[arg-type]
    check_exact(bounds.peak(), run[0].output[0], where)
    if bias is not None:
        bounds.lo, bounds.hi = bounds.lo + bias, bounds.hi + bias
        check_exact(bounds.peak(), run[-1].output[0], where)
        bits["bias"] = Fixed(bias, 0).bits
    bounds.frac = frac
    if scale is not None and np.all(scale == 1):
        scale = None
    if scale is not None:
        bits["scale"] = Fixed(scale, 0).bits
    return scale, bias


def _quant(context: Context, nodes: list[onnx.NodeProto], bounds: _Range) -> Requant | None:
    if not nodes:
        return None
    frac, _, lo, hi = quant_parameters(context.model, nodes[0])
    q = requant(bounds.frac, frac, lo, hi)
    bounds.requant(q, frac)
    return q
