"""Choice and checks of PE and SIMD."""

from __future__ import annotations

import pytest

from tests.hw.resources.nets import Net, srresnet
from xnorsr.errors import UserError
from xnorsr.hw.graph.ops import Affine, Conv
from xnorsr.hw.resources.costs import COEFFICIENTS, engine, folds
from xnorsr.hw.resources.folding import Fold, apply, cheapest, cycles_per_frame, divisors, fold, folding_of, legal, plan
from xnorsr.hw.resources.schedule import predict


def one_conv(outputs: int, channels: int, kernel: int = 3, binary: bool = True) -> Conv:
    net = Net(4, 4, channels)
    x = net.sign("sign", "input") if binary else "input"
    net.conv("conv", x, outputs, kernel, binary=binary)
    op = net.stages()[-1].op
    assert isinstance(op, Conv)
    return op


def test_divisors() -> None:
    assert divisors(1) == [1]
    assert divisors(36) == [1, 2, 3, 4, 6, 9, 12, 18, 36]


@pytest.mark.parametrize("cycles", [1, 2, 3, 4, 7, 16, 100, 10_000])
@pytest.mark.parametrize("binary", [True, False])
def test_cheapest_is_the_least_of_all_that_keep_the_cycles(cycles: int, binary: bool) -> None:
    """Against a search over every legal pair; 12 outputs and 5 channels have odd divisors."""
    op = one_conv(12, 5, binary=binary)
    made = cheapest(op, cycles)
    pes, simds = legal(op)
    pairs = [op.replace(pe=p, simd=s) for p in pes for s in simds]
    fitting = [engine(o).weight for o in pairs if folds(o) <= cycles]
    best = op.replace(pe=made.pe, simd=made.simd)
    assert folds(best) <= cycles
    assert engine(best).weight == min(fitting)


def test_a_binary_layer_is_unrolled_only_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """However cheap constant weights are made; one cycle a pixel, or a single weight, leaves no choice."""
    monkeypatch.setitem(COEFFICIENTS, "popcount_constant", COEFFICIENTS["popcount_constant"]._replace(value=1e-6))
    monkeypatch.setitem(COEFFICIENTS, "border", COEFFICIENTS["border"]._replace(value=1e-6))
    op = one_conv(16, 8)
    assert engine(op.replace(pe=16, simd=72)).weight < engine(op.replace(pe=8, simd=72)).weight
    folded = cheapest(op, 4)
    assert 1 < folds(op.replace(pe=folded.pe, simd=folded.simd)) <= 4
    assert cheapest(op, 1) == Fold(16, 72)
    assert cheapest(one_conv(1, 1, kernel=1), 4) == Fold(1, 1)


@pytest.mark.parametrize("target", [1, 4, 9, 64])
def test_a_target_in_cycles_is_kept_everywhere(target: int) -> None:
    """Every layer but the shuffle, whose output port sends four pixels one by one."""
    stages = apply(s := srresnet(6, 5, 12, 2), plan(s, target))
    for stage in stages:
        if stage.name != "shuffle":
            assert cycles_per_frame(stage) <= target * 30
    assert predict(stages).frame_interval <= max(target, 4) * 30


def test_auto_is_the_rate_of_the_output_port() -> None:
    stages = srresnet(6, 5, 12, 1, scale=3)
    folded = apply(stages, plan(stages))
    assert predict(folded).frame_interval == 9 * 30
    assert plan(stages) == plan(stages, 9)


def test_full_and_min() -> None:
    stages = srresnet(6, 5, 12, 1)
    full, least = plan(stages, "full"), plan(stages, "min")
    for stage in stages:
        if isinstance(stage.op, Conv):
            assert full[stage.name] == Fold(stage.op.weight.shape[0], stage.op.weight[0].size)
        if isinstance(stage.op, Affine):
            assert full[stage.name] == Fold(12, 1)
        if isinstance(stage.op, Conv | Affine):
            assert least[stage.name] == Fold(1, 1)


