"""Fixed-point units on mapped netlists: DSP slices as the account has them, and no stage above the budget."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from tests.hw import random_ops as ro
from xnorsr.hw.ops.conv import Conv
from xnorsr.hw.ops.conv.products import choose
from xnorsr.hw.resources.mapping import commands
from xnorsr.hw.resources.timing import worst_paths
from xnorsr.hw.resources.yosys import run_script
from xnorsr.hw.rtl.emit import layer_text, library_folders
from xnorsr.hw.types import StreamType


def _conv(bits: int, signed: bool, ends: tuple[int, int], outputs: int, pe: int, simd: int, width: int) -> Conv:
    """A convolution of one tap and 16 channels with weights at both ends of their range."""
    kind = StreamType(4, 4, 16, bits, signed, 0)
    op = ro.make_conv(np.random.default_rng(6), kind, outputs, 1, binary=False, pe=pe, simd=simd, ends=ends)
    return op.replace(dsp_width=width)


@pytest.mark.parametrize(
    ("bits", "signed", "ends", "width", "shift", "chain"),
    [
        (9, True, (-127, 127), 27, 19, 8),  # a tail of 9 bits: two products per slice, eight slices in a chain
        (9, True, (-128, 127), 27, 18, 3),
        (9, True, (-127, 127), 25, 17, 2),
        (9, True, (-128, 127), 25, 0, 8),  # 256 * 128 does not fit below 2**15
        (8, True, (-128, 127), 25, 16, 1),
        (14, True, (-128, 127), 27, 0, 8),
        (6, False, (-32, 31), 27, 0, 0),  # narrow products need no slice
        (24, True, (-(1 << 19), (1 << 19) - 1), 27, 0, 0),  # and no slice takes these
    ],
)
def test_choice(bits: int, signed: bool, ends: tuple[int, int], width: int, shift: int, chain: int) -> None:
    """The longest chain whose low sum stays below the high one; never a wide factor that the slice does not take."""
    op = _conv(bits, signed, ends, 4, 2, 8, width)
    made = choose(op)
    assert (made.shift, made.chain) == (shift, chain)
    if shift:
        largest = -op.input.lo * -ends[0]
        assert chain * largest < 1 << (shift - 1)
        assert chain == min(8, op.simd) or (chain + 1) * largest >= 1 << (shift - 1)
        assert all(-(1 << (width - 1)) <= (w << shift) + v < 1 << (width - 1) for w in ends for v in ends)
        assert op.cost().dsp == op.simd == op.replace(pe=1).cost().dsp


@pytest.mark.parametrize("shift", [4, 5, 6])
def test_two_products_in_one_are_exact(shift: int) -> None:
    """All sums of a chain that the rule allows, for weights of 3 bits, as `xnorsr_dot` splits them."""
    top = (1 << (shift - 1)) - 1
    for low in range(-top, top + 1):
        for high in range(-top, top + 1):
            both = (high << shift) + low
            assert ((both & ((1 << shift) - 1)) ^ (1 << (shift - 1))) - (1 << (shift - 1)) == low
            assert (both >> shift) + (both >> (shift - 1) & 1) == high
    for one in range(-4, 4):  # how the weights are stored
        for other in range(-4, 4):
            assert ((one - (other < 0)) << shift) + (other % (1 << shift)) == (one << shift) + other


@pytest.mark.eda
@pytest.mark.parametrize(("family", "width"), [("xc7", 25), ("xcup", 27)])
def test_mapped_units(family: str, width: int, tmp_path: Path) -> None:
    """Pairs and a single output, folded and unrolled, and products in look-up tables."""
    ops = [
        _conv(9, True, (-127, 127), 6, 3, 8, width),
        _conv(9, True, (-127, 127), 3, 3, 16, width),
        _conv(6, False, (-32, 31), 2, 1, 4, width),
    ]
    layers = [op.module(f"unit{n}", n) for n, op in enumerate(ops)]
    inputs = [op.input.word_bits for op in ops]
    outputs = [op.output.word_bits for op in ops]
    ports = "".join(
        f",\n  input logic [{a - 1}:0] a{n}, output logic [{b - 1}:0] b{n}, input logic [1:0] i{n}, "
        f"output logic [1:0] o{n}"
        for n, (a, b) in enumerate(zip(inputs, outputs, strict=True))
    )
    units = "".join(
        f"  {layer.module} u_{n} (.clk_i, .rst_ni, .data_i(a{n}), .valid_i(i{n}[0]), .ready_o(o{n}[0]), "
        f".data_o(b{n}), .valid_o(o{n}[1]), .ready_i(i{n}[1]));\n"
        for n, layer in enumerate(layers)
    )
    top = f"module top (input logic clk_i, rst_ni{ports});\n{units}endmodule\n"
    (tmp_path / "top.sv").write_text("".join(layer_text(layer) for layer in layers) + top)
    search = " ".join(f"-y {folder}" for folder in library_folders())
    run_script(
        [
            f"read_slang --top top {search} --libext .sv top.sv",
            *commands(family, "top", tmp_path),
            "tee -q -o stat.json stat -json",
            "write_json net.json",
        ],
        tmp_path,
        "run",
        timeout=300,
    )
    cells = json.loads((tmp_path / "stat.json").read_text())["modules"]["\\top"]["num_cells_by_type"]
    slices = {"xc7": "DSP48E1", "xcup": "DSP48E2"}[family]
    assert cells[slices] == sum(choose(op).slices for op in ops) == sum(op.cost().dsp for op in ops)
    assert worst_paths(tmp_path / "net.json", family).beside_chain <= min(op.logic_levels for op in ops)
    for cell in json.loads((tmp_path / "net.json").read_text())["modules"]["top"]["cells"].values():
        if cell["type"] == slices:  # products and sums are registered in it
            assert {int(cell["parameters"][name], 2) for name in ("MREG", "PREG")} == {1}


UNIT = """module unit (
  input logic clk_i, en_i, input logic [6:0][4:0] x_i, input logic [6:0][13:0] w_i,
  output logic [1:0][15:0] y_o, output logic [1:0] carry_o
);
  xnorsr_dot #(.Inputs(7), .XBits(5), .WBits(14), .Shift(10), .Chain(3), .SumBits(9), .Sign(0), .OutBits(16)) u (.*);
