"""What other exporters leave in a file, and what others write: built exactly, or refused with advice."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from tests.networks import QONNX, Builder, exported, floats
from xnorsr.errors import MismatchError, UserError
from xnorsr.hw import golden
from xnorsr.hw.golden import prove
from xnorsr.hw.graph.lower import lower
from xnorsr.hw.ops.affine import Affine


def _head(channels: int = 4, bits: int = 10) -> tuple[Builder, str]:
    b = Builder(5, 6, 3, 3)
    return b, b.quant(b.fixed_conv(b.quant("lr", 8, 8, signed=False), 3, channels, 3), bits, bits - 3)


def _end(b: Builder, x: str, channels: int = 4, factor: int = 1) -> onnx.ModelProto:
    y = b.quant(b.fixed_conv(x, channels, 3, 3), 8, 8, signed=False)
    return b.model(y, 3, 5 * factor, 6 * factor)


def test_constants_that_are_inputs_too_and_a_slope_that_is_reshaped() -> None:
    """Brevitas lists constants as inputs; F.prelu leaves a Reshape of the quantized slope."""
    lowered = lower(exported(0))
    assert not lowered.changes
    assert prove(lowered) > 0
    again = lower(lowered.reference.model)
    assert [n.name for n in again.network.nodes] == [n.name for n in lowered.network.nodes]


def test_arithmetic_on_quantized_constants_is_folded_exactly() -> None:
    b, x = _head()
    slope = b.quant(b.constant(b.rng.uniform(0.1, 0.6, (1, 4, 1, 1))), 8, 6)
    x = b.node("PRelu", [x, b.node("Mul", [slope, b.constant(-1.0)])])
    weight = b.node("Transpose", [b.sign(b.constant(b.rng.normal(size=(4, 4, 3, 3))), 0.5)], perm=[1, 0, 2, 3])
    lowered = lower(_end(b, b.quant(b._conv(b.quant(x, 8, 5), weight, 3, 0), 10, 5)))
    assert not lowered.changes
    assert sum(getattr(n.op, "binary", False) for n in lowered.network.nodes) == 1
    assert prove(lowered) > 0


def test_weight_that_two_convolutions_share() -> None:
    b, x = _head()
    weight = b.sign(b.constant(b.rng.normal(size=(4, 4, 3, 3))), 0.25)
    for _ in range(2):
        x = b.quant(b._conv(b.quant(x, 4, 2), weight, 3, 0), 10, 4)
    assert prove(lower(_end(b, x))) > 0


@pytest.mark.parametrize("scale", [0.1, 0.25])
def test_converted_network_opens_again(scale: float) -> None:
    """Signs with a scale, no power of two and one, listed as inputs, at the file's own frame."""
    b, x = _head()
    x = b.sign(x, scale)
    weight = b.sign(b.constant(b.rng.normal(size=(4, 4, 3, 3))), scale)
    x = b.quant(b.node("Mul", [b._conv(x, weight, 3, 0), b.constant(3.0)]), 3, 1)
    model = _end(b, x)
    model.graph.input.extend(
        helper.make_tensor_value_info(i.name, i.data_type, i.dims) for i in model.graph.initializer
    )
    lowered = lower(model)
    assert bool(lowered.changes) == (scale == 0.1)
    assert prove(lowered) > 0
    again = lower(lowered.reference.model)
    assert not again.changes
    assert prove(again) > 0


def test_shuffle_by_one_is_nothing() -> None:
    b, x = _head(3)
    x = b.node("DepthToSpace", [x], blocksize=1, mode="CRD")
    lowered = lower(_end(b, x, 3))
    assert [n.op.op_type for n in lowered.network.nodes] == ["Conv", "Affine", "Conv", "Affine"]
    assert prove(lowered) > 0


def _sized(constant: str) -> onnx.ModelProto:
    """Twice the size, told in pixels: by an initializer, or by a Constant node."""
    b, x = _head()
    sizes = numpy_helper.from_array(np.array([1, 4, 10, 12]), "sizes")
    up = b.node("Resize", [x, "", "", "sizes"], mode="nearest", coordinate_transformation_mode="asymmetric",
                nearest_mode="floor")  # fmt: skip
    model = _end(b, b.quant(up, 8, 5), factor=2)
    if constant == "initializer":
        model.graph.initializer.append(sizes)
    else:
        model.graph.node.insert(0, helper.make_node("Constant", [], ["sizes"], value=sizes))
    return model


@pytest.mark.parametrize("constant", ["initializer", "node"])
def test_sizes_in_pixels_go_along_with_the_frame(constant: str) -> None:
    lowered = lower(_sized(constant), frame=(4, 7))
    assert {(k.height, k.width) for k in lowered.output_types.values()} == {(8, 14)}
    assert prove(lowered) > 0


def test_sizes_in_pixels_for_an_open_frame_are_refused() -> None:
    model = _sized("initializer")
    for dim in model.graph.input[0].type.tensor_type.shape.dim[2:]:
        dim.dim_param = "N"
    with pytest.raises(
        UserError, match=r"the model: Resize '.*': it tells its output's size in pixels, and the file does"
    ):
        lower(model, frame=(4, 7))


@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
def test_resize_in_the_middle(mode: str) -> None:
    b, x = _head()
    lowered = lower(_end(b, b.quant(b.resize(x, 2, mode), 8, 5), factor=2))
    assert any(n.op.op_type == "ResizePhases" for n in lowered.network.nodes)
    assert prove(lowered) > 0


