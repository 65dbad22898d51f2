"""Registers in popcount structures: no stage above the limit, and every structure right for every input where few."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from xnorsr.hw.resources.timing import worst_paths
from xnorsr.hw.resources.yosys import run_script
from xnorsr.hw.rtl import popcount
from xnorsr.hw.rtl.popcount_stages import assign

SIMD = [1, 3, 9, 16, 27, 36, 50, 72, 144, 288, 576]
BUDGETS = [2, 3, 4]
LIBRARY = Path(popcount.__file__).parent / "lib"


def matrices(inputs: int) -> list[np.ndarray]:
    """Weights at random, nearly all -1, all -1 and all +1: data inputs for all bits, for few and for none."""
    rng = np.random.default_rng(inputs)
    rows = 1 if inputs > 200 else 5
    few = (rng.random((rows, inputs)) < 0.1).astype(np.int64)
    return [rng.integers(0, 2, (rows, inputs)), few, 0 * few, 0 * few + 1]


@pytest.mark.slow
@pytest.mark.parametrize("levels", BUDGETS)
@pytest.mark.parametrize("inputs", SIMD)
def test_no_stage_is_above_the_limit(inputs: int, levels: int) -> None:
    made = assign(popcount.build_variable(inputs, 1), levels)
    assert made.worst[0] <= levels and made.worst[1] <= 1
    assert made.count <= popcount.variable_stages(inputs) <= 2 * inputs.bit_length()
    for weights in matrices(inputs):
        most = popcount.constant_stages(inputs, len(weights))
        made = assign(popcount.build(weights, "auto", most), levels, popcount.ENTRY)
        assert made.worst[0] <= levels and made.worst[1] <= 1
        assert made.count <= most <= 2 * inputs.bit_length() + 2


@pytest.mark.parametrize("inputs", range(1, 11))
def test_constant_structures_for_every_input(inputs: int) -> None:
    """All vectors of up to ten inputs, the ends of the range among them: a proof for these sizes."""
    x = np.arange(1 << inputs)[:, None] >> np.arange(inputs) & 1
    for weights in matrices(inputs):
        counted = popcount.build(weights).evaluate(x)
        np.testing.assert_array_equal(counted, (x[:, None, :] == weights[None]).sum(axis=2))
        alike = popcount.build(weights, "alike").evaluate(x)
        np.testing.assert_array_equal(alike, counted)


@pytest.mark.parametrize("inputs", range(1, 8))
def test_variable_structures_for_every_input(inputs: int) -> None:
    bits = np.arange(1 << 2 * inputs)[:, None] >> np.arange(2 * inputs) & 1
    counted = popcount.build_variable(inputs, 1).evaluate(bits)[:, 0]
    np.testing.assert_array_equal(counted, (bits[:, :inputs] == bits[:, inputs:]).sum(axis=1))


@pytest.mark.slow
@pytest.mark.parametrize("inputs", [100, 288, 576, 2304])
def test_variable_structures_at_the_ends_of_the_range(inputs: int) -> None:
    """Counts 0, 1, N - 1 and N, and runs of matches of every length."""
    w = np.random.default_rng(inputs).integers(0, 2, (inputs + 1, inputs))
    same = (np.arange(inputs)[None, :] < np.arange(inputs + 1)[:, None]).astype(np.int64)
    counted = popcount.build_variable(inputs, 1).evaluate(np.hstack([1 - (w ^ same), w]))[:, 0]
    np.testing.assert_array_equal(counted, np.arange(inputs + 1))


def _beside_chain(text: str, folder: Path) -> int:
    """LUT levels beside one carry chain of the worst path of module `popcount`, mapped for xcup."""
    (folder / "popcount.sv").write_text(text)
    run_script(
        [
            f"read_slang --top popcount --keep-hierarchy -D SYNTHESIS {LIBRARY}/xnorsr_match3.sv popcount.sv",
            "synth_xilinx -family xcup -top popcount -flatten -noiopad -noclkbuf",
            "write_json popcount.json",
        ],
        folder,
        "map",
        timeout=300,
    )
    return max(layer.beside_chain for layer in worst_paths(folder / "popcount.json", "xcup").layers.values())


@pytest.mark.eda
def test_mapped_stages(tmp_path: Path) -> None:
    """What Yosys makes of a structure with registers keeps the limit; the same without registers does not."""
    stages = popcount.variable_stages(72)
    assert _beside_chain(popcount.generate_variable(72, 1, "popcount", pipeline=stages), tmp_path) <= popcount.LEVELS
    assert _beside_chain(popcount.generate_variable(72, 1, "popcount"), tmp_path) > 4
    weights = np.random.default_rng(1).integers(0, 2, (4, 36))
    text = popcount.generate(weights, "popcount", pipeline=popcount.constant_stages(36, 4))
    assert _beside_chain(text, tmp_path) <= popcount.LEVELS
