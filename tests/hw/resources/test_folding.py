"""Choice and checks of PE and SIMD."""

from __future__ import annotations

import pytest

from tests.hw.handmade import Net, srresnet
from xnorsr.errors import UserError
from xnorsr.hw.network import Network
from xnorsr.hw.ops.base import Fold
from xnorsr.hw.ops.conv import Conv
from xnorsr.hw.ops.conv.cost import COEFFICIENTS, engine
from xnorsr.hw.ops.folds import divisors
from xnorsr.hw.resources.folding import aim, cheapest, fold, plan
from xnorsr.hw.resources.schedule import predict


def _folds(network: Network) -> dict[str, Fold]:
    """The folding that each layer has."""
    return {node.name: space.now for node in network.nodes if (space := node.op.fold_space()) is not None}


def one_conv(outputs: int, channels: int, kernel: int = 3, binary: bool = True) -> Conv:
    net = Net(4, 4, channels)
    x = net.sign("sign", "input") if binary else "input"
    net.conv("conv", x, outputs, kernel, binary=binary)
    op = net.network().nodes[-1].op
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
    pairs = [op.replace(pe=p, simd=s) for p in divisors(12) for s in divisors(45)]
    fitting = [engine(o).weight for o in pairs if o.folds <= cycles]
    best = op.folded(made)
    assert best.folds <= cycles
    assert engine(best).weight == min(fitting)


def test_a_binary_layer_is_unrolled_only_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """However cheap constant weights are made; one cycle per pixel, or a single weight, leaves no choice."""
    monkeypatch.setitem(COEFFICIENTS, "popcount_constant", COEFFICIENTS["popcount_constant"]._replace(value=1e-6))
    monkeypatch.setitem(COEFFICIENTS, "border", COEFFICIENTS["border"]._replace(value=1e-6))
    op = one_conv(16, 8)
    assert engine(op.replace(pe=16, simd=72)).weight < engine(op.replace(pe=8, simd=72)).weight
    folded = cheapest(op, 4)
    assert 1 < op.folded(folded).folds <= 4
    assert cheapest(op, 1) == Fold(16, 72)
    assert cheapest(one_conv(1, 1, kernel=1), 4) == Fold(1, 1)


@pytest.mark.parametrize("target", [1, 4, 9, 64])
def test_a_target_in_cycles_is_kept_everywhere(target: int) -> None:
    """Every layer except for the shuffle, whose output port sends four pixels one by one."""
    network = fold(srresnet(6, 5, 12, 2), target)
    for node in network.nodes:
        if node.name != "shuffle":
            assert node.op.timing("rtl").busy <= target * 30
    assert predict(network).frame_interval <= max(target, 4) * 30


def test_the_rate_of_the_output_port() -> None:
    network = srresnet(6, 5, 12, 1, scale=3)
    assert predict(fold(network, "port")).frame_interval == 9 * 30
    assert plan(network, "port") == plan(network, 9)


