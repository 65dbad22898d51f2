"""Mode previous: vectors of the frame before as explicit states of the network, in file, golden and account.

That the hardware does the same is in `tests/test_previous_twins.py`.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx

from tests.gated import channel_gate, gated
from tests.networks import Builder
from xnorsr.errors import UserError
from xnorsr.hw.build import BuildOptions, model_graph
from xnorsr.hw.golden import picture, prove, run, run_frames
from xnorsr.hw.graph.lower import Lowered, lower
from xnorsr.hw.graph.states import states_of
from xnorsr.hw.network import Network
from xnorsr.hw.resources.fifos import fifo_depths
from xnorsr.hw.resources.schedule import predict
from xnorsr.sim import reference

STATES = ["Quant_4_out", "Quant_18_out", "Quant_29_out"]


@pytest.fixture(scope="module")
def now() -> Lowered:
    return lower(gated())


@pytest.fixture(scope="module")
def before() -> Lowered:
    return lower(gated(), pooling="previous")


def _out(network: Network, streams: dict[str, np.ndarray]) -> np.ndarray:
    return streams[network.outputs[0]]


def _with_start(model: onnx.ModelProto, value: float) -> onnx.ModelProto:
    """A file with explicit states whose start values are all this one."""
    made = onnx.ModelProto()
    made.CopyFrom(model)
    given = {given for given, _ in states_of(model)}
    for constant in made.graph.initializer:
        if constant.name in given:
            full = np.full(tuple(constant.dims), value, np.float32)
            constant.CopyFrom(numpy_helper.from_array(full, constant.name))
    return made


def test_states_are_inputs_and_outputs_of_the_reference(before: Lowered) -> None:
    graph = before.reference.graph
    assert [i.name for i in graph.input] == ["lr", *(f"{name}_previous" for name in STATES)]
    assert [o.name for o in graph.output] == ["sr", *STATES]
    assert list(before.output_types) == ["sr"]
    starts = {i.name: numpy_helper.to_array(i) for i in graph.initializer if i.name.endswith("_previous")}
    assert len(starts) == 3 and not any(value.any() for value in starts.values())
    assert {name: codes.sum() for name, codes in before.network.states.items()} == dict.fromkeys(
        before.network.states, 0
    )
    assert before.network.pooling == "previous" and before.network.frames_to_settle == 3


@pytest.mark.slow
def test_golden_and_file_agree_frame_after_frame(now: Lowered, before: Lowered) -> None:
    """Different pictures, then a still one, which ends in the picture of mode frame after 2 pools and one more."""
    assert prove(before) > prove(now) > 0
    kind = before.input_type
    frames = [picture(kind, seed) for seed in range(3)]
    truths = reference.run_frames(before, [*frames, *frames[-1:] * 3])
    found = run_frames(before.network, [*frames, *frames[-1:] * 3])
    for truth, streams in zip(truths, found, strict=True):
        np.testing.assert_array_equal(truth.output, _out(before.network, streams))
    settled = _out(now.network, run(now.network, frames[-1]))
    for streams in found[2 + before.network.frames_to_settle - 1 :]:
        np.testing.assert_array_equal(_out(before.network, streams), settled)
    assert (_out(before.network, found[2]) != settled).any()


def test_a_still_picture_settles_after_as_many_frames_as_pools_follow_each_other_and_one() -> None:
    """Three in a row, each with its own gate, from start values that are far off: not a frame earlier."""
    b = Builder(6, 7, 3, 5)
    x = b.quant(b.fixed_conv(b.quant("lr", 8, 8, signed=False), 3, 4, 3), 12, 8)
    for _ in range(3):
        x = b.quant(b.node("Add", [x, channel_gate(b, x, 42)]), 12, 8)
    model = b.model(x, 4, 6, 7)
    now, plain = lower(model), lower(model, pooling="previous")
    before = lower(_with_start(plain.reference.model, 7.0))
    assert before.network.frames_to_settle == 4
    codes = picture(now.input_type, 3)
    settled = _out(now.network, run(now.network, codes))
    still = [_out(before.network, streams) for streams in run_frames(before.network, [codes] * 6)]
    assert [bool((one != settled).any()) for one in still] == [True, True, True, False, False, False]


@pytest.mark.slow
def test_a_file_with_states_is_read_again(before: Lowered, now: Lowered) -> None:
    again = lower(before.reference.model)
    assert again.network.pooling == "previous" and prove(again) > 0
    assert prove(lower(before.reference.model, frame=(7, 9))) > 0
    frame = lower(before.reference.model, pooling="frame")
    assert frame.network.pooling == "frame" and not states_of(frame.reference.model)
    codes = picture(now.input_type)
    wanted, found = (_out(one.network, run(one.network, codes)) for one in (now, frame))
    np.testing.assert_array_equal(wanted, found)


def test_start_values_stand_in_the_file(before: Lowered, tmp_path: Path) -> None:
    """What another program executes: qonnx takes the start values where no state is given."""
    made = lower(_with_start(before.reference.model, 0.5))
    kinds = {name: made.network.streams[name].kind for name in made.network.states}
    for name, start in made.network.states.items():
        assert start.ravel().tolist() == [min(1 << (kinds[name].frac - 1), kinds[name].hi)] * kinds[name].channels
    codes = picture(made.input_type)
    onnx.save(made.reference.model, tmp_path / "model.onnx")
    values = {"lr": made.input_type.to_values(codes).astype(np.float32).transpose(2, 0, 1)[None]}
    out = execute_onnx(ModelWrapper(str(tmp_path / "model.onnx")), values)["sr"]
    wanted = reference.run(made, codes).output
    np.testing.assert_array_equal(made.output_types["sr"].to_codes(out[0].transpose(1, 2, 0)), wanted)
    assert (wanted != reference.run(before, codes).output).any()


def test_nothing_waits_for_the_frame() -> None:
    """FIFOs hold frames in mode frame, and the latency of the vector's way in mode previous; no frame takes longer."""
    model = gated(24, 32)
    now, before = (lower(model, pooling=mode).network for mode in ("frame", "previous"))
    deepest = {mode: max(fifo_depths(net, "rtl").values()) for mode, net in (("frame", now), ("previous", before))}
    assert deepest["frame"] >= 24 * 32 > 4 * deepest["previous"]
    assert predict(before).cycles_per_frame + 24 * 32 < predict(now).cycles_per_frame
    assert predict(before).frame_interval == predict(now).frame_interval
    assert predict(now).start == 0 < predict(before).start