def test_frames_a_second() -> None:
    """100 MHz and 30 pixels: 250000 fps leave 13 cycles a pixel."""
    stages = srresnet(6, 5, 12, 1)
    assert plan(stages, "250000fps", clock_mhz=100) == plan(stages, 13)


def test_behind_a_shuffle_a_layer_has_fewer_cycles() -> None:
    net = Net(4, 4, channels=8)
    x = net.conv("before", "input", 16)
    x = net.shuffle("shuffle", x, 2)
    net.conv("after", x, 4)
    stages = net.stages()
    folded = {s.name: s for s in apply(stages, plan(stages, 16))}
    assert folds(folded["before"].op) <= 16 and folds(folded["after"].op) <= 4  # type: ignore[arg-type]


def test_per_layer_folding_keeps_the_others() -> None:
    stages = srresnet(6, 5, 12, 1)
    made = plan(stages, {"body0": (4, 27), "affine0": {"pe": 3}, "head": {"simd": 9}})
    assert made["body0"] == Fold(4, 27) and made["affine0"] == Fold(3, 1) and made["head"] == Fold(1, 9)
    assert made["body1"] == Fold(1, 1) and made["affine1"] == Fold(12, 1)


@pytest.mark.parametrize(
    ("target", "clock", "says"),
    [
        ({"body0": (5, 27)}, None, r"layer body0: PE=5 does not divide O=12; take one of 1, 2, 3, 4, 6, 12"),
        ({"body0": (4, 7)}, None, r"layer body0: SIMD=7 does not divide K\*K\*C=108; take one of 1, 2, 3, 4, 6, 9"),
        ({"affine0": {"pe": 5}}, None, r"layer affine0: PE=5 does not divide C=12; take one of 1, 2, 3, 4, 6, 12"),
        ({"affine0": (4, 2)}, None, r"layer affine0: SIMD=2 does not divide 1; take one of 1"),
        ({"body9": (1, 1)}, None, r"unknown layer 'body9'; layers that fold: head, body0, affine0, body1"),
        (0, None, r"0 cycles a pixel: take 1 or more"),
        ("fast", None, r"'fast': take cycles a low-resolution pixel"),
        ("60fps", None, r"needs a clock"),
        ("9000000fps", 100.0, r"layer head sees 30 pixels a frame, one a cycle at best"),
    ],
)
def test_bad_folding_is_refused(target: object, clock: float | None, says: str) -> None:
    with pytest.raises(UserError, match=says):
        plan(srresnet(6, 5, 12, 1), target, clock)  # type: ignore[arg-type]


class Layer:
    """What `fold` needs of hls4ml's layer."""

    def __init__(self, name: str, inputs: list[str], **attributes: object) -> None:
        self.name, self.inputs, self.outputs, self.attributes = name, inputs, [name], attributes

    def get_attr(self, key: str, default: object = None) -> object:
        return self.attributes.get(key, default)

    def set_attr(self, key: str, value: object) -> None:
        self.attributes[key] = value


class Graph:
    """A graph of such layers."""

    def __init__(self, layers: list[Layer]) -> None:
        self.layers, self.outputs = layers, [layers[-1].name]

    def get_layers(self) -> list[Layer]:
        return self.layers


def test_fold_writes_into_the_layers_or_nothing() -> None:
    stages = srresnet(6, 5, 12, 1)
    layers = [
        Layer(
            s.name, list(s.tensors), **({"spec": s.op} if s.op else {"stream_type": s.output} if not s.tensors else {})
        )
        for s in stages
    ]
    graph = Graph(layers)
    with pytest.raises(UserError):
        fold(graph, {"head": (2, 1), "body0": (5, 1)})  # type: ignore[arg-type]
    assert all(layer.attributes["spec"].pe == 1 for layer in layers if layer.name == "head")  # type: ignore[attr-defined]
    made = fold(graph, 4)  # type: ignore[arg-type]
    for layer in layers:
        if layer.name in made:
            assert folding_of(layer.attributes["spec"]) == made[layer.name]  # type: ignore[arg-type]
