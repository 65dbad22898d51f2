"""Floats in front of a sign or of few bits: a plain Brevitas network like E2FIF is exported exactly."""

from __future__ import annotations

import brevitas.nn as qnn
import numpy as np
import onnx
import pytest
import torch
from brevitas.inject.enum import ScalingImplType
from brevitas.quant.binary import SignedBinaryActPerTensorConst, SignedBinaryWeightPerTensorConst
from brevitas.quant.fixed_point import (
    Int8ActPerTensorFixedPoint,
    Int8WeightPerTensorFixedPoint,
    Uint8ActPerTensorFixedPoint,
)
from onnx import helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from torch import Tensor, nn
from torch.nn import functional as F

from tests.quant.test_exactness import BASE, QONNX, graph, quant
from xnorsr.errors import UserError
from xnorsr.quant.exactness import FEW_BITS, KNOWN_OPERATORS, Bound, analyse
from xnorsr.quant.export import execute, to_qonnx
from xnorsr.quant.inference import upscale


class _Weight(SignedBinaryWeightPerTensorConst):
    scaling_const = 1.0


class _Sign(SignedBinaryActPerTensorConst):
    scaling_const = 1.0


class _Pixel(Uint8ActPerTensorFixedPoint):
    scaling_impl_type = ScalingImplType.CONST
    scaling_init = 1.0


class _Fixed(Int8ActPerTensorFixedPoint):
    scaling_impl_type = ScalingImplType.CONST


def fixed(bits: int, reach: float) -> qnn.QuantIdentity:
    """Signed fixed point in [-reach, reach)."""
    return qnn.QuantIdentity(_Fixed, bit_width=bits, scaling_init=reach)


def conv(cin: int, cout: int, weight_quant: object, padding: int = 1) -> qnn.QuantConv2d:
    """3x3 without bias."""
    return qnn.QuantConv2d(cin, cout, 3, padding=padding, bias=False, weight_quant=weight_quant)


class Unit(nn.Module):
    """x + Quant(LeakyReLU(BatchNorm(conv(sign(x / d))))), as in E2FIF (Lang et al., arXiv 2207.06893)."""

    def __init__(self, channels: int, few: int, slope: float, pad: float | None) -> None:
        super().__init__()
        self.pad = pad
        self.spread = nn.Parameter(torch.full((1, channels, 1, 1), 0.7))
        self.sign = qnn.QuantIdentity(_Sign)
        self.conv = conv(channels, channels, _Weight, padding=1 if pad is None else 0)
        self.norm = nn.BatchNorm2d(channels)
        self.act = nn.LeakyReLU(slope)
        self.few = fixed(few, 2.0)
        self.out = fixed(12, 4.0)

    def forward(self, x: Tensor) -> Tensor:
        s = self.sign(x / self.spread)
        if self.pad is not None:
            s = F.pad(s, (1, 1, 1, 1), value=self.pad)
        y: Tensor = self.out(self.few(self.act(self.norm(self.conv(s)))) + x)
        return y


class Net(nn.Module):
    """x2, RGB."""

    def __init__(self, few: int = 4, slope: float = 0.1, pad: float | None = None, channels: int = 6) -> None:
        super().__init__()
        self.input = qnn.QuantIdentity(_Pixel)
        self.head = conv(3, channels, Int8WeightPerTensorFixedPoint)
        self.trunk = fixed(12, 4.0)
        self.units = nn.Sequential(*[Unit(channels, few, slope, pad) for _ in range(2)])
        self.tail_in = fixed(8, 4.0)
        self.tail = conv(channels, 12, Int8WeightPerTensorFixedPoint)
        self.residual = fixed(12, 1.0)
        self.shuffle = nn.PixelShuffle(2)
        self.output = qnn.QuantIdentity(_Pixel)

    def forward(self, image: Tensor) -> Tensor:
        x = self.input(image)
        y = self.residual(self.tail(self.tail_in(self.units(self.trunk(self.head(x))))))
        out: Tensor = self.output(self.shuffle(y) + F.interpolate(x, scale_factor=2, mode="nearest"))
        return out


def random_net(seed: int, **options: object) -> Net:
    """Statistics and scales of both signs, as after a training."""
    print(f"seed {seed}")
    torch.manual_seed(seed)
    net = Net(**options)  # type: ignore[arg-type]
    for m in net.modules():
        if isinstance(m, nn.BatchNorm2d):
            m.running_mean.normal_(0, 4)
            m.running_var.uniform_(30, 200)
            nn.init.uniform_(m.weight, -1.5, 1.5)
            nn.init.uniform_(m.bias, -0.5, 0.5)
        elif isinstance(m, Unit):
            nn.init.uniform_(m.spread, 0.3, 1.3)
    return net.eval()


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("options", [{}, {"few": 2}, {"pad": -1.0}, {"pad": 1.0, "slope": 0.0}], ids=str)
def test_plain_brevitas_network_is_exported_exactly(options: dict[str, object], seed: int) -> None:
    net = random_net(seed, **options)
    model = to_qonnx(net, 3, 6, 7)
    kinds = {n.op_type for n in model.graph.node}
    assert {"BatchNormalization", "LeakyRelu", "Div"} <= kinds and ("Pad" in kinds) == ("pad" in options)
    images = np.random.default_rng(seed).integers(0, 256, (3, 3, 6, 7), dtype=np.uint8)
    got = execute(model, images)
    assert np.array_equal(got, np.stack([upscale(net, i) for i in images]))
    assert len(np.unique(got)) > 20


