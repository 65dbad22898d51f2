"""The interval and grid analysis: bounds hold, are reached, and what is not exact is refused by name."""

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx

from xnorsr.errors import UserError
from xnorsr.quant import zoo
from xnorsr.quant.exactness import Bound, analyse, grid_of
from xnorsr.quant.export import to_qonnx

QONNX = "qonnx.custom_op.general"


def graph(
    nodes: list[onnx.NodeProto], constants: dict[str, object], shape: tuple[int, ...] = (1, 2, 4, 4)
) -> onnx.ModelProto:
    """A model from x to the last node's output."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    y = helper.make_tensor_value_info(nodes[-1].output[0], TensorProto.FLOAT, None)
    init = [numpy_helper.from_array(np.asarray(v, np.float32), k) for k, v in constants.items()]
    return helper.make_model(helper.make_graph(nodes, "g", [x], [y], init))


def quant(src: str, dst: str, scale: str = "s", bits: str = "b", signed: int = 1) -> onnx.NodeProto:
    return helper.make_node(
        "Quant",
        [src, scale, "z", bits],
        [dst],
        name=f"q_{dst}",
        domain=QONNX,
        signed=signed,
        narrow=0,
        rounding_mode="ROUND",
    )


BASE = {"s": 0.25, "z": 0.0, "b": 4.0}


@given(st.integers(-20, 20), st.lists(st.integers(-1000, 1000), min_size=1, max_size=9))
def test_grid_is_the_greatest_common_power_of_two(exponent: int, codes: list[int]) -> None:
    values = np.array(codes) * 2.0**exponent
    grid = grid_of(values)
    if any(codes):
        assert np.all(np.mod(values / grid, 1) == 0) and np.any(np.mod(values / grid, 2) == 1)


def test_convolution_bound_is_reached() -> None:
    w = np.array([[[[1.0]], [[-0.5]]]])
    nodes = [quant("x", "q"), helper.make_node("Conv", ["q", "w"], ["y"], name="c")]
    got = analyse(graph(nodes, {**BASE, "w": w}))["y"]
    assert (got.lo.tolist(), got.hi.tolist(), got.lsb) == ([-2 - 0.5 * 1.75], [1.75 + 0.5 * 2], 0.125)
    assert got.bits == 5  # 2.875 / 0.125 = 23


@pytest.mark.slow
@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10**6), scheme=st.sampled_from(["w1a1", "bnn"]), scale=st.sampled_from([2, 3, 4]))
def test_bounds_hold_on_every_tensor_of_a_network(seed: int, scheme: str, scale: int) -> None:
    """Executes the network and looks at each intermediate tensor: inside its bounds, on its grid."""
    table = {"name": scheme} | ({"act_bits": 3} if scheme == "bnn" else {})
    cfg = zoo.NETWORKS.validate({"channels": 4, "blocks": 1, "scheme": table, "scale": scale, "skip": "bilinear"})
    model = to_qonnx(zoo.randomize(zoo.build(cfg), seed), 3, 5, 4)
    bounds = analyse(model)
    image = np.random.default_rng(seed).choice([0, 17, 128, 255], (1, 3, 5, 4)) / 256
    tensors = execute_onnx(ModelWrapper(model), {"lr": image.astype(np.float32)}, return_full_exec_context=True)
    for name, bound in bounds.items():
        if name == "lr":
            continue
        value = np.asarray(tensors[name], np.float64)
        per_channel = (1, -1, 1, 1) if value.ndim == 4 and bound.lo.size == value.shape[1] else (-1,)
        slack = 1e-5 if bound.divisor != 1 else 0
        assert np.all(value >= bound.lo.min() - slack) and np.all(value <= bound.hi.max() + slack), name
        if per_channel != (-1,):
            assert np.all(value >= bound.lo.reshape(per_channel) - slack), name
            assert np.all(value <= bound.hi.reshape(per_channel) + slack), name
        if bound.lsb is not None and bound.divisor == 1:
            assert np.array_equal(np.rint(value / bound.lsb), value / bound.lsb), name


def refused(nodes: list[onnx.NodeProto], constants: dict[str, object]) -> str:
    with pytest.raises(UserError) as e:
        analyse(graph(nodes, constants))
    return str(e.value)


def test_refusals_name_the_tensor() -> None:
    add = helper.make_node("Add", ["q", "f"], ["a"], name="shift")
    text = refused([helper.make_node("Relu", ["x"], ["y"], name="r")], {})
    assert text.startswith("tensor y (node r, Relu) is no fixed-point tensor: a float constant or an unquantized input")
    wide = {**BASE, "b": 16.0, "f": 1e-4}
    assert refused([quant("x", "q"), add], wide).startswith("tensor a (node shift, Add) needs ")
    text = refused([quant("x", "q", scale="f")], {**BASE, "f": 0.3})
    assert text == "node q_q: Quant needs zero point 0 and a power-of-two scale, has scale 0.30000001192092896"
    text = refused([helper.make_node("Sin", ["x"], ["y"], name="wave")], {})
    assert text.startswith("node wave: no rule says whether Sin is exact in float32; known are Add, ")


def test_float_threshold_before_a_sign_is_fine() -> None:
    nodes = [
        quant("x", "q"),
        helper.make_node("Add", ["q", "f"], ["a"], name="shift"),
        helper.make_node("BipolarQuant", ["a", "one"], ["y"], name="sign", domain=QONNX),
    ]
    got = analyse(graph(nodes, {**BASE, "f": 0.1234567, "one": 1.0}))["y"]
    assert (got.lo[0], got.hi[0], got.lsb) == (-1, 1, 1)


def test_ninths_need_a_fine_quant_at_once() -> None:
    scales = {"r": [1.0, 1.0, 3.0, 3.0]}
    resize = helper.make_node("Resize", ["q", "", "r"], ["y"], name="up", mode="linear")
    got = analyse(graph([quant("x", "q"), resize, quant("y", "z2")], {**BASE, **scales}))
    assert (got["y"].divisor, got["z2"].divisor, got["z2"].lsb) == (9, 1, 0.25)
    text = refused([quant("x", "q"), resize, quant("y", "z2", scale="t")], {**BASE, **scales, "t": 0.5})
    assert text == (
        "tensor y (node up, Resize) holds multiples of 1/9: a Quant whose scale is at most 0.25 must follow at once"
    )


def test_significant_bits() -> None:
    def bits(most: float, lsb: float) -> int:
        return Bound(np.array([-most]), np.array([0.0]), lsb).bits

    assert [bits(2**24, 1), bits(2**24 + 1, 1), bits(1, 0.5), bits(0, 1)] == [24, 25, 1, 1]
