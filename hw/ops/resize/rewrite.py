"""Resize -> ResizePhases and PixelShuffle.

Contract: nearest (asymmetric, floor: equal to half-pixel, round_prefer_floor for whole factors) or linear
(half-pixel), the same whole factor along both axes, 2 to 4. Linear by an odd factor has weights that no binary fraction
holds: it must be read by one Quant alone, no coarser than its input, so that float32 can round no tie another way.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx

from ....errors import UserError
from ...graph.chains import attribute, only_consumer
from ...graph.constants import quant_parameters
from ...graph.context import Context, exact_type, requant_type
from ...graph.rewrite import Rewrite
from ...network import Reference
from ...types import Requant, StreamType
from ..pixel_shuffle.op import PixelShuffle
from .op import ResizePhases, phase_weights


class ResizeRewrite(Rewrite):
    """See above."""

    name = "resize"
    takes = ("Resize", "Upsample", "Quant")

    def matches(self, context: Context, node: onnx.NodeProto) -> bool:
        """Resize, and its forerunner Upsample."""
        return node.op_type in ("Resize", "Upsample")

    def apply(self, context: Context, node: onnx.NodeProto) -> None:
        """Append the phases and the shuffle that sorts them."""
        _resize(context, node)


def _resize(context: Context, node: onnx.NodeProto) -> None:
    kind = context.type_of(node.input[0])
    if kind.bipolar:
        raise UserError(f"Resize '{node.name}': a bipolar stream cannot be resized.")
    factor = _factor(context, node)
    mode = _mode(node)
    nodes, tensor = [node], node.output[0]
    den = phase_weights(factor, mode)[1] ** 2
    channels = kind.channels * factor**2
    if den & (den - 1) == 0:
        grow = den.bit_length() - 1
        out = exact_type(kind, kind.lo << grow, kind.hi << grow, channels, kind.frac + grow)
        op = ResizePhases((kind,), out, factor, mode)
    else:
        op, quant = _with_quant(context, node, kind, factor, mode)
        nodes, tensor = [node, quant], quant.output[0]
    inner = f"{tensor}_phases"
    context.add(op, nodes[:1], [node.input[0]], [inner], references=[Reference(tensor, factor, "CRD")])
    out = replace(op.output, height=kind.height * factor, width=kind.width * factor, channels=kind.channels)
    context.add(PixelShuffle((op.output,), out, factor, "CRD"), nodes, [inner], [tensor], suffix="_shuffle")


def _with_quant(
    context: Context, node: onnx.NodeProto, kind: StreamType, factor: int, mode: str
) -> tuple[ResizePhases, onnx.NodeProto]:
    """Phases whose weights are no binary fractions, with the Quant that has to follow."""
    den = phase_weights(factor, mode)[1] ** 2
    quant = only_consumer(context.model, node.output[0])
    if quant is not None and quant.op_type == "Quant":
        frac, bits, lo, hi = quant_parameters(context.model, quant)
        if frac >= kind.frac:
            shift, odd = Requant(kind.frac - frac, lo, hi, den).odd_form
            out = requant_type(kind, frac, bits, lo, kind.channels * factor**2)
            return ResizePhases((kind,), out, factor, mode, Requant(shift, lo, hi, odd)), quant
    raise UserError(
        f"Resize '{node.name}': linear by {factor} has weights of 1/{den}, which no fixed-point number holds. "
        f"Put a Quant right behind it whose scale is at most 2^{-kind.frac}, or use nearest."
    )


def _factor(context: Context, node: onnx.NodeProto) -> int:
    name = next((n for n in reversed(list(node.input)[1:]) if n), None)
    scales = None if name is None else context.model.get_initializer(name)
    values = [] if scales is None else [float(s) for s in np.ravel(scales)]
    if len(values) != 4 or values[:2] != [1, 1] or values[2] != values[3] or values[2] not in (2, 3, 4):
        raise UserError(
            f"Resize '{node.name}': scales {values or 'unknown'}; allowed are [1, 1, r, r] with r = 2, 3 or 4."
        )
    return int(values[2])


def _mode(node: onnx.NodeProto) -> str:
    mode = str(attribute(node, "mode", "nearest"))
    where = str(attribute(node, "coordinate_transformation_mode", "half_pixel"))
    rounding = str(attribute(node, "nearest_mode", "round_prefer_floor"))
    if mode == "linear" and where in ("half_pixel", "pytorch_half_pixel") and not attribute(node, "antialias", 0):
        return "bilinear"
    # For whole factors both of these read source pixel floor(out / r).
    if mode == "nearest" and (
        (where, rounding) == ("asymmetric", "floor")
        or (where == "half_pixel" and rounding in ("round_prefer_floor", "round_prefer_ceil"))
    ):
        return "nearest"
    raise UserError(
        f"Resize '{node.name}': mode {mode}, {where}, {rounding}; allowed are linear with half_pixel "
        "(align_corners=False) and nearest with asymmetric floor."
    )
