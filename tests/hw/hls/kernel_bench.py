"""Single kernels behind a C interface: many operators in one library, so that compiling stays cheap."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path

import numpy as np

from xnorsr.hw.hls.kernel import Kernel
from xnorsr.hw.hls.text import SHARED, ap_types, shape_text
from xnorsr.hw.ops.base import Op
from xnorsr.hw.ops.registry import header_folders
from xnorsr.hw.types import StreamType

ENTRY = """
{roms}
struct {name}_shape {{
{shape}
}};
struct {name}_cfg : {name}_shape {{
    typedef {name}_shape shape;
}};
extern "C" int run_{name}(const int64_t *const *in, int64_t *const *out, int frames) {{
{declare}
    for (int n = 0; n < frames; n++)
        xnorsr::{function}<{name}_cfg>({arguments});
    return {status};
}}
"""

PRELUDE = """
template <class P> void feed(const int64_t *codes, int pixels, hls::stream<typename P::word> &stream) {
    for (int t = 0; t < pixels; t++)
        stream.write(xnorsr::pack<P>(codes + t * P::C));
}
template <class P> int drain(int64_t *codes, int pixels, hls::stream<typename P::word> &stream) {
    if (stream.size() != (size_t)pixels)
        return 1;
    for (int t = 0; t < pixels; t++)
        xnorsr::unpack<P>(stream.read(), codes + t * P::C);
    return 0;
}
"""


def pixels(kind: StreamType) -> str:
    """C++ type of a stream whose bipolar codes stay codes."""
    return f"xnorsr::Pixels<{kind.channels}, {kind.bits}, {str(kind.signed).lower()}>"


def _entry(name: str, op: Op, what: Kernel) -> str:
    declare, status = [], []
    for n, kind in enumerate(op.inputs):
        p = pixels(kind)
        declare.append(f"    hls::stream<{p}::word> in_{n};")
        declare.append(f"    feed<{p}>(in[{n}], frames * {kind.pixels}, in_{n});")
    for n, kind in enumerate(op.outputs):
        declare.append(f"    hls::stream<{pixels(kind)}::word> out_{n};")
        status.append(f"drain<{pixels(kind)}>(out[{n}], frames * {kind.pixels}, out_{n})")
    ins, outs = [f"in_{n}" for n in range(len(op.inputs))], [f"out_{n}" for n in range(len(op.outputs))]
    return ENTRY.format(
        name=name,
        roms="\n".join(rom.declaration(name) for rom in what.roms),
        shape=shape_text(what),
        declare="\n".join(declare),
        function=what.function,
        arguments=", ".join([*ins, *outs, *(f"{name}_{rom.name}" for rom in what.roms)]),
        status=" || ".join([*status, *(f"!{s}.empty()" for s in ins)]),
    )


class KernelBench:
    """Compiled kernels of named operators.

    Args:
        bit_true: the code that is synthesized instead of its fast form.
    """

    def __init__(self, ops: dict[str, Op], folder: Path, bit_true: bool) -> None:
        self.ops = ops
        made = {name: op.kernel(name) for name, op in ops.items()}
        headers = sorted({k.header for k in made.values()})
        text = "".join(f'#include "{h}"\n' for h in headers) + PRELUDE
        text += "".join(_entry(name, op, made[name]) for name, op in ops.items())
        source, library = folder / "bench.cpp", folder / "bench.so"
        source.write_text(text)
        flags = "-std=c++14 -fPIC -shared -fwrapv -fno-gnu-unique"
        flags += " -O0 -DXNORSR_BIT_TRUE" if bit_true else " -O1 -DXNORSR_OPEN_AP_TYPES -march=native"
        includes = ["-isystem", str(ap_types()), *(f"-I{folder}" for folder in (SHARED, *header_folders()))]
        done = subprocess.run(
            ["g++", *flags.split(), *includes, str(source), "-o", str(library)], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr[:4000]
        self._library = ctypes.CDLL(str(library))

    def run(self, name: str, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        """Output codes, each (H, W, C), of one operator for the codes of its inputs."""
        return tuple(out[0] for out in self.run_in_a_row(name, *(x[None] for x in inputs)))

    def run_in_a_row(self, name: str, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        """Output codes, each (N, H, W, C), of N frames, all of them in the streams when the kernel is first called."""
        op, count = self.ops[name], len(inputs[0])
        arrays = [np.ascontiguousarray(x, np.int64) for x in inputs]
        outs = [np.empty((count, *kind.shape), np.int64) for kind in op.outputs]

        def pointers(frames: list[np.ndarray]) -> ctypes.Array[ctypes.c_void_p]:
            return (ctypes.c_void_p * len(frames))(*(a.ctypes.data for a in frames))

        status = self._library[f"run_{name}"](pointers(arrays), pointers(outs), count)
        assert status == 0, f"{name}: streams do not end empty"
        return tuple(outs)


def frames(op: Op, rng: np.random.Generator) -> list[list[np.ndarray]]:
    """Input frames for an operator: random, all least, all greatest, checkerboard of both, random ends of the range."""

    made = [[rng.integers(k.lo, k.hi + 1, k.shape) for k in op.inputs] for _ in range(2)]
    made.append([np.full(k.shape, k.lo) for k in op.inputs])
    made.append([np.full(k.shape, k.hi) for k in op.inputs])
    made.append([np.where(np.indices(k.shape).sum(0) % 2, k.hi, k.lo) for k in op.inputs])
    made.append([rng.choice([k.lo, k.hi], k.shape) for k in op.inputs])
    return made
