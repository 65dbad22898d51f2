"""The lowering against the QONNX file it came from: every stream's codes, computed by the operators' goldens."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper

from tests.networks import MATRIX, Builder, NetworkSpec, images, network, pyramid
from xnorsr.hw.graph.lower import Lowered, lower
from xnorsr.hw.ops.pieces import Pieces
from xnorsr.hw.ops.pixel_shuffle import PixelShuffle
from xnorsr.hw.ops.threshold import Threshold
from xnorsr.sim import compare, reference


def run_goldens(lowered: Lowered, codes: np.ndarray) -> dict[str, np.ndarray]:
    """Every stream of a lowered network, by the goldens of its operators."""
    streams = {lowered.network.input: codes}
    for node in lowered.network.nodes:
        streams.update(zip(node.outputs, node.op.execute(*(streams[i] for i in node.inputs)), strict=True))
    return streams


def check(model: onnx.ModelProto, codes: np.ndarray, affine_bits: int | None = None) -> compare.Comparison:
    lowered = lower(model, affine_bits)
    truth = reference.run(lowered, codes, all_tensors=True)
    streams = run_goldens(lowered, codes)
    types = {name: stream.kind for name, stream in lowered.network.streams.items()}
    outputs = dict(zip(lowered.output_types, (streams[name] for name in lowered.network.outputs), strict=True))
    return compare.compare(lowered, truth, outputs, streams, types)


@pytest.mark.slow
@pytest.mark.parametrize("spec", MATRIX, ids=str)
def test_every_stream_equals_the_reference(spec: NetworkSpec) -> None:
    model = network(spec)
    for codes in images(spec).values():
        result = check(model, codes)
        assert result.codes == spec.height * spec.width * spec.scale**2 * spec.colors
        assert len(result.streams) >= 6 * spec.blocks


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(
    st.builds(
        NetworkSpec,
        scheme=st.sampled_from(["w1a1", "bnn"]),
        scale=st.sampled_from([2, 3, 4]),
        colors=st.sampled_from([1, 3]),
        channels=st.integers(1, 24),
        height=st.integers(1, 8),
        width=st.integers(1, 8),
        skip=st.sampled_from(["nearest", "bilinear"]),
        act_bits=st.integers(2, 8),
        kernel=st.sampled_from([1, 3, 5]),
        seed=st.integers(0, 10**6),
    )
)
def test_any_shape(spec: NetworkSpec) -> None:
    check(network(spec), images(spec)["random"])


def test_the_only_shuffle_is_the_last_stage() -> None:
    nodes = lower(network(NetworkSpec())).network.nodes
    assert [n.name for n in nodes if isinstance(n.op, PixelShuffle)] == [nodes[-1].name]
    assert nodes[-1].op.outputs[0].bits == 8


def batch_norm_network(end: str, seed: int = 0) -> tuple[onnx.ModelProto, np.ndarray]:
    """Head, BatchNorm with float constants, and an end: "sign", "quant2" or "quant8"."""
    b = Builder(6, 5, 3, seed)
    x = b.binary_conv(b.quant("lr", 8, 8, signed=False), 3, 6, 3)
    constants = [b.constant(b.rng.normal(0, 1, 6)) for _ in range(3)] + [b.constant(b.rng.uniform(0.3, 2, 6))]
    x = b.node("BatchNormalization", [x, *constants], epsilon=1e-5)
    if end == "sign":
        x = b.binary_conv(b.sign(x), 6, 3, 3)
        out = b.quant(x, 8, 0, signed=False)
    else:
        out = b.quant(x, int(end.removeprefix("quant")), 1)
        out = b.quant(b.fixed_conv(out, 6, 3, 1), 8, 8, signed=False)
    return b.model(out, 3, 6, 5), b.rng.integers(0, 256, (6, 5, 3))


@pytest.mark.parametrize("end", ["sign", "quant2", "quant4"])
@pytest.mark.parametrize("seed", range(3))
def test_batch_norm_folds_into_thresholds(end: str, seed: int) -> None:
    model, codes = batch_norm_network(end, seed)
    check(model, codes)
    lowered = lower(model)
    assert not lowered.changes
    assert any(isinstance(n.op, Threshold) for n in lowered.network.nodes)


def test_a_float_affine_is_exact_and_quantized_with_leave_only() -> None:
    model, codes = batch_norm_network("quant8")
    lowered = lower(model)
    assert not lowered.changes
    assert any(isinstance(n.op, Pieces) for n in lowered.network.nodes)
    check(model, codes)
    check(model, codes, affine_bits=8)
    assert lower(model, affine_bits=8).changes == [
        "BatchNormalization 'BatchNormalization_0': quantized to a scale of 8 bits and a bias of 8"
    ]


def test_scale_of_a_binary_convolution_moves_behind_it() -> None:
    b = Builder(5, 4, 2, 3)
    x = b.sign(b.node("Sub", [b.quant("lr", 8, 8, signed=False), b.constant(0.4)]), scale=0.1)
    weight = b.sign(b.constant(b.rng.normal(size=(4, 2, 3, 3))), scale=0.3)
    y = b.threshold(b._conv(x, weight, 3, 0), 4, 0.1)
    model = b.model(b.quant(b.binary_conv(y, 4, 2, 3), 6, 0), 2, 5, 4)
    lowered = lower(model)
    assert lowered.changes == ["Conv 'Conv_0': scale 0.03 moved behind the convolution"]
    check(model, b.rng.integers(0, 256, (5, 4, 2)))


def test_names_come_from_the_file_whatever_the_frame() -> None:
    """The same layers under the same names, at the file's frame and at others: a folding table holds for all."""
    model = network(NetworkSpec())
    for n, node in enumerate(model.graph.node):
        node.name = f"/body.{n}/{node.op_type}"
    own = lower(model).network
    assert own.node("body_2_conv").source == "/body.2/Conv"
    for frame in ((6, 7), (9, 4), (30, 40)):
        other = lower(model, frame=frame).network
        assert [(n.name, n.source) for n in other.nodes] == [(n.name, n.source) for n in own.nodes]
        assert list(other.streams) == list(own.streams)


def test_identities_are_no_operators() -> None:
    model = network(NetworkSpec())
    first = next(n for n in model.graph.node if n.op_type == "Conv")
    model.graph.node.insert(0, helper.make_node("Identity", ["lr"], ["same"], name="nothing"))
    for node in model.graph.node:
        if node.op_type == "Quant" and node.input[0] == "lr":
            node.input[0] = "same"
    assert first.name in {n.source for n in lower(model).network.nodes}
    check(model, images(NetworkSpec())["random"])


def test_every_output_is_lowered() -> None:
    """LapSRN's shape: two outputs in the file's order; the stream that one of them shares with a layer is forked."""
    lowered = lower(pyramid())
    assert {name: (k.height, k.width) for name, k in lowered.output_types.items()} == {"x2": (10, 12), "x4": (20, 24)}
    streams = lowered.network.streams
    assert [streams[name].tensor for name in lowered.network.outputs] == ["x2", "x4"]
    result = check(pyramid(), np.random.default_rng(8).integers(0, 256, (5, 6, 3)))
    assert result.codes == 3 * (10 * 12 + 20 * 24)
