"""Scales that are no powers of two: networks of plain brevitas.nn, and others, equal to their own QONNX execution."""

from __future__ import annotations

import warnings
from importlib.resources import files
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from tests import foreign
from tests.networks import QONNX, Builder
from xnorsr.errors import UserError
from xnorsr.hw.golden import prove
from xnorsr.hw.graph.lower import lower
from xnorsr.hw.ops.affine import Affine
from xnorsr.hw.ops.pieces import Pieces
from xnorsr.hw.options import BuildOptions
from xnorsr.sim.conversion import effect

#: Greatest difference in output codes that the sum of a chain of floats may make; all else changes nothing.
MAY_DIFFER = {"residual_float": 1, "normalized": 1, "shared": 4, "joined": 2}


@pytest.fixture(scope="module")
def models() -> dict[str, onnx.ModelProto]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {name: foreign.exported(foreign.calibrated(make())) for name, make in foreign.NETWORKS.items()}


@pytest.mark.slow
@pytest.mark.parametrize("name", list(foreign.NETWORKS))
def test_a_network_of_default_quantizers(name: str, models: dict[str, onnx.ModelProto]) -> None:
    """Every stream equals the converted file; the converted file gives the original's codes; it lowers to itself."""
    lowered = lower(models[name])
    assert prove(lowered) > 0
    found = effect(models[name], lowered)
    assert found.codes > 900
    assert found.largest <= MAY_DIFFER.get(name, 0)
    assert any("work on integer codes" in change for change in lowered.changes)
    sums = [change for change in lowered.changes if "different scales" in change]
    assert bool(sums) == (
        name in ("residual_apart", "residual_float", "shared", "normalized", "joined", "parts") or "binary" in name
    )
    assert lowered.units.input == pytest.approx(1 / 255, rel=1e-2)
    again = lower(lowered.reference.model)
    assert [(n.name, n.op.outputs) for n in again.network.nodes] == [
        (n.name, n.op.outputs) for n in lowered.network.nodes
    ]
    assert all("computed in float64" in change for change in again.changes)
    assert prove(again) > 0


@pytest.mark.slow
@pytest.mark.parametrize("bits", [None, 8])
def test_affine_bits_still_quantizes(bits: int | None, models: dict[str, onnx.ModelProto]) -> None:
    """With the option multipliers are small and values change, without it floats are exact steps."""
    lowered = lower(models["espcn_w8a8"], affine_bits=bits)
    kinds = {type(n.op) for n in lowered.network.nodes}
    assert (Pieces in kinds) == (bits is None)
    assert (Affine in kinds) == (bits is not None)
    assert prove(lowered) > 0


@pytest.mark.slow
@pytest.mark.parametrize("name", ["subpixel", "nn_resize"])
def test_super_resolution_in_the_qonnx_wheel(name: str) -> None:
    """4-bit inside, per-channel weight scales, float BatchNorm, a shuffle or a nearest neighbour; 64 channels."""
    path = Path(str(files("qonnx"))) / f"data/onnx/bsd300x3-espcn/{name}/quant_model.onnx"
    with pytest.raises(UserError, match=r"reads the input '.*' as floats.*--input-scale 1/255: then 8-bit codes times"):
        lower(path, frame=(8, 9))
    lowered = lower(path, frame=(8, 9), input_scale=1 / 255)
    assert lowered.changes[0] == "the input is 8-bit codes times 0.00392156863"
    assert prove(lowered) > 10_000
    found = effect(path, lowered)
    assert found.codes > 3_000


def test_input_scale_beside_a_quantized_input(models: dict[str, onnx.ModelProto]) -> None:
    with pytest.raises(UserError, match=r"--input-scale: the input '.*' is quantized in the file already, by Quant"):
        lower(models["espcn_w4a4"], input_scale=1 / 255)


def _head(bits: int = 8, channels: int = 3, scale: float = 1 / 255) -> tuple[Builder, str]:
    b = Builder(6, 7, channels, 1)
    return b, quant(b, "lr", scale, bits, signed=0)


def quant(b: Builder, x: str, scale: object, bits: int = 8, signed: int = 1, zero: float = 0) -> str:
    return b.node(
        "Quant", [x, b.constant(scale), b.constant(zero), b.constant(float(bits))], QONNX, signed=signed, narrow=0
    )


