"""Cases of whole operators: the module that the emitter writes for an `Op`, its golden, and the cycles it may take."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ...hw import rtl
from ...hw.graph.ops import Op
from ...hw.resources.timing import LibraryTiming, window_half
from ...hw.rtl.layers import layer_of
from ...hw.types import StreamType
from .. import verilate
from ..golden import golden
from .cases import STREAM_PORTS, Case, Stream, dump, pack, top_text

LIBRARY = Path(rtl.__file__).parent / "lib"
_TWO_INPUTS = {
    f"{letter}_{port}": f"in{n}_{signal}"
    for n, letter in enumerate("ab")
    for port, signal in (("data_i", "data"), ("valid_i", "valid"), ("ready_o", "ready"))
}


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
    wanted = [beats(golden(op, *image), op.output) for image in images]
    ports = (
        STREAM_PORTS if len(op.inputs) == 1 else {k: v for k, v in STREAM_PORTS.items() if v[0] == "o"} | _TWO_INPUTS
    )
    timing, half = LibraryTiming(), window_half(op)
    fill = half * (op.input.width + 1) + (half > 0)  # from the first pixel into a window to the first window out of it
    rate = op.output.height * op.output.width == op.input.height * op.input.width
    return Case(
        name=name,
        module=f"xnorsr_layer_{name}",
        parameters={},
        ports=ports,
        inputs=[
            Stream(kind.word_bits, [beats(image[n], kind) for image in images]) for n, kind in enumerate(op.inputs)
        ],
        outputs=[Stream(op.output.word_bits, wanted)],
        latency=timing.latency(op) + fill if rate else None,
        interval=timing.interval(op) if rate else None,
    )


def layer_texts(ops: dict[str, Op], popcount_ids: dict[str, int] | None = None) -> dict[str, str]:
    """SystemVerilog of each operator's layer as the emitter renders it, without popcount structures by default."""
    environment = Environment(
        loader=FileSystemLoader(LIBRARY.parent / "templates"), trim_blocks=True, lstrip_blocks=True,
        undefined=StrictUndefined, keep_trailing_newline=True,
    )  # fmt: skip
    template = environment.get_template("layer.sv.jinja")
    return {
        name: template.render(layer=layer_of(name, op, (popcount_ids or {}).get(name, -1))) for name, op in ops.items()
    }


def write_bench(
    cases: Sequence[Case],
    folder: Path,
    *,
    ops: dict[str, Op] | None = None,
    text: str = "",
    popcount_ids: dict[str, int] | None = None,
) -> Path:
    """Write ``bench_top.sv`` and ``cases.json`` into a new folder; returns the path of the first."""
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    modules = [
        "/* verilator lint_off DECLFILENAME */",
        *layer_texts(ops or {}, popcount_ids).values(),
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
    popcount_ids: dict[str, int] | None = None,
    defines: dict[str, object] | None = None,
) -> None:
    """Compile all cases into one model and run a bench on them.

    Args:
        ops: operators by case name, whose layer modules the cases instantiate.
        text: more SystemVerilog modules that the cases need.
        bench: module of cocotb tests.
        popcount_ids: `PopcountId` of binary convolutions by case name.
        defines: macros for the compilation.

    Raises:
        BenchError: a check of the bench failed.
    """
    source = write_bench(cases, folder, ops=ops, text=text, popcount_ids=popcount_ids)
    # Registers start with random content: whatever a reset does not set must not matter.
    args = ["-y", str(LIBRARY), "--x-initial", "unique", "--x-assign", "unique"]
    verilate.build("bench_top", [source], folder / "build", args=args, defines=defines)
    env = {"XNORSR_CASES": str(folder / "cases.json"), "XNORSR_SEED": str(seed)}
    start = ["+verilator+rand+reset+2", f"+verilator+seed+{seed}"]
    verilate.run("bench_top", folder / "build", bench, env=env, plusargs=start)


def run_ops(ops: dict[str, Op], folder: Path, seed: int, frames: int = 2) -> None:
    """`run_cases` for operators."""
    rng = np.random.default_rng(seed)
    run_cases([case_of(name, op, rng, frames) for name, op in ops.items()], folder, seed, ops=ops)