@pytest.mark.parametrize("seed", [4, 5])
def test_bounds_hold_in_float_chains_too(seed: int) -> None:
    model = to_qonnx(random_net(seed), 3, 6, 7)
    image = np.random.default_rng(seed).integers(0, 256, (1, 3, 6, 7)) / 256
    tensors = execute_onnx(ModelWrapper(model), {"lr": image.astype(np.float32)}, return_full_exec_context=True)
    bounds = analyse(model)
    floats = [name for name, bound in bounds.items() if bound.lsb is None and name != "lr"]
    assert len(floats) >= 2 * 3, "quotient, BatchNorm and LeakyReLU of each unit"
    for name, bound in bounds.items():
        if name != "lr":
            value = np.asarray(tensors[name], np.float64)
            lo, hi = (np.broadcast_to(b, value.shape[1]).reshape(1, -1, 1, 1) for b in (bound.lo, bound.hi))
            assert np.all(value >= lo) and np.all(value <= hi), name


def test_more_bits_than_fold_are_refused() -> None:
    with pytest.raises(UserError) as e:
        to_qonnx(random_net(1, few=FEW_BITS + 1), 3, 6, 7)
    said = str(e.value)
    assert said.startswith("tensor units_0_norm_BatchNormalization_out (node units_0_norm_BatchNormalization, BatchNor")
    assert said.endswith(
        "or let nothing but elementwise nodes without negative slopes follow, up to a sign or a Quant of at most 4 bits"
    )


def test_a_negative_slope_does_not_fold() -> None:
    with pytest.raises(UserError, match=r"units_0_norm_BatchNormalization_out .* is no fixed-point tensor"):
        to_qonnx(random_net(1, slope=-0.1), 3, 6, 7)


NORM = {"g": [0.3, -0.7], "be": [0.1, 0.2], "m": [0.5, -3.0], "v": [2.0, 5.0]}


def node(kind: str, inputs: list[str], output: str, **attributes: object) -> onnx.NodeProto:
    domain = QONNX if kind in ("Quant", "BipolarQuant") else ""
    return helper.make_node(kind, inputs, [output], name=f"n_{output}", domain=domain, **attributes)


def norm(source: str, output: str) -> onnx.NodeProto:
    return node("BatchNormalization", [source, "g", "be", "m", "v"], output)


def floats_of(nodes: list[onnx.NodeProto], **constants: object) -> set[str]:
    """Tensors on no grid."""
    found = analyse(graph([quant("x", "q"), *nodes], {**BASE, **NORM, "one": 1.0, **constants}))
    return {name for name, bound in found.items() if bound.lsb is None} - {"x"}


def refusal(nodes: list[onnx.NodeProto], **constants: object) -> str:
    with pytest.raises(UserError) as e:
        floats_of(nodes, **constants)
    return str(e.value)


def test_where_a_float_chain_may_end() -> None:
    sign = node("BipolarQuant", ["n", "one"], "y")
    assert floats_of([norm("q", "n"), sign]) == {"n"}
    assert floats_of([norm("q", "n"), quant("n", "y")]) == {"n"}
    steps = [node("Mul", ["n", "f"], "a"), node("Sub", ["f", "a"], "d"), node("Relu", ["d"], "c")]
    assert floats_of([norm("q", "n"), *steps, quant("c", "y")], f=0.1) == {"n", "a", "d", "c"}
    at = "tensor n (node n_n, BatchNormalization) is no fixed-point tensor"
    assert refusal([norm("q", "n")]).startswith(at), "the graph's output"
    assert refusal([norm("q", "n"), quant("n", "y", bits="b5")], b5=5.0).startswith(at), "too many bits"
    fork = [sign, node("BipolarQuant", ["n", "one"], "y2")]
    assert refusal([norm("q", "n"), *fork]).startswith(at), "hardware cuts chains at a fork"
    both = [node("Add", ["n", "q"], "a"), node("BipolarQuant", ["a", "one"], "y")]
    assert refusal([norm("q", "n"), *both]).startswith(at), "another stream joins"
    slope = [node("LeakyRelu", ["n"], "l", alpha=-0.1), node("BipolarQuant", ["l", "one"], "y")]
    assert refusal([norm("q", "n"), *slope]).startswith(at), "not monotone"
    moved = [node("DepthToSpace", ["n"], "d", blocksize=1), node("BipolarQuant", ["d", "one"], "y")]
    assert refusal([norm("q", "n"), *moved]).startswith(at), "not elementwise"


