"""Synthesis with Yosys: counting, grouping, and a small project from end to end."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from xnorsr import tools
from xnorsr.errors import UserError
from xnorsr.hw.resources import split, yosys
from xnorsr.hw.resources.netlist import Netlist
from xnorsr.hw.resources.synth import _cells, _mapping, count, synthesize

LAYER_A = """
module layer_a #(parameter int W = 8) (input logic clk_i, input logic [W-1:0] x_i, output logic [W-1:0] y_o);
  always_ff @(posedge clk_i) y_o <= x_i ^ {x_i[0], x_i[W-1:1]};
endmodule
"""
LAYER_B = """
module square (input logic clk_i, input logic [11:0] x_i, output logic [23:0] y_o);
  always_ff @(posedge clk_i) y_o <= x_i * x_i;
endmodule
module layer_b (input logic clk_i, input logic [11:0] x_i, output logic [23:0] y_o);
  square u_square (.clk_i, .x_i, .y_o);
endmodule
"""
LAYER_C = """
module layer_c (input logic clk_i, input logic [9:0] addr_i, input logic we_i, input logic [35:0] x_i,
                output logic [35:0] y_o);
  logic [35:0] mem [1024];
  always_ff @(posedge clk_i) if (we_i) mem[addr_i] <= x_i;
  always_ff @(posedge clk_i) y_o <= mem[addr_i];
