"""Pipelined loops survive an LLVM front end: the code that is synthesized, through clang -O1.

Vitis HLS is built on clang. A PIPELINE pragma is metadata of the loop it stands in, and where an optimization removes
that loop, say one that runs once, the pragma is gone without a word. Here PIPELINE becomes metadata that clang knows,
and each kernel's one loop must still be there afterwards, with its metadata and its number of steps.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.hw import random_ops as ro
from xnorsr.hw.hls.text import SHARED, ap_types, shape_text
from xnorsr.hw.ops.affine import Affine
from xnorsr.hw.ops.base import Op
from xnorsr.hw.ops.conv import Conv
from xnorsr.hw.ops.pixel_shuffle import PixelShuffle
from xnorsr.hw.ops.registry import header_folders
from xnorsr.hw.ops.resize import ResizePhases
from xnorsr.hw.types import StreamType

SEED = 20261125

# Nothing is known of a stream's other end, as in hardware.
STREAM = """#pragma once
namespace hls {
template <class T> class stream {
  public:
    T read();
    void write(const T &);
    bool empty() const;
};
}
"""
# In the kernels the pragma stands first in the loop's body; clang's stands in front of the loop.
PIPELINE = re.compile(r"^(\s*)(for \(.*\) \{)\n\s*XNORSR_PRAGMA\(HLS PIPELINE II=(\d+) style=flp\)$", re.MULTILINE)
ENTRY = """
{roms}
struct {name}_shape {{
{shape}
}};
struct {name}_cfg : {name}_shape {{
    typedef {name}_shape shape;
}};
void run_{name}({declare}) {{
    xnorsr::{function}<{name}_cfg>({arguments});
}}
"""


def clang() -> list[str]:
    """A clang: that of the package ziglang, which the extra `dev` installs, or one on PATH."""
    if importlib.util.find_spec("ziglang") is not None:
        return [sys.executable, "-m", "ziglang", "c++"]
    found = shutil.which("clang++")
    assert found, "no clang: install the package ziglang (in the extra dev), or put clang++ on PATH"
    return [found]


def loops(source: Path) -> dict[str, list[int]]:
    """For each function of a C++ file, the numbers that its pipelined loops count to, after clang -O1."""
    folders = [source.parent, ap_types()]
    command = [*clang(), "-std=c++14", "-O1", "-w", "-S", "-emit-llvm", "-DXNORSR_BIT_TRUE", "-DXNORSR_PRAGMA(text)="]
    # Two headers of the types declare std::complex, which this clang's library has elsewhere.
    command += ["-D__AP_INT_SPECIAL_H__", "-D__AP_FIXED_SPECIAL_H__"]
    made = source.with_suffix(".ll")
    done = subprocess.run(
        [*command, *(f"-I{folder}" for folder in folders), str(source), "-o", str(made)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[:4000]
    text = made.read_text()
    intervals = set(re.findall(r'^(!\d+) = !\{!"llvm.loop.pipeline.initiationinterval", i32 1\}', text, re.MULTILINE))
    nodes = dict(re.findall(r"^(!\d+) = distinct !\{(!.*)\}$", text, re.MULTILINE))
    pipelined = {node for node, parts in nodes.items() if intervals & set(parts.split(", "))}
    found = {}
    for name, body in re.findall(r"^define .*?@([\w.]+)\(.*?\{\n(.*?)^\}", text, re.MULTILINE | re.DOTALL):
        ends = []
        for condition, node in re.findall(r"br i1 (%[\w.]+), .*!llvm.loop (!\d+)", body):
            if node in pipelined:
                bound = re.search(rf"{re.escape(condition)} = icmp (?:samesign )?\w+ i\d+ %[\w.]+, (\d+)", body)
                assert bound, f"{name}: the loop that ends with {condition} has no constant end"
                ends.append(int(bound[1]))
        if ends:
            found[name] = ends
    return found


def _source(ops: dict[str, Op], folder: Path) -> Path:
    """A C++ file with one function for each kernel, and headers with clang's pragmas."""
    for place in (SHARED, *header_folders()):
        for header in place.glob("*.h"):
            text = header.read_text()
            made, count = PIPELINE.subn(r'\1_Pragma("clang loop pipeline_initiation_interval(\3)")\n\1\2', text)
            assert count == text.count("HLS PIPELINE"), f"{header}: a pipelined loop is written in another way"
            (folder / header.name).write_text(made)
    (folder / "hls_stream.h").write_text(STREAM)
    kernels = {name: op.kernel(name) for name, op in ops.items()}
    text = "".join(f'#include "{header}"\n' for header in sorted({k.header for k in kernels.values()}))
    for name, op in ops.items():
        what = kernels[name]
        kinds = {f"in_{n}": k for n, k in enumerate(op.inputs)} | {f"out_{n}": k for n, k in enumerate(op.outputs)}
        words = {
            stream: f"xnorsr::Pixels<{k.channels}, {k.bits}, {str(k.signed).lower()}>" for stream, k in kinds.items()
        }
        text += ENTRY.format(
            roms="\n".join(rom.declaration(name) for rom in what.roms),
            name=name,
            shape=shape_text(what),
            declare=", ".join(f"hls::stream<{kind}::word> &{stream}" for stream, kind in words.items()),
            function=what.function,
            arguments=", ".join([*kinds, *(f"{name}_{rom.name}" for rom in what.roms)]),
        )
    (folder / "kernels.cpp").write_text(text)
    return folder / "kernels.cpp"