def test_an_unquantized_input_does_not_fold() -> None:
    nodes = [norm("x", "n"), node("BipolarQuant", ["n", "one"], "y")]
    with pytest.raises(UserError, match=r"tensor n .* an unquantized input reaches it"):
        analyse(graph(nodes, {**NORM, "one": 1.0}))


def test_a_quantizer_of_constants_may_stand_behind_its_reader() -> None:
    """ONNX wants topological order only between nodes that depend on each other."""
    late = node("Quant", ["raw", "s", "z", "b"], "w", signed=1, narrow=0, rounding_mode="ROUND")
    sloped = [norm("q", "n"), late, node("PRelu", ["n", "w"], "p"), node("BipolarQuant", ["p", "one"], "y")]
    assert floats_of(sloped, raw=np.full((2, 1, 1), 0.5)) == {"n", "p"}
    assert "no fixed-point tensor" in refusal(sloped, raw=np.full((2, 1, 1), -0.5))


def bound_of(one: onnx.NodeProto, **constants: object) -> Bound:
    """Bound of y, from a q of 4 signed bits and lsb 0.25."""
    return analyse(graph([quant("x", "q"), one], {**BASE, **constants}))["y"]


def test_div_by_powers_of_two_stays_on_the_grid() -> None:
    got = bound_of(node("Div", ["q", "c"], "y"), c=np.array([2.0, -0.5]).reshape(1, 2, 1, 1))
    assert (got.lo.tolist(), got.hi.tolist(), got.lsb) == ([-1.0, -3.5], [0.875, 4.0], 0.125)
    assert "no fixed-point tensor" in refusal([node("Div", ["q", "c"], "y")], c=3.0)
    text = "node n_y: Div needs a constant divisor without zeros"
    assert refusal([node("Div", ["q", "c"], "y")], c=0.0) == text
    assert refusal([node("Div", ["c", "q"], "y")], c=1.0) == text


def test_leaky_relu_of_a_power_of_two_stays_on_the_grid() -> None:
    got = bound_of(node("LeakyRelu", ["q"], "y", alpha=0.125))
    assert (got.lo.tolist(), got.hi.tolist(), got.lsb) == ([-0.25], [1.75], 0.03125)
    assert "significant bits" in refusal([node("LeakyRelu", ["q"], "y", alpha=0.1)])


def test_padding_joins_the_values() -> None:
    pads = {"p": [0, 0, 1, 1, 0, 0, 1, 1]}
    zero = bound_of(node("Pad", ["q", "p"], "y"), **pads)
    assert (zero.lo.tolist(), zero.hi.tolist(), zero.lsb) == ([-2.0], [1.75], 0.25)
    far = bound_of(node("Pad", ["q", "p", "c"], "y"), **pads, c=2.125)
    assert (far.lo.tolist(), far.hi.tolist(), far.lsb) == ([-2.0], [2.125], 0.125)
    edge = bound_of(node("Pad", ["q", "p", "c"], "y", mode="edge"), **pads, c=9.0)
    assert (edge.lo.tolist(), edge.hi.tolist(), edge.lsb) == ([-2.0], [1.75], 0.25)


def test_upsample_is_resize() -> None:
    scales = np.array([1.0, 1.0, 2.0, 2.0])
    got = bound_of(node("Upsample", ["q", "r"], "y", mode="linear"), r=scales)
    same = bound_of(node("Resize", ["q", "", "r"], "y", mode="linear"), r=scales)
    assert (got.lsb, got.divisor) == (same.lsb, same.divisor) == (0.25 / 16, 1)
    assert "n_y: Upsample must be nearest, or linear by an integer" in refusal(
        [node("Upsample", ["q", "r"], "y", mode="cubic")], r=scales
    )


def test_a_binary_scale_off_the_grid_says_what_to_do() -> None:
    weight = np.random.default_rng(0).choice([-1.0, 1.0], (2, 2, 3, 3))
    binary = node("BipolarQuant", ["raw", "c"], "w")
    text = refusal([binary, node("Conv", ["q", "w"], "y")], raw=weight, c=0.1)
    assert text.endswith(
        "the scale of its binary weights is no power of two; make it 1, and let a Mul or a BatchNorm behind the "
        "convolution scale"
    )


def test_known_operators_have_rules() -> None:
    for kind in ("BatchNormalization", "LeakyRelu", "Div", "Pad", "Upsample", "Quant", "DepthToSpace"):
        assert kind in KNOWN_OPERATORS
    assert "Sin" not in KNOWN_OPERATORS
