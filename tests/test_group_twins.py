"""Depthwise, grouped and transposed convolutions through both projects: every stream's codes, and the cycles."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from tests.both_forms import check_hls
from tests.networks import Builder, NetworkSpec, images
from xnorsr.hw.build import BuildOptions, build
from xnorsr.hw.ops.conv import Conv
from xnorsr.hw.options import Folding
from xnorsr.sim import reference
from xnorsr.sim.compare import compare
from xnorsr.sim.rtlsim import RtlSim

pytestmark = [pytest.mark.eda, pytest.mark.slow]

HEIGHT, WIDTH, CHANNELS = 5, 6, 8


def _network() -> onnx.ModelProto:
    """A head, a depthwise convolution, a 1 x 1 in two groups, and a transposed convolution by 2."""
    b = Builder(HEIGHT, WIDTH, 3, 34)

    def weight(*shape: int) -> str:
        return b.quant(b.constant(b.rng.normal(0, 0.3, shape)), 8, 7)

    x = b.quant(b.fixed_conv(b.quant("lr", 8, 8, signed=False), 3, CHANNELS, 3), 8, 8, signed=False)
    x = b.node("Conv", [x, weight(CHANNELS, 1, 3, 3)], kernel_shape=[3, 3], pads=[1] * 4, group=CHANNELS)
    x = b.node("Conv", [b.quant(x, 8, 6), weight(CHANNELS, CHANNELS // 2, 1, 1)], kernel_shape=[1, 1], group=2)
    x = b.quant(x, 8, 7, signed=False)
    y = b.node("ConvTranspose", [x, weight(CHANNELS, 3, 4, 4)], kernel_shape=[4, 4], pads=[1] * 4, strides=[2, 2])
    return b.model(b.quant(y, 8, 6), 3, 2 * HEIGHT, 2 * WIDTH)


@pytest.mark.parametrize("folding", [5, *(pytest.param(f, marks=pytest.mark.exhaustive) for f in ("full", "min", 12))])
def test_groups_in_hls_and_rtl(folding: Folding, tmp_path: Path) -> None:
    built = build(_network(), tmp_path / "net", BuildOptions(folding=folding))
    units = [node.op.read.units for node in built.network.nodes if isinstance(node.op, Conv)]
    assert units == [1, CHANNELS, 2, 1]
    frames = list(images(NetworkSpec(height=HEIGHT, width=WIDTH, seed=34)).values())
    truths = [reference.run(built.lowered, frame, all_tensors=True) for frame in frames]
    rtl = RtlSim(tmp_path / "net" / "rtl", tmp_path / "sim", trace=True)
    check_hls(built.lowered, tmp_path / "net" / "hls", frames, truths, rtl.types)
    rtl.compile(optimize="-O0")
    alone = rtl.run(frames[0])
    several = rtl.run(np.stack(frames * 2))
    print("pauses with seed 5")
    paused = rtl.run(np.stack(frames), idle=0.3, stall=0.3, seed=5)
    for result in (several, paused):
        for truth, found in zip(truths * 2, result.outputs, strict=False):
            compare(built.lowered, truth, found)
    compare(built.lowered, truths[-1], several.output, several.streams, rtl.types)
    predicted = rtl.record["predicted"]
    assert alone.cycles == predicted["cycles_per_frame"]
    assert several.ends[-2] - several.ends[-3] == predicted["frame_interval"]
