"""What of a window a convolution reads: blocks that were filled up with zeros, and nothing else, are left out."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from tests.networks import Builder
from xnorsr.hw.build import BuildOptions, prepare
from xnorsr.hw.ops.base import Fold
from xnorsr.hw.ops.conv.op import Conv
from xnorsr.hw.ops.conv.synapses import apart, used, whole


def _network(kernel: tuple[int, int], channels: int = 4, **attributes: object) -> onnx.ModelProto:
    """One fixed-point convolution of a 16 x 12 frame between two quantizers."""
    b = Builder(12, 16, channels, 5)
    x = b.quant("lr", 8, 8, signed=False)
    weight = b.quant(b.constant(b.rng.choice([-0.5, 0.25, 0.75], (6, channels, *kernel))), 8, 7)
    y = b.quant(b.node("Conv", [x, weight], kernel_shape=list(kernel), **attributes), 8, 4)
    stride = attributes.get("strides", [1, 1])[0]  # type: ignore[index]
    return b.model(y, 6, 12 // stride, 16 // stride)


@pytest.mark.parametrize(
    ("kernel", "attributes", "count", "of", "group"),
    [
        ((3, 3), {"pads": [1] * 4, "strides": [2, 2]}, 9 * 4, 9 * 16, 4),
        ((5, 5), {"pads": [2] * 4, "strides": [2, 2]}, 25 * 4, 9 * 16, 4),
        ((3, 3), {"pads": [2] * 4, "dilations": [2, 2]}, 9 * 4, 25 * 4, 4),
        ((1, 5), {"pads": [0, 2, 0, 2]}, 5 * 4, 25 * 4, 4),
        ((3, 3), {"pads": [1] * 4}, 9 * 4, 9 * 4, 4),
    ],
    ids=["stride", "stride, large kernel", "dilation", "line", "plain"],
)
def test_only_taps_with_weights_are_read(
    kernel: tuple[int, int], attributes: dict[str, object], count: int, of: int, group: int
) -> None:
    lowered = prepare(_network(kernel, **attributes), BuildOptions())
    (conv,) = (node.op for node in lowered.network.nodes if isinstance(node.op, Conv))
    assert (conv.read.count, conv.read.of, conv.read.block) == (count, of, group)
    assert conv.synapses == count
    assert conv.work().fixed == 6 * count


@pytest.mark.parametrize(
    ("weight", "attributes", "units", "count"),
    [((8, 1, 3, 3), {"group": 8}, 8, 9), ((8, 4, 3, 3), {"group": 2}, 2, 36), ((16, 1, 1, 3), {"group": 8}, 8, 3)],
    ids=["depthwise", "two groups", "two outputs of a channel"],
)
def test_groups_have_units_of_their_own(
    weight: tuple[int, ...], attributes: dict[str, object], units: int, count: int
) -> None:
    b = Builder(6, 8, 8, 5)
    codes = b.quant(b.constant(b.rng.choice([-0.5, 0.25, 0.75], weight)), 8, 7)
    pads = [side // 2 for side in weight[2:]] * 2
    x = b.quant("lr", 8, 8, signed=False)
    y = b.node("Conv", [x, codes], kernel_shape=list(weight[2:]), pads=pads, **attributes)
    lowered = prepare(b.model(b.quant(y, 8, 4), weight[0], 6, 8), BuildOptions())
    (conv,) = (node.op for node in lowered.network.nodes if isinstance(node.op, Conv))
    assert (conv.read.units, conv.synapses) == (units, count)
    space = conv.fold_space()
    assert space is not None and space.pe[0] == units and space.pe[-1] == weight[0]
    assert conv.folded(Fold(weight[0], count)).folds == 1


def test_phases_of_a_transposed_convolution_stay_together() -> None:
    """4 x 4 by 2, as in LapSRN: each phase has 2 x 2 taps of the 3 x 3 that all of them see, but which overlap."""
    b = Builder(6, 8, 4, 5)
    codes = b.quant(b.constant(b.rng.choice([-0.5, 0.25, 0.75], (4, 3, 4, 4))), 8, 7)
    x = b.quant("lr", 8, 8, signed=False)
    y = b.node("ConvTranspose", [x, codes], kernel_shape=[4, 4], pads=[1] * 4, strides=[2, 2])
    lowered = prepare(b.model(b.quant(y, 8, 4), 3, 12, 16), BuildOptions())
    (conv,) = (node.op for node in lowered.network.nodes if isinstance(node.op, Conv))
    assert (conv.read.units, conv.synapses) == (1, 36)


def test_units_that_read_fewer_read_some_without_a_weight() -> None:
    """All lists are equally long, as all units take as many cycles."""
    weight = np.zeros((4, 1, 1, 12), np.int64)
    for output, synapses in enumerate(([0, 1, 3], [5, 6, 7], [8, 10], [4, 9, 11])):
        weight[output, 0, 0, synapses] = 1
    found = apart(weight)
    assert (found.units, found.count, found.lists[0]) == (4, 3, (0, 1, 3))
    assert {8, 10} < set(found.lists[2])
    assert found.rows(weight).sum(axis=1).tolist() == [3, 3, 2, 3]


def test_single_zeros_change_nothing() -> None:
    """A quarter must be left out before anything is: 35 of 36 synapses are a number that hardly anything divides."""
    rng = np.random.default_rng(3)
    weight = rng.integers(1, 5, (4, 3, 3, 4))
    weight[:, 0, 1, 2] = 0
    assert used(weight) == whole(weight)
    weight[:, :, :2] = 0
    assert used(weight).lists == ((2, 5, 8),)
    assert used(weight).rows(weight).tolist() == weight[:, :, 2].reshape(4, -1).tolist()


def test_without_any_weight_one_group_is_left() -> None:
    found = used(np.zeros((2, 3, 3, 4), np.int64))
    assert (found.lists, found.block) == (((0,),), 1)
