"""Convolutions and means that make a frame smaller: an unshuffle, and a convolution of stride 1. No value changes.

`StridedConvolutions`: with stride s, output pixel m is the sum of x[s*m + o] * w[t] over all taps t, o = t*d - p with
dilation d and padding p. Pixel s*m + o is phase o mod s of block m + floor(o / s): a convolution of the unshuffled
frame, C*s*s channels, with zeros for the phases that no tap sees. A pixel lies outside of the frame where its block
does, so padding stays padding.
`MeanPools`: the mean of blocks of r x r pixels, AveragePool of stride r: a 1 x 1 convolution of the unshuffled frame.

A binary weight has no zeros: where phases stay without a tap, its convolution has the weights -1, 0 and 1 and runs on
the multiply-accumulate engine.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper

from ....errors import UserError
from ...graph.chains import attribute
from ...graph.convert import ConversionOptions
from ...graph.index import Graph
from ...graph.rewrite import Conversion
from .whole import MOST, ints, whole_groups


class StridedConvolutions(Conversion):
    """See above."""

    name = "strided_convolutions"

    def apply(self, model: Graph, options: ConversionOptions) -> list[str]:
        """Afterwards a convolution has stride 1."""
        for node in list(model.get_nodes_by_op_type("Conv")):
            if ints(node, "strides", [1, 1]) != [1, 1]:
                _unshuffled(model, node)
        return []


class MeanPools(Conversion):
    """See above."""

    name = "mean_pools"

    def apply(self, model: Graph, options: ConversionOptions) -> list[str]:
        """Afterwards there is no AveragePool."""
        return [text for node in list(model.get_nodes_by_op_type("AveragePool")) for text in _mean(model, node)]


def _blocks(model: Graph, node: onnx.NodeProto, side: int) -> str:
    """Append the unshuffle in front of what takes a node's place; the tensor that it makes."""
    made = model.fresh(f"{node.output[0]}_blocks")
    name = model.fresh(f"{node.name}_blocks")
    model.insert(helper.make_node("SpaceToDepth", [node.input[0]], [made], name=name, blocksize=side))
    return made


def _unshuffled(model: Graph, node: onnx.NodeProto) -> None:
    weight, shape = model.get_initializer(node.input[1]), model.get_tensor_shape(node.input[0])
    assert weight is not None and shape is not None, "weights and shapes are checked before"
    strides, groups = ints(node, "strides", [1, 1]), int(attribute(node, "group", 1))  # type: ignore[call-overload]
    pads, dilations = ints(node, "pads", [0] * 4), ints(node, "dilations", [1, 1])
    s, sides, out = strides[0], weight.shape[2:], model.get_tensor_shape(node.output[0])
    if strides != [s, s] or attribute(node, "auto_pad", "NOTSET") != "NOTSET":
        raise UserError(
            f"Conv '{node.name}': strides {strides}, auto_pad {attribute(node, 'auto_pad', 'NOTSET')}; allowed is one "
            "stride along both axes, and pads that are given as such."
        )
    if shape[2] % s or shape[3] % s:
        raise UserError(
            f"Conv '{node.name}': stride {s} on a frame of {shape[3]} x {shape[2]} pixels; allowed are frames whose "
            f"sides {s} divides. Build for another frame with --frame WxH."
        )
    if out is None or out[2:] != [shape[2] // s, shape[3] // s]:
        raise UserError(
            f"Conv '{node.name}': from {shape[3]} x {shape[2]} to {'?' if out is None else out[3]} x "
            f"{'?' if out is None else out[2]} pixels; allowed are {shape[3] // s} x {shape[2] // s}, the input by the "
            "stride. In PyTorch: padding=kernel_size // 2 with an odd kernel."
        )
    # (block, phase) of each tap along each axis
    taps = [
        [divmod(tap * step - pad, s) for tap in range(side)]
        for side, step, pad in zip(sides, dilations, pads[:2], strict=True)
    ]
    reach = max(abs(block) for axis in taps for block, _ in axis)
    if 2 * reach + 1 > MOST:
        raise UserError(
            f"Conv '{node.name}': a kernel of {sides[0]} x {sides[1]} at stride {s} sees {2 * reach + 1} blocks of "
            f"{s} x {s} pixels along an axis; allowed are {MOST}."
        )
    whole = whole_groups(weight, groups, shape[1])
    made = np.zeros((len(whole), s, s, shape[1], 2 * reach + 1, 2 * reach + 1), weight.dtype)
    for (y, (row, down)), (x, (column, across)) in _pairs(taps):
        made[:, down, across, :, reach + row, reach + column] = whole[:, :, y, x]
    name = model.fresh(f"{node.input[1]}_blocks")
    model.set_initializer(name, made.reshape(len(whole), -1, *made.shape[4:]))
    inputs = [_blocks(model, node, s), name, *node.input[2:]]
    model.remove([node])
    model.insert(helper.make_node("Conv", inputs, list(node.output), name=node.name, pads=[reach] * 4))


def _pairs(taps: list[list[tuple[int, int]]]) -> list[tuple[tuple[int, tuple[int, int]], tuple[int, tuple[int, int]]]]:
    """Each tap as ((row of the kernel, (block, phase)), (column of it, (block, phase)))."""
    return [(row, column) for row in enumerate(taps[0]) for column in enumerate(taps[1])]


def _mean(model: Graph, node: onnx.NodeProto) -> list[str]:
    """The node as a sum, and as a product where the mean has parts that no binary fraction holds."""
    shape = model.get_tensor_shape(node.input[0])
    assert shape is not None, "shapes are checked before"
    kernel, strides = ints(node, "kernel_shape", []), ints(node, "strides", [1, 1])
    r, pads = kernel[0], ints(node, "pads", [0] * 4)
    plain = not any(pads) and attribute(node, "auto_pad", "NOTSET") in ("NOTSET", "VALID")
    plain = plain and set(ints(node, "dilations", [1, 1])) == {1}
    if not plain or kernel != [r, r] or strides != kernel or shape[2] % r or shape[3] % r:
        raise UserError(
            f"AveragePool '{node.name}': windows of {' x '.join(map(str, kernel))}, stride {strides}, pads {pads}, of "
            f"a frame of {shape[3]} x {shape[2]} pixels; allowed are square windows side by side, as far apart as they "
            "are wide, that divide the frame: no padding, no dilation. Build for another frame with --frame WxH, or "
            "use GlobalAveragePool for a mean over the frame."
        )
    exact = r & (r - 1) == 0
    value = 1.0 / r**2 if exact else 1.0
    weight = np.tile(np.eye(shape[1], dtype=np.float32) * np.float32(value), (1, r**2))[:, :, None, None]
    name, target = model.fresh(f"{node.name}_weight"), node.output[0]
    model.set_initializer(name, weight)
    total = target if exact else model.fresh(f"{target}_sum")
    source = _blocks(model, node, r) if r > 1 else node.input[0]
    model.remove([node])
    model.insert(helper.make_node("Conv", [source, name], [total], name=node.name, pads=[0] * 4))
    if exact:
        return []
    factor = model.fresh(f"{node.name}_factor")
    model.set_initializer(factor, np.asarray(1.0 / r**2, np.float32))
    model.insert(helper.make_node("Mul", [total, factor], [target], name=model.fresh(f"{node.name}_mean")))
    return [f"AveragePool '{node.name}': the mean of {r} x {r} pixels is their sum times 1/{r**2} in float32"]
