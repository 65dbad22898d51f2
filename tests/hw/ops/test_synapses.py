"""What of a window a convolution reads: blocks that were filled up with zeros, and nothing else, are left out."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from tests.networks import Builder
from xnorsr.hw.build import BuildOptions, prepare
from xnorsr.hw.ops.conv.op import Conv
from xnorsr.hw.ops.conv.synapses import used, whole


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
    assert (conv.read.count, conv.read.of, conv.read.group) == (count, of, group)
    assert conv.synapses == count
    assert conv.work().fixed == 6 * count


def test_single_zeros_change_nothing() -> None:
    """Of 36 synapses 27 would have to go; what is left would be a number that hardly anything divides."""
    rng = np.random.default_rng(3)
    weight = rng.integers(1, 5, (4, 3, 3, 4))
    weight[:, 0, 1, 2] = 0
    assert used(weight) == whole(weight)
    weight[:, :, :2] = 0
    assert used(weight).numbers == (2, 5, 8)
    assert used(weight).rows(weight).tolist() == weight[:, :, 2].reshape(4, -1).tolist()


def test_without_any_weight_one_group_is_left() -> None:
    found = used(np.zeros((2, 3, 3, 4), np.int64))
    assert (found.numbers, found.group) == ((0,), 1)
