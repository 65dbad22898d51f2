"""Throughput of networks: what folding and output port allow, without a bubble between lines or frames."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from typer.testing import CliRunner

from tests.networks import Builder, NetworkSpec, images, network
from xnorsr.errors import UserError
from xnorsr.flows.cli import app
from xnorsr.flows.config import load_recipe
from xnorsr.hw.build import BuildOptions, build, model_graph, prepare
from xnorsr.hw.hls.plugin.graph import network_of
from xnorsr.hw.ops.conv import Conv
from xnorsr.hw.options import Folding
from xnorsr.sim import reference
from xnorsr.sim.compare import compare
from xnorsr.sim.rtlsim import RtlSim


@pytest.mark.eda
@pytest.mark.parametrize(
    ("spec", "folding", "per_beat", "cycles"),
    [
        # Everything in one cycle, and an output port as wide: one low-resolution pixel per cycle
        (NetworkSpec(channels=6, height=5, width=8, seed=31), "full", 4, 1),
        # A beat every other cycle, all layers alike: a cycle lost between frames is never made up for
        (NetworkSpec(channels=6, height=5, width=6, seed=35), 2, 2, 2),
        # At most 5 cycles per pixel; PE and SIMD of the slowest layer say how many
        (NetworkSpec(channels=6, colors=1, height=4, width=6, scale=3, skip="nearest", seed=33), 5, 9, None),
    ],
    ids=["full", "two", "folded"],
)
def test_frames_without_bubbles(
    spec: NetworkSpec, folding: Folding, per_beat: int, cycles: int | None, tmp_path: Path
) -> None:
    """Frames back to back: the last pixels of two frames are exactly the folding's cycles apart.

    The last frame may end a little earlier: nothing follows it, so its last windows leave without waiting for pixels.
    """
    built = build(network(spec), tmp_path / "net", BuildOptions(folding=folding, pixels_per_beat=per_beat), hls=False)
    slowest = max(node.op.timing("rtl").interval for node in built.rtl_network.nodes)
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
        compare(built.lowered, truth, output)
    compare(built.lowered, truths[-1], result.output, result.streams, rtl.types)
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
        compare(built.lowered, truth, output)


def test_the_ports_rate() -> None:
    """Folding "port" takes the cycles that the output port needs for a low-resolution pixel."""
    lowered = prepare(network(NetworkSpec(channels=8, width=8)), BuildOptions())
    for per_beat, cycles in ((1, 4), (2, 2), (4, 1)):
        graph = model_graph(lowered, BuildOptions(folding="port", pixels_per_beat=per_beat), Path("unused"))
        convs = [node.op for node in network_of(graph).nodes if isinstance(node.op, Conv)]
        assert max(op.folds for op in convs) == cycles


@pytest.mark.parametrize(
    ("spec", "per_beat", "message"),
    [
        (
            NetworkSpec(width=7),
            4,
            r"--pixels-per-beat 4: allowed for layer \w+ are 1, 2, 14 \(.* 7 low-res",
        ),
        (NetworkSpec(scale=4, width=6), 3, r"--pixels-per-beat 3: allowed for layer \w+ are 1, 2, 4, 8, 12, 24 "),
    ],
)
def test_pixels_per_beat_refused(spec: NetworkSpec, per_beat: int, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        build(network(spec), tmp_path / "net", BuildOptions(pixels_per_beat=per_beat))
    assert not (tmp_path / "net").exists()


def test_pixels_per_beat_without_a_shuffle(tmp_path: Path) -> None:
    """A network that does not upscale has nothing to widen."""
    b = Builder(4, 6, 3, 34)
    y = b.quant(b.fixed_conv(b.quant("lr", 8, 8, signed=False), 3, 3, 3), 8, 8, signed=False)
    with pytest.raises(UserError, match=r"--pixels-per-beat 2: .* needs a pixel shuffle as last layer; the last layer"):
        build(b.model(y, 3, 4, 6), tmp_path / "net", BuildOptions(pixels_per_beat=2))


@pytest.mark.slow
def test_option_and_recipe_field(tmp_path: Path) -> None:
    """`build --pixels-per-beat N` reaches the port's width, a refusal the person."""
    model = tmp_path / "net.onnx"
    onnx.save(network(NetworkSpec(channels=4, width=6)), model)
    args = ["build", str(model), "--out", str(tmp_path / "out"), "--pixels-per-beat"]
    refused = CliRunner().invoke(app, [*args, "3"])
    assert refused.exit_code == 2
    assert "are 1, 2, 4, 6, 12 (" in " ".join(refused.stderr.split())
    assert not (tmp_path / "out").exists()
    done = CliRunner().invoke(app, [*args, "4"])
    assert done.exit_code == 0, done.output
    assert "[95:0] m_axis_tdata" in (tmp_path / "out" / "rtl" / "xnorsr_top.sv").read_text()
    assert load_recipe("demo", ["hardware.pixels_per_beat=4"]).hardware.pixels_per_beat == 4