endmodule
"""


@pytest.mark.eda
def test_mapped_slices_compute_the_same(tmp_path: Path) -> None:
    """Two dot products in chains of DSP48E2, as written and as Yosys maps them, with a model of the slice."""
    (tmp_path / "unit.sv").write_text(UNIT)
    for name in ("dsp48e2.v", "bench.sv"):
        (tmp_path / f"model_{name}").write_text((Path(__file__).parent / "mapped" / name).read_text())
    read = f"read_slang --top unit {' '.join(f'-y {folder}' for folder in library_folders())} --libext .sv unit.sv"
    log = run_script(
        [
            *(
                read,
                *commands("xcup", "unit", tmp_path),
                "stat",
                "rename unit gate",
                "write_verilog -noexpr -noattr gate.v",
            ),
            *("design -reset", read, "proc", "flatten", "read_verilog +/xilinx/cells_sim.v"),
            *("read_verilog model_dsp48e2.v gate.v", "read_verilog -sv model_bench.sv", "hierarchy -check -top tb"),
            *("proc", "flatten", "opt_clean", "memory", "sim -clock clk_i -n 900 -q -w -vcd run.vcd tb"),
        ],
        tmp_path,
        "run",
        timeout=300,
    )
    assert re.search(r"^ +7 +DSP48E2$", log.read_text(), re.MULTILINE)
    text = (tmp_path / "run.vcd").read_text()
    signal = {m[2]: re.escape(m[1]) for m in re.finditer(r"\$var \w+ \d+ (\S+) (bad_o|seen_o)\b", text)}
    assert re.findall(rf"^b([01xz]) {signal['bad_o']}$", text, re.MULTILINE) == ["0"]
    assert len(set(re.findall(rf"^b([01]+) {signal['seen_o']}$", text, re.MULTILINE))) > 500
