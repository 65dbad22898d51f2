"""Every benchmark in its quick form: same code, seconds instead of minutes, so that none can rot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from qonnx.core.modelwrapper import ModelWrapper

from benchmarks import (
    constant_products,
    hls4ml_csim,
    mapped_netlist,
    model_size,
    network_synthesis,
    paper_width,
    popcount_luts,
    rtl_frame,
    stock_hls4ml,
    training,
    unrolled,
)
from benchmarks.plain_torch import PlainSRResNet
from xnorsr.errors import UserError
from xnorsr.flows.config import load_recipe
from xnorsr.hw.resources import mapped
from xnorsr.hw.rtl import popcount
from xnorsr.quant import zoo

Capture = pytest.CaptureFixture[str]


def last_table(text: str, heading: str) -> list[list[str]]:
    """Rows of the table below a heading, split at two blanks."""
    lines = text.split(f"== {heading}")[1].splitlines()[2:]
    return [[c.strip() for c in line.split("  ") if c.strip()] for line in lines[: lines.index("")]]


@pytest.mark.slow
def test_model_size_prints_the_published_figures(capsys: Capture) -> None:
    model_size.main(["--quick"])
    out = capsys.readouterr().out
    assert [row[3] for row in last_table(out, "Model size")] == ["-81.9 %", "-74.1 %"]
    assert ["BBCU-L, IRNet, BTM, ReActNet x2", "18.55", "18.55", "224.6", "225"] in last_table(out, "Operations")
    assert last_table(out, "Shipped recipes")[0][0] == "demo"


def test_a_count_that_is_not_the_published_one_raises() -> None:
    with pytest.raises(AssertionError, match=r"operations of X: counted 1\.1, published 1"):
        model_size.check("operations of X", 1.1, 1.0, 0.01)


@pytest.mark.slow
@pytest.mark.eda
@pytest.mark.exhaustive
def test_stock_hls4ml_beside_ours(capsys: Capture) -> None:
    hls4ml_csim.main(["--quick"])
    (ours, synthesized, stock) = last_table(capsys.readouterr().out, "2 channels")
    assert ours[:2] == ["xnorsr, fast form", "0"]
    assert synthesized[:2] == ["xnorsr, as synthesized", "0"]
    assert stock[0] == "hls4ml, one-bit signs"
    assert float(ours[2].replace(",", "")) > float(stock[2].replace(",", ""))


@pytest.mark.slow
@pytest.mark.parametrize("configuration", stock_hls4ml.CONFIGURATIONS)
def test_what_stock_hls4ml_is_given_is_the_same_network(configuration: str) -> None:
    source = hls4ml_csim.network(channels=3, blocks=1, size=5, seed=2)
    rewritten, types = stock_hls4ml.rewrite(source, stock_hls4ml.CONFIGURATIONS[configuration])
    image = np.random.default_rng(2).integers(0, 256, (3, 5, 5)) / 256
    stock_hls4ml.check_rewrite(source, rewritten, image)
    # A weight that changes its sign must not go unseen.
    weight = next(n.input[0] for n in rewritten.graph.node if n.op_type == "BipolarQuant")
    changed = ModelWrapper(rewritten.model, make_deepcopy=True)
    changed.set_initializer(weight, -rewritten.get_initializer(weight))
    with pytest.raises(AssertionError, match="another network"):
        stock_hls4ml.check_rewrite(source, changed, image)
    assert {n.op_type for n in rewritten.graph.node if n.name in types} == {"Conv", "BatchNormalization", "Relu", "Add"}


@pytest.mark.parametrize(
    ("values", "wanted"),
    [([0.5, -1.0], "fixed<2,1>"), ([1.0], "fixed<2,2>"), ([-0.25, 0.25], "fixed<2,0>"), ([3.75, 0.25], "fixed<5,3>")],
)
def test_types_hold_the_values_and_no_more(values: list[float], wanted: str) -> None:
    assert stock_hls4ml.fixed_array(np.array(values)) == wanted


@pytest.mark.eda
@pytest.mark.exhaustive
def test_rtl_frame(capsys: Capture) -> None:
    rtl_frame.main(["--quick"])
    table = dict(last_table(capsys.readouterr().out, "RTL simulation"))
    assert table["codes compared, all equal"] == "5,184"
    assert table["cycles of the frame"] == table["cycles predicted"]


@pytest.mark.slow
@pytest.mark.eda
@pytest.mark.exhaustive
def test_network_synthesis(capsys: Capture) -> None:
    """Yosys's sum is the table's, within what the benchmark promises."""
    network_synthesis.main(["--quick"])
    out = capsys.readouterr().out
    table = last_table(out, "xc7")
    paths = [line for line in out.split("slowest path into")[1].splitlines()[1:] if "  " in line]
    assert {row[0] for row in table[:-2]} == {line.split()[0] for line in paths}, "every layer has a path into it"
    assert all(0.5 < float(line.split()[1]) < 50 for line in paths)
    assert "MHz" in out.split("levels at most; at ")[1].split(", before placement")[0]
    pairs = [[float(n.replace(",", "")) for n in row[1].split(" / ")] for row in table[:-1]]
    assert sum(yosys for _, yosys in pairs[:-1]) == pairs[-1][1] > 1000
    assert [row[0] for row in table[-2:]] == ["whole", "ratio"]


@pytest.mark.slow
@pytest.mark.eda
@pytest.mark.exhaustive
def test_mapped_netlist(capsys: Capture) -> None:
    """Every code of the crop is right, and the cells are those of the netlist."""
    mapped_netlist.main(["--quick"])
    table = {row[0]: row[1] for row in last_table(capsys.readouterr().out, "Mapped netlist")}
    assert table["codes compared, all equal"] == str(12 * 10 * 3)
    assert table["cycles of the frame"] == table["cycles predicted"]
    assert int(table["DSP48E1"]) >= 1 and int(table["CARRY4"]) > 100 and int(table["RAM32M"]) > 10


def test_a_netlist_without_models_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A block RAM that computes nothing would give wrong codes, not an error."""

    def synthesized(rtl: Path, family: str, out: Path, **options: object) -> None:
        out.mkdir(parents=True)
        (out / "whole.json").write_text('{"design": {"num_cells_by_type": {"LUT2": 4, "RAMB36E1": 3}}}')

    monkeypatch.setattr(mapped, "synthesize", synthesized)
    with pytest.raises(
        UserError, match=r"rtl: the netlist has 3 RAMB36E1, of which Yosys has no model .* Build a frame"
    ):
        mapped.mapped_project(tmp_path / "rtl", tmp_path / "mapped")
    assert not (tmp_path / "mapped" / "netlist.v").exists()


