"""The same on hls4ml's own graphs, from QONNX through the lowering and the plug-in."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.networks import NetworkSpec, network
from xnorsr.hw.build import BuildOptions, model_graph
from xnorsr.hw.graph.lower import Lowered, lower
from xnorsr.hw.hls.plugin.graph import network_of, set_ops
from xnorsr.hw.network import Network
from xnorsr.hw.ops.add import Add
from xnorsr.hw.resources.account import estimate
from xnorsr.hw.resources.fifos import fifo_depths
from xnorsr.hw.resources.folding import fold, plan
from xnorsr.hw.resources.schedule import predict


@pytest.fixture(scope="module")
def lowered() -> Lowered:
    """x2, one block of 8 channels on 6 x 7 pixels; unfolded."""
    return lower(network(NetworkSpec()))


@pytest.fixture
def graph(lowered: Lowered, tmp_path: Path) -> object:
    return model_graph(lowered, BuildOptions(folding="full"), tmp_path)


def test_the_graph_holds_the_lowered_network(lowered: Lowered, graph: object) -> None:
    """Nodes and streams come back as they went in; a stream has one writer before its reader."""
    found: Network = network_of(graph)
    assert found == lowered.network.with_ops({node.name: node.op for node in found.nodes})
    seen = {found.input}
    for node in found.nodes:
        assert seen.issuperset(node.inputs)
        assert found.kinds(node.inputs) == node.op.inputs and found.kinds(node.outputs) == node.op.outputs
        seen.update(node.outputs)
    assert set(found.streams) == seen
    taken = [name for node in found.nodes for name in node.inputs] + list(found.outputs)
    assert sorted(taken) == sorted(found.streams), "each stream has one reader"
    assert (found.input_type.height, next(iter(found.output_types.values())).width) == (6, 14)


def test_folding_is_written_into_the_graph(graph: object) -> None:
    before = network_of(graph)
    set_ops(graph, fold(before, 36))
    after = network_of(graph)
    chosen = plan(before, 36)
    assert {n.name: s.now for n in after.nodes if (s := n.op.fold_space()) is not None} == chosen
    assert estimate(before).interval_cycles == 4 * 42 and 18 * 42 < predict(after).frame_interval <= 36 * 42


@pytest.mark.parametrize("side", ["rtl", "hls"])
def test_every_skip_has_its_fifo(graph: object, side: str) -> None:
    """One for each sum, on the same streams in both projects; the global skip's is 24 bits wide, in front of the
    resize.
    """
    network = network_of(graph)
    sums = [node for node in network.nodes if isinstance(node.op, Add)]
    deep = [name for name, depth in fifo_depths(network, side).items() if depth > 2]  # type: ignore[arg-type]
    assert len(deep) == len(sums) == 3
    assert sorted(network.streams[name].kind.word_bits for name in deep) == [24, 112, 112]
    assert [network.streams[name].tensor for name in deep].count(network.streams[network.input].tensor) == 1


def test_account_of_a_real_graph(graph: object) -> None:
    """The papers' rule by hand: head, tail, and two binary convolutions of 8 x 8 x 9."""
    made = estimate(network_of(graph), part="kv260")
    real, binary = 3 * 8 * 9 + 8 * 12 * 9, 2 * 8 * 8 * 9
    assert made.ops_rule == 57600 * (real + binary / 64)
    assert made.params_rule == real + binary / 32
    assert made.macs_binary == binary * 42 and made.macs_fixed == real * 42
    assert 0 < made.utilisation["lut"] < 1