def _steps(op: Op) -> int:
    """Steps of a kernel's loop, at most: what it takes before its first output, and then so many for each."""
    pixels = op.input.pixels
    if isinstance(op, Conv):
        return op.lookahead + pixels * op.folds
    if isinstance(op, Affine):
        return pixels * op.folds
    if isinstance(op, PixelShuffle):
        return (op.input.height + 1) * op.input.width * op.factor**2
    return pixels + (op.lookahead if isinstance(op, ResizePhases) else 0)


def _ops() -> dict[str, Op]:
    rng = np.random.default_rng(SEED)
    ops: dict[str, Op] = {}

    def conv(name: str, kind: StreamType, outputs: int, kernel: int, binary: bool, *folds: tuple[int, int]) -> None:
        for pe, simd in folds:
            made = ro.make_conv(rng, kind, outputs, kernel, binary=binary, pe=pe, simd=simd)
            ops[f"{name}_{pe}_{simd}"] = made

    def few(channels: int, bits: int) -> StreamType:
        return StreamType(6, 8, channels, bits, False, 0)

    # Everything in one cycle, SF = 1, NF = 1, and both folded, on lines shorter than 64; kernels of one tap as well.
    folds = ((4, 36), (1, 36), (4, 1), (2, 12))
    conv("xnor", ro.bipolar_stream(rng, 4, (6, 8)), 4, 3, True, *folds)
    conv("planes", few(4, 2), 4, 3, True, *folds)
    conv("mac", few(4, 5), 4, 3, False, *folds)
    conv("tap", ro.bipolar_stream(rng, 4, (6, 8)), 4, 1, True, (4, 4), (1, 1))
    # The demo's layers at its folding.
    conv("head", StreamType(256, 256, 3, 8, False, 8), 32, 3, False, (8, 27))
    conv("body", ro.bipolar_stream(rng, 32, (256, 256)), 32, 3, True, (8, 288))
    conv("tail", StreamType(256, 256, 32, 9, True, 7), 12, 3, False, (3, 288))
    for pe in (4, 2, 1):
        ops[f"affine_{pe}"] = ro.make_affine(rng, few(4, 7), pe=pe)
    ops["threshold"] = ro.make_threshold(rng, few(4, 7), 1)
    ops["add"] = ro.make_add(rng, 1)
    ops["shuffle"] = ro.make_shuffle(rng, 2, "CRD")
    ops["nearest"], ops["bilinear"] = ro.make_resize(rng, 2, "nearest"), ro.make_resize(rng, 2, "bilinear")
    return ops


@pytest.mark.eda
def test_pipelined_loops_are_still_there(tmp_path: Path) -> None:
    ops = _ops()
    found = loops(_source(ops, tmp_path))
    assert len(found) == len(ops), f"{len(ops)} kernels, pipelined loops in {sorted(found)}"
    for name, op in ops.items():
        (ends,) = [ends for function, ends in found.items() if f"{name}_cfg" in function or f"run_{name}P" in function
                   or f"run_{name}R" in function]  # fmt: skip
        assert ends == [_steps(op)], f"{name}: {op}"


@pytest.mark.eda
def test_a_loop_that_runs_once_loses_its_pragma(tmp_path: Path) -> None:
    # What the test above would miss if clang kept every loop: nested loops whose innermost runs once.
    (tmp_path / "nested.cpp").write_text("""
        void step(int);
        template <int SF> void nested() {
            for (int t = 0; t < 1000; t++)
                _Pragma("clang loop pipeline_initiation_interval(1)")
                for (int sf = 0; sf < SF; sf++)
                    step(t + sf);
        }
        void folded() { nested<90>(); }
        void unfolded() { nested<1>(); }
    """)
    found = loops(tmp_path / "nested.cpp")
    assert [name for name in found if "unfolded" in name or "nestedILi1E" in name] == []
    assert [ends for name, ends in found.items()] and all(ends == [90] for ends in found.values())