@pytest.mark.eda
@pytest.mark.exhaustive
def test_popcount_luts(capsys: Capture) -> None:
    """One structure kept, its netlist checked; a limit that is missed ends the run with its name."""
    popcount_luts.main(["--quick", "--family", "xc7", "--only", "groups3_chains"])
    table = last_table(capsys.readouterr().out, "xc7")
    assert table[0][:3] == ["groups3_chains", "72", "8"]
    stages, levels = int(table[0][3]), int(table[0][7])
    assert stages > 1 and 1 < levels <= popcount.LEVELS + 1, "a carry chain is a level"


@pytest.mark.slow
@pytest.mark.eda
def test_training(capsys: Capture) -> None:
    training.main(["--quick"])
    out = capsys.readouterr().out
    assert "0 of 3,840" in out and "plain PyTorch" in out


@pytest.mark.parametrize(
    ("scores", "wanted"), [((35.3, 33.67), []), ((35.1, 33.66), ["35.10 dB"]), ((35.3, 33.7), ["bicubic"])]
)
def test_set5_is_held_against_the_papers(scores: tuple[float, float], wanted: list[str]) -> None:
    checks = training.set5_checks({"csim": scores[0], "bicubic": scores[1]}, enough=True)
    failed = [text for fine, text in checks if not fine]
    assert len(failed) == len(wanted) and all(w in f for w, f in zip(wanted, failed, strict=True))


def test_the_plain_network_has_the_zoos_parameters() -> None:
    cfg = load_recipe("demo").model
    plain, ours = (sum(p.numel() for p in m.parameters()) for m in (PlainSRResNet(cfg), zoo.build(cfg)))
    assert plain == ours


def test_training_asks_for_folders(capsys: Capture) -> None:
    with pytest.raises(SystemExit):
        training.main([])
    assert "--train-data and --test-data are needed" in capsys.readouterr().err


@pytest.mark.slow
def test_what_networks_of_paper_width_cost(capsys: Capture, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("<!-- paper_width -->\n<!-- /paper_width -->\n")
    given = ["--quick", "--frame", "24x16", "--only", "srresnet", "--out", str(tmp_path / "rows"), "--write", str(page)]
    paper_width.main(given)
    counted = capsys.readouterr().out
    assert counted.count(" layers\n") == 2
    paper_width.main(given)  # kept rows
    again = capsys.readouterr().out
    assert again == counted[counted.index("\n== ") :]
    lines = last_table(again, "x2 at paper width")
    assert [row[:2] for row in lines[:2]] == [["srresnet", "bnn"], ["srresnet", "scales"]]
    assert all(int(row[3].replace(",", "")) > 100 and row[-1].startswith("xc") for row in lines[:2])
    assert [row[-1] for row in lines[2:]] == ["not asked for"] * 10
    assert "| srresnet | scales | 1 blocks |" in page.read_text()


def test_the_size_that_papers_train() -> None:
    cfg = paper_width.size("srresnet", "scales", {})
    assert (cfg.channels, cfg.blocks, cfg.scale, cfg.scheme.name) == (64, 16, 2, "scales")  # type: ignore[attr-defined]


@pytest.mark.slow
@pytest.mark.eda
def test_binary_layers_folded_and_unrolled(capsys: Capture) -> None:
    unrolled.main(["--quick"])
    table = last_table(capsys.readouterr().out, "8 channels")
    assert [row[:2] for row in table] == [["1", "8 x 72"], ["2", "4 x 72"]]


@pytest.mark.slow
@pytest.mark.eda
def test_products_with_and_without_slices(capsys: Capture) -> None:
    constant_products.main(["--quick"])
    slices, digits = last_table(capsys.readouterr().out, "xcup")
    assert slices[0] == "head_conv, slices" and int(slices[6]) > 0
    assert digits[0] == "head_conv, 3 bits a cycle" and digits[6] == "0" and digits[1] == slices[1] == "3"
