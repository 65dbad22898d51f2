"""Path analysis: handmade netlists with delays counted by hand, and one module through Yosys."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from xnorsr.errors import UserError
from xnorsr.hw.resources import yosys
from xnorsr.hw.resources.timing import TimedPath, worst_paths
from xnorsr.hw.resources.timing_cells import MODELS, UnknownCell
from xnorsr.hw.resources.timing_delays import DELAYS

OUTPUTS = ("Q", "O", "F", "SUM", "COUT", "BCOUT", "CO", "P", "PCOUT", "DOBDO", "DOADO", "Z", "DOA", "DOB", "DOC", "DOD")
XC7 = DELAYS["xc7"]
XCUP = DELAYS["xcup"]

Cell = tuple[str, dict[str, Any], dict[str, str]]


def cell(kind: str, parameters: dict[str, str] | None = None, **pins: int | str | list[Any]) -> Cell:
    """A cell; a pin of one bit may be given without a list."""
    return kind, {pin: bits if isinstance(bits, list) else [bits] for pin, bits in pins.items()}, parameters or {}


def module(ports: dict[str, tuple[str, list[Any]]], cells: dict[str, Cell], **names: int) -> dict[str, Any]:
    """A module as Yosys's JSON has it; ``names`` of nets."""
    return {
        "ports": {name: {"direction": way, "bits": bits} for name, (way, bits) in ports.items()},
        "cells": {
            name: {
                "type": kind,
                "parameters": parameters,
                "connections": pins,
                "port_directions": {pin: "output" if pin in OUTPUTS or pin.endswith("_o") else "input" for pin in pins},
            }
            for name, (kind, pins, parameters) in cells.items()
        },
        "netnames": {name: {"bits": [net], "hide_name": 0} for name, net in names.items()},
    }


def netlist(cells: dict[str, Cell], **names: int) -> dict[str, Any]:
    return {"modules": {"top": module({}, cells, **names)}}


def ff(d: int, q: int, **pins: int) -> Cell:
    return cell("FDRE", C=2, D=d, Q=q, CE="1", R="0", **pins)


def test_two_tables_between_registers() -> None:
    """a -> LUT (two pins) -> LUT (one pin, in the register's slice) -> c; the other way is shorter."""
    cells = {
        "ra": ff(3, 10),
        "l1": cell("LUT2", I0=10, I1=11, O=12),
        "l2": cell("LUT1", I0=12, O=13),
        "rb": ff(13, 14),
        "rc": ff(12, 11),
    }
    found = worst_paths(netlist(cells, a_q=10, b_q=14), "xc7")
    by_hand = 0.456 + XC7.net_delay(1) + 0.124 + XC7.net_delay(2) + 0.124 + 0.08 + 0.035
    assert found.worst.delay == pytest.approx(by_hand) and found.estimated_mhz == pytest.approx(1000 / by_hand)
    assert found.worst == TimedPath(found.worst.delay, 2, 0, 0, 2, "a_q (FDRE)", "b_q/D (FDRE)", "", "")
    assert (found.levels, found.beside_chain) == (2, 2)
    assert found.layers[""].deepest == "a_q (FDRE) -> b_q/D (FDRE)"


def carry_adder(kind: str, bits: int, first_net: int) -> Cell:
    nets = range(first_net, first_net + bits)
    return cell(kind, CI="0", CYINIT="0", DI=["0"] * bits, S=["x"] * bits, O=list(nets), CO=["x"] * bits)


@pytest.mark.parametrize("family", ["xc7", "xcup"])
def test_a_chain_is_one_level(family: str) -> None:
    """Bit 1 of the first CARRY4 up to the sum of bit 6, in the second; S comes from a table in the same slice."""
    d = DELAYS[family]
    low = cell(
        "CARRY4", CI="0", CYINIT="0", DI=["0"] * 4, S=["0", 11, "1", "1"], O=[20, 21, 22, 23], CO=["x"] * 3 + [30]
    )
    high = cell("CARRY4", CI=30, CYINIT="0", DI=["0"] * 4, S=["1"] * 4, O=["x", "x", 26, "x"], CO=["x"] * 4)
    cells = {"ra": ff(3, 10), "l": cell("LUT1", I0=10, O=11), "low": low, "high": high, "rs": ff(26, 40)}
    found = worst_paths(netlist(cells), family)
    # Into the chain at bit 1, along it over bits 2 to 5, out of it at bit 6; O to D is in the slice.
    chain = d.carry_in + 4 * d.carry_bit + d.carry_out
    assert found.worst.delay == pytest.approx(d.clk_to_q + d.net_delay(1) + d.lut + chain + d.setup + d.uncertainty)
    assert (found.worst.luts, found.worst.chains, found.worst.carry_bits) == (1, 1, 6)
    assert (found.levels, found.beside_chain) == (2, 1)


