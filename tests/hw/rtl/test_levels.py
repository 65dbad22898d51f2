"""Logic between registers: what Yosys leaves of each operator stays within the levels that its clock allows."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.hw import random_ops as ro
from xnorsr.hw.ops import operators
from xnorsr.hw.ops.base import Op
from xnorsr.hw.resources.clock import MOST
from xnorsr.hw.resources.synth import UNROLL_LIMIT
from xnorsr.hw.resources.timing import worst_paths
from xnorsr.hw.resources.yosys import run_script
from xnorsr.hw.rtl.emit import library_folders
from xnorsr.sim.benches.cases import STREAM_PORTS, Case, Stream
from xnorsr.sim.benches.op_cases import case_of, write_bench

pytestmark = pytest.mark.eda

SEED = 5
SEARCH = [word for folder in library_folders() for word in ("-y", str(folder))]


def _operators(rng: np.random.Generator) -> dict[str, Op]:
    """Operators whose stages follow from the levels, at those of slow and of faster clocks."""
    ops: dict[str, Op] = {}
    for levels in (3, 4):
        made: dict[str, Op] = {
            f"affine{pe}": ro.make_affine(rng, ro.random_stream(rng, channels=6), pe=pe) for pe in (0, 2, 1)
        }
        made |= {f"threshold{n}": ro.make_threshold(rng, ro.random_stream(rng, channels=2), n) for n in (1, 15, 60)}
        made |= {f"add{divisor}": ro.make_add(rng, divisor) for divisor in (1, 9)}
        ops |= {f"{name}_{levels}": op.replace(logic_levels=levels) for name, op in made.items()}
    ops["bilinear3_4"] = ro.make_resize(rng, 3, "bilinear")
    ops["shuffle3_4"] = ro.make_shuffle(rng, 3, "CRD")
    return ops


def _movers() -> dict[str, Case]:
    """What stands between layers: three levels do, whatever the depth."""
    sizes = [(1, 0), (2, 0), (40, 0), (300, 1)]
    return {
        f"fifo{depth}": Case(
            f"fifo{depth}", "xnorsr_fifo", {"Bits": 20, "Depth": depth, "Style": style}, STREAM_PORTS,
            [Stream(20, [[0]])], [Stream(20, [[0]])],
        )
        for depth, style in sizes
    }  # fmt: skip


def test_copies_of_an_enable_stay_apart(tmp_path: Path) -> None:
    """Yosys would make one register of equal ones: each copy has its own, and a part of the pins."""
    source = tmp_path / "top.sv"
    source.write_text(
        "module top (input logic clk_i, rst_ni, next_i, input logic [95:0] x_i, output logic [95:0] y_o);\n"
        "  logic [2:0] en;\n"
        "  xnorsr_copies #(.Copies(3)) u_copies (.clk_i, .rst_ni, .next_i({3{next_i}}), .copy_o(en));\n"
        "  for (genvar n = 0; n < 96; n++) begin : gen_y\n"
        "    always_ff @(posedge clk_i) if (en[n/32]) y_o[n] <= x_i[n];\n"
        "  end\nendmodule\n"
    )
    run_script(
        [
            f"read_slang --top top {' '.join(SEARCH)} --libext .sv --keep-hierarchy {source.name}",
            "synth_xilinx -family xcup -top top -flatten -noiopad -noclkbuf",
            "write_json mapped.json",
        ],
        tmp_path,
        "map",
        timeout=600,
    )
    found = worst_paths(tmp_path / "mapped.json", "xcup", "top").layers[""].worst  # into the registers that are enabled
    assert "copy_q" in found.start and found.fan_out == 32


def _deeper(tmp_path: Path, ops: dict[str, Op], movers: dict[str, Case], rng: np.random.Generator) -> dict[str, str]:
    """Operators, each by its own levels, and modules, by three, with a stage that is deeper: where it is."""
    cases = [*(case_of(name, op, rng, frames=1) for name, op in ops.items()), *movers.values()]
    source = write_bench(cases, tmp_path / "bench", ops=ops)
    run_script(
        [
            f"read_slang --top bench_top {' '.join(SEARCH)} --libext .sv --keep-hierarchy --unroll-limit {UNROLL_LIMIT}"
            f" -D SYNTHESIS {source.name}",
            "hierarchy -check -top bench_top",
            "setattr -mod -set keep_hierarchy 1 *xnorsr_layer_* *xnorsr_fifo$bench_top.*",
            "synth_xilinx -family xcup -top bench_top -flatten -noiopad -noclkbuf",
            "write_json mapped.json",
        ],
        source.parent,
        "map",
        timeout=600,
    )
    found = worst_paths(source.parent / "mapped.json", "xcup")
    allowed = {f"u{n}": (name, ops[name].logic_levels) for n, name in enumerate(ops)}
    allowed |= {f"u{len(ops) + n}": (name, 3) for n, name in enumerate(movers)}
    instances = {layer.split(".")[0]: one for layer, one in found.layers.items() if layer}
    wires = {f"u{n}" for n, op in enumerate(ops.values()) if not op.timing("rtl").latency}
    assert instances.keys() | wires == allowed.keys(), "every one but wires has registers, or paths through it"
    return {
        name: f"{instances[key].beside_chain} levels, {levels} allowed: {instances[key].deepest}"
        for key, (name, levels) in allowed.items()
        if key in instances and instances[key].beside_chain > levels
    }


def test_no_stage_above_its_levels(tmp_path: Path) -> None:
    print(f"seed {SEED}")
    rng = np.random.default_rng(SEED)
    assert not _deeper(tmp_path, _operators(rng), _movers(), rng)


@pytest.mark.parametrize(("chain", "bits"), [(1, 1), (4, 6)])
def test_memories_of_weights_are_filled_word_by_word(chain: int, bits: int, tmp_path: Path) -> None:
    """Yosys keeps each assignment as a cell as wide as the memory: one for each weight were gigabytes."""
    names = {"Elements": 36, "Outputs": 8, "Pe": 2, "Simd": 9, "Chain": chain, "Paired": 0, "WeightBits": bits}
    names |= {"StoreBits": bits, "FoldBits": 4, "Twice": 0, "Weights": 0}
    given = " ".join(f"-G {name}={value}" for name, value in names.items())
    source = next(path for folder in library_folders() if (path := folder / "xnorsr_weights.sv").is_file())
    commands = [f"read_slang --top xnorsr_weights {' '.join(SEARCH)} --libext .sv {given} {source}"]
    run_script([*commands, "write_json read.json"], tmp_path, "read", timeout=60)
    (module,) = json.loads((tmp_path / "read.json").read_text())["modules"].values()
    kinds = [cell["type"] for cell in module["cells"].values()]
    assert kinds.count("$meminit_v2") == 16 * chain, "a word per fold and place"


@pytest.mark.slow
def test_weights_of_many_words_hold_their_levels(tmp_path: Path) -> None:
    """Memories of more words than a look-up table has; random cases have few folds."""
    print(f"seed {SEED}")
    rng = np.random.default_rng(SEED)
    binary = ro.make_conv(rng, ro.bipolar_stream(rng, 12, (6, 7)), 8, 3, binary=True, pe=1, simd=2)
    fixed = ro.make_conv(rng, ro.random_stream(rng, 8, 3, (6, 7)), 8, 3, binary=False, pe=1, simd=1)
    assert (binary.folds, fixed.folds) == (432, 216)
    ops = {name: op.replace(logic_levels=MOST) for name, op in (("binary", binary), ("fixed", fixed))}
    assert not _deeper(tmp_path, ops, {}, rng)


def _random(names: list[str], count: int) -> tuple[dict[str, Op], np.random.Generator]:
    """Random cases of operators as 250 MHz on UltraScale+ and 150 MHz on Artix-7 ask for."""
    print(f"seed {SEED}")
    rng = np.random.default_rng(SEED)
    made = {f"{name.lower()}{n}": operators()[name].op.random(rng) for name in names for n in range(count)}
    return {name: op.replace(logic_levels=MOST) for name, op in made.items()}, rng


@pytest.mark.slow
@pytest.mark.parametrize("third", range(3))
def test_every_operator_holds_its_levels(third: int, tmp_path: Path) -> None:
    """A random case of each that is registered."""
    ops, rng = _random(list(operators())[third::3], 1)
    assert not _deeper(tmp_path, ops, {}, rng)


@pytest.mark.slow
@pytest.mark.exhaustive
@pytest.mark.parametrize("name", list(operators()))
def test_random_operators_hold_their_levels(name: str, tmp_path: Path) -> None:
    ops, rng = _random([name], 12)
    assert not _deeper(tmp_path, ops, {}, rng)