def _wide(channels: int) -> onnx.ModelProto:
    """A factor per channel for 512 x 512 pixels of 12 bits a channel."""
    b = Builder(512, 512, 3, 5)
    x = b.quant(b.fixed_conv(b.quant("lr", 8, 8, signed=False), 3, channels, 1), 12, 8)
    mean = b.quant(b.node("GlobalAveragePool", [b.quant(x, 6, 2)]), 8, 6)
    return b.model(b.quant(b.node("Mul", [x, mean]), 12, 8), channels, 512, 512)


def test_a_fifo_that_no_part_holds_is_refused_by_name(tmp_path: Path) -> None:
    """477 Mbit are what the largest part has: 472 pass, 503 do not, and mode previous needs none of them."""
    options = BuildOptions(clock_mhz=100)
    assert model_graph(lower(_wide(150)), options, tmp_path) is not None
    with pytest.raises(UserError) as refused:
        model_graph(lower(_wide(160)), options, tmp_path)
    text = str(refused.value)
    assert re.search(r"layer mul_\d+: the FIFO in front of it, on the stream of '\w+', holds 262,1\d\d pixels", text)
    assert "of 1,920 bits, 503 Mbit" in text and "The largest part in the table, xcvu13p, has 477 Mbit" in text
    assert "Take --pooling previous" in text and "--frame WxH" in text
    assert model_graph(lower(_wide(160), pooling="previous"), options, tmp_path) is not None


def _pooled(b: Builder) -> str:
    return b.quant(b.node("GlobalAveragePool", [b.quant("lr", 8, 8, signed=False)]), 8, 7)


def test_refused() -> None:
    with pytest.raises(UserError, match="takes no mean or sum over the frame that anything reads"):
        lower(_plain(), pooling="previous")
    b = Builder(6, 7, 3, 5)
    alone = b.model(b.quant(b.fixed_conv(_pooled(b), 3, 2, 1), 8, 4), 2, 1, 1)
    assert prove(lower(alone)) > 0
    with pytest.raises(UserError, match="output 'sr' follows from vectors of the frame alone"):
        lower(alone, pooling="previous")


def _plain() -> onnx.ModelProto:
    b = Builder(6, 7, 3, 5)
    return b.model(b.quant(b.fixed_conv(b.quant("lr", 8, 8, signed=False), 3, 2, 3), 8, 4), 2, 6, 7)


def test_a_file_whose_states_are_none_is_refused(before: Lowered) -> None:
    made = onnx.ModelProto()
    made.CopyFrom(before.reference.model)
    (mark,) = (p for p in made.metadata_props if p.key == "xnorsr.states")
    mark.value = '[["nothing", "Quant_4_out"]]'
    with pytest.raises(UserError, match="names the state 'nothing', next 'Quant_4_out'; allowed is an input"):
        lower(made)
    mark.value = "17"
    with pytest.raises(UserError, match=r"its metadata 'xnorsr\.states' is no list of pairs of names"):
        lower(made)