def test_a_chain_of_gowins_cells() -> None:
    """A table, a multiplexer beside it, then an adder of three bits: into it, along a bit, out of it."""
    d = DELAYS["gowin"]
    bits = [
        cell("ALU", I0=12 if n == 0 else "0", I1="1", I3="1", CIN=20 + n, COUT=21 + n, SUM=30 + n) for n in range(3)
    ]
    cells = {
        "ra": cell("DFFRE", CLK=2, D=3, Q=10, CE="1", RESET="0"),
        "l": cell("LUT2", I0=10, I1="1", F=11),
        "m": cell("MUX2_LUT5", I0=11, I1="1", S0="0", O=12),
        **{f"a{n}": bit for n, bit in enumerate(bits)},
        "rb": cell("DFF", CLK=2, D=32, Q=40),
    }
    found = worst_paths(netlist(cells), "gowin")
    chain = d.carry_in + d.carry_bit + d.carry_out
    logic = d.clk_to_q + d.lut + d.mux + chain + d.setup + d.uncertainty
    assert found.worst.delay == pytest.approx(logic + 2 * d.net_delay(1))  # the table and its multiplexer are one slice
    assert (found.worst.luts, found.worst.chains, found.worst.carry_bits) == (1, 1, 3)


def test_a_sum_does_not_depend_on_higher_bits() -> None:
    """A table that goes from the low sum back into the high S of the same CARRY4 is no loop."""
    carry = cell("CARRY4", CI="0", CYINIT="0", DI=["0"] * 4, S=[10, "1", "1", 12], O=[11, "x", "x", 13], CO=["x"] * 4)
    cells = {"ra": ff(3, 10), "c": carry, "l": cell("LUT1", I0=11, O=12), "rb": ff(13, 14)}
    found = worst_paths(netlist(cells), "xc7")
    assert (found.worst.luts, found.worst.chains, found.levels, found.beside_chain) == (1, 2, 3, 2)


def test_the_deepest_need_not_be_the_slowest() -> None:
    """Three tables in a row are faster than one behind a block RAM without output register, and deeper."""
    tables = {f"l{n}": cell("LUT1", I0=10 + n, O=11 + n) for n in range(3)}
    ram = cell("RAMB36E1", {"DOB_REG": "0" * 32}, CLKBWRCLK=2, ADDRBWRADDR=[60], DOBDO=[50])
    cells = {"ra": ff(3, 10), **tables, "rb": ff(13, 16), "m": ram, "lm": cell("LUT1", I0=50, O=51), "rm": ff(51, 52)}
    slow = worst_paths(netlist(cells), "xc7")
    assert slow.worst.start == "m (RAMB36E1)" and slow.worst.luts == 1 and slow.levels == 3
    cells["m"] = ("RAMB36E1", ram[1], {"DOB_REG": "0" * 31 + "1"})
    fast = worst_paths(netlist(cells), "xc7")
    assert slow.worst.delay - XC7.bram.out == pytest.approx(0.124 + XC7.net_delay(1) + 0.08 + 0.035)
    assert fast.worst.luts == 3 and fast.worst.delay < slow.worst.delay


def dsp(registers: dict[str, int], **pins: list[Any]) -> Cell:
    names = ("AREG", "BREG", "CREG", "MREG", "PREG")
    parameters = {name: f"{registers.get(name, 0):032b}" for name in names}
    return cell("DSP48E1", parameters | {"USE_MULT": "MULTIPLY", "USE_DPORT": "FALSE"}, CLK=2, **pins)


@pytest.mark.parametrize(
    ("registers", "before", "behind", "inside"),
    [
        ({"AREG": 1, "BREG": 1, "MREG": 1, "PREG": 1}, XC7.dsp.register, XC7.dsp.p, XC7.dsp.inside),
        ({"AREG": 1, "BREG": 1, "PREG": 1}, XC7.dsp.register, XC7.dsp.p, XC7.dsp.inside_no_m),
        ({"MREG": 1}, XC7.dsp.a_to_m, XC7.dsp.m_to_p, 0.0),
        ({"PREG": 1}, XC7.dsp.a_to_preg, XC7.dsp.p, 0.0),
    ],
)
def test_registers_of_a_dsp_slice(registers: dict[str, int], before: float, behind: float, inside: float) -> None:
    """Each of the paths to, inside and from a slice, by its registers."""
    cells = {"ra": ff(3, 10), "m": dsp(registers, A=[10], B=[10], P=[11]), "rb": ff(11, 12)}
    into = XC7.clk_to_q + XC7.net_delay(2) + before
    out = behind + XC7.net_delay(1) + XC7.setup
    assert worst_paths(netlist(cells), "xc7").worst.delay == pytest.approx(max(into, out, inside) + XC7.uncertainty)


