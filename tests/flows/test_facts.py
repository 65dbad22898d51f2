"""What the report says: measured figures first, what does not fit, the command that makes it again."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.flows.report_page import page_of, results_of, text_of
from tests.networks import Builder
from xnorsr.flows.config import load_recipe
from xnorsr.flows.facts import FILES, RESOURCES, TCL, command, curve, ports, utilisation
from xnorsr.hw.build import BuildResult, build
from xnorsr.hw.options import BuildOptions

pytestmark = pytest.mark.quick


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> BuildResult:
    b = Builder(4, 6, 3, 1)
    x = b.quant(b.fixed_conv(b.quant("lr", 8, 8, signed=False), 3, 12, 3), 8, 8, signed=False)
    model = b.model(b.node("DepthToSpace", [x], blocksize=2, mode="CRD"), 3, 8, 12)
    return build(model, tmp_path_factory.mktemp("built") / "out", BuildOptions(folding="port", pixels_per_beat=2))


def _synthesized(results: dict[str, Any], family: str, lut: int) -> dict[str, Any]:
    total = {"lut": lut, "ff": 20, "bram36": 0.5, "dsp": 3, "uram": 0}
    by_layer = {layer["name"]: dict.fromkeys(total, 1.0) for layer in results["estimate"]["layers"]}
    return results | {"synth": {"family": family, "total": total}, "synth_by_layer": by_layer}


@pytest.mark.slow
def test_what_yosys_measured_goes_before_the_formula(built: BuildResult) -> None:
    results = results_of(built)
    device = results["estimate"]["device"]
    assert device["uram"] > 0
    assert [(one.name, one.measured) for one in utilisation(results)] == [(name.upper(), None) for name in RESOURCES]
    measured = _synthesized(results, device["family"], 2 * device["lut"])
    lut = utilisation(measured)[0]
    assert (lut.name, lut.measured, lut.share) == ("LUT", 2 * device["lut"], 2.0)
    assert lut.formula == results["estimate"]["lut"]
    page = text_of(page_of(built, measured))
    assert f"200 % of LUT does not fit: the fullest resource of {device['part']}, by Yosys; BRAM36" in page
    assert "200 % does not fit" in page


def test_yosys_for_another_family_says_nothing_of_the_device(built: BuildResult) -> None:
    results = results_of(built)
    other = _synthesized(results, "xc7", 10**9)
    assert results["estimate"]["device"]["family"] != "xc7"
    assert utilisation(other) == utilisation(results)
    assert "Yosys mapped for xc7, the device is of xcup" in text_of(page_of(built, other))


def test_an_asked_clock_is_not_called_reached(built: BuildResult) -> None:
    results = results_of(built)
    page = text_of(page_of(built, results))
    interval = results["estimate"]["interval_cycles"]
    assert "At the asked clock of 200 MHz, not checked" in page
    head = page[: page.index("Equality")]
    assert "fps" not in head and "MHz" not in head
    assert f"Folding {results['folding']['text']}" in page and results["folding"]["text"].startswith("port: ")
    assert f"60 frames per second of this size need a clock of {interval * 60 / 1e6:.5f}" in page


def test_the_page_says_how_the_training_went(built: BuildResult) -> None:
    page = text_of(page_of(built, results_of(built)))
    assert "7 of 9 asked: the limit of 0.5 minutes came first" in page
    assert "4 from photos; held out: none" in page
    assert "Seed 5, batch 1" in page


def test_ports(built: BuildResult) -> None:
    found = ports(built.network, built.options)
    assert [(p.prefix, p.direction, p.bits, p.frame) for p in found] == [
        ("s_axis", "in", 24, "6 × 4"),
        ("m_axis", "out", 48, "12 × 8"),
    ]
    top = (built.out_dir / "rtl/xnorsr_top.sv").read_text()
    assert all(p.order == "G in the low bits of a pixel, then B, then R" for p in found)
    assert "the input drops and counts pixels before the first tuser" in text_of(page_of(built, results_of(built)))
    other = replace(built, options=BuildOptions(port_colors="rgb", frame_sync="counted"))
    assert ports(other.network, other.options)[0].order == "channel 0 in the low bits of a pixel"
    assert "the input counts pixels and does not need tuser" in text_of(page_of(other, results_of(other)))
    for port in found:
        assert f"[{port.bits - 1}:0] {port.prefix}_tdata" in " ".join(top.split())


def test_files_that_the_page_names_are_there(built: BuildResult) -> None:
    missing = [name for name in [*(f[0] for f in FILES), *(t[0] for t in TCL)] if not (built.out_dir / name).exists()]
    assert missing == ["results.json"]
    page = text_of(page_of(built, results_of(built)))
    for name, _ in FILES:
        assert f" {name} " in page
    for _, line, _ in TCL:
        assert line.replace("&&", "&amp;&amp;") in page


def test_every_picture_says_what_is_seen(built: BuildResult) -> None:
    html = page_of(built, results_of(built))
    assert html.count("<img ") == html.count(' alt="') == 6 + 5
    assert re.search(r'alt="Ours, detail of 8 by 8 pixels from row \d+, column \d+, \d+\.\d\d dB PSNR-Y here"', html)
    assert "dB PSNR-Y here" in html


def test_the_command_makes_the_same_recipe(tmp_path: Path) -> None:
    changes = [
        "train.steps=7", "train.max_minutes=none", 'data.holdout=["coffee"]', "model.scheme=bnn", "sim.crop=[8, 6]",
        "sim.image=a file's name.png",
    ]  # fmt: skip
    recipe = load_recipe("demo", changes)
    words = shlex.split(command("demo", changes, tmp_path / "a b"))
    assert words[:5] == ["xnorsr", "run", "demo", "--out", str(tmp_path / "a b")]
    assert set(words[5::2]) == {"--set"}
    assert load_recipe("demo", words[6::2]) == recipe
    assert shlex.split(command("demo", [], Path("x")))[5:] == []


def test_loss_curve() -> None:
    assert curve([[1, 0.5]]) == ""
    svg = curve([[n, 1.0 / n] for n in range(1, 101)])
    assert 'aria-label="L1 loss per step: from 1 at step 1 to 0.01 at step 100"' in svg
    points = svg.partition('points="')[2].partition('"')[0].split()
    assert len(points) == 100
    assert all(6 <= float(p.split(",")[1]) <= 128 for p in points)
    assert float(points[-1].split(",")[0]) == 634.0


def test_rates_have_three_digits_and_no_exponent() -> None:
    from xnorsr.flows.report import rate

    assert [rate(v) for v in (0, 0.01234, 0.5, 24.63, 99.95, 763.2, 3048.7)] == [
        "0", "0.0123", "0.500", "24.6", "100.0", "763", "3,049",
    ]  # fmt: skip
