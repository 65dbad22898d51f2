"""A common unit for streams whose scales differ, so that integers may be added or stand side by side.

This is the one conversion that scales which are no powers of two need; it is printed with what it changes, and the
converted file is the reference. The unit is the step of the Quant behind. Codes are multiplied by the ratio of their
scale to it, to 24 bits and not rounded; a chain of floats is rounded to a 2**-FINE of it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import helper

from ...errors import UserError
from . import chains
from .constants import MAX_BITS, code_range
from .index import Graph
from .rewrite import Scales

FINE, COARSE = 8, 4  # bits below the step: with a Quant right behind, and with other operators between
_ODD = 64 / 65  # with those, sums are never halfway between two codes, where float32 would decide
MOST_PAIRS = 1 << 22


def is_exact(model: Graph, tensor: str) -> bool:
    """Whether a tensor is fixed point: no chain of floats stands between it and the last operator or Quant."""
    shape = model.get_tensor_shape(tensor)
    node = model.find_producer(tensor)
    while node is not None and chains.is_step(model, node) and node.op_type not in chains.TERMINAL:
        if shape is None or not chains.is_fixed(model, node, shape[1]):
            return False
        node = model.find_producer(chains.stream_inputs(model, node)[0])
    return True


def quant_behind(model: Graph, node: onnx.NodeProto, between: Sequence[str]) -> onnx.NodeProto | None:
    """The Quant that reads a node's result alone, behind operators of these types only; None where there is none."""
    reader = chains.only_consumer(model, node.output[0])
    while reader is not None and reader.op_type in between:
        reader = chains.only_consumer(model, reader.output[0])
    return reader if reader is not None and reader.op_type == "Quant" else None


def to_common_unit(model: Graph, node: onnx.NodeProto, scales: Scales, tensors: Sequence[str]) -> list[str]:
    """Let all streams that a node reads have one unit, and move it behind the node (which must compute on codes).

    Args:
        tensors: the streams; some of their scales may wait.

    Returns:
        In words, what this changes; nothing where the scales are the same already, or all of them fixed point.

    Raises:
        UserError: nothing tells how fine it has to be.
    """
    waiting = [scales.waiting[t][1] if t in scales.waiting else None for t in tensors]
    if all(s is None for s in waiting) and (not scales.exact or all(is_exact(model, t) for t in tensors)):
        return []
    first = waiting[0]
    if first is not None and all(s is not None and np.array_equal(s, first) for s in waiting):
        scales.integers.append(node.name)
        scales.wait_behind(node, first)
        return []
    unit, fine = _unit(model, node, waiting)
    effect = _effect(model, node, scales, tensors, unit, fine)
    made = {t: _in_units(model, node, scales, t, unit, fine) for t in tensors}
    model.redirect(node, [made.get(i, i) for i in node.input])
    scales.grids.add(node.output[0])
    scales.wait_behind(node, np.asarray(unit, np.float32))
    return [f"{node.op_type} '{node.name}': its inputs have different scales; {effect}"]


def _unit(model: Graph, node: onnx.NodeProto, waiting: Sequence[np.ndarray | None]) -> tuple[float, int]:
    """(unit, bits below it)."""
    quant = quant_behind(model, node, ["Relu"])
    if quant is not None and np.size(model.get_initializer(quant.input[1])) == 1:
        return float(np.ravel(model.get_initializer(quant.input[1]))[0]), FINE
    quant = quant_behind(model, node, ["Add", "DepthToSpace", *chains.AFFINE, *chains.PRELU, *chains.CLIPS])
    known = [float(np.min(s)) for s in waiting if s is not None]
    if quant is not None and not known:
        known.append(float(np.min(model.get_initializer(quant.input[1]))))
    if not known:
        raise UserError(
            f"{node.op_type} '{node.name}': its inputs are chains of floats, and no Quant follows that tells how fine "
            "they must be. Put a QuantIdentity in front of each input, or one behind it."
        )
    return float(np.float32(min(known) * _ODD)), COARSE