endmodule
"""
TOP = """
module xnorsr_top (input logic clk_i, input logic [7:0] x_i, input logic [9:0] addr_i, input logic we_i,
                   output logic [23:0] y_o, output logic [35:0] z_o);
  logic [7:0] a, b;
  logic [23:0] square;
  layer_a #(.W(8)) u_first (.clk_i, .x_i, .y_o(a));
  layer_a #(.W(8)) u_second (.clk_i, .x_i(a), .y_o(b));
  layer_b u_third (.clk_i, .x_i({4'h0, b}), .y_o(square));
  layer_c u_fourth (.clk_i, .addr_i, .we_i, .x_i({28'h0, b}), .y_o(z_o));
`ifdef SYNTHESIS
  always_ff @(posedge clk_i) y_o <= square;
`else
  assign y_o = square;
`endif
endmodule
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with four instances, in a folder with a blank in its name."""
    rtl = tmp_path / "a project" / "rtl"
    (rtl / "layers").mkdir(parents=True)
    for name, text in {"layers/a.sv": LAYER_A, "layers/b.sv": LAYER_B, "layers/c.sv": LAYER_C, "top.sv": TOP}.items():
        (rtl / name).write_text(text)
    (rtl / "files.f").write_text("layers/a.sv\nlayers/b.sv\nlayers/c.sv\ntop.sv\n")
    (rtl / "project.json").write_text(json.dumps({"top": "xnorsr_top"}))
    return rtl


def test_counting_rule() -> None:
    """Memories in slices are LUTs, an 18 Kb block is half, what is no resource of ours is not counted."""
    cells = {"LUT2": 3, "LUT6": 5, "INV": 1, "RAM64M": 2, "SRL16E": 4, "FDRE": 7, "FDSE": 1, "LDCE": 1}
    cells |= {"RAMB18E1": 3, "RAMB36E1": 2, "DSP48E1": 6, "CARRY4": 9, "BUFG": 1, "MUXF7": 2, "layer_a$top.a": 1}
    made = count(cells, "x", "m", Path("r.json"))
    assert (made.lut, made.lut_memory, made.ff, made.bram36, made.dsp, made.latches) == (21, 12, 8, 3.5, 6, 1)


def test_batches_hold_every_child_once() -> None:
    """The longest first; large ones alone, small ones together."""
    sizes = {"a": 3_000_000, "b": 100, "c": 2_000_000, "d": 400_000, "e": 200, "f": 200_000}
    assert split.groups(sizes) == [["a"], ["c"], ["d"], ["f", "e", "b"]]
    assert split.groups({}) == [[]], "the top itself is still counted"


def test_mapping_scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Large layers depth first, popcounts laid out in LUTs only covered, small layers by Yosys's own script."""
    monkeypatch.setattr(split, "SMALL", 1_000)
    constant = "\\xnorsr_popcount_constant3$top.u_c.u_structure"
    wires = "".join(f"  wire \\w{n}\n" for n in range(100))
    top = "".join(f"  cell \\{name} \\u_{name}\n  end\n" for name in "abc")
    text = f"autoidx 1\nmodule \\top\n{top}end\nmodule \\a\n{wires}end\nmodule \\b\nend\n"
    (tmp_path / "x.il").write_text(f"{text}module \\c\n  cell {constant} \\u\n  end\nend\nmodule {constant}\nend\n")
    made = split.plan(Netlist.read(tmp_path / "x.il", "top"), 1_000_000)
    made.write(tmp_path / "plan.json")
    assert split.Plan.read(tmp_path / "plan.json") == made and made.batches[0].counted == ["\\a"]
    scripts = {child: " ".join(_mapping(batch)) for batch in made.batches for child in batch.children}
    assert "&dc2;&if,{W}" in scripts["\\a"] and "+&if,-a" in scripts["\\c"]
    plain = split.plan(Netlist.read(tmp_path / "x.il", "b"), None)
    assert [b.name for b in plain.batches] == ["whole"] and _mapping(plain.batches[0]) == []


def test_cells_of_kept_modules_count() -> None:
    """A module that Yosys kept below a layer counts as often as it is used; layers apart do not count to the top."""
    modules = {
        "\\top": {"num_cells_by_type": {"LUT2": 1, "layer$top.u_a": 1}},
        "\\layer$top.u_a": {"num_cells_by_type": {"LUT6": 2, "pe": 3, "other": 1}},
        "\\pe": {"num_cells_by_type": {"LUT6": 4, "match": 2}},
        "\\match": {"num_cells_by_type": {"FDRE": 5}},
    }
    assert _cells(modules, "\\layer$top.u_a") == {"LUT6": 14, "FDRE": 30, "other": 1}
    assert _cells(modules, "\\top", ["\\layer$top.u_a"]) == {"LUT2": 1}
    assert _cells(modules, "\\top")["FDRE"] == 30


@pytest.mark.eda
@pytest.mark.parametrize("family", ["xc7", "xcup"])
def test_each_instance_has_its_row(project: Path, family: str) -> None:
    """Hand counts: 8 XORs and 8 registers, a DSP with its register inside, a block RAM, the top's own registers."""
    seen: list[tuple[int, int]] = []
    made = synthesize(project, family, progress=lambda what, done, of: seen.append((done, of)))
    layer = {one.name: one for one in made.layers}
    assert list(layer) == ["first", "second", "third", "fourth", "xnorsr_top"]
    for name in ("first", "second"):
        assert (layer[name].lut, layer[name].ff, layer[name].module) == (8, 8, "layer_a")
    assert layer["third"].dsp == 1 and layer["fourth"].bram36 == 1
    assert layer["xnorsr_top"].ff + layer["third"].ff >= 24 - 8  # the macro was set; a DSP may take a register in
    assert made.total.lut == sum(one.lut for one in made.layers)
    assert made.total.latches == 0
    timing = made.timing.layers  # the second layer is not synthesized: the first one stands for it
    assert set(timing) == set(layer) and timing["second"].worst.start_layer == "u_first"
    assert (timing["second"].worst.luts, timing["second"].levels, timing["first"].worst.start) == (1, 1, "port x_i")
    assert timing["third"].worst.start_layer == "u_second"
    assert not list((project / f"synth_{family}").glob("*_netlist.json")), "tens of megabytes"
    assert made.tool.startswith("Yosys 0.") and seen[-1][0] == seen[-1][1]
    for one in made.layers:  # each figure names the report that it comes from, and the report holds it
        assert one.source.is_file() and "num_cells_by_type" in one.source.read_text()
    for script in (project / f"synth_{family}").glob("batch*.ys"):  # it can be run again
        assert (script.parent / script.read_text().splitlines()[0].split()[1]).is_file()
    saved = json.loads((project / f"synth_{family}" / "report.json").read_text())
    assert saved == made.to_dict() and saved["total"]["bram36"] == made.total.bram36


PES = """
(* keep_hierarchy = "yes" *)
module leaf (input logic [3:0] x_i, output logic y_o);
  assign y_o = ^x_i;
endmodule
module pe (input logic clk_i, input logic [7:0] x_i, input logic [7:0] w_i, output logic [1:0] y_o);
  logic [1:0] y;
  leaf u_low (.x_i(x_i[3:0] & w_i[3:0]), .y_o(y[0]));
  leaf u_high (.x_i(x_i[7:4] & w_i[7:4]), .y_o(y[1]));
  always_ff @(posedge clk_i) y_o <= y;
endmodule
module layer_pes (input logic clk_i, input logic [7:0] x_i, output logic [11:0] y_o);
  logic [3:0][7:0] w;
  always_ff @(posedge clk_i) w <= {w[2:0], x_i};
  for (genvar p = 0; p < 4; p++) begin : gen_pe
    pe u_pe (.clk_i, .x_i, .w_i(w[p]), .y_o(y_o[2*p+:2]));
  end
  logic [1:0][7:0] constant;
  assign constant = {8'h00, 8'h0f};
  pe u_constant (.clk_i, .x_i, .w_i(constant[0]), .y_o(y_o[9:8]));
  pe u_zero (.clk_i, .x_i, .w_i(constant[1]), .y_o(y_o[11:10]));
endmodule
module xnorsr_top (input logic clk_i, input logic [7:0] x_i, output logic [11:0] y_o, output logic [11:0] z_o);
  layer_pes u_pes (.clk_i, .x_i, .y_o);
  layer_pes u_more (.clk_i, .x_i, .y_o(z_o));
endmodule
"""


@pytest.mark.eda
def test_equal_pes_are_synthesized_once_and_counted_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four PEs of 8 ANDs, two kept parities and 2 registers each; two with constants are not taken for one, so that
    their ANDs vanish."""
    monkeypatch.setattr(split, "REPEATED", 1)
    (tmp_path / "top.sv").write_text(PES)
    (tmp_path / "files.f").write_text("top.sv\n")
    seen: list[str] = []
    made = synthesize(tmp_path, "xc7", "xnorsr_top", progress=lambda what, done, of: seen.append(what))
    layer = {one.name: one for one in made.layers}
    assert seen == ["pes"], "the second layer is the first one with other names"
    assert (layer["pes"].lut, layer["pes"].ff) == (layer["more"].lut, layer["more"].ff)
    assert layer["pes"].ff == 4 * 8 + 4 * 2 + 2 * 2
    assert layer["pes"].lut == 4 * (8 + 2) + 2 * 2
    assert layer["more"].source == layer["pes"].source


@pytest.mark.eda
def test_the_whole_as_one(project: Path) -> None:
    """Flattened into one entry, which replaces what an earlier run left."""
    (project / "synth_xc7").mkdir()
    (project / "synth_xc7" / "old.log").write_text("old")
    (project / "synth_xc7" / "elaborate.ys").write_text("old")
    made = synthesize(project, per_layer=False)
    assert [one.name for one in made.layers] == ["xnorsr_top"] and made.total.dsp == 1
    assert not (project / "synth_xc7" / "old.log").exists() and not (project / "synth_xc7.part").exists()


@pytest.mark.eda
def test_interrupt_keeps_what_was_there(project: Path) -> None:
    """Ctrl-C between batches: the earlier result stays, nothing of the new one does."""
    (project / "synth_xc7").mkdir()
    (project / "synth_xc7" / "report.json").write_text("earlier")
    (project / "synth_xc7" / "elaborate.ys").write_text("earlier")

    def interrupted(what: str, done: int, of: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        synthesize(project, progress=interrupted)
    assert (project / "synth_xc7" / "report.json").read_text() == "earlier"
    assert not (project / "synth_xc7.part").exists()


@pytest.mark.eda
def test_errors_are_quoted(project: Path) -> None:
    (project / "layers" / "b.sv").write_text(LAYER_B.replace("x_i * x_i", "x_i * nothing"))
    with pytest.raises(
        UserError, match=r"(?s)Yosys failed on elaborate: .*undeclared identifier 'nothing'.*log: .*\.log"
    ):
        synthesize(project)


@pytest.mark.eda
def test_too_slow_is_stopped(project: Path) -> None:
    """The time is up before synthesis is; nothing is left running."""
    start = time.monotonic()
    with pytest.raises(UserError, match=r"Yosys took more than 0 s: allow more \(elaborate\)"):
        synthesize(project, timeout=0.01)
    assert time.monotonic() - start < 5


def test_bad_input_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no file list .*files\.f"):
        synthesize(tmp_path)
    with pytest.raises(UserError, match="family 'ecp5': take one of xc7, xcu, xcup"):
        synthesize(tmp_path, "ecp5")
    (tmp_path / "files.f").write_text("")
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "to_mother.txt").write_text("dear")
    with pytest.raises(UserError, match=r"output .*letters: holds something else than a synthesis; empty it"):
        synthesize(tmp_path, out=tmp_path / "letters")
    assert (tmp_path / "letters" / "to_mother.txt").read_text() == "dear"


def test_only_the_yosys_that_the_policy_takes_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A `yosys` on PATH is no way around `xnorsr.tools`."""
    called = tmp_path / "called"
    (tmp_path / "yosys").write_text(f"#!/bin/sh\ntouch {called}\n")
    (tmp_path / "yosys").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(tools, "yosys", tools.yosys.__wrapped__)
    monkeypatch.setattr(tools, "_package_version", lambda name: (0, 40))
    with pytest.raises(UserError, match=r"Yosys 0.60 or newer is needed for synthesis; found: 0.40"):
        yosys.run_script(["help"], tmp_path, "x", 10)
    monkeypatch.setattr(tools, "_package_folder", lambda name: None)
    with pytest.raises(UserError, match=r"found: none. Get it with: pip install 'pyosys>=0.70'"):
        yosys.run_script(["help"], tmp_path, "x", 10)
    assert not called.exists()
