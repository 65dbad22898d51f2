"""Float constants of affines and slopes, quantized where the user allows it: this changes values and says so."""

from __future__ import annotations

import onnx
from onnx import helper
from qonnx.core.modelwrapper import ModelWrapper

from ....errors import UserError
from ...graph import chains
from ...graph.convert import ConversionOptions
from ...graph.fixed import MAX_PARAM_BITS, quantize, to_fixed
from ...graph.rewrite import Conversion


class QuantizeAffines(Conversion):
    """A float affine or slope that neither folds into thresholds nor is fixed point is quantized.

    Its scale gets `affine_bits` bits, its bias twice as many, 18 at most. Without that option such a constant is
    refused with its node's name.
    """

    name = "quantize_affines"

    def apply(self, model: ModelWrapper, options: ConversionOptions) -> list[str]:
        """Afterwards every constant of a chain that stays an affine is fixed point."""
        return _quantize_affines(model, options.affine_bits)


def _quantize_affines(model: ModelWrapper, affine_bits: int | None) -> list[str]:
    changes: list[str] = []
    seen: set[str] = set()
    for node in list(model.graph.node):
        if node.name in seen or not chains.is_step(model, node):
            continue
        chain = chains.chain_from(model, node)
        seen.update(n.name for n in chain)
        for segment in chains.segments(chain):
            if not chains.folds_to_thresholds(model, segment):
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
        a, b = chains.compose(pairs)
        fixed_a, fixed_b = to_fixed(a), to_fixed(b, 24)
        if fixed_a is not None and fixed_b is not None and not any(n.op_type == "BatchNormalization" for n in run):
            return []
    a, b = chains.compose(pairs)
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


def _require(affine_bits: int | None, node: onnx.NodeProto, what: str) -> None:
    if affine_bits is None:
        raise UserError(
            f"{node.op_type} '{node.name}': its {what} are floats, not fixed point, and what follows them is neither "
            f"a sign nor a Quant of at most {chains.FEW_BITS} bits, which would become exact thresholds. Quantize them "
            "in training, or give --affine-bits N (8 is a good start) to have them quantized now."
        )