def _effect(model: Graph, node: onnx.NodeProto, scales: Scales, tensors: Sequence[str], unit: float, fine: int) -> str:
    """What the conversion changes, in words: of all pairs of codes where a sum of two is rounded, else a bound."""
    quant = quant_behind(model, node, ["Relu"])
    codes = [_codes(model, scales, t) for t in tensors]
    known = [c for c in codes if c is not None]
    pairs = int(np.prod([float(c.size) for c, _ in known])) if known else 0
    if node.op_type != "Add" or quant is None or len(known) != 2 or len(tensors) != 2 or pairs > MOST_PAIRS:
        if fine == FINE:
            return f"floats in front are rounded to 1/{2**FINE} of the step behind, whose code changes by 1 at most"
        return (
            f"they are rounded to 1/{2**COARSE} of the smallest ({unit / _ODD:.6g}), the result by half of it for each"
        )
    (a, s), (b, t) = known
    step = np.ravel(model.get_initializer(quant.input[1])).astype(np.float32)[0]
    zero = np.ravel(model.get_initializer(quant.input[2])).astype(np.float32)[0]
    _, low, high = code_range(model, quant)
    summed = (a.astype(np.float32) * np.float32(s))[:, None] + (b.astype(np.float32) * np.float32(t))[None]
    wanted = np.clip(np.rint(summed / step + zero) - zero, low, high)
    ratios = [float(np.float32(v / unit)) for v in (s, t)]
    found = np.clip(np.rint(a[:, None] * ratios[0] + b[None] * ratios[1] + zero) - zero, low, high)
    other = int((wanted != found).sum())
    if not other:
        return f"times their ratios to the step behind, all {pairs:,} pairs of codes give the same code"
    most = int(np.abs(wanted - found).max())
    return (
        f"times their ratios to the step behind, {other:,} of {pairs:,} pairs of codes give a code at most {most} off"
    )


def _codes(model: Graph, scales: Scales, tensor: str) -> tuple[np.ndarray, float] | None:
    """(all codes of a stream, its scale), where a Quant makes them, moved since or not, and its scale waits."""
    if tensor not in scales.waiting or scales.waiting[tensor][1].size > 1:
        return None
    maker = model.find_producer(scales.waiting[tensor][0])
    while maker is not None and maker.name in scales.moved:
        maker = model.find_producer(maker.input[0])
    if maker is None or maker.op_type != "Quant":
        return None
    _, low, high = code_range(model, maker)
    return np.arange(low, high + 1), float(scales.waiting[tensor][1])


def _in_units(model: Graph, node: onnx.NodeProto, scales: Scales, tensor: str, unit: float, fine: int) -> str:
    """The tensor that holds a stream's values in units."""
    codes = _codes(model, scales, tensor)
    if codes is not None and fine == FINE:
        ratio = np.float32(codes[1] / unit)
        inside = scales.waiting[tensor][0]
        return inside if ratio == 1 else _constant_step(model, "Mul", inside, ratio, f"{node.name}_ratio")
    values = scales.values(tensor) if tensor in scales.waiting else tensor
    divided = _constant_step(model, "Div", values, np.float32(unit), f"{node.name}_unit")
    made, name = model.fresh(f"{tensor}_in_units"), model.fresh(f"{node.name}_quant")
    scales.grids.add(name)
    constants = [model.fresh(f"{made}_{what}") for what in ("lsb", "zero", "bits")]
    for constant, value in zip(constants, (2.0**-fine, 0.0, float(MAX_BITS)), strict=True):
        model.set_initializer(constant, np.asarray(value, np.float32))
    attributes = {"signed": 1, "narrow": 0, "rounding_mode": "ROUND"}
    domain = "qonnx.custom_op.general"
    model.insert(helper.make_node("Quant", [divided, *constants], [made], name=name, domain=domain, **attributes))
    return made


def _constant_step(model: Graph, operator: str, source: str, value: np.floating, wish: str) -> str:
    """Append a node of a stream and a constant; the tensor that it makes."""
    made, name = model.fresh(f"{wish}_out"), model.fresh(f"{wish}_constant")
    model.set_initializer(name, np.asarray(value, np.float32))
    node = model.insert(helper.make_node(operator, [source, name], [made], name=model.fresh(wish)))
    node.doc_string = chains.EXACT
    return made
