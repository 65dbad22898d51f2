"""Single kernels behind a C interface: many operators in one library, so that compiling stays cheap."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path

import numpy as np

from xnorsr.hw.graph.ops import Op
from xnorsr.hw.hls.kernels import Kernel, kernel
from xnorsr.hw.hls.writer import AP_TYPES, TEMPLATES, shape_text
from xnorsr.hw.types import StreamType

ENTRY = """
{roms}
struct {name}_shape {{
{shape}
}};
struct {name}_cfg : {name}_shape {{
    typedef {name}_shape shape;
}};
extern "C" int run_{name}(const int64_t *const *in, int64_t *out) {{
{declare}
    xnorsr::{function}<{name}_cfg>({arguments});
    return drain<{out}>(out, {out_pixels}, stream_out) {leftover};
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


def _pixels(kind: StreamType) -> str:
    return f"xnorsr::Pixels<{kind.channels}, {kind.bits}, {str(kind.signed).lower()}>"


def _entry(name: str, op: Op, what: Kernel) -> str:
    declare = []
    for n, kind in enumerate(op.inputs):
        p = _pixels(kind)
        declare.append(f"    hls::stream<{p}::word> stream_{n};")
        declare.append(f"    feed<{p}>(in[{n}], {kind.height * kind.width}, stream_{n});")
    declare.append(f"    hls::stream<{_pixels(op.output)}::word> stream_out;")
    streams = [f"stream_{n}" for n in range(len(op.inputs))]
    return ENTRY.format(
        name=name,
        roms="\n".join(rom.declaration(name) for rom in what.roms),
        shape=shape_text(what),
        declare="\n".join(declare),
        function=what.function,
        arguments=", ".join([*streams, "stream_out", *(f"{name}_{rom.name}" for rom in what.roms)]),
        out=_pixels(op.output),
        out_pixels=op.output.height * op.output.width,
        leftover="".join(f"|| !{s}.empty()" for s in streams),
    )


class KernelBench:
    """Compiled kernels of named operators.

    Args:
        bit_true: the code that is synthesized instead of its fast form.
    """

    def __init__(self, ops: dict[str, Op], folder: Path, bit_true: bool) -> None:
        self.ops = ops
        made = {name: kernel(name, op) for name, op in ops.items()}
        headers = sorted({k.header for k in made.values()})
        text = "".join(f'#include "{h}"\n' for h in headers) + PRELUDE
        text += "".join(_entry(name, op, made[name]) for name, op in ops.items())
        source, library = folder / "bench.cpp", folder / "bench.so"
        source.write_text(text)
        flags = "-std=c++14 -fPIC -shared -fwrapv -fno-gnu-unique"
        flags += " -O0 -DXNORSR_BIT_TRUE" if bit_true else " -O1 -DXNORSR_OPEN_AP_TYPES -march=native"
        includes = ["-isystem", str(AP_TYPES), "-I", str(TEMPLATES / "nnet_utils")]
        done = subprocess.run(
            ["g++", *flags.split(), *includes, str(source), "-o", str(library)], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr[:4000]
        self._library = ctypes.CDLL(str(library))

    def run(self, name: str, *inputs: np.ndarray) -> np.ndarray:
        """Output codes (H, W, C) of one operator for the codes of its inputs."""
        op = self.ops[name]
        arrays = [np.ascontiguousarray(x, np.int64) for x in inputs]
        pointers = (ctypes.c_void_p * len(arrays))(*(a.ctypes.data for a in arrays))
        out = np.empty((op.output.height, op.output.width, op.output.channels), np.int64)
        status = self._library[f"run_{name}"](pointers, out.ctypes.data_as(ctypes.c_void_p))
        assert status == 0, f"{name}: streams do not end empty"
        return out


def frames(op: Op, rng: np.random.Generator) -> list[list[np.ndarray]]:
    """Input frames for an operator: random, all least, all greatest, checkerboard of both, random ends of the range."""

    def shape(kind: StreamType) -> tuple[int, int, int]:
        return kind.height, kind.width, kind.channels

    made = [[rng.integers(k.lo, k.hi + 1, shape(k)) for k in op.inputs] for _ in range(2)]
    made.append([np.full(shape(k), k.lo) for k in op.inputs])
    made.append([np.full(shape(k), k.hi) for k in op.inputs])
    made.append([np.where(np.indices(shape(k)).sum(0) % 2, k.hi, k.lo) for k in op.inputs])
    made.append([rng.choice([k.lo, k.hi], shape(k)) for k in op.inputs])
    return made
