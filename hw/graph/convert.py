"""Rewrites that may change a value: done before the reference is fixed, each recorded.

1. The scale of a BipolarQuant moves behind the convolutions that read it. Same mathematics; where the scale is no
   power of two, float rounding differs, so the converted graph becomes the reference.
2. A convolution's bias becomes an Add of its own. Exact where the bias is fixed point.
3. With `affine_bits`: a float affine or slope that neither folds into thresholds nor is fixed point is quantized.
   Without it, such a constant is refused with its name.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper
from qonnx.core.modelwrapper import ModelWrapper

from ...errors import UserError
from . import chains
from .constants import quant_parameters
from .fixed import MAX_PARAM_BITS, power_of_two, quantize, to_fixed
from .load import infer_shapes

FEW_BITS = 4  # a Quant of at most so many bits folds into thresholds: 15 comparisons a channel


def convert(model: ModelWrapper, binary: set[str], affine_bits: int | None) -> tuple[ModelWrapper, list[str]]:
    """Apply the rewrites; returns the model and, in words, what may have changed a value.

    Args:
        model: with constant quantizers folded; changed in place.
        binary: names of the constants that a BipolarQuant made.
        affine_bits: bits for float affine constants, 2 to 16, or None to refuse them.

    Raises:
        UserError: a float constant that no Quant bounds, without `affine_bits`.
    """
    if affine_bits is not None and not 2 <= affine_bits <= 16:
        raise UserError(f"--affine-bits {affine_bits}: allowed is 2 to 16.")
    before = model.model.SerializeToString()
    changes = _move_scales(model, binary)
    _split_biases(model)
    if model.model.SerializeToString() != before:
        model = infer_shapes(model)
        model.graph.node.sort(key=_order(model))
    affine_changes = _quantize_affines(model, affine_bits)
    return (infer_shapes(model) if affine_changes else model), changes + affine_changes


def _order(model: ModelWrapper):  # type: ignore[no-untyped-def]
    """A sort key that keeps the nodes in topological order."""
    made = {o: n for n in model.graph.node for o in n.output}
    depth: dict[str, int] = {}

    def rank(node: onnx.NodeProto) -> int:
        stack = [node]
        while stack:
            top = stack[-1]
            needs = [made[i] for i in top.input if i in made and made[i].output[0] not in depth]
            if needs:
                stack.extend(needs)
            else:
                stack.pop()
                depth[top.output[0]] = 1 + max((depth[made[i].output[0]] for i in top.input if i in made), default=0)
        return depth[node.output[0]]

    ranks = {n.output[0]: rank(n) for n in model.graph.node}
    return lambda n: ranks[n.output[0]]


def _move_scales(model: ModelWrapper, binary: set[str]) -> list[str]:
    changes = []
    for conv in list(model.get_nodes_by_op_type("Conv")):
        scale = np.ones(1)
        weight = model.get_initializer(conv.input[1])
        source = model.find_producer(conv.input[0])
        if conv.input[1] in binary and weight is not None:
            magnitude = np.abs(weight).reshape(weight.shape[0], -1)
            if np.any(magnitude != magnitude[:, :1]):
                raise UserError(
                    f"Conv '{conv.name}': a binary weight's scale must be one a tensor or one an output channel."
                )
            scale = magnitude[:, 0] if np.ptp(magnitude[:, 0]) else magnitude[:1, 0]
            model.set_initializer(conv.input[1], np.where(weight >= 0, 1.0, -1.0).astype(np.float32))
        if source is not None and source.op_type == "BipolarQuant":
            scale = scale * _activation_scale(model, source)
        if np.any(scale != 1):
            _scale_behind(model, conv, scale)
            if any(power_of_two(float(s)) is None for s in scale):
                changes.append(f"Conv '{conv.name}': scale {scale.ravel()[0]:.6g} moved behind the convolution")
    for node in model.get_nodes_by_op_type("BipolarQuant"):
        if _activation_scale(model, node) != 1:
            others = [c for c in chains.consumers(model, node.output[0]) if c.op_type != "Conv"]
            if others:
                raise UserError(
                    f"BipolarQuant '{node.name}': its output with a scale other than 1 is read by {others[0].op_type} "
                    f"'{others[0].name}'; only convolutions may read it."
                )
            model.set_initializer(f"{node.name}_one", np.ones(1, np.float32))
            node.input[1] = f"{node.name}_one"
    return changes


def _activation_scale(model: ModelWrapper, node: onnx.NodeProto) -> float:
    scale = model.get_initializer(node.input[1])
    if scale is None or np.size(scale) != 1 or float(np.ravel(scale)[0]) <= 0:
        raise UserError(f"BipolarQuant '{node.name}': the scale of a stream must be one positive constant.")
    return float(np.ravel(scale)[0])


def _scale_behind(model: ModelWrapper, conv: onnx.NodeProto, scale: np.ndarray) -> None:
    """conv -> Mul(scale); a bias is divided by the scale, so that it may stay in front."""
    if len(conv.input) > 2 and conv.input[2]:
        _bias_to_add(model, conv)
    inner = f"{conv.output[0]}_unscaled"
    outer = conv.output[0]
    conv.output[0] = inner
    name = f"{conv.name}_scale"
    model.set_initializer(name, np.asarray(scale, np.float32).reshape(1, -1, 1, 1))
    mul = helper.make_node("Mul", [inner, name], [outer], name=f"{conv.name}_rescale")
    model.graph.node.insert(list(model.graph.node).index(conv) + 1, mul)


def _bias_to_add(model: ModelWrapper, conv: onnx.NodeProto) -> None:
    bias = model.get_initializer(conv.input[2])
    if bias is None:
        raise UserError(f"Conv '{conv.name}': its bias must be a constant.")
    name, inner, outer = f"{conv.name}_bias", f"{conv.output[0]}_unbiased", conv.output[0]
    model.set_initializer(name, np.asarray(bias, np.float32).reshape(1, -1, 1, 1))
    del conv.input[2:]
    conv.output[0] = inner
    add = helper.make_node("Add", [inner, name], [outer], name=f"{conv.name}_addbias")
    model.graph.node.insert(list(model.graph.node).index(conv) + 1, add)


def _split_biases(model: ModelWrapper) -> None:
    for conv in list(model.get_nodes_by_op_type("Conv")):
        if len(conv.input) > 2 and conv.input[2]:
            _bias_to_add(model, conv)


def folds_to_thresholds(model: ModelWrapper, segment: list[onnx.NodeProto]) -> bool:
    """Whether a segment's end allows exact integer thresholds, whatever its constants."""
    last = segment[-1]
    if last.op_type == "BipolarQuant":
        return True
    return last.op_type == "Quant" and len(segment) > 1 and quant_parameters(model, last)[1] <= FEW_BITS


