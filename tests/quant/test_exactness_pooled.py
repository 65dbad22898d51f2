"""Exactness of what networks with gates and pyramids need: frame sums, sigmoid tables, transposed convolutions."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch
from onnx import helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.transformation.infer_shapes import InferShapes

from tests.quant.test_exactness import BASE, graph, quant, refused
from xnorsr.errors import UserError
from xnorsr.hw.graph.lower import lower
from xnorsr.quant import zoo
from xnorsr.quant.config import NumericsConfig
from xnorsr.quant.exactness import analyse
from xnorsr.quant.export import to_qonnx
from xnorsr.quant.gates import FrameMean, Sigmoid
from xnorsr.quant.layers import act_scale


def shaped(nodes: list[onnx.NodeProto], constants: dict[str, object], shape: tuple[int, ...]) -> onnx.ModelProto:
    """As `graph`, with shapes inferred, as export does."""
    model = graph(nodes, constants, shape)
    model.opset_import[0].version = 17
    model.opset_import.append(helper.make_opsetid("qonnx.custom_op.general", 1))
    inferred: onnx.ModelProto = ModelWrapper(model).transform(InferShapes()).model
    return inferred


def summed(height: int, width: int, bits: float = 8.0) -> onnx.ModelProto:
    model = graph(
        [quant("x", "q"), helper.make_node("ReduceSum", ["q", "axes"], ["y"], name="sum", keepdims=1)],
        {**BASE, "b": bits},
        (1, 2, height, width),
    )
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array([2, 3], np.int64), "axes"))
    model.graph.value_info.append(helper.make_tensor_value_info("q", onnx.TensorProto.FLOAT, (1, 2, height, width)))
    return model


def test_a_frame_sum_is_exact_up_to_24_bits() -> None:
    got = analyse(summed(3, 5))["y"]
    assert (float(got.lo.min()), float(got.hi.max()), got.lsb) == (-32.0 * 15, 31.75 * 15, 0.25)
    assert analyse(summed(256, 512))["y"].bits == 24
    with pytest.raises(
        UserError, match=r"^tensor y \(node sum, ReduceSum\) needs 25 significant bits; float32 holds 24"
    ):
        analyse(summed(256, 513))


def test_a_frame_mean_needs_a_power_of_two() -> None:
    pool = helper.make_node("GlobalAveragePool", ["q"], ["y"], name="mean")
    got = analyse(shaped([quant("x", "q"), pool], BASE, (1, 2, 4, 8)))["y"]
    assert (float(got.lo.min()), float(got.hi.max()), got.lsb) == (-2.0, 1.75, 0.25 / 32)
    with pytest.raises(UserError) as e:
        analyse(shaped([quant("x", "q"), pool], BASE, (1, 2, 4, 6)))
    assert str(e.value) == (
        "node mean: GlobalAveragePool over 24 pixels, no power of two, has a result on no grid; use ReduceSum, a "
        "Quant, and a Mul by a constant"
    )


def test_sums_over_other_axes_are_refused() -> None:
    model = graph([quant("x", "q"), helper.make_node("ReduceSum", ["q", "axes"], ["y"], name="sum")], BASE)
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array([1], np.int64), "axes"))
    model.graph.value_info.append(helper.make_tensor_value_info("q", onnx.TensorProto.FLOAT, (1, 2, 4, 4)))
    with pytest.raises(UserError, match=r"^node sum: ReduceSum over axes \[1\]; supported are rows and columns, 2, 3$"):
        analyse(model)


def test_a_sigmoid_is_a_table_between_two_quants() -> None:
    sigmoid = helper.make_node("Sigmoid", ["q"], ["y"], name="gate")
    table = quant("y", "t", scale="fine", bits="eight", signed=0)
    fine = {**BASE, "fine": 2.0**-8, "eight": 8.0}
    got = analyse(graph([quant("x", "q"), sigmoid, table], fine))
    assert got["t"].lsb == 2.0**-8 and 0 <= float(got["t"].lo.min()) < float(got["t"].hi.max()) < 1
    advice = "Sigmoid needs a Quant of at most 12 bits in front and a Quant behind: it then is a table"
    assert refused([quant("x", "q"), sigmoid], BASE) == f"node gate: {advice}"
    assert refused([helper.make_node("Sigmoid", ["x"], ["y"], name="gate"), table], fine) == f"node gate: {advice}"
    assert refused([quant("x", "q"), sigmoid, table], {**fine, "b": 13.0}) == f"node gate: {advice}"
    # With a scale of 1, sigmoid(0) = 1/2 is the middle between two codes.
    text = refused([quant("x", "q"), sigmoid, table], {**fine, "fine": 1.0})
    assert text == (
        "node gate: a value of Sigmoid is 0 from the middle of two codes of q_t, too near for float32; use fewer bits "
        "there"
    )


def test_the_sigmoid_table_is_the_same_in_every_runtime() -> None:
    """All 256 codes: torch, onnxruntime and float64."""
    codes = (np.arange(-128, 128) / 16).astype(np.float32).reshape(1, 1, 16, 16)
    wanted = np.rint(256 / (1 + np.exp(-codes.astype(np.float64)))).clip(0, 255) / 256
    assert np.array_equal(Sigmoid(NumericsConfig())(torch.from_numpy(codes)).numpy(), wanted)
    nodes = [helper.make_node("Sigmoid", ["x"], ["y"], name="s"), quant("y", "t", scale="f", bits="n", signed=0)]
    model = ModelWrapper(shaped(nodes, {"f": 2.0**-8, "n": 8.0, "z": 0.0}, codes.shape))
    assert np.array_equal(execute_onnx(model, {"x": codes})["t"], wanted)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (3, 3), (8, 8), (7, 13), (60, 80)])
def test_the_mean_over_a_frame_is_near_the_mean(height: int, width: int) -> None:
    print("seed 4")
    x = torch.randn(2, 3, height, width, generator=torch.Generator().manual_seed(4)) + 0.5
    pool = FrameMean(NumericsConfig()).train()
    for _ in range(20):
        pool(x)
    got = pool.eval()(x)
    step = act_scale(pool.out)
    codes = pool.quant(x).mean((2, 3), keepdim=True).clamp(-128 * step, 127 * step)
    # Half a step of the sum's rounding spread over the pixels, 2**-12 of the factor, half a step of the result.
    sum_step = act_scale(pool.sum) / (height * width)
    assert float((got - codes).abs().max()) <= step / 2 + sum_step / 2 + float(codes.abs().max()) * 2**-11


def test_the_bound_of_a_transposed_convolution_is_reached() -> None:
    """Stride 2, 4 taps: every output pixel sees four of sixteen."""
    w = np.arange(1, 33, dtype=np.float32).reshape(1, 2, 4, 4) * np.where(np.arange(32) % 3, 1, -1).reshape(1, 2, 4, 4)
    up = helper.make_node("ConvTranspose", ["q", "w"], ["y"], name="up", strides=[2, 2], pads=[1, 1, 1, 1])
    model = shaped([quant("x", "q"), up], {**BASE, "w": w}, (1, 1, 5, 5))
    got = analyse(model)["y"]
    assert got.lsb == 0.25
    phases = [w[0, :, i::2, j::2].reshape(2, -1) for i in (0, 1) for j in (0, 1)]
    for channel in range(2):
        most, least = -np.inf, np.inf
        for phase in phases:
            # The image that reaches a phase's extremes: the greatest code where a tap is positive, the least elsewhere.
            best = np.where(phase[channel] > 0, 1.75, -2.0) @ phase[channel]
            worst = np.where(phase[channel] > 0, -2.0, 1.75) @ phase[channel]
            most, least = max(most, best), min(least, worst)
        assert (float(got.lo[channel]), float(got.hi[channel])) == (least, most)
    for seed in range(3):
        x = np.random.default_rng(seed).choice([-2.0, 1.75], (1, 1, 5, 5)).astype(np.float32)
        y = execute_onnx(ModelWrapper(model), {"x": x})["y"]
        assert y.shape == (1, 2, 10, 10)
        assert np.all(y >= got.lo.reshape(1, 2, 1, 1)) and np.all(y <= got.hi.reshape(1, 2, 1, 1))


def test_groups_of_a_transposed_convolution() -> None:
    w = np.zeros((2, 1, 4, 4), np.float32)
    w[0, 0, 0, 0], w[1, 0, 1, 1] = 3.0, -5.0
    up = helper.make_node("ConvTranspose", ["q", "w"], ["y"], name="up", strides=[2, 2], pads=[1, 1, 1, 1], group=2)
    got = analyse(shaped([quant("x", "q"), up], {**BASE, "w": w}, (1, 2, 3, 3)))["y"]
    assert (got.lo.tolist(), got.hi.tolist()) == ([-6.0, -8.75], [5.25, 10.0])


@pytest.mark.slow
def test_a_file_whose_factors_belong_to_its_frame_says_so() -> None:
    """Built for another frame its picture would be darker or brighter: refused."""
    cfg = zoo.NETWORKS.validate({"name": "srresnet", "channels": 4, "blocks": 1, "scheme": "scales"})
    model = to_qonnx(zoo.randomize(zoo.build(cfg), 3), 3, 4, 5)
    assert lower(model).input_type.width == lower(model, frame=(4, 5)).input_type.width == 5
    with pytest.raises(UserError, match=r"frame 6x4: the file divides sums over the frame by the pixels of 5x4.*") as e:
        lower(model, frame=(4, 6))
    assert str(e.value).endswith("Export it for the frame: xnorsr export CHECKPOINT --frame 6x4.")
