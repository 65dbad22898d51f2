"""Resize and pixel shuffle where borders matter: one pixel, one line, one column; several pixels a beat; times."""

from pathlib import Path

import numpy as np
import pytest

from xnorsr.hw.ops.base import Op
from xnorsr.hw.ops.pixel_shuffle import PixelShuffle
from xnorsr.hw.ops.resize import ResizePhases
from xnorsr.hw.types import Requant, StreamType
from xnorsr.sim import verilate
from xnorsr.sim.benches.cases import STREAM_PORTS, Case, Stream, pack
from xnorsr.sim.benches.op_cases import beats, case_of, random_codes, run_cases

pytestmark = pytest.mark.eda

# Sizes: one pixel, one line, one column, the smallest with an inside, wider than high and the other way round.
SIZES = [(1, 1), (1, 6), (5, 1), (3, 3), (2, 9), (7, 2)]


def _resize(height: int, width: int, factor: int, signed: bool) -> ResizePhases:
    """Bilinear with pixel-like codes; factor 3 divides by nine and saturates a little."""
    kind = StreamType(height, width, 2, 5, signed, 0)
    if factor == 3:
        quant = Requant(-1, kind.lo, kind.hi * 2 - 3, 9)
        return ResizePhases((kind,), StreamType(height, width, 18, 6, signed, 1), factor, "bilinear", quant)
    grow = 2 * (2 * factor).bit_length() - 2
    out = StreamType(height, width, 2 * factor**2, 5 + grow, signed, grow)
    return ResizePhases((kind,), out, factor, "bilinear")


def _shuffle(height: int, width: int, factor: int, mode: str, per_beat: int, rng: np.random.Generator) -> Case:
    """The module itself, so that more than one pixel a beat can be tested."""
    bits, channels, frames = 3, 2, 3
    kind = StreamType(height, width, channels * factor**2, bits, False, 0)
    out = StreamType(height * factor, width * factor, channels, bits, False, 0)
    images = [random_codes(rng, kind) for _ in range(frames)]
    op = PixelShuffle((kind,), out, factor, mode)
    words = [beats(op.execute(image)[0], out) for image in images]
    return Case(
        name=f"shuffle r={factor} {mode} {height}x{width} {per_beat} a beat",
        module="xnorsr_pixel_shuffle",
        parameters={
            "Width": width, "Channels": channels, "Bits": bits, "Factor": factor, "Dcr": int(mode == "DCR"),
            "Style": int(rng.integers(2)), "PixelsPerBeat": per_beat,
        },
        ports=STREAM_PORTS,
        inputs=[Stream(kind.word_bits, [beats(image, kind) for image in images])],
        outputs=[
            Stream(
                per_beat * channels * bits,
                [[pack(w[n : n + per_beat], channels * bits) for n in range(0, len(w), per_beat)] for w in words],
            )
        ],
        latency=max(per_beat // factor, 1) + 3,
        interval=1 if per_beat <= factor else None,
    )  # fmt: skip


def test_borders_and_beats(tmp_path: Path) -> None:
    seed = 9
    rng = np.random.default_rng(seed)
    ops: dict[str, Op] = {
        f"resize{factor}_{h}x{w}": _resize(h, w, factor, signed)
        for factor, signed in ((2, False), (3, True), (3, False))
        for h, w in SIZES
    }
    ops["resize4"] = _resize(3, 4, 4, True)
    cases = [case_of(name, op, rng) for name, op in ops.items()]
    # One pixel a beat at every size; r/2, r and 2r a beat; r*r a beat, where the input may never wait
    cases += [_shuffle(h, w, r, mode, 1, rng) for h, w in SIZES for r, mode in ((2, "CRD"), (3, "DCR"))]
    cases += [_shuffle(3, 5, 4, "CRD", 2, rng), _shuffle(2, 5, 3, "CRD", 3, rng), _shuffle(3, 4, 4, "DCR", 8, rng)]
    cases += [_shuffle(h, w, 2, "CRD", 4, rng) for h, w in ((1, 2), (4, 8), (3, 20))]
    cases += [_shuffle(3, 9, 3, "DCR", 9, rng), _shuffle(2, 3, 3, "CRD", 9, rng), _shuffle(2, 8, 4, "CRD", 16, rng)]
    folder = tmp_path / "bench"
    run_cases(cases, folder, seed, ops=ops)
    env = {"XNORSR_CASES": str(folder / "cases.json")}
    verilate.run("bench_top", folder / "build", "xnorsr.sim.benches.bench_shuffle", env=env)


@pytest.mark.parametrize(
    ("module", "parameters", "message"),
    [
        ("xnorsr_pixel_shuffle", {"Width": 3, "Factor": 2, "PixelsPerBeat": 4}, "PixelsPerBeat = 4 must divide"),
        ("xnorsr_pixel_shuffle", {"Width": 4, "Factor": 3, "PixelsPerBeat": 2}, "PixelsPerBeat = 2 must divide"),
        ("xnorsr_pixel_shuffle", {"Width": 4, "Factor": 1, "PixelsPerBeat": 1}, "Factor = 1, must be at least 2"),
    ],
)
def test_refuses(module: str, parameters: dict[str, object], message: str, tmp_path: Path) -> None:
    kind = {"Channels": 1, "Bits": 1, "Dcr": 0, "Style": 0}
    case = Case("bad", module, parameters | kind, STREAM_PORTS, [Stream(16, [[0]])], [Stream(8, [[0]])])
    with pytest.raises(verilate.BenchError, match=message):
        run_cases([case], tmp_path / "bench", 0)
