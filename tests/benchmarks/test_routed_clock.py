"""Routed clocks: the script for Vivado against a stand-in, and what is said where no router is installed."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pytest

from benchmarks import routed_clock, routers
from tests.networks import MATRIX, network
from xnorsr.errors import UserError
from xnorsr.hw.build import BuildOptions, build

#: Reads the script that it is given; prints a slack only if that asks for the part, the clock and files that are there.
VIVADO = """#!{python}
import re, sys, pathlib
script = pathlib.Path(sys.argv[sys.argv.index("-source") + 1]).read_text()
assert sys.argv[1:3] == ["-mode", "batch"]
if "-top broken" in script:
    print("ERROR: [Synth 8-1] no module broken")
    sys.exit(1)
(files,) = re.findall(r"\\[list (.*)\\]", script)
assert all(pathlib.Path(name.replace("\\\\", "")).is_file() for name in re.findall(r'"([^"]*)"', files))
assert "-part xck26-sfvc784-2LV-c" in script and "create_clock -name clk -period 4 [get_ports clk_i]" in script
steps = ["synth_design -mode out_of_context", "place_design", "route_design", "get_timing_paths"]
assert sorted(map(script.index, steps)) == list(map(script.index, steps))
print("INFO: routed\\nXNORSR_WNS -1.000")
"""


@pytest.fixture
def vivado(tmp_path: Path) -> str:
    executable = tmp_path / "vivado"
    executable.write_text(VIVADO.format(python=sys.executable))
    executable.chmod(0o755)
    return str(executable)


def test_the_clock_follows_from_vivados_slack(vivado: str, tmp_path: Path) -> None:
    """A slack of -1 ns at 4 ns asked is a period of 5 ns; a path with signs of Tcl's own is one word."""
    source = tmp_path / "a $layer.sv"
    source.write_text("module m; endmodule\n")
    made = routers.vivado_clock(vivado, "m", "xck26-sfvc784-2LV-c", 4.0, [str(source)], tmp_path)
    assert made == pytest.approx(200.0)


def test_what_vivado_says_is_quoted(vivado: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"Vivado on broken: ERROR: \[Synth 8-1\] no module broken; log: .*vivado\.log"):
        routers.vivado_clock(vivado, "broken", "xck26-sfvc784-2LV-c", 4.0, [], tmp_path)


def test_a_part_is_never_more_than_a_name() -> None:
    with pytest.raises(ValueError, match="a part or board is named by"):
        routers.vivado_script("m", "xck26; exec rm", 4.0, [])


def test_a_missing_router_is_named(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    routed_clock.main(["--quick"])
    assert "pip install 'xnorsr[routing]'. Nothing was routed." in capsys.readouterr().out
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SystemExit, match="vivado is not on PATH"):
        routed_clock.main(["--quick", "--router", "vivado"])


@pytest.mark.eda
def test_a_layer_for_gowin_stands_between_registers(tmp_path: Path) -> None:
    """Of four ports, whatever the layer's are, and through Yosys; paths are the layer's own."""
    build(network(MATRIX[0]), tmp_path / "net", BuildOptions(folding="port"), hls=False)
    rtl = tmp_path / "net" / "rtl"
    (module,) = [name for name in routed_clock._layers(rtl, 99) if name.endswith("layer_conv_1")]
    netlist, found = routed_clock.mapped(rtl, module, tmp_path, "gowin")
    made = json.loads(netlist.read_text())["modules"][f"scan_{module}"]
    assert {name: len(port["bits"]) for name, port in made["ports"].items()} == dict.fromkeys(routers.PADS, 1)
    assert "u_layer" in found.worst.end and found.worst.chains <= 1 and found.estimated_mhz > 50