def test_a_cascade_of_operands_starts_at_their_register() -> None:
    """BCOUT is the first slice's B register; its product, without registers of its own, is no part of that path."""
    first = dsp({"AREG": 1, "BREG": 1}, A=["0"], B=["0"], BCOUT=[11])
    second = dsp({"PREG": 1}, A=["0"], BCIN=[11], P=["x"])
    found = worst_paths(netlist({"m": first, "n": second}), "xc7").worst
    assert found.end == "n/BCIN (DSP48E1)"
    assert found.delay == pytest.approx(XC7.dsp.p + XC7.dsp.a_to_preg + XC7.uncertainty)  # the wire takes no time
    first = dsp({"AREG": 1}, A=["0"], B=[10], BCOUT=[11])
    found = worst_paths(netlist({"ra": ff(3, 10), "m": first, "n": second}), "xc7").worst
    from_register = XC7.clk_to_q + XC7.net_delay(1) + XC7.dsp.p + XC7.dsp.a_to_preg + XC7.uncertainty
    assert found.delay == pytest.approx(from_register) and found.end == "n/BCIN (DSP48E1)"


def test_a_dsp_slice_without_registers() -> None:
    cells = {"ra": ff(3, 10), "m": dsp({}, A=[10], B=[10], C=[10], P=[11]), "rb": ff(11, 12)}
    found = worst_paths(netlist(cells), "xc7").worst
    nets = XC7.net_delay(3) + XC7.net_delay(1)
    assert found.delay == pytest.approx(0.456 + nets + XC7.dsp.through + 0.08 + 0.035) and found.levels == 0


def test_memory_in_slices() -> None:
    """Read at an address, as through a table; written at the clock, at the address of its last port."""
    ram = cell("RAM64M", WCLK=2, WE=[10], ADDRA=[10], ADDRD=[10], DIA=[10], DOA=[12])
    found = worst_paths(netlist({"ra": ff(3, 10), "m": ram, "rb": ff(12, 13)}), "xc7").worst
    assert found.start == "m (RAM64M)" and found.delay == pytest.approx(1.47 + XC7.net_delay(1) + 0.08 + 0.035)
    reading = cell("RAM64M", WCLK=2, WE=["0"], ADDRA=[10], DOA=[12])
    behind = {"l": cell("LUT1", I0=12, O=13), "l2": cell("LUT1", I0=13, O=14), "rb": ff(14, 15)}
    assert worst_paths(netlist({"ra": ff(3, 10), "m": reading, **behind}), "xc7").levels == 3
    written = cell("RAM64M", WCLK=2, ADDRD=[11], DOA=["x"])
    found = worst_paths(netlist({"ra": ff(3, 10), "l": cell("LUT1", I0=10, O=11), "m": written}), "xc7").worst
    assert found.end == "m/ADDRD (RAM64M)" and found.luts == 1
    shift = cell("SRL16E", CLK=2, D=11, A0=[10], Q=12)
    found = worst_paths(netlist({"ra": ff(3, 10), "l": cell("LUT1", I0=10, O=11), "m": shift}), "xc7").worst
    assert found.end == "m/D (SRL16E)", "where a shift register is read is no end"


def layer(**cells: Cell) -> dict[str, Any]:
    return module({"d_i": ("input", [5]), "q_o": ("output", [6])}, cells)


def test_paths_across_borders_belong_to_the_layer_they_end_in() -> None:
    """One layer gives a table's output away, another passes on, the third has one more table before its register."""
    modules = {
        "top": module(
            {"x": ("input", [3]), "y": ("output", [9])},
            {
                "u_a": cell("a", d_i=3, q_o=7),
                "u_b": cell("through", d_i=7, q_o=8),
                "u_c": cell("c", d_i=8, q_o=9),
            },
        ),
        "a": layer(r=ff(5, 20), l=cell("LUT1", I0=20, O=6)),
        "through": module({"d_i": ("input", [5]), "q_o": ("output", [5])}, {}),
        "c": layer(l=cell("LUT1", I0=5, O=21), r=ff(21, 6)),
    }
    found = worst_paths({"modules": modules}, "xcup", "top")
    assert set(found.layers) == {"", "u_a", "u_c"}
    assert found.layers["u_c"].worst.luts == 2 and found.layers["u_c"].worst.start_layer == "u_a"
    assert found.layers["u_a"].worst.start == "port x" and found.layers["u_a"].levels == 0
    assert found.layers[""].worst.end == "port y"
    by_hand = XCUP.clk_to_q + 2 * XCUP.net_delay(1) + 2 * XCUP.lut + XCUP.setup + XCUP.uncertainty
    assert found.worst.delay == pytest.approx(by_hand)
    assert json.loads(json.dumps(found.to_dict()))["levels"] == 2


