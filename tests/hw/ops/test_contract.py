"""The contract of every registered operator, with random parameters and foldings.

Golden = HLS in its fast form = HLS as it is synthesized = HLS with streams of the computed depths = RTL with pauses;
the beats leave in exactly the cycles that the schedule says; lint is clean; a FIFO of the depth that the operator's
holdings ask for never stops it and is never too small.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.hw.hls.kernel_bench import KernelBench, frames
from tests.hw.ops.claims import FRAMES, SV_LOCKSTEP, claim_case, cpp_claim, skip_depth, sv_wrapper
from xnorsr.hw.hls.text import SHARED, ap_types
from xnorsr.hw.ops import operators
from xnorsr.hw.ops.base import Op
from xnorsr.hw.ops.registry import header_folders
from xnorsr.hw.resources.cost import Cost
from xnorsr.hw.rtl.emit import library_folders
from xnorsr.sim import verilate
from xnorsr.sim.benches.op_cases import case_of, run_cases, write_bench

SEED = 20261124
CASES = 8
BOUNDED = Path(__file__).parents[1] / "hls/bounded"
OPERATORS = pytest.mark.parametrize("name", list(operators()))


def cases(name: str, count: int = CASES) -> dict[str, Op]:
    """Random operators of one kind, for slow and fast clocks, by names that are legal everywhere."""
    seed = SEED + sum(map(ord, name))
    print(f"{name} with seed {seed}")
    rng = np.random.default_rng(seed)
    op = operators()[name].op
    return {f"{name.lower()}{n}": op.random(rng).replace(logic_levels=2 + n % 3) for n in range(count)}


@pytest.mark.slow
@OPERATORS
@pytest.mark.parametrize("bit_true", [False, True], ids=["fast", "bit-true"])
def test_hls_equals_golden(name: str, bit_true: bool, tmp_path: Path) -> None:
    ops = cases(name)
    bench = KernelBench(ops, tmp_path, bit_true)
    rng = np.random.default_rng(SEED)
    for one, op in ops.items():
        given = frames(op, rng)
        # What a kernel keeps from frame to frame it keeps here, too.
        played = op.play([*given, *given])
        truths, again = played[: len(given)], played[len(given) :]
        for n, (inputs, truth) in enumerate(zip(given, truths, strict=True)):
            for found, wanted in zip(bench.run(one, *inputs), truth, strict=True):
                np.testing.assert_array_equal(found, wanted, f"{one}, frame {n}: {op}")
        # Frames that follow each other: a kernel may have taken the next one's first pixels.
        in_a_row = bench.run_in_a_row(one, *(np.stack(x) for x in zip(*given, strict=True)))
        for found, wanted in zip(in_a_row, (np.stack(y) for y in zip(*again, strict=True)), strict=True):
            np.testing.assert_array_equal(found, wanted, f"{one}, frames in a row: {op}")


MAIN = """
int main(int argc, char **argv) {{
    const int which = std::atoi(argv[1]);
    std::vector<std::vector<int64_t>> in, out;
    std::vector<const int64_t *> from;
    std::vector<int64_t *> to;
    for (int n = 2; n < argc; n++) {{
        const size_t count = std::atol(argv[n] + 1);
        auto &frames = argv[n][0] == 'i' ? in : out;
        frames.push_back(std::vector<int64_t>(count));
        for (size_t t = 0; argv[n][0] == 'i' && t < count; t++)
            std::cin >> frames.back()[t];
    }}
    for (auto &frame : in) from.push_back(frame.data());
    for (auto &frame : out) to.push_back(frame.data());
    int (*const runs[])(const int64_t *const *, int64_t *const *) = {{ {runs} }};
    runs[which](from.data(), to.data());
    for (auto &frame : out) for (int64_t code : frame) std::cout << code << ' ';
}}
"""


@pytest.mark.slow
@OPERATORS
def test_hls_with_bounded_streams(name: str, tmp_path: Path) -> None:
    """Kernels as threads; the copy beside the operator has the computed depth, all other streams two words. Three
    frames follow each other, the same one each time.
    """
    ops = cases(name)
    headers = sorted({op.kernel(one).header for one, op in ops.items()})
    text = "#include <iostream>\n#include <vector>\n" + "".join(f'#include "{h}"\n' for h in headers)
    text += "\n".join(cpp_claim(one, op, skip_depth(op, "hls")) for one, op in ops.items())
    text += MAIN.format(runs=", ".join(f"run_{one}" for one in ops))
    (tmp_path / "claims.cpp").write_text(text)
    includes = [f"-I{BOUNDED}", "-isystem", str(ap_types()), *(f"-I{f}" for f in (SHARED, *header_folders()))]
    flags = ["-std=c++14", "-O0", "-pthread", "-DXNORSR_BIT_TRUE"]
    done = subprocess.run(
        ["g++", *flags, *includes, "claims.cpp", "-o", "claims"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[:4000]
    rng = np.random.default_rng(SEED)
    for number, (one, op) in enumerate(ops.items()):
        inputs = frames(op, rng)[0]
        sizes = [f"i{kind.pixels * kind.channels}" for kind in op.inputs]
        sizes += [f"o{kind.pixels * kind.channels}" for kind in op.outputs]
        codes = " ".join(str(code) for frame in inputs for code in frame.ravel().tolist())
        run = subprocess.run(
            [tmp_path / "claims", str(number), *sizes], input=codes, capture_output=True, text=True, timeout=60
        )
        assert run.returncode == 0, f"{one}: {run.stdout[:200]} (3: deadlock, 4: the copy's codes differ)"
        wanted = np.concatenate([out.ravel() for out in op.play([inputs] * FRAMES)[-1]])
        np.testing.assert_array_equal(np.array(run.stdout.split(), np.int64), wanted, one)


@pytest.mark.eda
@OPERATORS
def test_rtl_equals_golden_in_the_cycles_of_the_schedule(name: str, tmp_path: Path) -> None:
    """Bare, and beside a copy of its input in a FIFO of the computed depth: the same cycles."""
    ops = cases(name)
    rng = np.random.default_rng(SEED)
    bench = [case_of(one, op, rng, frames=3) for one, op in ops.items()]
    bench += [claim_case(one, op, rng, frames=3) for one, op in ops.items()]
    text = SV_LOCKSTEP + "".join(sv_wrapper(one, op, skip_depth(op, "rtl")) for one, op in ops.items())
    run_cases(bench, tmp_path / "bench", SEED, ops=ops, text=text)


@pytest.mark.eda
@OPERATORS
def test_lint(name: str, tmp_path: Path) -> None:
    ops = cases(name)
    rng = np.random.default_rng(SEED)
    source = write_bench([case_of(one, op, rng, frames=1) for one, op in ops.items()], tmp_path / "bench", ops=ops)
    folders = [word for folder in library_folders() for word in ("-y", str(folder))]
    verilate.lint("bench_top", [source], args=folders)


@OPERATORS
def test_what_an_operator_says_of_itself(name: str) -> None:
    """Figures that belong together: foldings and their cycles, work and parameters, costs that are none."""
    for one, op in cases(name, 40).items():
        for side in ("hls", "rtl"):
            timing = op.timing(side)  # type: ignore[arg-type]
            assert timing.interval >= 1 and timing.latency >= 0 and timing.spare >= 0
            assert timing.window >= (0 if op.start is None else -op.input.pixels)
            assert timing.busy >= op.input.pixels * timing.interval
            assert timing.busy >= max(op.beats_out) or side == "hls"
        space = op.fold_space()
        if space is not None:
            assert space.now.pe in space.pe and space.now.simd in space.simd
            assert op.folded(space.now).timing("rtl") == op.timing("rtl")
            whole = op.folded(type(space.now)(space.pe[-1], space.simd[-1]))
            assert whole.timing("rtl").interval <= op.timing("rtl").interval
        cost, params, work = op.cost(), op.parameters(), op.work()
        assert isinstance(cost, Cost) and min(cost.lut, cost.ff, cost.bram36, cost.dsp) >= 0
        assert (params.bits > 0) == (params.binary + params.fixed + params.per_channel > 0)
        assert work.binary >= 0 and work.fixed >= 0 and (work.planes > 0) == (work.binary > 0)
        assert op.describe().isprintable() and op.sort, one
        assert op.pixels_per_beat in op.legal_pixels_per_beat()
