"""What estimate and report say of the clock: never the asked one as if it were reached."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from tests.flows.report_page import page_of, results_of, text_of
from tests.networks import Builder
from xnorsr.flows.steps.cost import Account, account_tables
from xnorsr.flows.timing import clock_text
from xnorsr.hw.build import BuildResult, build
from xnorsr.hw.options import BuildOptions
from xnorsr.hw.resources.account import estimate
from xnorsr.hw.resources.folding import Aim
from xnorsr.hw.resources.synth import LayerSynthesis, Synthesis
from xnorsr.hw.resources.timing import LayerTiming, TimedPath, Timing

pytestmark = pytest.mark.quick
GRADE = "Zynq UltraScale+, speed grade -1"
AIM = Aim("port", 200.0, None, 501.0, "shuffle", 96, True)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> BuildResult:
    b = Builder(4, 6, 3, 1)
    x = b.quant(b.fixed_conv(b.quant("lr", 8, 8, signed=False), 3, 12, 3), 8, 8, signed=False)
    model = b.model(b.node("DepthToSpace", [x], blocksize=2, mode="CRD"), 3, 8, 12)
    return build(model, tmp_path_factory.mktemp("built") / "out", BuildOptions(part="kv260"))


def _account(built: BuildResult, slowest: float) -> Account:
    """An account whose netlist has a path of so many nanoseconds in the convolution, out of the ports' layer."""
    network = built.network
    convolution, *others = (node.name for node in network.nodes)
    rows = ["video_in", convolution, *others, "xnorsr_top"]
    layers = tuple(LayerSynthesis(n, n, 1, 0, 1, 0.5, 0, 1, 0, Path()) for n in rows)
    path = TimedPath(slowest, 3, 1, 17, 1234, "line_q (FDRE)", "sum_q/D (FDRE)", "u_video_in", f"u_{convolution}")
    fast = replace(path, delay=1.0, start_layer="u_x", end_layer="u_x", carry_bits=0)
    timing = Timing(
        "xcup",
        GRADE,
        {
            "video_in": LayerTiming(fast, 1, 1, "a -> b"),
            convolution: LayerTiming(path, 5, 4, "c -> d"),
            "xnorsr_top": LayerTiming(replace(fast, delay=1.5), 2, 2, "e -> f"),
        },
    )
    made = estimate(network, 200.0, "kv260")
    return Account(network, made, Synthesis("xcup", "Yosys", 1.0, layers, layers[0], timing), AIM)


def _printed(account: Account) -> str:
    console = Console(width=160, record=True, file=StringIO())
    for one in account_tables(account):
        console.print(one)
    return " ".join(console.export_text().split())


@pytest.mark.slow
def test_without_synthesis_nothing_was_checked(built: BuildResult) -> None:
    made = Account(built.network, estimate(built.network, 200.0, "kv260"), None, AIM)
    plain = made.to_dict()
    assert plain["timing"] == {
        "asked_mhz": 200.0, "estimated_mhz": None, "levels": None, "family": None, "grade": None, "layers": None,
    }  # fmt: skip
    assert plain["estimate"]["fps"] == made.estimate.fps
    text = _printed(made)
    assert "fps at the asked clock of 200 MHz, not checked)" in text and "Slowest path" not in text
    page = text_of(page_of(built, results_of(built)))
    assert "At the asked clock of 200 MHz, not checked" in page and "Slowest path" not in page
    assert "Nothing was placed or routed, and no clock was checked." in page


def test_a_clock_that_is_missed_counts(built: BuildResult) -> None:
    """8 ns are 125 MHz: frames per second and latency are those of 125 MHz."""
    made = _account(built, 8.0)
    plain = made.to_dict()
    assert (plain["timing"]["asked_mhz"], plain["timing"]["estimated_mhz"]) == (200.0, 125.0)
    assert plain["timing"]["levels"] == 5 and plain["estimate"]["clock_mhz"] == 125.0
    assert plain["estimate"]["fps"] == pytest.approx(made.estimate.fps * 125 / 200)
    assert plain["estimate"]["latency_us"] == pytest.approx(made.estimate.latency_us * 200 / 125)
    convolution = built.network.nodes[0].name
    assert list(plain["timing"]["layers"]) == ["input", convolution]
    assert plain["timing"]["layers"]["input"]["worst"]["delay"] == 1.5, "the top's and the ports' are the input's"
    assert plain["timing"]["layers"][convolution]["worst"]["carry_bits"] == 17
    said = f"at 125 MHz, estimated for {GRADE}, before placement: less than the 200 MHz asked for"
    assert clock_text(plain["timing"]) == said
    text = _printed(made)
    assert f"fps {said})" in text
    assert f"{convolution} 8.00 5 17 1,234 video_in" in text and "input 1.50 2 0 1,234" in text
    page = text_of(page_of(built, results_of(built) | plain))
    assert said[1:] in page and f"{convolution} 8.00 5 17 1,234 line_q (FDRE) of video_in sum_q/D (FDRE)" in page
    assert "and no clock was checked" not in page


def test_a_clock_that_is_left_does_not_make_it_faster(built: BuildResult) -> None:
    made = _account(built, 2.5)
    plain = made.to_dict()
    assert plain["timing"]["estimated_mhz"] == 400.0 and plain["estimate"]["clock_mhz"] == 200.0
    assert plain["estimate"]["fps"] == made.estimate.fps
    assert clock_text(plain["timing"]) == f"at the asked 200 MHz; 400 MHz estimated for {GRADE}, before placement"
