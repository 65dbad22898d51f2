"""Rewrite: every Quant and BipolarQuant of a constant becomes the constant it computes.

Contract: executing the model gives the same values. Afterwards each convolution's weight and each parameter of an
elementwise node is an initializer; `binary_weights` names those that came from a BipolarQuant.
Raises UserError for a Quant whose scale is no power of two, whose zero point is not 0, or whose bit width is
no whole number: wherever in the graph it stands.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from ...errors import UserError
from .fixed import power_of_two

ROUNDING = ("ROUND",)


def quant_parameters(model: ModelWrapper, node: onnx.NodeProto) -> tuple[int, int, int, int]:
    """(frac, bits, lo, hi) of a Quant node: value = code * 2**-frac, lo <= code <= hi.

    Raises:
        UserError: what the hardware cannot do exactly, with the node's name.
    """
    scale, zero, bits = (model.get_initializer(name) for name in list(node.input)[1:4])
    if scale is None or zero is None or bits is None:
        raise UserError(f"Quant '{node.name}': scale, zero point and bit width must be constants. Export in eval mode.")
    exponents = {power_of_two(float(s)) for s in np.ravel(scale)}
    if None in exponents or len(exponents) != 1:
        raise UserError(
            f"Quant '{node.name}': scale {np.ravel(scale)[:4].tolist()} is no single power of two. Use a fixed-point "
            "quantizer (Brevitas: ...FixedPoint, restrict_scaling_type=POWER_OF_TWO), one scale per tensor."
        )
    if np.any(zero != 0):
        raise UserError(
            f"Quant '{node.name}': zero point {np.ravel(zero)[:4].tolist()}; allowed is 0. Use a symmetric quantizer."
        )
    width = float(np.ravel(bits)[0])
    if np.size(bits) != 1 or width != int(width) or not 1 <= width <= 24:
        raise UserError(
            f"Quant '{node.name}': bit width {np.ravel(bits)[:4].tolist()}; allowed is one whole number, 1 to 24."
        )
    attrs = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    mode = attrs.get("rounding_mode", b"ROUND").decode().upper()
    if mode not in ROUNDING:
        raise UserError(f"Quant '{node.name}': rounding mode {mode}; allowed is ROUND (half to even).")
    signed, narrow = bool(attrs.get("signed", 1)), bool(attrs.get("narrow", 0))
    width = int(width)
    hi = 2 ** (width - signed) - 1 - (1 if narrow and not signed else 0)
    lo = -(2 ** (width - 1)) + narrow if signed else 0
    exponent = exponents.pop()
    assert exponent is not None
    return -exponent, width, lo, hi


def fold_constant_quants(model: ModelWrapper) -> set[str]:
    """Apply the rewrite in place; returns the names of the binary constants."""
    binary: set[str] = set()
    for node in list(model.graph.node):
        if node.op_type == "Quant":
            per_channel_ok = model.get_initializer(node.input[0]) is not None
            _check_quant(model, node, per_channel_ok)
        if node.op_type not in ("Quant", "BipolarQuant", "Trunc") or model.get_initializer(node.input[0]) is None:
            continue
        context = {name: model.get_initializer(name) for name in node.input}
        getCustomOp(node).execute_node(context, model.graph)
        model.set_initializer(node.output[0], np.asarray(context[node.output[0]], np.float32))
        if node.op_type == "BipolarQuant":
            binary.add(node.output[0])
        model.graph.node.remove(node)
    return binary


def _check_quant(model: ModelWrapper, node: onnx.NodeProto, constant: bool) -> None:
    """A constant may have a scale per channel (all powers of two); a stream has one."""
    scale = model.get_initializer(node.input[1])
    per_channel = constant and scale is not None and np.size(scale) > 1
    if not (per_channel and all(power_of_two(float(s)) is not None for s in np.ravel(scale))):
        quant_parameters(model, node)
