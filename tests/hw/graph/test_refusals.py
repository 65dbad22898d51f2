"""What the lowering refuses, to the letter: an error names the node, what is allowed and what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.gated import gated
from tests.networks import QONNX, Builder, NetworkSpec, network
from xnorsr.errors import UserError
from xnorsr.hw.graph.lower import lower


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.onnx: there is no such file"):
        lower(tmp_path / "none.onnx")


@pytest.mark.parametrize("part", [0, 10, 0.5, 0.97])
def test_truncated_file(tmp_path: Path, part: float) -> None:
    data = network(NetworkSpec()).SerializeToString()
    path = tmp_path / "cut.onnx"
    path.write_bytes(data[: int(part * len(data)) if part < 1 else int(part)])
    with pytest.raises(UserError, match=r"cut\.onnx.*truncated.*Export it again"):
        lower(path)


def test_dynamic_shape() -> None:
    model = network(NetworkSpec())
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_param = "height"
    with pytest.raises(UserError, match=r"input 'lr' has the dynamic shape \[1, 3, 'height', 7\].*--frame WxH"):
        lower(model)
    assert lower(model, frame=(6, 7)).input_type.height == 6


def _softmax(b: Builder, x: str) -> str:
    return b.node("Softmax", [x], axis=1)


def _zero_point(b: Builder, x: str) -> str:
    return b.node("Quant", [x, b.constant(0.5), b.constant(3.25), b.constant(8.0)], QONNX, signed=1, narrow=0)


def _floor(b: Builder, x: str) -> str:
    params = [b.constant(v) for v in (0.5, 0.0, 8.0)]
    return b.node("Quant", [x, *params], QONNX, signed=1, narrow=0, rounding_mode="FLOOR")


def _stride(b: Builder, x: str) -> str:
    weight = b.sign(b.constant(b.rng.normal(size=(3, 3, 3, 3))))
    return b.node("Conv", [x, weight], kernel_shape=[3, 3], pads=[1] * 4, strides=[4, 4])


def _even(b: Builder, x: str) -> str:
    weight = b.sign(b.constant(b.rng.normal(size=(3, 3, 2, 2))))
    return b.node("Conv", [x, weight], kernel_shape=[2, 2], pads=[0] * 4)


def _float_weight(b: Builder, x: str) -> str:
    return b.node("Conv", [x, b.constant(b.rng.normal(size=(3, 3, 1, 1)))], kernel_shape=[1, 1], pads=[0] * 4)


def _signs_of_several_scales(b: Builder, x: str) -> str:
    signs = b.node("BipolarQuant", [x, b.constant(np.array([0.5, 0.25, 1.0]).reshape(1, 3, 1, 1))], QONNX)
    return b.binary_conv(signs, 3, 3, 3)


def _quotient(b: Builder, x: str) -> str:
    return b.node("Div", [x, b.quant(x, 8, 4)])


def _wide(b: Builder, x: str) -> str:
    y = b.quant(b.node("Mul", [x, b.constant(1.0)]), 20, 18)
    return b.fixed_conv(b.fixed_conv(b.fixed_conv(y, 3, 3, 3), 3, 3, 3), 3, 3, 3)


def _cubic(b: Builder, x: str) -> str:
    y = b.node("Resize", [x, "", b.constant([1.0, 1.0, 2.0, 2.0])], mode="cubic")
    return b.node("Resize", [y, "", b.constant([1.0, 1.0, 0.5, 0.5])])


def _thirds(b: Builder, x: str) -> str:
    return b.node("DepthToSpace", [b.resize(x, 3, "bilinear")], blocksize=1)


def _bipolar_skip(b: Builder, x: str) -> str:
    return b.node("Add", [b.threshold(x, 3), b.quant(x, 8, 4)])


def _divided_by_0(b: Builder, x: str) -> str:
    return b.node("Div", [b.fixed_conv(x, 3, 3, 3), b.constant(0.0)])


def _sign_added_to(b: Builder, x: str) -> str:
    return b.node("Mul", [b.sign(x), b.constant(0.5)])


def _negative_variance(b: Builder, x: str) -> str:
    constants = [b.constant(v) for v in (np.ones(3), np.zeros(3), np.zeros(3), np.full(3, -1.0))]
    return b.node("BatchNormalization", [b.fixed_conv(x, 3, 3, 3), *constants], epsilon=1e-5)


def _constant_as_stream(b: Builder, x: str) -> str:
    return b.fixed_conv(b.constant(np.zeros((1, 3, 6, 6))), 3, 3, 3)


def _auto_pad(b: Builder, x: str) -> str:
    weight = b.sign(b.constant(b.rng.normal(size=(3, 3, 3, 3))))
    return b.node("Conv", [x, weight], kernel_shape=[3, 3], auto_pad="SAME_UPPER")


def _wide_transposed(b: Builder, x: str) -> str:
    weight = b.quant(b.constant(b.rng.normal(size=(3, 3, 22, 22))), 4, 3)
    return b.node("ConvTranspose", [x, weight], kernel_shape=[22, 22], strides=[2, 2], pads=[10] * 4)


def _shapes_that_do_not_fit(b: Builder, x: str) -> str:
    return b.node("Add", [x, b.fixed_conv(x, 3, 4, 3)])


def _enlarged_by_expand(b: Builder, x: str) -> str:
    pixel = b.node("GlobalAveragePool", [x])
    wide = b.node("Expand", [b.quant(pixel, 8, 8), b.whole([1, 3, 6, 6])])
    return b.node("Add", [b.quant(b.node("Tile", [wide, b.whole([1, 1, 2, 2])]), 8, 8), b.resize(x, 2, "nearest")])


CASES: list[tuple[Callable[[Builder, str], str], str]] = [
    (
        _softmax,
        r"Softmax 'Softmax_0': this operator is not supported\. Leave it out: a Quant saturates.* Supported: .*Add",
    ),
    (
        _zero_point,
        r"Quant 'Quant_1': zero point \[3\.25\]; allowed is one whole number per tensor\. Use a",
    ),
    (_floor, r"Quant 'Quant_1': rounding mode FLOOR; allowed is ROUND"),
    (_stride, r"Conv 'Conv_0': stride 4 on a frame of 6 x 6 pixels; allowed are frames whose sides 4 divides"),
    (_even, r"Conv 'Conv_0': kernel \(2, 2\); allowed are odd square kernels, 1 to 9"),
    (_float_weight, r"Conv 'Conv_0': its weight is no fixed point of at most 18 bits"),
    (
        _signs_of_several_scales,
        r"BipolarQuant 'BipolarQuant_0': its scale has 3 values; allowed is one positive constant per tensor\. Use",
    ),
    (_quotient, r"Div 'Div_0': not supported with these inputs"),
    (
        _wide,
        r"Conv 'Conv_2': its result 'Conv_2_out' needs \d+ significant bits; a float32 reference is exact up to 24, "
        r"one in float64, for sums, products and convolutions, up to 48\. Put a Quant in front of it",
    ),
    (_cubic, r"Resize 'Resize_0': mode cubic.*allowed are linear with half_pixel"),
    (_thirds, r"Resize 'Resize_0': linear by 3 has weights of 1/9.*Put a Quant right behind it"),
    (_bipolar_skip, r"Add 'Add_0': a bipolar stream cannot be added"),
    (_divided_by_0, r"Div 'Div_0': it divides by 0; allowed are other numbers\. Look at it in training"),
    (_sign_added_to, r"'\w+': reads a bipolar stream; only convolutions may\. Let it read the numbers before the sign"),
    (_negative_variance, r"variance plus epsilon is -0\.99\d* in a channel; allowed are positive numbers\. Look at"),
    (_constant_as_stream, r"constant '\w+': a node that works on streams reads it as one.* Compute what depends on no"),
    (_auto_pad, r"Conv 'Conv_0': auto_pad is not supported; give pads of K//2 explicitly"),
    (_wide_transposed, r"a kernel of 22 x 22 at stride 2 sees 11 input pixels along an axis; allowed are 9"),
    (
        _shapes_that_do_not_fit,
        r"shapes do not fit together\. ONNX's shape inference says: .*Check the node named there",
    ),
    (_enlarged_by_expand, r"Tile 'Tile_0': from 3 x 6 x 6 to 3 x 12 x 12 \(C x H x W\); supported are .*use a Resize"),
]


@pytest.mark.parametrize(("make", "message"), CASES, ids=[m.__name__.strip("_") for m, _ in CASES])
def test_refused_by_name(make: Callable[[Builder, str], str], message: str) -> None:
    b = Builder(6, 6, 3, 0)
    out = make(b, b.quant("lr", 8, 8, signed=False))
    model = b.model(b.quant(out, 8, 8, signed=False), 3, 6, 6)
    del model.graph.output[0].type.tensor_type.shape.dim[:]
    with pytest.raises(UserError, match=message):
        lower(model)


def test_no_output_and_two_inputs() -> None:
    model = network(NetworkSpec())
    model.graph.input.append(helper.make_tensor_value_info("other", TensorProto.FLOAT, [1, 3, 6, 7]))
    with pytest.raises(UserError, match=r"one input is supported, there are 2: \['lr', 'other'\]"):
        lower(model)
    del model.graph.input[1], model.graph.output[:]
    with pytest.raises(UserError, match=r"the network has no output\. Export at least one image out"):
        lower(model)


def test_unquantized_input() -> None:
    b = Builder(4, 4, 3, 0)
    model = b.model(b.quant(b.fixed_conv("lr", 3, 3, 3), 8, 8), 3, 4, 4)
    with pytest.raises(UserError, match=r"Conv 'Conv_0' reads the input '\w+' as floats. Quantize the input first"):
        lower(model)


def test_unknown_affine_bits() -> None:
    with pytest.raises(UserError, match=r"--affine-bits 99: allowed is 2 to 16"):
        lower(network(NetworkSpec()), affine_bits=99)


def _multiplied(*factors: float) -> onnx.ModelProto:
    b = Builder(4, 4, 3, 0)
    y = b.fixed_conv(b.quant("lr", 8, 8, signed=False), 3, 3, 3)
    for factor in factors:
        y = b.node("Mul", [y, b.constant(factor)])
    return b.model(b.quant(y, 8, 8), 3, 4, 4)


def test_constants_beyond_float32() -> None:
    message = (
        r"Mul 'Mul_1': the constants of this chain multiply to numbers beyond float32\. Training may have diverged"
    )
    with pytest.raises(UserError, match=message):
        lower(_multiplied(1e30, 1e30), affine_bits=8)
    assert lower(_multiplied(1e30, 1e30)).output_types["sr"].bits == 8  # all but 0 saturates
    message = r"Mul 'Mul_0', .*'Quant_2': from code -?\d+ of channel 0 they compute something that is not a number"
    with pytest.raises(UserError, match=message):
        lower(_multiplied(1e30, 1e30, 0.0))


def test_output_that_is_the_input_and_a_result_that_nothing_reads() -> None:
    b = Builder(4, 4, 3, 0)
    x = b.quant("lr", 8, 8, signed=False)
    y = b.quant(b.fixed_conv(x, 3, 3, 3), 8, 8)
    model = b.models({y: ("sr", (3, 4, 4)), x: ("same", (3, 4, 4))})
    with pytest.raises(
        UserError, match=r"output 'same': it is the input itself; allowed are results of .* Leave it out"
    ):
        lower(model)


def test_constants_that_cannot_be_computed() -> None:
    b = Builder(4, 4, 3, 0)
    x = b.quant("lr", 8, 8, signed=False)
    table = b.node("Gather", [b.constant([1.0, 2.0, 3.0]), b.whole([7])])
    total = b.node("ReduceSum", [table], keepdims=0)
    model = b.model(b.quant(b.node("Mul", [b.fixed_conv(x, 3, 3, 3), total]), 8, 8), 3, 4, 4)
    with pytest.raises(UserError, match=r"Gather 'Gather_0': it reads constants only and cannot be computed \(.*\)"):
        lower(model)


def test_start_values_of_a_state() -> None:
    """A file with explicit states whose start values were changed by hand."""
    file = lower(gated(), pooling="previous").reference.model
    few = next(i for i in file.graph.initializer if i.name.endswith("_previous"))
    few.CopyFrom(numpy_helper.from_array(np.zeros((1, 1, 1, 1), np.float32), few.name))
    with pytest.raises(UserError, match=r"state '\w+': 1 start values; allowed is one for each of its 4 channels"):
        lower(file)
