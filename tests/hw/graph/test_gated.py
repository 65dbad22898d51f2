"""Gates, attention, dense blocks, transposed and odd convolutions: lowered, against the execution of the file."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import pytest

from tests.gated import gated, integers
from tests.networks import Builder
from xnorsr.errors import UserError
from xnorsr.hw.golden import prove, reference
from xnorsr.hw.graph.lower import lower
from xnorsr.hw.ops.base import Op

SEED = 7


def _ops(model: onnx.ModelProto, kind: str) -> list[Op]:
    """The operators of one kind of a lowered network that computes what the file computes."""
    lowered = lower(model)
    assert prove(lowered) > 0
    return [node.op for node in lowered.network.nodes if node.op.op_type == kind]


def _model(b: Builder, x: str, channels: int, height: int, width: int) -> onnx.ModelProto:
    """The network that ends at x; whatever its size, shapes are inferred."""
    model = b.model(b.quant(x, 8, 4), channels, height, width)
    del model.graph.output[0].type.tensor_type.shape.dim[:]
    return model


@pytest.mark.slow
def test_all_of_them_together() -> None:
    lowered = lower(gated())
    assert prove(lowered) > 0
    found = {node.op.op_type for node in lowered.network.nodes}
    assert {"Concat", "Product", "Broadcast", "Table", "Pool", "PixelShuffle"} <= found
    # The same file at other frames: means over 63 pixels, which is no power of two, and over 64.
    for frame in ((7, 9), (8, 8)):
        assert prove(lower(gated(), frame=frame)) > 0


@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "output_padding", "group"),
    [(4, 2, 1, 0, 1), (4, 2, 1, 0, 3), (3, 2, 1, 1, 1), (2, 2, 0, 0, 3), (9, 2, 4, 1, 1), (9, 3, 4, 2, 1),
     (5, 3, 1, 0, 1), (6, 4, 1, 0, 1), (3, 1, 1, 0, 1), (1, 2, 0, 1, 1), (3, 3, 0, 0, 1)],
)  # fmt: skip
def test_transposed_convolutions_are_polyphase(
    kernel: int, stride: int, padding: int, output_padding: int, group: int
) -> None:
    b = Builder(4, 5, 3, SEED)
    weight = b.quant(b.constant(b.rng.normal(0, 0.4, (3, 6 // group, kernel, kernel))), 6, 4)
    x = b.node(
        "ConvTranspose", [b.quant("lr", 8, 8, signed=False), weight, b.constant(np.arange(6) / 4)], group=group,
        strides=[stride] * 2, pads=[padding] * 4, output_padding=[output_padding] * 2,
    )  # fmt: skip
    (conv,) = _ops(_model(b, x, 6, 4 * stride, 5 * stride), "Conv")
    assert conv.output.channels == 6 * stride**2


@pytest.mark.parametrize(
    ("shape", "pads", "dilations", "group"),
    [((4, 3, 1, 3), [0, 1, 0, 1], 1, 1), ((4, 3, 2, 2), [0, 1, 1, 0], 1, 1), ((6, 1, 3, 3), [1] * 4, 1, 3),
     ((4, 3, 3, 3), [2] * 4, 2, 1), ((3, 1, 2, 4), [1, 2, 0, 1], 1, 3), ((4, 3, 3, 3), [2, 1, 0, 1], 1, 1)],
)  # fmt: skip
def test_kernels_of_other_shapes_are_filled_up(
    shape: tuple[int, ...], pads: list[int], dilations: int, group: int
) -> None:
    b = Builder(6, 7, 3, SEED)
    weight = b.quant(b.constant(b.rng.normal(0, 0.4, shape)), 6, 4)
    x = b.node(
        "Conv", [b.quant("lr", 8, 8, signed=False), weight], pads=pads, dilations=[dilations] * 2, group=group,
        kernel_shape=list(shape[2:]),
    )  # fmt: skip
    assert len(_ops(_model(b, x, shape[0], 6, 7), "Conv")) == 1


def _gelu(b: Builder, x: str) -> str:
    half = b.node("Add", [b.node("Erf", [b.node("Div", [x, b.constant(2**0.5)])]), b.constant(1.0)])
    return b.node("Mul", [b.node("Mul", [x, half]), b.constant(0.5)])


FUNCTIONS: dict[str, Callable[[Builder, str], str]] = {
    "sigmoid": lambda b, x: b.node("Sigmoid", [x]),
    "hard sigmoid": lambda b, x: b.node("HardSigmoid", [x], alpha=0.2),
    "tanh": lambda b, x: b.node("Tanh", [x]),
    "gelu": _gelu,
    "silu": lambda b, x: b.node("Mul", [x, b.node("Sigmoid", [x])]),
    "scaled": lambda b, x: b.node("Tanh", [b.node("Mul", [x, b.constant([[[0.31]], [[-0.7]], [[1.3]]])])]),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("bits", [8, 12])
def test_functions_are_tables(name: str, bits: int) -> None:
    """Every code of the input: a frame that holds all of them."""
    b = Builder(32, 128, 1, SEED)
    x = b.node("Expand", [b.quant("lr", bits, bits - 3), integers(b, 1, 3, 32, 128)])
    made = _model(b, FUNCTIONS[name](b, x), 3, 32, 128)
    lowered = lower(made)
    (op,) = (node.op for node in lowered.network.nodes if node.op.op_type in ("Table", "Threshold"))
    codes = np.resize(np.arange(-(1 << (bits - 1)), 1 << (bits - 1)), (32, 128, 1))
    tensors = reference(lowered.reference, lowered.input_type, codes)
    (wanted,) = lowered.output_types
    kind = next(iter(lowered.output_types.values()))
    found = op.execute(np.broadcast_to(codes, (32, 128, 3)))[0]
    np.testing.assert_array_equal(found, kind.to_codes(tensors[wanted][0].transpose(1, 2, 0)))


def test_a_function_that_only_rises_reads_accumulators() -> None:
    b = Builder(6, 6, 3, SEED)
    x = b.node("Sigmoid", [b.fixed_conv(b.quant("lr", 8, 8, signed=False), 3, 4, 3)])
    made = b.model(b.quant(x, 6, 6, signed=False), 4, 6, 6)
    (op,) = _ops(made, "Threshold")
    assert op.input.bits > 12


def _mean(b: Builder, x: str, bits: int, frac: int) -> str:
    y = b.node("GlobalAveragePool", [b.quant(x, bits, frac)])
    return b.node("Mul", [x, b.quant(y, 8, 4)])


CASES: list[tuple[Callable[[Builder, str], str], str]] = [
    (lambda b, x: b.node("Concat", [x, x], axis=2), r"Concat 'Concat_0': along axis 2, of 3 x 6 x 7, 3 x 6 x 7"),
    (
        lambda b, x: b.node("Concat", [b.threshold(x, 3), x], axis=1),
        r"Concat 'Concat_0': it joins signs with numbers; supported are signs alone or numbers alone",
    ),
    (lambda b, x: b.node("Mul", [x, b.threshold(x, 3)]), r"Mul 'Mul_0': a bipolar stream cannot be multiplied"),
    (
        lambda b, x: b.fixed_conv(b.node("Sigmoid", [x]), 3, 3, 1),
        r"Sigmoid 'Sigmoid_0': supported is a function of one stream behind which one Quant stands.*Put a quantizer",
    ),
    (
        lambda b, x: b.node("Mul", [x, b.node("GlobalAveragePool", [x])]),
        r"GlobalAveragePool 'GlobalAveragePool_0': the mean of 7 x 6 pixels has parts that no binary fraction holds",
    ),
    (
        lambda b, x: _mean(b, x, 20, 4),
        r"its sum of 20 bits over 7 x 6 pixels does not fit 24 significant bits.*At 20 bits allowed are 32 pixels",
    ),
    (
        lambda b, x: b.node("Mul", [x, b.quant(b.node("ReduceMean", [b.quant(x, 12, 2)], axes=[2, 3]), 16, 12)]),
        r"its scale is so fine beside the sum that ReduceMean 'ReduceMean_0' makes.*may round another way",
    ),
    (
        lambda b, x: b.node("ReduceSum", [x, integers(b, 1)]),
        r"ReduceSum 'ReduceSum_0': over axes \[1\], keepdims 1; supported are rows and columns",
    ),
    (
        lambda b, x: b.node("ConvTranspose", [x, b.quant(b.constant(np.ones((3, 3, 3, 3))), 6, 2)], strides=[2, 2]),
        r"ConvTranspose 'ConvTranspose_0': from 7 x 6 to 15 x 13 pixels; allowed are 14 x 12",
    ),
]


@pytest.mark.parametrize(("make", "message"), CASES)
def test_refused_by_name(make: Callable[[Builder, str], str], message: str) -> None:
    b = Builder(6, 7, 3, SEED)
    with pytest.raises(UserError, match=message):
        lower(_model(b, make(b, b.quant("lr", 8, 8, signed=False)), 3, 6, 7))


def test_the_greatest_mean_that_is_allowed() -> None:
    """At the edge of 24 bits: 8-bit codes of 65,536 pixels, all the greatest and all the least."""
    b = Builder(256, 256, 1, SEED)
    x = b.quant("lr", 8, 8)
    model = b.model(b.quant(b.node("GlobalAveragePool", [x]), 8, 7), 1, 1, 1)
    lowered = lower(model)
    (op,) = (node.op for node in lowered.network.nodes)
    rng = np.random.default_rng(SEED)
    for codes in (np.full((256, 256, 1), -128), np.full((256, 256, 1), 127), rng.integers(-128, 128, (256, 256, 1))):
        value = reference(lowered.reference, lowered.input_type, codes)[model.graph.output[0].name]
        assert op.execute(codes)[0].item() == round(float(value.item()) * 128)
    with pytest.raises(UserError, match="At 8 bits allowed are 131,072 pixels"):
        lower(model, frame=(257, 520))


@pytest.mark.slow
@pytest.mark.parametrize("pixels", [(3, 3), (3, 5), (7, 9), (5, 20)])
@pytest.mark.parametrize("operator", ["GlobalAveragePool", "ReduceMean"])
def test_a_float_mean_rounds_as_the_exact_one(operator: str, pixels: tuple[int, int]) -> None:
    """Sums that hit ties and their neighbours, for every tie that the grid of the result has."""
    height, width = pixels
    count = height * width
    b = Builder(height, width, 1, SEED)
    axes = {} if operator == "GlobalAveragePool" else {"axes": [2, 3]}
    model = b.model(b.quant(b.node(operator, [b.quant("lr", 8, 4)], **axes), 9, 5), 1, 1, 1)
    lowered = lower(model)
    (op,) = (node.op for node in lowered.network.nodes)
    for quarter in range(-40, 41):
        for near in (-1, 0, 1):
            total = round(quarter * count / 4) + near
            base, more = divmod(total, count)
            codes = np.full(count, base)
            codes[:more] += 1
            found = op.execute(codes.reshape(height, width, 1))[0].item()
            value = reference(lowered.reference, lowered.input_type, codes.reshape(height, width, 1))
            assert found == round(float(value[model.graph.output[0].name].item()) * 32), (operator, total)
