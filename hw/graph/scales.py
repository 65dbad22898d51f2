"""Scales that are no powers of two move behind what computes on integers: afterwards every stream carries codes.

A Quant with a float scale becomes Div, a Quant of scale 1, and Mul: the same float32 operations, hence the same values.
The Mul waits in front of each reader and moves behind those that may work on the codes instead, by the rules that the
operators' folders give. What is left in front of a chain of elementwise operators is part of that chain, which becomes
exact steps. The converted file computes integers, then the chain of floats as the file has it: the reference.

Names no operator but those of the quantizer and what it becomes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import onnx
from onnx import helper

from ...errors import UserError
from .constants import code_range, is_plain
from .fixed import power_of_two
from .hoist import unshare
from .index import Graph
from .rewrite import ScaleRule, Scales


@dataclass
class Units:
    """What a code of the converted file's input and outputs stands for in the file, where that is another number.

    Attributes:
        input: value of a code of value 1 at the input.
        outputs: the same of outputs by tensor name, one value or one per channel, (1, C, 1, 1).
    """

    input: float = 1.0
    outputs: dict[str, np.ndarray] = field(default_factory=dict)


def quantize_input(model: Graph, scale: float) -> None:
    """Put a Quant of 8 unsigned bits with this scale behind the input, in place."""
    name = model.graph.input[0].name
    readers = list({n.name: n for n in model.readers(name)}.values())
    if readers and all(n.op_type == "Quant" for n in readers):
        raise UserError(
            f"--input-scale: the input '{name}' is quantized in the file already, by Quant '{readers[0].name}'. "
            "Leave the option out."
        )
    made = model.fresh(f"{name}_codes")
    for node in readers:
        node.input[:] = [made if i == name else i for i in node.input]
    constants = [model.fresh(f"{name}_{what}") for what in ("scale", "zero", "bits")]
    for constant, value in zip(constants, (scale, 0.0, 8.0), strict=True):
        model.set_initializer(constant, np.asarray(value, np.float32))
    node = helper.make_node(
        "Quant",
        [name, *constants],
        [made],
        name=model.fresh(f"{name}_quant"),
        domain="qonnx.custom_op.general",
        signed=0,
        narrow=0,
        rounding_mode="ROUND",
    )
    model.insert(node)
    model.tidy()


def move_scales(
    model: Graph, rules: Sequence[ScaleRule], weights: dict[str, np.ndarray], exact: bool
) -> tuple[list[str], Units, frozenset[str]]:
    """Apply the conversion in place.

    Args:
        model: with constant quantizers folded.
        rules: of the operators' folders.
        weights: scale of each constant that a Quant made, by name.
        exact: float constants stay what they are.

    Returns:
        In words, what may have changed a value; what codes of input and outputs stand for; names of the Quants that
        round to a common grid.

    Raises:
        UserError: a scale that cannot move, with the node's name and what to do.
    """
    for one in rules:
        one.prepare(model, exact)
        model.tidy()
    by_type = {operator: rule for rule in rules for operator in rule.takes}
    scales, units = Scales(model, weights, exact), Units()
    changes: list[str] = []
    quantizers = 0
    for node in list(model.graph.node):
        if node.op_type == "Quant":
            own = _read_grid(model, node, scales)
            scales.read_values(node)
            if not own and not _gives_codes(model, node):
                _split(model, node, scales, units)
                quantizers += 1
            continue
        rule = by_type.get(node.op_type)
        if rule is not None:
            changes += rule.move(model, node, scales)
        scales.read_values(node)
    _outputs(model, scales, units)
    model.tidy()
    if exact:
        unshare(model)
        model.tidy()
    if scales.integers:
        names = ", ".join(f"'{n}'" for n in scales.integers[:3]) + (" ..." if len(scales.integers) > 3 else "")
        changes.insert(
            0,
            f"{len(scales.integers)} operators ({names}) work on integer codes and their scales are multiplied behind "
            "them: the same in real numbers, and the reference from here on",
        )
    elif quantizers:
        changes.append(f"{quantizers} quantizers give codes, their scales are multiplied behind them: the same values")
    return changes, units, frozenset(scales.grids)


def _gives_codes(model: Graph, node: onnx.NodeProto) -> bool:
    """Whether a Quant's values are fixed point as they are. One with a zero point stands behind a Div: its ties go
    to the even code above that point, so that no operator in front may take it along.
    """
    if is_plain(model, node):
        return True
    maker = model.find_producer(node.input[0])
    return maker is not None and maker.op_type == "Div" and bool(np.all(model.get_initializer(node.input[1]) == 1))


def _read_grid(model: Graph, node: onnx.NodeProto, scales: Scales) -> bool:
    """Whether a Quant reads codes on a grid that is a binary fraction of its step: the sum is only shifted then."""
    source, target = node.input[0], node.output[0]
    if source not in scales.waiting or source not in scales.grids:
        return False
    codes, grid = scales.waiting[source]
    scale, zero = (np.asarray(model.get_initializer(n)) for n in list(node.input)[1:3])
    ratio = np.asarray(grid, np.float64) / np.asarray(scale, np.float64)
    if ratio.size != 1 or power_of_two(float(ratio.reshape(()))) is None or np.any(zero):
        return False
    shifted, by, one = (model.fresh(f"{node.name}_{what}") for what in ("shifted", "ratio", "one"))
    model.set_initializer(one, np.ones((), np.float32))
    out = model.fresh(f"{target}_codes")
    if np.all(ratio == 1):
        shifted = codes
    else:
        model.set_initializer(by, np.asarray(ratio, np.float32))
        model.insert(helper.make_node("Mul", [codes, by], [shifted], name=model.fresh(f"{node.name}_shift")))
    model.redirect(node, [shifted, one, *list(node.input)[2:]])
    model.rename_output(node, out)
    scales.wait(target, out, scale)
    return True


def _split(model: Graph, node: onnx.NodeProto, scales: Scales, units: Units) -> None:
    """A Quant with a scale of its own -> Div, Quant of scale 1, and a Mul that waits."""
    scale, zero = (np.asarray(model.get_initializer(n), np.float32) for n in list(node.input)[1:3])
    code_range(model, node)
    source, target = node.input[0], node.output[0]
    codes, one = model.fresh(f"{target}_codes"), model.fresh(f"{node.name}_one")
    model.set_initializer(one, np.ones((), np.float32))
    at_input = source == model.graph.input[0].name
    if at_input:
        if scale.size != 1:
            raise UserError(f"Quant '{node.name}': one scale per channel at the input is not supported. Use one scale.")
        if units.input not in (1.0, float(scale.reshape(()))):
            raise UserError(
                f"Quant '{node.name}': the input is read with the scales {units.input:.6g} and "
                f"{float(scale.reshape(())):.6g}; allowed is one. Share the input's quantizer."
            )
        units.input = float(scale.reshape(()))
    else:
        divided, by = model.fresh(f"{target}_divided"), model.fresh(f"{node.name}_scale")
        model.set_initializer(by, scale)
        model.insert(helper.make_node("Div", [source, by], [divided], name=model.fresh(f"{node.name}_div")))
        node.input[0] = divided
    node.input[1] = one
    if at_input and np.any(zero):  # codes as they come; what they are above the zero point is computed behind
        raw, none = model.fresh(f"{target}_raw"), model.fresh(f"{node.name}_nozero")
        model.set_initializer(none, np.zeros((), np.float32))
        offset = model.fresh(f"{node.name}_zero")
        model.set_initializer(offset, zero)
        node.input[2] = none
        model.rename_output(node, raw)
        model.insert(helper.make_node("Sub", [raw, offset], [codes], name=model.fresh(f"{node.name}_sub")))
    else:
        model.rename_output(node, codes)
    scales.wait(target, codes, scale)


def _outputs(model: Graph, scales: Scales, units: Units) -> None:
    """Outputs carry codes."""
    for output in model.graph.output:
        if output.name in scales.waiting:
            codes, scale = scales.waiting[output.name]
            maker = model.find_producer(codes)
            assert maker is not None
            for reader in model.readers(codes):
                reader.input[:] = [output.name if i == codes else i for i in reader.input]
            model.rename_output(maker, output.name)
            if np.any(scale != 1):
                units.outputs[output.name] = scale
