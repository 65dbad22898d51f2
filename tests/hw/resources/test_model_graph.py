"""The same on hls4ml's own graphs, from QONNX through the lowering and the plug-in."""

from __future__ import annotations

import pytest

from tests.networks import NetworkSpec, network
from xnorsr.hw.build import BuildOptions, model_graph
from xnorsr.hw.graph.lower import lower
from xnorsr.hw.graph.ops import Conv, Residual
from xnorsr.hw.resources.account import estimate
from xnorsr.hw.resources.folding import fold, folding_of
from xnorsr.hw.resources.schedule import fifo_depths, predict
from xnorsr.hw.resources.view import consumers, input_stage, output_stage, stages


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> object:
    """x2, one block of 8 channels on 6 x 7 pixels; unfolded."""
    lowered = lower(network(NetworkSpec()))
    return model_graph(lowered, BuildOptions(folding="full"), tmp_path_factory.mktemp("graph"))


def test_view_of_a_model_graph(graph: object) -> None:
    """Every stream has one writer before its readers, and one reader; forks copy the type."""
    chain = stages(graph)  # type: ignore[arg-type]
    seen: dict[str, object] = {}
    for stage in chain:
        for tensor, producer in zip(stage.tensors, stage.producers, strict=True):
            assert seen[tensor] == producer
        if stage.role == "op":
            assert stage.op is not None and len(stage.tensors) == len(stage.op.inputs)
            by_name = {s.name: s for s in chain}
            assert tuple(by_name[p].output for p in stage.producers) == stage.op.inputs
        seen |= dict.fromkeys(stage.outputs, stage.name)
    assert {len(readers) for readers in consumers(chain).values()} == {1}
    assert [s.role for s in chain].count("input") == 1 and [s.is_output for s in chain].count(True) == 1
    assert (input_stage(chain).output.height, output_stage(chain).output.width) == (6, 14)


def test_folding_is_written_into_the_graph(graph: object) -> None:
    before = estimate(graph).interval_cycles  # type: ignore[arg-type]
    made = fold(graph, 36)  # type: ignore[arg-type]
    assert {s.name: folding_of(s.op) for s in stages(graph) if s.name in made} == made  # type: ignore[arg-type]
    after = predict(graph)  # type: ignore[arg-type]
    assert before == 4 * 42 and 18 * 42 < after.frame_interval <= 36 * 42
    fold(graph, "full")  # type: ignore[arg-type]


def test_every_skip_has_its_fifo(graph: object) -> None:
    """One a residual add; the one of the global skip stands at the input's copy, 24 bits wide."""
    chain = stages(graph)  # type: ignore[arg-type]
    joins = [s for s in chain if isinstance(s.op, Residual)]
    depths = {key: depth for key, depth in fifo_depths(chain).items() if depth}
    assert len(depths) == len(joins) == 3
    assert sum(key[0].startswith(input_stage(chain).name) for key in depths) == 1


def test_account_of_a_real_graph(graph: object) -> None:
    """The papers' rule by hand: head, tail, and two binary convolutions of 8 x 8 x 9."""
    made = estimate(graph, part="kv260")  # type: ignore[arg-type]
    real, binary = 3 * 8 * 9 + 8 * 12 * 9, 2 * 8 * 8 * 9
    assert made.ops_rule == 57600 * (real + binary / 64)
    assert made.params_rule == real + binary / 32
    assert made.macs_binary == binary * 42 and made.macs_fixed == real * 42
    convs = [s.op for s in stages(graph) if isinstance(s.op, Conv)]  # type: ignore[arg-type]
    assert sum(c.macs_per_pixel for c in convs) == real + binary
    assert 0 < made.utilisation["lut"] < 1