def _quantize_affines(model: ModelWrapper, affine_bits: int | None) -> list[str]:
    changes: list[str] = []
    seen: set[str] = set()
    for node in list(model.graph.node):
        if node.name in seen or not chains.is_step(model, node):
            continue
        chain = chains.chain_from(model, node)
        seen.update(n.name for n in chain)
        for segment in chains.segments(chain):
            if not folds_to_thresholds(model, segment):
                changes += _quantize_segment(model, segment, affine_bits)
    return changes


def _channels(model: ModelWrapper, tensor: str) -> int:
    return int(model.get_tensor_shape(tensor)[1])


def _quantize_segment(model: ModelWrapper, segment: list[onnx.NodeProto], affine_bits: int | None) -> list[str]:
    """Make every constant of a segment fixed point; a run of affine nodes becomes one Mul and one Add."""
    changes: list[str] = []
    run: list[onnx.NodeProto] = []
    for node in [*segment, None]:
        if node is not None and node.op_type in chains.AFFINE:
            run.append(node)
            continue
        if run:
            changes += _quantize_run(model, run, affine_bits)
            run = []
        if node is not None and node.op_type in chains.PRELU:
            slope = chains.slopes(model, node, _channels(model, node.output[0]))
            if to_fixed(slope) is None:
                _require(affine_bits, node, "slopes")
                assert affine_bits is not None
                model.set_initializer(f"{node.name}_slope", quantize(slope, affine_bits).reshape(1, -1, 1, 1))
                inputs = [chains.stream_inputs(model, node)[0], f"{node.name}_slope"]
                del node.input[:], node.attribute[:]
                node.op_type = "PRelu"
                node.input.extend(inputs)
                changes.append(f"PRelu '{node.name}': slopes quantized to {affine_bits} bits")
    return changes


def _quantize_run(model: ModelWrapper, run: list[onnx.NodeProto], affine_bits: int | None) -> list[str]:
    channels = _channels(model, run[-1].output[0])
    pairs = [chains.affine_coefficients(model, n, channels) for n in run]
    if all(to_fixed(a) is not None and to_fixed(b) is not None for a, b in pairs):
        a, b = compose(pairs)
        fixed_a, fixed_b = to_fixed(a), to_fixed(b, 24)
        if fixed_a is not None and fixed_b is not None and not any(n.op_type == "BatchNormalization" for n in run):
            return []
    a, b = compose(pairs)
    offender = next(
        (n for n, (x, y) in zip(run, pairs, strict=True) if to_fixed(x) is None or to_fixed(y) is None), run[0]
    )
    _require(affine_bits, offender, "constants")
    assert affine_bits is not None
    source, target = chains.stream_inputs(model, run[0])[0], run[-1].output[0]
    name = run[0].name
    model.set_initializer(f"{name}_a", quantize(a, affine_bits).reshape(1, -1, 1, 1))
    model.set_initializer(f"{name}_b", quantize(b, min(2 * affine_bits, MAX_PARAM_BITS)).reshape(1, -1, 1, 1))
    at = list(model.graph.node).index(run[0])
    for node in run:
        model.graph.node.remove(node)
    model.graph.node.insert(at, helper.make_node("Mul", [source, f"{name}_a"], [f"{name}_scaled"], name=f"{name}_mul"))
    model.graph.node.insert(
        at + 1, helper.make_node("Add", [f"{name}_scaled", f"{name}_b"], [target], name=f"{name}_add")
    )
    names = ", ".join(f"{n.op_type} '{n.name}'" for n in run)
    return [f"{names}: quantized to a scale of {affine_bits} bits and a bias of {min(2 * affine_bits, MAX_PARAM_BITS)}"]


def compose(pairs: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """The (a, b) of several a*x + b one after the other."""
    a, b = pairs[0]
    for a2, b2 in pairs[1:]:
        a, b = a * a2, b * a2 + b2
    return a, b


def _require(affine_bits: int | None, node: onnx.NodeProto, what: str) -> None:
    if affine_bits is None:
        raise UserError(
            f"{node.op_type} '{node.name}': its {what} are floats that no Quant bounds, and what follows folds into no "
            f"thresholds (a sign, or a Quant of at most {FEW_BITS} bits, would). Quantize them in training, or give "
            "--affine-bits N (8 is a good start) to have them quantized now."
        )
