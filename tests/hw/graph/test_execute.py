"""What the reference executes in float64: the operators themselves, and where a network begins to need them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

from tests.gated import integers
from tests.networks import Builder
from xnorsr.hw.golden import prove
from xnorsr.hw.graph.execute import DOUBLE
from xnorsr.hw.graph.lower import lower

#: Operators that move numbers or choose among them; the constants that they read.
MOVES: dict[str, tuple[str, dict[str, object], list[np.ndarray]]] = {
    "DepthToSpace, CRD": ("DepthToSpace", {"blocksize": 2, "mode": "CRD"}, []),
    "DepthToSpace, DCR": ("DepthToSpace", {"blocksize": 2, "mode": "DCR"}, []),
    "SpaceToDepth": ("SpaceToDepth", {"blocksize": 2}, []),
    "Gather": ("Gather", {"axis": 1}, [np.array([3, 0, 0, 2])]),
    "Expand": ("Expand", {}, [np.array([1, 4, 4, 6])]),
    "MaxPool": ("MaxPool", {"kernel_shape": [2, 2], "strides": [2, 2]}, []),
}


@pytest.mark.parametrize("name", list(MOVES))
def test_moves_are_those_of_onnx(name: str) -> None:
    operator, attributes, constants = MOVES[name]
    x = np.random.default_rng(3).integers(-(1 << 40), 1 << 40, (1, 4, 4, 6)).astype(np.float64)
    names = ["x", *(f"c{n}" for n in range(len(constants)))]
    node = helper.make_node(operator, names, ["y"], **attributes)
    inputs = [helper.make_tensor_value_info("x", TensorProto.DOUBLE, x.shape)]
    inputs += [
        helper.make_tensor_value_info(n, TensorProto.INT64, c.shape) for n, c in zip(names[1:], constants, strict=True)
    ]
    graph = helper.make_graph([node], "moves", inputs, [helper.make_empty_tensor_value_info("y")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    (wanted,) = ReferenceEvaluator(model).run(None, dict(zip(names, [x, *constants], strict=True)))
    found = DOUBLE[operator](node, x, *(c.astype(np.float64) for c in constants))
    np.testing.assert_array_equal(found, wanted)


def test_joined() -> None:
    a, b = np.full((1, 2, 2, 2), 2.0**40 + 1), np.zeros((1, 1, 2, 2))
    node = helper.make_node("Concat", ["a", "b"], ["y"], axis=1)
    np.testing.assert_array_equal(DOUBLE["Concat"](node, a, b), np.concatenate([a, b], 1))


def _wide(b: Builder, weight: int) -> str:
    """Sums of one product each, of at most 255 * weight."""
    x = b.quant("lr", 8, 0, signed=False)
    return b.node("Conv", [x, b.constant(np.eye(4, 3).reshape(4, 3, 1, 1) * weight)], kernel_shape=[1, 1])


THROUGH: dict[str, Callable[[Builder, str], str]] = {
    "SpaceToDepth": lambda b, x: b.node("SpaceToDepth", [x], blocksize=2),
    "DepthToSpace": lambda b, x: b.node("DepthToSpace", [x], blocksize=2, mode="CRD"),
    "Gather": lambda b, x: b.node("Gather", [x, integers(b, 1, 0, 1)], axis=1),
    "MaxPool": lambda b, x: b.node("MaxPool", [x], kernel_shape=[2, 2], strides=[2, 2]),
    "Concat": lambda b, x: b.node("Concat", [x, _wide(b, 1)], axis=1),
}


@pytest.mark.parametrize(("weight", "bits"), [(65793, 24), (65795, 25), (131071, 25)])
@pytest.mark.parametrize("operator", list(THROUGH))
def test_sums_at_the_edge_of_float32(operator: str, weight: int, bits: int) -> None:
    """255 * 65793 is 2**24 - 1: from one bit more on, what the sum goes through computes in float64 too."""
    b = Builder(4, 6, 3, 5)
    x = THROUGH[operator](b, _wide(b, weight))
    model = b.model(b.quant(x, 16, -9, signed=False), 1, 1, 1)
    del model.graph.output[0].type.tensor_type.shape.dim[:]
    lowered = lower(model)
    assert prove(lowered) > 0
    wide = {node.op_type for node in lowered.reference.graph.node if node.name in lowered.reference.double}
    assert (255 * weight).bit_length() == bits
    assert (operator in wide) == (bits > 24)
