"""Cases of whole operators: the module that the emitter writes for an `Op`, its golden, and the cycles it may take."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...hw.ops.base import Op
from ...hw.rtl.emit import layer_text, library_folders
from ...hw.rtl.module import prefixes
from ...hw.types import StreamType
from .. import verilate
from .cases import Case, Stream, dump, pack, top_text


def beats(codes: np.ndarray, kind: StreamType) -> list[int]:
    """Words of one frame, (H, W, C) codes, in raster order."""
    return [pack(pixel, kind.bits) for pixel in codes.reshape(-1, kind.channels).tolist()]


def random_codes(rng: np.random.Generator, kind: StreamType, extreme: bool = False) -> np.ndarray:
    """A frame of random codes of the whole range, or of its two ends only."""
    shape = (kind.height, kind.width, kind.channels)
    if extreme:
        return rng.choice([kind.lo, kind.hi], shape).astype(np.int64)
    return rng.integers(kind.lo, kind.hi, shape, endpoint=True, dtype=np.int64)


def case_of(name: str, op: Op, rng: np.random.Generator, frames: int = 2) -> Case:
    """A case of one operator on random frames, the last of them at the ends of the range of codes."""
    images = [[random_codes(rng, kind, extreme=n > 0 and n == frames - 1) for kind in op.inputs] for n in range(frames)]
    # A state of the frame before is there without the frame: one more comes out.
    ahead = int(op.start is not None)
    wanted = op.play([*images, *images[:ahead]])
    timing = op.timing("rtl")
    fill = (
        int(timing.window) + timing.window_register
    )  # from the first pixel into a window to the first window out of it
    one_rate = len({kind.pixels for kind in (*op.inputs, *op.outputs)}) == 1
    return Case(
        name=name,
        module=f"xnorsr_layer_{name}",
        parameters={},
        ports=stream_ports(op),
        inputs=[
            Stream(kind.word_bits, [beats(image[n], kind) for image in images]) for n, kind in enumerate(op.inputs)
        ],
        outputs=[
            Stream(kind.word_bits, [beats(outs[n], kind) for outs in wanted]) for n, kind in enumerate(op.outputs)
        ],
        latency=timing.latency + fill if one_rate else None,
        interval=timing.interval if one_rate else None,
        times=flow_times(op, frames + ahead),
        taken=flow_times(op, frames, taken=True),
        ahead=ahead,
    )


def flow_times(op: Op, frames: int, start: int = 0, taken: bool = False) -> list[list[int]]:
    """Cycles in which an operator's beats leave when every input offers one in each cycle, frames back to back.

    Args:
        start: cycle in which the first ones arrive.
        taken: those in which the inputs' beats are taken instead.
    """
    offered = [start + np.arange(frames * kind.pixels, dtype=np.int64) for kind in op.inputs]
    passage = op.flow(offered)
    return [times.tolist() for times in (passage.taken if taken else passage.given)]


def stream_ports(op: Op) -> dict[str, str]:
    """Connections of an operator's layer module in a bench."""
    ports: dict[str, str] = {}
    for n, prefix in enumerate(prefixes(len(op.inputs), "in")):
        ports |= {f"{prefix}{s}_{d}": f"in{n}_{s}" for s, d in (("data", "i"), ("valid", "i"), ("ready", "o"))}
    for n, prefix in enumerate(prefixes(len(op.outputs), "out")):
        ports |= {f"{prefix}{s}_{d}": f"out{n}_{s}" for s, d in (("data", "o"), ("valid", "o"), ("ready", "i"))}
    return ports


def layer_texts(ops: dict[str, Op], indices: dict[str, int] | None = None) -> dict[str, str]:
    """SystemVerilog of each operator's layer as the emitter renders it, without structures for synthesis by default."""
    return {name: layer_text(op.module(name, (indices or {}).get(name, -1))) for name, op in ops.items()}


def write_bench(
    cases: Sequence[Case],
    folder: Path,
    *,
    ops: dict[str, Op] | None = None,
    text: str = "",
    indices: dict[str, int] | None = None,
) -> Path:
    """Write ``bench_top.sv`` and ``cases.json`` into a new folder; returns the path of the first."""
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    modules = [
        "/* verilator lint_off DECLFILENAME */",
        *layer_texts(ops or {}, indices).values(),
        text,
        top_text(cases),
    ]
    (folder / "bench_top.sv").write_text("\n".join(modules))
    dump(cases, folder / "cases.json")
    return folder / "bench_top.sv"


def run_cases(
    cases: Sequence[Case],
    folder: Path,
    seed: int,
    *,
    ops: dict[str, Op] | None = None,
    text: str = "",
    bench: str = "xnorsr.sim.benches.bench_streams",
    indices: dict[str, int] | None = None,
    defines: dict[str, object] | None = None,
) -> None:
    """Compile all cases into one model and run a bench on them.

    Args:
        ops: operators by case name, whose layer modules the cases instantiate.
        text: more SystemVerilog modules that the cases need.
        bench: module of cocotb tests.
        indices: number of an operator among those of its kind, by case name; see `Op.module`.
        defines: macros for the compilation.

    Raises:
        BenchError: a check of the bench failed.
    """
    source = write_bench(cases, folder, ops=ops, text=text, indices=indices)
    # Registers start with random content: whatever a reset does not set must not matter.
    folders = [word for folder in library_folders() for word in ("-y", str(folder))]
    args = [*folders, "--x-initial", "unique", "--x-assign", "unique"]
    verilate.build("bench_top", [source], folder / "build", args=args, defines=defines)
    env = {"XNORSR_CASES": str(folder / "cases.json"), "XNORSR_SEED": str(seed)}
    start = ["+verilator+rand+reset+2", f"+verilator+seed+{seed}"]
    verilate.run("bench_top", folder / "build", bench, env=env, plusargs=start)


def run_ops(ops: dict[str, Op], folder: Path, seed: int, frames: int = 2) -> None:
    """`run_cases` for operators."""
    rng = np.random.default_rng(seed)
    run_cases([case_of(name, op, rng, frames) for name, op in ops.items()], folder, seed, ops=ops)
