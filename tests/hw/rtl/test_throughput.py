"""Throughput of networks: what folding and output port allow, without a bubble between lines or frames."""

from pathlib import Path

import numpy as np
import pytest

from tests.networks import NetworkSpec, images, network
from xnorsr.errors import UserError
from xnorsr.hw.build import BuildOptions, Folding, build, model_graph, prepare
from xnorsr.hw.resources.folding import folding_of
from xnorsr.hw.resources.view import stages
from xnorsr.sim import reference
from xnorsr.sim.compare import compare
from xnorsr.sim.rtlsim import RtlSim


@pytest.mark.eda
@pytest.mark.parametrize(
    ("spec", "folding", "per_beat", "cycles"),
    [
        # Everything in one cycle, and an output port as wide: one low-resolution pixel a cycle
        (NetworkSpec(channels=6, height=5, width=8, seed=31), "full", 4, 1),
        # At most 5 cycles a pixel; PE and SIMD of the slowest layer say how many
        (NetworkSpec(channels=6, colors=1, height=4, width=6, scale=3, skip="nearest", seed=33), 5, 9, None),
    ],
    ids=["full", "folded"],
)
def test_frames_without_bubbles(
    spec: NetworkSpec, folding: Folding, per_beat: int, cycles: int | None, tmp_path: Path
) -> None:
    """Frames back to back: the last pixels of two frames are exactly the folding's cycles apart.

    The last frame may end a little earlier: nothing follows it, so its last windows leave without waiting for pixels.
    """
    built = build(network(spec), tmp_path / "net", BuildOptions(folding=folding, pixels_per_beat=per_beat), hls=False)
    foldings = [(s.op, folding_of(s.op)) for s in stages(built.graph) if s.op is not None and s.op.op_type == "Conv"]
    slowest = max(len(op.weight) * op.weight[0].size // (f.pe * f.simd) for op, f in foldings)
    if cycles is None:
        assert isinstance(folding, int) and 1 < slowest <= folding
        cycles = slowest
    rtl = RtlSim(tmp_path / "net" / "rtl", tmp_path / "sim", trace=True)
    rtl.compile(optimize="-O0")

    frames = list(images(spec).values())
    assert len(frames) == 4
    truths = [reference.run(built.lowered, frame, all_tensors=True) for frame in frames]
    result = rtl.run(np.stack(frames))
    for truth, output in zip(truths, result.outputs, strict=True):
        assert compare(built.lowered, truth, output).mismatches == 0
    assert compare(built.lowered, truths[-1], result.output, result.streams, rtl.types).mismatches == 0
    interval = cycles * spec.height * spec.width
    between = np.diff(result.ends).tolist()
    assert between[:2] == [interval] * 2
    assert between[2] == (interval if cycles == 1 else pytest.approx(interval, abs=cycles))
    predicted = rtl.record["predicted"]
    assert predicted["frame_interval"] == interval
    assert rtl.run(frames[0]).cycles == pytest.approx(predicted["cycles_per_frame"], rel=0.01)

    print(f"pauses with seed {spec.seed}")
    paused = rtl.run(np.stack(frames), idle=0.3, stall=0.3, seed=spec.seed)
    for truth, output in zip(truths, paused.outputs, strict=True):
        assert compare(built.lowered, truth, output).mismatches == 0


def test_auto_keeps_up_with_the_port() -> None:
    """Folding "auto" takes the cycles that the output port needs for a low-resolution pixel."""
    lowered = prepare(network(NetworkSpec(channels=8, width=8)), BuildOptions())
    for per_beat, cycles in ((1, 4), (2, 2), (4, 1)):
        graph = model_graph(lowered, BuildOptions(pixels_per_beat=per_beat), Path("unused"))
        convs = [s.op for s in stages(graph) if s.op is not None and s.op.op_type == "Conv"]
        assert max(len(op.weight) * op.weight[0].size // (op.pe * op.simd) for op in convs) == cycles


@pytest.mark.parametrize(
    ("spec", "per_beat", "message"),
    [
        (NetworkSpec(width=7), 4, r"--pixels-per-beat 4: allowed are 1, 2, 14 \(divisors of the scale 2, .* 7 low-res"),
        (NetworkSpec(scale=4, width=6), 3, r"--pixels-per-beat 3: allowed are 1, 2, 4, 8, 12, 24 "),
    ],
)
def test_pixels_per_beat_refused(spec: NetworkSpec, per_beat: int, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        build(network(spec), tmp_path / "net", BuildOptions(pixels_per_beat=per_beat))
    assert not (tmp_path / "net").exists()