def conv(b: Builder, x: str, inputs: int, outputs: int, scale: object, bits: int = 8, kernel: int = 3) -> str:
    size = (outputs, inputs, kernel, kernel)
    weight = b.rng.integers(-(2 ** (bits - 1)), 2 ** (bits - 1), size) * np.asarray(scale)
    name = quant(b, b.constant(weight), scale, bits)
    return b.node("Conv", [x, name], kernel_shape=[kernel] * 2, pads=[kernel // 2] * 4)


def end(b: Builder, x: str, channels: int = 3) -> onnx.ModelProto:
    return b.model(x, channels, 6, 7)


def test_scales_of_channels_far_apart() -> None:
    """Powers of two, 2^16 apart: no common fixed point of 18 bits, and each channel by itself fits."""
    b, x = _head(scale=2.0**-8)
    scale = 2.0 ** np.array([-20, -4, -9]).reshape(3, 1, 1, 1)
    y = b.node("Div", [conv(b, x, 3, 3, scale), b.constant(scale.reshape(1, 3, 1, 1) * 317.3)])
    model = end(b, b.quant(y, 8, 5))
    lowered = lower(model)
    assert prove(lowered) > 0 and effect(model, lowered).changed == 0


@pytest.mark.parametrize("scale", [0.0317, 0.00123])
def test_more_than_24_bits_are_executed_in_float64(scale: float) -> None:
    """10 x 10 bits at 64 channels, fixed point and float: the accumulator needs 29 bits."""
    b, x = _head(2, scale=0.25)
    x = quant(b, conv(b, x, 3, 64, 0.5, 4, 1), scale, 10)
    y = conv(b, x, 64, 3, scale, 10)
    model = end(b, quant(b, b.node("Mul", [y, b.constant(scale)]), scale * scale * scale * 71234.5, 8))
    lowered = lower(model)
    (wide,) = (n.op for n in lowered.network.nodes if n.op.op_type == "Conv" and n.op.input.channels == 64)
    assert wide.outputs[0].bits > 25
    assert len(lowered.reference.double) >= 1
    assert prove(lowered) > 0
    assert prove(lower(lowered.reference.model)) > 0


def test_the_float64_convolution_is_the_integer_one() -> None:
    from xnorsr.hw.graph.execute import DOUBLE

    rng = np.random.default_rng(3)
    x, w = rng.integers(-1 << 20, 1 << 20, (1, 4, 6, 7)), rng.integers(-1 << 17, 1 << 17, (6, 2, 3, 3))
    node = helper.make_node("Conv", ["x", "w"], ["y"], kernel_shape=[3, 3], pads=[1, 1, 0, 1], strides=[2, 1], group=2)
    found = DOUBLE["Conv"](node, x.astype(np.float64), w.astype(np.float64))
    padded = np.pad(x, ((0, 0), (0, 0), (1, 0), (1, 1)))
    wanted = np.zeros((1, 6, 3, 7), np.int64)
    for o in range(6):
        for i in range(3):
            for j in range(7):
                part = padded[0, 2 * (o // 3) : 2 * (o // 3) + 2, 2 * i : 2 * i + 3, j : j + 3]
                wanted[0, o, i, j] = (part * w[o]).sum()
    np.testing.assert_array_equal(found, wanted)


CHAINS = {
    "clip": lambda b, y: b.node("Clip", [y, b.constant(-0.3), b.constant(0.9)]),
    "open clip": lambda b, y: b.node("Clip", [y, "", b.constant(0.5)]),
    "min and max": lambda b, y: b.node("Max", [b.node("Min", [y, b.constant(1.0)]), b.constant(-0.2)]),
    "residual scaling": lambda b, y: b.node("Mul", [b.node("Relu", [y]), b.constant(0.1234)]),
    "affine behind a clip": lambda b, y: b.node(
        "Mul", [b.node("Clip", [y, b.constant(-0.2), b.constant(0.7)]), b.constant([[[[0.3]], [[-1.2]], [[0.7]]]])]
    ),
    "slopes of both signs": lambda b, y: b.node("PRelu", [y, b.constant([[[-0.4]], [[0.3]], [[-1.5]]])]),
    "negative scale": lambda b, y: b.node("Sub", [b.constant(0.4), b.node("PRelu", [y, b.constant(0.2)])]),
}


@pytest.mark.slow
@pytest.mark.parametrize("bits", [2, 8])
@pytest.mark.parametrize("chain", list(CHAINS))
def test_chains_of_floats(chain: str, bits: int) -> None:
    b, x = _head()
    y = b.node("Add", [conv(b, x, 3, 3, 0.0031), b.constant(0.1)])
    model = end(b, quant(b, CHAINS[chain](b, y), 0.011 if bits == 8 else 0.4, bits))
    lowered = lower(model)
    assert prove(lowered) > 0 and effect(model, lowered).changed == 0


def test_a_sign_behind_a_negative_slope() -> None:
    """Not monotone: +1 at both ends. Thresholds cannot, pieces can."""
    b, x = _head()
    y = b.node("PRelu", [conv(b, x, 3, 3, 0.0031), b.constant([[[-0.4]], [[0.3]], [[-1.5]]])])
    y = b.sign(b.node("Sub", [y, b.constant(0.2)]))
    model = end(b, quant(b, b.binary_conv(y, 3, 3, 3), 0.3, 8))
    lowered = lower(model)
    assert any(isinstance(n.op, Pieces) and n.op.output.bipolar for n in lowered.network.nodes)
    assert prove(lowered) > 0 and effect(model, lowered).changed == 0


def test_refusals_name_what_to_do() -> None:
    b, x = _head()
    y = quant(b, conv(b, x, 3, 3, 0.0031), np.array([0.01, 0.02, 0.03]).reshape(1, 3, 1, 1))
    model = end(b, quant(b, conv(b, y, 3, 3, 0.01), 0.1))
    with pytest.raises(UserError, match=r"Conv 'Conv_1': its input has one scale per channel; allowed is one per"):
        lower(model)
    b, x = _head()
    weight = quant(b, b.constant(b.rng.normal(size=(3, 3, 1, 1))), np.reshape([0.01, 0.02, 0.03], (1, 3, 1, 1)))
    y = b.node("Conv", [x, weight], kernel_shape=[1, 1], pads=[0] * 4)
    with pytest.raises(
        UserError, match=r"Conv 'Conv_0': its weight has scales of the shape \(1, 3, 1, 1\); allowed is"
    ):
        lower(end(b, quant(b, y, 0.1)))
    b, x = _head(scale=2.0**-8)
    y = b.node("Add", [b.node("Mul", [conv(b, x, 3, 3, 0.5), b.constant(0.3)]), conv(b, x, 3, 3, 0.25)])
    with pytest.raises(UserError, match=r"Add 'Add_0': its inputs are chains of floats, and no Quant follows.*Quan"):
        lower(end(b, conv(b, y, 3, 3, 0.5)))
    b, x = _head()
    y = b.node("Mul", [conv(b, x, 3, 3, 0.0031), b.constant(0.3)])
    with pytest.raises(UserError, match=r"its constants are floats.*does not end in a Quant.*Put a QuantIdentity"):
        lower(end(b, quant(b, conv(b, y, 3, 3, 0.5), 0.1)))
    b, x = _head(scale=2.0**-8)
    y = b.node("Clip", [conv(b, x, 3, 3, 2.0**-7), b.constant(0.0), b.constant(1.0)])
    with pytest.raises(UserError, match=r"Clip 'Clip_0': the chain .* does not end in a Quant.*Put a QuantIdentity"):
        lower(end(b, quant(b, conv(b, y, 3, 3, 0.5), 0.1)))


@pytest.mark.parametrize(("given", "scale"), [("1/255", 1 / 255), (0.5, 0.5), (" 2 / 510 ", 2 / 510), (1, 1.0)])
def test_input_scale_as_an_option(given: object, scale: float) -> None:
    options = BuildOptions(input_scale=given)
    assert options.input_scale == scale
    assert BuildOptions.model_validate(options.record()) == options


@pytest.mark.parametrize("given", ["0", "a/b", "1/0", -1, "1/2/3", "nan", "inf", True, [1]])
def test_input_scale_that_is_none(given: object) -> None:
    with pytest.raises(ValueError, match=r"allowed is a positive number or a quotient of two, such as 1/255"):
        BuildOptions(input_scale=given)
