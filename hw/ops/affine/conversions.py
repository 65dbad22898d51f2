"""Float constants of affines and slopes, quantized where the user allows it: this changes values and says so."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper

from ....errors import UserError
from ...graph import chains
from ...graph.constants import quant_parameters
from ...graph.convert import ConversionOptions
from ...graph.fixed import MAX_PARAM_BITS, quantize, to_fixed
from ...graph.functions import nodes_of_functions
from ...graph.index import Graph
from ...graph.rewrite import Conversion

GUARD_BITS = 3  # of a bias below the lsb of the Quant that rounds it: an error of a sixteenth of that lsb


class QuantizeAffines(Conversion):
    """A float affine or slope that neither folds into thresholds nor is fixed point is quantized.

    Its scale gets `affine_bits` bits, its bias twice as many, 18 at most, and none finer than the Quant that follows
    can tell. Where the result would have more bits than a float32 reference holds, the lowering asks for fewer
    (`ConversionOptions.fewer`). Without that option such a constant is refused with its node's name.
    """

    name = "quantize_affines"

    def apply(self, model: Graph, options: ConversionOptions) -> list[str]:
        """Afterwards every constant of a chain that stays an affine is fixed point."""
        return _quantize_affines(model, options)


def _quantize_affines(model: Graph, options: ConversionOptions) -> list[str]:
    changes: list[str] = []
    seen = nodes_of_functions(model)  # executed code by code, whatever their constants
    for node in list(model.graph.node):
        if node.name in seen or not chains.is_step(model, node):
            continue
        chain = [n for n in chains.chain_from(model, node) if n.name not in seen]
        seen.update(n.name for n in chain)
        for segment in chains.segments(chain):
            last = segment[-1]
            own = last.name in options.grids
            exact = options.affine_bits is None and last.op_type in chains.TERMINAL and not own  # by its steps
            if not exact and not chains.folds_to_thresholds(model, segment):
                changes += _quantize_segment(model, segment, options)
    return changes


def _channels(model: Graph, tensor: str) -> int:
    shape = model.get_tensor_shape(tensor)
    assert shape is not None, "the lowering asks for the shapes of all streams first"
    return shape[1]


def _quantize_segment(model: Graph, segment: list[onnx.NodeProto], options: ConversionOptions) -> list[str]:
    """Make every constant of a segment fixed point; a run of affine nodes becomes one Mul and one Add."""
    changes: list[str] = []
    run: list[onnx.NodeProto] = []
    for node in [*segment, None]:
        if node is not None and node.op_type in chains.AFFINE:
            run.append(node)
            continue
        if run:
            changes += _quantize_run(model, run, segment, options)
            run = []
        if node is not None and node.op_type in chains.PRELU:
            slope = chains.slopes(model, node, _channels(model, node.output[0]))
            if to_fixed(slope) is None:
                changes.append(_quantize_slopes(model, node, slope, segment, options))
    if changes:  # a result too wide anywhere in the segment asks for fewer bits of what was quantized in it
        options.made.update((n.name, segment[0].name) for n in segment)
    return changes


def _quantize_slopes(
    model: Graph, node: onnx.NodeProto, slope: np.ndarray, segment: list[onnx.NodeProto], options: ConversionOptions
) -> str:
    bits, why = _bits(options, segment, node, "slopes")
    name = model.fresh(f"{node.name}_slope")
    model.set_initializer(name, quantize(slope, bits).reshape(1, -1, 1, 1))
    source = chains.stream_inputs(model, node)[0]
    model.remove([node])
    made = helper.make_node("PRelu", [source, name], list(node.output), name=node.name)
    model.insert(made)
    options.made[node.name] = segment[0].name
    return f"PRelu '{node.name}': slopes quantized to {bits} bits{why}"


def _quantize_run(
    model: Graph, run: list[onnx.NodeProto], segment: list[onnx.NodeProto], options: ConversionOptions
) -> list[str]:
    channels = _channels(model, run[-1].output[0])
    pairs = [chains.affine_coefficients(model, n, channels) for n in run]
    a, b = chains.compose(pairs)
    if all(_fixed(x, run) and _fixed(y, run) for x, y in pairs):
        exact = _fixed(a, run) and to_fixed(b, 24) is not None
        if exact and not any(n.op_type == "BatchNormalization" for n in run):
            return []
    if not (np.abs([a, b]) <= np.finfo(np.float32).max / 2).all():
        raise UserError(
            f"{run[-1].op_type} '{run[-1].name}': the constants of this chain multiply to numbers beyond float32. "
            "Training may have diverged: look at its parameters."
        )
    offender = next(
        (n for n, (x, y) in zip(run, pairs, strict=True) if not (_fixed(x, run) and _fixed(y, run))), run[0]
    )
    bits, why = _bits(options, segment, offender, "constants")
    bias_bits, finest = min(2 * bits, MAX_PARAM_BITS), _finest(model, segment)
    source, target = chains.stream_inputs(model, run[0])[0], run[-1].output[0]
    name = run[0].name
    scaled, a_name, b_name, mul, add = (model.fresh(f"{name}_{w}") for w in ("scaled", "a", "b", "mul", "add"))
    bias = quantize(b, bias_bits, finest)
    model.set_initializer(a_name, quantize(a, bits).reshape(1, -1, 1, 1))
    model.set_initializer(b_name, bias.reshape(1, -1, 1, 1))
    model.remove(run)
    model.insert(helper.make_node("Mul", [source, a_name], [scaled], name=mul))
    model.insert(helper.make_node("Add", [scaled, b_name], [target], name=add))
    options.made.update(dict.fromkeys((mul, add), segment[0].name))
    fixed = to_fixed(bias)
    assert fixed is not None
    names = ", ".join(f"{n.op_type} '{n.name}'" for n in run)
    return [f"{names}: quantized to a scale of {bits} bits and a bias of {fixed.bits}{why}"]


def _fixed(values: np.ndarray, run: list[onnx.NodeProto]) -> bool:
    return to_fixed(values, chains.constant_bits(run)) is not None


def _finest(model: Graph, segment: list[onnx.NodeProto]) -> int | None:
    """Fractional bits that a bias needs: a few more than the Quant that ends the segment keeps."""
    if segment[-1].op_type != "Quant":
        return None
    return quant_parameters(model, segment[-1])[0] + GUARD_BITS


def _bits(
    options: ConversionOptions, segment: list[onnx.NodeProto], node: onnx.NodeProto, what: str
) -> tuple[int, str]:
    """(bits of constants of a segment, why they are fewer than asked for, as the end of a sentence).

    Raises:
        UserError: they may not be quantized.
    """
    if segment[-1].name in options.grids:
        bits = options.fewer.get(segment[0].name, MAX_PARAM_BITS)
        return bits, " in front of a sum"
    if options.affine_bits is None:
        raise UserError(
            f"{node.op_type} '{node.name}': its {what} are floats, not fixed point, and the chain of elementwise "
            "operators behind it does not end in a Quant, which would make it exact. Put a QuantIdentity behind it, or "
            "give --affine-bits N (8 is a good start) to have them quantized now."
        )
    bits = options.fewer.get(segment[0].name, options.affine_bits)
    if bits == options.affine_bits:
        return bits, ""
    return bits, f", as with {options.affine_bits} bits its result would have more than 24 significant bits"