def test_relu_in_front_of_a_sign() -> None:
    b, x = _head()
    x = b.binary_conv(b.sign(b.node("Relu", [x])), 4, 3, 3)
    with pytest.raises(
        UserError, match=r"it reads Relu 'Relu_0', which is never negative, so that it gives \+1 .*QuantReLU"
    ):
        lower(b.model(b.quant(x, 8, 0), 3, 5, 6))


def test_signed_quantizer_of_one_bit() -> None:
    b, x = _head()
    with pytest.raises(
        UserError, match=r"Quant 'Quant_\d': 1 bit, signed; allowed is 1 bit unsigned, or 2 bits and more"
    ):
        lower(_end(b, b.quant(x, 1, 0)))


def test_bias_of_32_bits() -> None:
    b, x = _head()
    bias = b.quant(b.constant(b.rng.normal(size=(1, 4, 1, 1))), 32, 20)
    with pytest.raises(UserError, match=r"bit width \[32\.0\]; allowed is one whole number, 1 to 24.*Int24Bias"):
        lower(_end(b, b.quant(b.node("Add", [x, bias]), 8, 5)))


def test_the_most_fundamental_problem_is_named_first() -> None:
    b = Builder(4, 4, 3, 0)
    weight = b.constant(b.rng.normal(size=(3, 3, 3, 3)))
    y = b.node("Mul", [b._conv("lr", weight, 3, 0), b.constant(0.1)])
    with pytest.raises(UserError, match=r"Conv 'Conv_0' reads the input '\w+' as floats"):
        lower(b.model(y, 3, 4, 4))
    b = Builder(4, 4, 3, 0)
    y = b.node("Mul", [b.quant("lr", 8, 8, signed=False), b.constant(0.1)])
    y = b._conv(y, b.constant(b.rng.normal(size=(3, 3, 3, 3))), 3, 0)
    with pytest.raises(UserError, match=r"Conv 'Conv_0': its weight is no fixed point"):
        lower(b.model(b.quant(y, 8, 8), 3, 4, 4))


def test_affine_bits_that_are_too_many_are_fewer() -> None:
    """BatchNorm and PReLU in a row, with nothing between: 16 bits of each would need more than float32 has."""
    b, x = _head(bits=12)
    x = b.fixed_conv(x, 4, 4, 1, bits=4, frac=3)
    constants = [b.constant(b.rng.uniform(0.5, 2, 4)) for _ in range(4)]
    x = b.node("PRelu", [b.node("BatchNormalization", [x, *constants], epsilon=1e-5), b.constant(0.3)])
    lowered = lower(_end(b, b.quant(x, 8, 5)), affine_bits=8)
    assert any("as with 8 bits its result would have more than 24 significant bits" in c for c in lowered.changes)
    assert any(isinstance(n.op, Affine) and n.op.slope is not None for n in lowered.network.nodes)
    assert prove(lowered) > 0


@pytest.mark.parametrize(
    ("operator", "extra", "advice"),
    [
        ("Softmax", {}, "a Quant saturates"),
        ("LpPool", {"kernel_shape": [1, 1]}, "whose windows lie side by side"),
        ("GlobalMaxPool", {}, "Use a mean over the frame"),
    ],
)
def test_advice_for_unsupported_operators(operator: str, extra: dict[str, object], advice: str) -> None:
    b, x = _head()
    with pytest.raises(UserError, match=rf"{operator} '{operator}_0': this operator is not supported\..*{advice}"):
        lower(_end(b, b.node(operator, [x], **extra)))


def test_a_golden_that_is_wrong_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    original = Affine.golden

    def off_by_one(self: Affine, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        (out,) = original(self, *inputs)
        out = out.copy()
        out[1, 2, 0] ^= 1
        return (out,)

    lowered = lower(exported(1))
    monkeypatch.setattr(Affine, "golden", off_by_one)
    with pytest.raises(
        MismatchError,
        match=r"a bug of xnorsr.*layer '\w+': 1 of \d+ codes differ; first at pixel \(x=2, y=1\), channel 0: reference",
    ):
        prove(lowered)


def test_a_large_frame_is_proved_on_a_small_one(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = []
    step = golden.step
    monkeypatch.setattr(
        golden, "step", lambda network, codes, *rest: frames.append(codes.shape) or step(network, codes, *rest)
    )
    model = floats(0)
    for value, size in zip(model.graph.input[0].type.tensor_type.shape.dim[2:], (300, 400), strict=True):
        value.dim_value = size
    del model.graph.value_info[:]
    for value in model.graph.output[0].type.tensor_type.shape.dim[2:]:
        value.Clear()
    lowered = lower(model)
    assert (lowered.input_type.height, lowered.input_type.width) == (300, 400)
    assert prove(lowered) > 0
    assert frames == [(12, 16, 3)]


def test_scale_that_does_not_fit_its_tensor() -> None:
    b, x = _head()
    b.constants.append(numpy_helper.from_array(np.full(5, 0.5, np.float32), "five"))
    x = b.node("Quant", [x, "five", b.constant(0.0), b.constant(8.0)], QONNX, signed=1, narrow=0)
    with pytest.raises(UserError, match=r"its parameter 'five' has the shape \[5\], its input \[1, 4, 5, 6\]"):
        lower(_end(b, x))
