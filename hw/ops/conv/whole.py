"""Convolutions of other shapes as the one that there is hardware for: stride 1, one group, an odd square kernel.

No value changes; the zeros that fill kernels up cost nothing where a layer is unrolled, and cycles where it is folded.

`TransposedConvolutions`: polyphase. With stride s, output pixel s*m + r is the sum of x[m + d] * w[r + p - s*d] over
all d for which the tap exists: a convolution of O*s*s channels, one for each phase (r, r'), and a depth-to-space.
`WholeKernels`: groups, dilations, sides that are even or of two lengths, and paddings that are not alike on both sides.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import helper

from ....errors import UserError
from ...graph.chains import attribute
from ...graph.convert import ConversionOptions
from ...graph.index import Graph
from ...graph.rewrite import Conversion

#: Side of a kernel, at most.
MOST = 9


class TransposedConvolutions(Conversion):
    """See above."""

    name = "transposed_convolutions"

    def apply(self, model: Graph, options: ConversionOptions) -> list[str]:
        """Afterwards there is no ConvTranspose."""
        for node in list(model.get_nodes_by_op_type("ConvTranspose")):
            _polyphase(model, node)
        return []


class WholeKernels(Conversion):
    """See above."""

    name = "whole_kernels"

    def apply(self, model: Graph, options: ConversionOptions) -> list[str]:
        """Afterwards a convolution that keeps its frame has an odd square kernel and one group."""
        for node in list(model.get_nodes_by_op_type("Conv")):
            _fill_up(model, node)
        return []


def ints(node: onnx.NodeProto, name: str, default: list[int]) -> list[int]:
    """An attribute of whole numbers."""
    return [int(n) for n in attribute(node, name, default)]  # type: ignore[attr-defined]


def whole_groups(weight: np.ndarray, groups: int, channels: int) -> np.ndarray:
    """(O, C, ...) from (O, C / groups, ...): zeros where an output does not see an input."""
    outputs, own = weight.shape[:2]
    whole = np.zeros((outputs, channels, *weight.shape[2:]), weight.dtype)
    for group in range(groups):
        rows = slice(group * (outputs // groups), (group + 1) * (outputs // groups))
        whole[rows, group * own : (group + 1) * own] = weight[rows]
    return whole


def _centred(weight: np.ndarray, before: Sequence[int]) -> np.ndarray:
    """(O, C, K, K), K odd, from (O, C, h, w) of which tap `before` lies on the pixel itself."""
    sides = weight.shape[2:]
    reach = max(max(b, side - 1 - b) for b, side in zip(before, sides, strict=True))
    whole = np.zeros((*weight.shape[:2], 2 * reach + 1, 2 * reach + 1), weight.dtype)
    top, left = (reach - b for b in before)
    whole[:, :, top : top + sides[0], left : left + sides[1]] = weight
    return whole


def _polyphase(model: Graph, node: onnx.NodeProto) -> None:
    weight, shape = model.get_initializer(node.input[1]), model.get_tensor_shape(node.input[0])
    if weight is None or np.ndim(weight) != 4 or shape is None:
        raise UserError(
            f"ConvTranspose '{node.name}': its weight must be a constant of the shape (C, O, K, K) (a Quant of an "
            "initializer)."
        )
    strides, groups = ints(node, "strides", [1, 1]), int(attribute(node, "group", 1))  # type: ignore[call-overload]
    pads, out = ints(node, "pads", [0] * 4), model.get_tensor_shape(node.output[0])
    s, sides = strides[0], weight.shape[2:]
    wanted = [shape[2] * s, shape[3] * s]
    plain = attribute(node, "auto_pad", "NOTSET") == "NOTSET" and not attribute(node, "output_shape", [])
    if strides != [s, s] or ints(node, "dilations", [1, 1]) != [1, 1] or not plain:
        raise UserError(
            f"ConvTranspose '{node.name}': strides {strides}, dilations {ints(node, 'dilations', [1, 1])}; allowed is "
            "one stride along both axes, no dilation, and pads that are given as such (no auto_pad, no output_shape)."
        )
    if out is None or out[2:] != wanted:
        raise UserError(
            f"ConvTranspose '{node.name}': from {shape[3]} x {shape[2]} to {'?' if out is None else out[3]} x "
            f"{'?' if out is None else out[2]} pixels; allowed are {wanted[1]} x {wanted[0]}, the stride times the "
            f"input. Along each axis kernel - 2*padding + output_padding must be the stride, {s}: take padding and "
            "output_padding so."
        )
    # Taps of one phase along one axis: d from the least to the greatest place that any phase sees.
    reach = max(max((k - 1 - p) // s, (s - 1 + p) // s, 0) for p, k in zip(pads[:2], sides, strict=True))
    if 2 * reach + 1 > MOST:
        raise UserError(
            f"ConvTranspose '{node.name}': a kernel of {sides[0]} x {sides[1]} at stride {s} sees {2 * reach + 1} "
            f"input pixels along an axis; allowed are {MOST}."
        )
    # (C, O / groups, h, w) is, group by group, what (O, C / groups, h, w) is for a convolution.
    own = weight.reshape(groups, shape[1] // groups, weight.shape[1], *sides).transpose(0, 2, 1, 3, 4)
    whole = whole_groups(own.reshape(-1, shape[1] // groups, *sides), groups, shape[1])
    outputs, side = len(whole), 2 * reach + 1
    phases = np.zeros((outputs, s, s, shape[1], side, side), weight.dtype)
    for (row, column), kernel in np.ndenumerate(np.empty((s, s))):
        del kernel
        for y, x in np.ndindex(side, side):
            taps = [r + p - s * (d - reach) for r, p, d in zip((row, column), pads[:2], (y, x), strict=True)]
            if all(0 <= tap < length for tap, length in zip(taps, sides, strict=True)):
                phases[:, row, column, :, y, x] = whole[:, :, taps[0], taps[1]]
    name = model.fresh(f"{node.input[1]}_phases")
    model.set_initializer(name, phases.reshape(outputs * s * s, shape[1], side, side))
    inputs = [node.input[0], name]
    if len(node.input) > 2 and node.input[2]:
        inputs.append(model.fresh(f"{node.input[2]}_phases"))
        model.set_initializer(inputs[2], np.repeat(np.ravel(model.get_initializer(node.input[2])), s * s))
    target = node.output[0]
    inner = model.fresh(f"{target}_phases") if s > 1 else target
    model.remove([node])
    model.insert(helper.make_node("Conv", inputs, [inner], name=node.name, pads=[reach] * 4))
    if s > 1:
        shuffle = model.fresh(f"{node.name}_shuffle")
        model.insert(helper.make_node("DepthToSpace", [inner], [target], name=shuffle, blocksize=s, mode="CRD"))


def _fill_up(model: Graph, node: onnx.NodeProto) -> None:
    """An odd square kernel in place of another one; what does not keep its frame stays, and is refused."""
    weight, shape = model.get_initializer(node.input[1]), model.get_tensor_shape(node.input[0])
    if weight is None or np.ndim(weight) != 4 or shape is None or not np.size(weight):
        return
    groups, sides = int(attribute(node, "group", 1)), weight.shape[2:]  # type: ignore[call-overload]
    dilations, pads = ints(node, "dilations", [1, 1]), ints(node, "pads", [0] * 4)
    spans = [(side - 1) * step + 1 for side, step in zip(sides, dilations, strict=True)]
    keeps = all(pads[n] + pads[n + 2] == spans[n] - 1 for n in range(2)) and ints(node, "strides", [1, 1]) == [1, 1]
    half = sides[0] // 2
    usual = groups == 1 and dilations == [1, 1] and sides[0] == sides[1] and sides[0] % 2 == 1 and pads == [half] * 4
    side = 2 * max(pads) + 1 if keeps else 0
    fits = weight.shape[1] * groups == shape[1] and len(weight) % groups == 0
    if usual or not keeps or side > MOST or not fits or attribute(node, "auto_pad", "NOTSET") != "NOTSET":
        return
    spread = np.zeros((*weight.shape[:2], *spans), weight.dtype)
    spread[:, :, :: dilations[0], :: dilations[1]] = weight
    whole = _centred(whole_groups(spread, groups, shape[1]), pads[:2])
    name = model.fresh(f"{node.input[1]}_whole")
    model.set_initializer(name, whole)
    inputs = [node.input[0], name, *node.input[2:]]
    model.remove([node])
    made = helper.make_node("Conv", inputs, list(node.output), name=node.name, pads=[whole.shape[2] // 2] * 4)
    model.insert(made)