@pytest.mark.parametrize("clock", [0.1, 0.018, 10.0])
def test_the_default_is_the_smallest_circuit_of_60_fps(clock: float) -> None:
    """30 pixels: 55, 10 and 5,555 cycles for each of them; every layer has the cheapest folding that keeps them."""
    network = srresnet(6, 5, 12, 1, scale=3)
    made = fold(network, clock_mhz=clock)
    found = aim(made, "auto", clock)
    assert found.fps >= 60 and found.fps == clock * 1e6 / predict(made).frame_interval
    assert plan(network, "auto", clock) == plan(network, int(clock * 1e6 / 60) // 30) == plan(network, "60fps", clock)
    for name, one in plan(network, clock_mhz=clock).items():
        assert one == cheapest(network.node(name).op, int(clock * 1e6 / 60) // 30)
    assert found.text == f"auto, the default: 60 fps aimed at, {found.fps:.3g} fps at the asked clock of {clock:g} MHz"


def test_the_default_where_60_fps_are_out_of_reach() -> None:
    """At 10 kHz and 30 pixels: 166 cycles for 60 fps, but the output port sends 270 pixels. Nothing is faster than it,
    and layers that have these cycles are not larger than they need."""
    network = srresnet(6, 5, 12, 1, scale=3)
    made = fold(network, clock_mhz=0.01)
    found = aim(made, "auto", 0.01)
    assert (found.slowest, found.cycles) == ("shuffle", 270) and predict(made).frame_interval == 270
    assert _folds(made) == plan(network, "port") != plan(network, "full")
    assert found.text == (
        "auto, the default: 60 fps are out of reach; 37 fps at the asked clock of 0.01 MHz is what it gets. "
        "Layer shuffle takes 270 cycles for a frame: more pixels per beat or a faster clock give more"
    )
    assert found.to_dict()["default"] and not aim(made, "port", 0.01).to_dict()["default"]


def test_the_default_of_a_network_without_a_shuffle() -> None:
    """One pixel per cycle is the fastest that there is, and a faster clock the only help."""
    net = Net(4, 5, channels=3)
    net.conv("only", "input", 4)
    made = fold(net.network(), clock_mhz=1e-4)
    assert _folds(made) == plan(net.network(), "full")
    found = aim(made, "auto", 1e-4)
    assert found.fps == pytest.approx(5.0) and "port" in aim(made, "port", 1.0).text
    assert found.text.endswith("The input port takes 20 cycles for a frame: a faster clock gives more")


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ("port", "port: 9.26 fps"),
        ("full", "full: 9.26 fps"),
        (9, "9 cycles per low-resolution pixel: 9.26 fps"),
        ("9fps", "9fps: 9 fps aimed at, 9.26 fps"),
        ("10fps", "10fps: 10 fps are out of reach; 9.26 fps"),
        ({"head": (1, 1)}, "PE and SIMD by layer: "),
    ],
)
def test_what_is_said_of_other_targets(target: object, text: str) -> None:
    made = fold(srresnet(6, 5, 12, 1, scale=3), target, 0.0025)  # type: ignore[arg-type]
    found = aim(made, target, 0.0025).text  # type: ignore[arg-type]
    assert found.startswith(text) and "default" not in found and "at the asked clock of 0.0025 MHz" in found


def test_full_and_min() -> None:
    network = srresnet(6, 5, 12, 1)
    full, least = plan(network, "full"), plan(network, "min")
    assert set(full) == {"head", "body0", "affine0", "body1", "affine1", "tail"}
    for name, one in full.items():
        op = network.node(name).op
        assert one == (Fold(len(op.weight), op.weight[0].size) if isinstance(op, Conv) else Fold(12, 1))
    assert set(least.values()) == {Fold(1, 1)}


def test_frames_per_second() -> None:
    """100 MHz and 30 pixels: 250000 fps leave 13 cycles per pixel."""
    network = srresnet(6, 5, 12, 1)
    assert plan(network, "250000fps", clock_mhz=100) == plan(network, 13)


def test_behind_a_shuffle_a_layer_has_fewer_cycles() -> None:
    net = Net(4, 4, channels=8)
    x = net.conv("early", "input", 16)
    x = net.shuffle("shuffle", x, 2)
    net.conv("late", x, 4)
    network = fold(net.network(), 16)
    assert network.node("early").op.timing("rtl").interval <= 16
    assert network.node("late").op.timing("rtl").interval <= 4


def test_per_layer_folding_keeps_the_others() -> None:
    made = plan(srresnet(6, 5, 12, 1), {"body0": (4, 27), "affine0": {"pe": 3}, "head": {"simd": 9}})
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
        (0, None, r"0 cycles per pixel: take 1 or more"),
        ("fast", None, r"'fast': take cycles per low-resolution pixel"),
        ("60fps", None, r"needs a clock"),
        ("auto", None, r"'auto' needs a clock"),
        ("9000000fps", 100.0, r"layer head sees 30 pixels per frame, one per cycle at best"),
    ],
)
def test_bad_folding_is_refused(target: object, clock: float | None, says: str) -> None:
    with pytest.raises(UserError, match=says):
        plan(srresnet(6, 5, 12, 1), target, clock)  # type: ignore[arg-type]


def test_a_refused_folding_changes_nothing() -> None:
    network = srresnet(6, 5, 12, 1)
    with pytest.raises(UserError):
        fold(network, {"head": (2, 1), "body0": (5, 1)})
    assert _folds(network)["head"] == Fold(1, 1)
    assert _folds(fold(network, 4)) == plan(network, 4)
