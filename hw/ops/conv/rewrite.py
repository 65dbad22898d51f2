"""Conv -> Conv.

Contract: stride 1, dilation 1, one group, odd square kernel, padding K//2 all round; the weight is binary (from a
BipolarQuant, its scale moved away before) or fixed point. A constant Pad of +1 or -1 in front of an unpadded binary
convolution of a bipolar stream becomes the engine's pad value. The output is the exact accumulator.
"""

from __future__ import annotations

import numpy as np
import onnx

from ....errors import UserError
from ...graph.chains import attribute, only_consumer
from ...graph.context import Context, exact_type
from ...graph.fixed import to_fixed
from ...graph.rewrite import Rewrite
from ...types import Range, StreamType
from .op import Conv

#: What to do about each kind of convolution that there is no hardware for.
_INSTEAD = {
    "kernel": " Fill the smaller side up with zeros.",
    "kernel_shape": " It has to be the weight's own.",
    "strides": " Let the convolution pad with zeros itself, in place of a Pad in front of it.",
    "dilations": " Write a dilated kernel as a larger one with zeros between, up to 9 x 9.",
    "group": " Write a grouped or depthwise convolution as a whole one with zeros outside of its groups.",
    "pads": " In Brevitas: padding=kernel_size // 2.",
}


class ConvRewrite(Rewrite):
    """See above."""

    name = "conv"
    takes = ("Conv", "ConvTranspose", "AveragePool", "Pad")

    def matches(self, context: Context, node: onnx.NodeProto) -> bool:
        """Conv, or Pad read by one Conv alone."""
        if node.op_type == "Pad":
            following = only_consumer(context.model, node.output[0])
            return following is not None and following.op_type == "Conv"
        return node.op_type == "Conv"

    def apply(self, context: Context, node: onnx.NodeProto) -> None:
        """Append one Conv."""
        _convolution(context, node)


def _convolution(context: Context, node: onnx.NodeProto) -> None:
    source, pad_value, nodes = node.input[0], 0, [node]
    if node.op_type == "Pad":
        conv = only_consumer(context.model, node.output[0])
        assert conv is not None
        pad_value = _pad_value(context, node, conv)
        node, nodes = conv, [node, conv]
    kind = context.type_of(source)
    weight = context.model.get_initializer(node.input[1])
    if weight is None:
        raise UserError(
            f"Conv '{node.name}': its weight must be a constant (a Quant or BipolarQuant of an initializer)."
        )
    _check_geometry(node, weight, len(nodes) > 1)
    if weight.shape[1] != kind.channels:
        raise UserError(
            f"Conv '{node.name}': its weight has the shape {weight.shape}, its input {kind.channels} channels; allowed "
            f"is (O, {kind.channels}, K, K)."
        )
    binary = bool(np.all(np.abs(weight) == 1))
    fixed = to_fixed(weight)
    assert fixed is not None, "the conversions refuse other weights"
    codes = (weight > 0).astype(np.int64) if binary else fixed.codes
    signed = 2 * codes - 1 if binary else codes
    op_weight = np.ascontiguousarray(codes.transpose(0, 2, 3, 1))
    frac = kind.frac + (0 if binary else fixed.frac)
    output = accumulator_type(context, kind, signed, frac, node, pad_value)
    op = Conv(
        inputs=(kind,),
        output=output,
        weight=op_weight,
        binary=binary,
        weight_bits=1 if binary else fixed.bits,
        bias=np.zeros(len(weight), np.int64),
        pad_value=pad_value,
    )
    context.add(op.replace(pe=op.read.units), nodes, [source], [node.output[0]])


def accumulator_type(
    context: Context, kind: StreamType, weight: np.ndarray, frac: int, node: onnx.NodeProto, pad_value: int = 0
) -> StreamType:
    """Bounds of sum(w*x) over the weights' own values: no wider than needed, never too narrow."""
    x = Range(-1, 1) if kind.bipolar else Range.of(kind)
    flat = weight.reshape(len(weight), -1)
    positive, negative = np.maximum(flat, 0).sum(1), np.minimum(flat, 0).sum(1)
    # Zero padding adds nothing: bounds that 0 lies within hold at borders too.
    hi = int(max((positive * x.hi + negative * x.lo).max(), 0))
    lo = int(min((positive * x.lo + negative * x.hi).min(), 0))
    context.check_exact(max(hi, -lo), node.output[0], node)
    return exact_type(kind, lo, hi, len(weight), frac)


def _pad_value(context: Context, pad: onnx.NodeProto, conv: onnx.NodeProto) -> int:
    model = context.model
    pads = model.get_initializer(pad.input[1]) if len(pad.input) > 1 else None
    value = model.get_initializer(pad.input[2]) if len(pad.input) > 2 and pad.input[2] else np.zeros(1)
    mode = attribute(pad, "mode", "constant")
    weight = model.get_initializer(conv.input[1])
    half = int(np.shape(weight)[-1]) // 2 if np.ndim(weight) == 4 else 0
    number = float(np.ravel(value)[0]) if value is not None and np.size(value) else 0.0
    wanted = [0, 0, half, half, 0, 0, half, half]
    bipolar = context.type_of(pad.input[0]).bipolar
    unpadded = not any(attribute(conv, "pads", [0]))  # type: ignore[arg-type]
    allowed = (0.0, 1.0, -1.0) if bipolar else (0.0,)
    axes = [model.get_initializer(name) for name in list(pad.input)[3:] if name]
    if axes or mode != "constant" or pads is None or list(pads) != wanted or number not in allowed or not unpadded:
        raise UserError(
            f"Pad '{pad.name}': supported in front of an unpadded Conv is constant padding of {half} rows and "
            f"columns all round, with the value {' or '.join(str(int(a)) for a in allowed)}; found mode {mode}, "
            f"pads {None if pads is None else list(map(int, pads))}, value {number:g}."
        )
    return int(number)


def _check_geometry(node: onnx.NodeProto, weight: np.ndarray, padded: bool) -> None:
    if weight.ndim != 4 or not weight.size:
        raise UserError(f"Conv '{node.name}': its weight has the shape {weight.shape}; allowed is (O, C, K, K).")
    k = weight.shape[2]
    half = 0 if padded else k // 2
    found = {
        "kernel": (tuple(weight.shape[2:]), (k, k)),
        "kernel_shape": (tuple(attribute(node, "kernel_shape", [k, k])), (k, k)),  # type: ignore[arg-type]
        "strides": (tuple(attribute(node, "strides", [1, 1])), (1, 1)),  # type: ignore[arg-type]
        "dilations": (tuple(attribute(node, "dilations", [1, 1])), (1, 1)),  # type: ignore[arg-type]
        "group": (attribute(node, "group", 1), 1),
        "pads": (tuple(attribute(node, "pads", [0] * 4)), (half,) * 4),  # type: ignore[arg-type]
    }
    if attribute(node, "auto_pad", "NOTSET") != "NOTSET":
        raise UserError(f"Conv '{node.name}': auto_pad is not supported; give pads of K//2 explicitly.")
    if k % 2 == 0 or k > 9:
        raise UserError(
            f"Conv '{node.name}': kernel {tuple(weight.shape[2:])}; allowed are odd square kernels, 1 to 9. "
            "Take the next odd size: a smaller kernel is one with zeros at its border."
        )
    for what, (is_, must) in found.items():
        if is_ != must:
            raise UserError(
                f"Conv '{node.name}': {what} is {is_}; allowed is {must} (stride 1, same size out as in)."
                f"{_INSTEAD[what]}"
            )