def test_a_module_used_twice_is_two() -> None:
    """The second one's path is longer by the table in front of it."""
    modules = {
        "top": module(
            {"x": ("input", [3])},
            {"u_a": cell("a", d_i=3, q_o=7), "l": cell("LUT1", I0=7, O=8), "u_b": cell("a", d_i=8, q_o=9)},
        ),
        "a": layer(l=cell("LUT1", I0=5, O=21), r=ff(21, 6)),
    }
    found = worst_paths({"modules": modules}, "xcup", "top")
    assert (found.layers["u_a"].levels, found.layers["u_b"].levels) == (1, 2)


def test_what_cannot_be_analysed_is_refused() -> None:
    loop = {"a": cell("LUT1", I0=10, O=11), "b": cell("LUT1", I0=11, O=10), "r": ff(10, 12)}
    with pytest.raises(UserError, match="a loop of 2 nets without a register"):
        worst_paths(netlist(loop), "xc7")
    with pytest.raises(UnknownCell, match=r"no timing model of cell 'TABLE9'; known: .*LUT6"):
        worst_paths(netlist({"a": cell("TABLE9", I0=10, O=11)}), "xc7")
    with pytest.raises(UserError, match="top: no path between registers or ports"):
        worst_paths(netlist({"r": ff(10, 12)}), "xc7")


@pytest.mark.slow
def test_many_cells_take_seconds() -> None:
    """500 chains of 100 tables with two inputs each."""
    cells: dict[str, Cell] = {"ra": ff(3, 4), "rb": ff(10, 5)}
    for n in range(50_000):
        before = 4 if n % 100 == 0 else 9 + n
        cells[f"l{n}"] = cell("LUT2", I0=before, I1=4 if n % 2 else 5, O=10 + n)
    big = netlist(cells)
    start = time.monotonic()
    assert worst_paths(big, "xcup").levels == 1, "only the first table's output is read by a register"
    assert time.monotonic() - start < 20


def test_every_family_has_all_delays() -> None:
    """No delay is left at nothing, and a faster family is faster throughout."""
    for family in ("xc7", "xcu", "xcup"):
        d = DELAYS[family]
        assert min(d.lut, d.clk_to_q, d.net, d.carry_bit, d.bram.out, d.dsp.p, d.lut_ram_out) > 0
        assert d.dsp.p < d.dsp.m_to_p < d.dsp.a_to_p and d.dsp.register < d.dsp.a_to_m < d.dsp.a_to_preg
        assert d.bram.out_register < d.bram.out and d.dsp.inside < d.dsp.inside_no_m
    for name in ("net", "clk_to_q", "carry_in", "carry_bit", "setup"):
        assert getattr(DELAYS["xcup"], name) < getattr(DELAYS["xcu"], name) < getattr(DELAYS["xc7"], name)


MODULE = """
module top (input logic clk_i, input logic [15:0] a_i, input logic [15:0] b_i, input logic [9:0] at_i,
            input logic we_i, output logic [15:0] s_o, output logic [31:0] p_o, output logic [15:0] m_o);
  logic [15:0] a, b, memory [1024];
  logic [31:0] m;
  always_ff @(posedge clk_i) begin
    a <= a_i;
    b <= b_i;
    s_o <= a + b;
    m <= a_i * b_i;
    p_o <= m;
    if (we_i) memory[at_i] <= a;
    m_o <= memory[at_i];
  end
endmodule
"""


@pytest.mark.eda
def test_a_module_through_yosys(tmp_path: Path) -> None:
    """An adder of 16 bits, a product, a memory: all cells are known, and the adder is as deep as by hand."""
    family = "xcup"
    (tmp_path / "top.sv").write_text(MODULE)
    commands = [
        "read_slang --top top top.sv",
        f"synth_xilinx -family {family} -top top -flatten -noiopad -noclkbuf",
        "write_json net.json",
    ]
    yosys.run_script(commands, tmp_path, "run", 120)
    found = worst_paths(tmp_path / "net.json", family)
    kinds = {c["type"] for c in json.loads((tmp_path / "net.json").read_text())["modules"]["top"]["cells"].values()}
    assert kinds - {"$scopeinfo"} <= set(MODELS) and {"CARRY4", "FDRE"} <= kinds
    d = DELAYS[family]
    assert found.levels == 2 and found.layers[""].deepest.startswith(("a[", "b["))  # a table and a chain
    adder = d.clk_to_q + d.net_delay(1) + d.lut + d.carry_in + 14 * d.carry_bit + d.carry_out
    assert found.worst.delay >= adder + d.setup
