"""Rewrite: every Quant and BipolarQuant of a constant, and what is computed from it, becomes the constant it computes.

Contract: executing the model gives the same values. Afterwards each convolution's weight and each parameter of an
elementwise node is an initializer, however many nodes made it of others.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper
from qonnx.core.modelwrapper import ModelWrapper

from ...errors import UserError
from .fixed import power_of_two
from .fold import fold
from .index import Graph

ROUNDING = ("ROUND",)
MAX_BITS = 24  # significant bits of float32
MAX_EXPONENT = 32  # of a scale: with 24 bits of codes, shifts between any two scales fit int64


def quant_parameters(model: ModelWrapper, node: onnx.NodeProto) -> tuple[int, int, int, int]:
    """(frac, bits, lo, hi) of a Quant node: value = code * 2**-frac, lo <= code <= hi.

    Raises:
        UserError: what the hardware cannot do exactly, with the node's name.
    """
    scale = model.get_initializer(node.input[1])
    width, lo, hi = code_range(model, node)
    exponents = {power_of_two(float(s)) for s in np.ravel(scale)}
    if None in exponents or len(exponents) != 1:
        raise UserError(
            f"Quant '{node.name}': scale {np.ravel(scale)[:4].tolist()} is no single power of two. Use a fixed-point "
            "quantizer (Brevitas: ...FixedPoint, restrict_scaling_type=POWER_OF_TWO), one scale per tensor."
        )
    exponent = exponents.pop()
    assert exponent is not None
    if abs(exponent) > MAX_EXPONENT:
        raise UserError(
            f"Quant '{node.name}': scale 2^{exponent}; allowed are 2^-{MAX_EXPONENT} to 2^{MAX_EXPONENT}. "
            "Look at what the quantizer learned its scale from."
        )
    return -exponent, width, lo, hi


def is_plain(model: ModelWrapper, node: onnx.NodeProto) -> bool:
    """Whether a Quant has one power of two as scale and 0 as zero point: fixed point."""
    scale, zero = model.get_initializer(node.input[1]), model.get_initializer(node.input[2])
    powers = {power_of_two(float(s)) for s in np.ravel(scale)}
    return len(powers) == 1 and None not in powers and not np.any(zero)


def code_range(model: ModelWrapper, node: onnx.NodeProto) -> tuple[int, int, int]:
    """(bits, lo, hi) of a Quant, whatever its scale: value = code * scale, the zero point taken off.

    Raises:
        UserError: parameters that are no constants, or not allowed, with the node's name.
    """
    scale, zero, bits = (model.get_initializer(name) for name in list(node.input)[1:4])
    if scale is None or zero is None or bits is None:
        raise UserError(f"Quant '{node.name}': scale, zero point and bit width must be constants. Export in eval mode.")
    if np.size(scale) == 0 or np.any(np.asarray(scale) <= 0):
        raise UserError(f"Quant '{node.name}': scale {np.ravel(scale)[:4].tolist()}; allowed are positive numbers.")
    constant = model.get_initializer(node.input[0]) is not None
    if np.any(zero != np.rint(zero)) or (np.size(zero) != 1 and not constant) or np.any(np.abs(zero) >= 1 << MAX_BITS):
        raise UserError(
            f"Quant '{node.name}': zero point {np.ravel(zero)[:4].tolist()}; allowed is one whole number per tensor. "
            "Use a quantizer whose zero point is quantized (Brevitas: ShiftedUint8ActPerTensorFloat), or a symmetric "
            "one."
        )
    width = float(np.ravel(bits)[0]) if np.size(bits) == 1 else 0.0
    if width != int(width) or not 1 <= width <= MAX_BITS:
        raise UserError(
            f"Quant '{node.name}': bit width {np.ravel(bits)[:4].tolist()}; allowed is one whole number, "
            f"1 to {MAX_BITS}: float32, in which the reference is computed, holds no wider codes exactly. "
            f"{_wide_advice(model, node)}"
        )
    attrs = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    mode = attrs.get("rounding_mode", b"ROUND").decode().upper()
    if mode not in ROUNDING:
        raise UserError(f"Quant '{node.name}': rounding mode {mode}; allowed is ROUND (half to even).")
    signed, narrow = bool(attrs.get("signed", 1)), bool(attrs.get("narrow", 0))
    if width == 1 and (signed or narrow):
        raise UserError(
            f"Quant '{node.name}': 1 bit, {'signed' if signed else 'narrow'}; allowed is 1 bit unsigned, or 2 bits and "
            "more. For +1 and -1 use a binary quantizer (Brevitas: SignedBinary..., which exports a BipolarQuant)."
        )
    width = int(width)
    hi = 2 ** (width - signed) - 1 - (1 if narrow and not signed else 0)
    lo = -(2 ** (width - 1)) + narrow if signed else 0
    least, most = int(np.min(zero)), int(np.max(zero))
    return width, lo - most, hi - least


def _wide_advice(model: ModelWrapper, node: onnx.NodeProto) -> str:
    if model.get_initializer(node.input[0]) is not None:
        return "For a bias take Brevitas's Int8Bias, Int16Bias or Int24Bias in place of Int32Bias."
    return f"Give its quantizer bit_width={MAX_BITS} or less; 8 to 16 is usual for activations."


def fold_constant_quants(model: Graph) -> tuple[frozenset[str], dict[str, np.ndarray]]:
    """Apply the rewrite in place.

    Returns:
        The names of the constants that a BipolarQuant made, and of those that are computed from one and are binary
        still: of one magnitude per output channel; the scale of each constant that a Quant made, by its name.

    Raises:
        UserError: a Quant, wherever in the graph it stands, with parameters that are not allowed (`code_range`).
    """
    for node in model.graph.node:
        if node.op_type == "Quant":
            _check_quant(model, node)
        elif node.op_type == "BipolarQuant":
            _check_bipolar(model, node)
    binary: set[str] = set()
    scales: dict[str, np.ndarray] = {}

    def folded(node: onnx.NodeProto) -> None:
        value = model.get_initializer(node.output[0])
        assert value is not None
        rows = np.abs(value).reshape(len(value), -1) if np.ndim(value) and np.size(value) else np.ones((1, 1))
        computed = binary.intersection(node.input) and bool(np.all(rows == rows[:, :1]) and np.all(rows > 0))
        if node.op_type == "BipolarQuant" or computed:
            binary.add(node.output[0])
        if node.op_type == "Quant":
            scale = model.get_initializer(node.input[1])
            assert scale is not None
            scales[node.output[0]] = np.asarray(scale, np.float32)

    fold(model, quantizers=True, folded=folded)
    return frozenset(binary), scales


def _check_shapes(model: Graph, node: onnx.NodeProto) -> None:
    """Refuse parameters that do not fit the tensor, or would make it larger."""
    shape = model.get_tensor_shape(node.input[0])
    for name in list(node.input)[1:]:
        own = model.get_tensor_shape(name)
        try:
            fits = shape is not None and own is not None and list(np.broadcast_shapes(shape, own)) == shape
        except ValueError:
            fits = False
        if not fits:
            raise UserError(
                f"{node.op_type} '{node.name}': its parameter '{name}' has the shape {own}, its input {shape}; "
                "allowed is one value, or one per channel in the input's layout."
            )


def _check_quant(model: Graph, node: onnx.NodeProto) -> None:
    """Any scale, one or one per channel, that the tensor's shape allows."""
    code_range(model, node)
    _check_shapes(model, node)


def _check_bipolar(model: Graph, node: onnx.NodeProto) -> None:
    scale = model.get_initializer(node.input[1])
    if scale is None or np.size(scale) == 0 or np.any(np.asarray(scale) <= 0):
        found = "no constant" if scale is None else np.ravel(scale)[:4].tolist()
        raise UserError(
            f"BipolarQuant '{node.name}': scale {found}; allowed are positive constants. Export in eval mode."
        )
    _check_shapes(model, node)
