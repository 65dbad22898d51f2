"""xnorsr_video_in and xnorsr_video_out: good frames without a gap, and every kind of wrong frame against a model.

A beat of the AXI4-Stream side is {tuser, tlast, tdata} in one word of the stream bench.
"""

from pathlib import Path

import numpy as np
import pytest

from xnorsr.sim.benches.cases import Case, Stream, pack
from xnorsr.sim.benches.op_cases import run_cases
from xnorsr.sim.benches.video import Beat, Receiver, good_frame, wrong_frame

pytestmark = pytest.mark.eda

# Sizes: one pixel, one line, one column, small ones; 10 bits are padded to 16.
SIZES = [(1, 1, 8), (1, 4, 24), (4, 1, 8), (3, 3, 10), (2, 5, 24)]


def _words(beats: list[Beat], bits: int, rng: np.random.Generator) -> list[int]:
    """Words of beats; the padding holds what it likes."""
    tdata = (bits + 7) // 8 * 8
    padding = rng.integers(0, 1 << (tdata - bits), len(beats)).tolist()
    return [
        beat.pixel | fill << bits | beat.last << tdata | beat.user << (tdata + 1)
        for beat, fill in zip(beats, padding, strict=True)
    ]


def _in_ports(bits: int) -> tuple[int, dict[str, str]]:
    tdata = (bits + 7) // 8 * 8
    axis = {
        "s_axis_tdata_i": f"in0_data[{tdata - 1}:0]", "s_axis_tlast_i": f"in0_data[{tdata}]",
        "s_axis_tuser_i": f"in0_data[{tdata + 1}]", "s_axis_tvalid_i": "in0_valid", "s_axis_tready_o": "in0_ready",
    }  # fmt: skip
    return tdata + 2, axis | {"data_o": "out0_data", "valid_o": "out0_valid", "ready_i": "out0_ready"}


def _good_input(height: int, width: int, bits: int, rng: np.random.Generator) -> Case:
    frames = [good_frame(height, width, bits, rng) for _ in range(3)]
    word_bits, ports = _in_ports(bits)
    return Case(
        name=f"in {height}x{width}",
        module="xnorsr_video_in",
        parameters={"Width": width, "Height": height, "Bits": bits},
        ports=ports | {"err_line_o": "", "err_frame_o": ""},
        inputs=[Stream(word_bits, [_words(frame, bits, rng) for frame in frames])],
        outputs=[Stream(bits, [[beat.pixel for beat in frame] for frame in frames])],
        latency=1,
        interval=1,
    )


def _wrong_input(height: int, width: int, bits: int, rng: np.random.Generator) -> Case:
    """Groups of wrong frames and junk, each with a good frame at its end, which must come through whole."""
    model = Receiver(height, width)
    groups, pixels, errors = [], [], []
    for _ in range(12):
        good = good_frame(height, width, bits, rng)
        group = [beat for _ in range(rng.integers(0, 4)) for beat in wrong_frame(height, width, bits, rng)] + good
        before = len(model.pixels), len(model.errors)
        for beat in group:
            model.take(beat)
        assert model.frame is None and model.pixels[-len(good) :] == [beat.pixel for beat in good]
        groups.append(_words(group, bits, rng))
        pixels.append(model.pixels[before[0] :])
        errors.append(model.errors[before[1] :])
    assert len(set(model.errors)) == 2, "both kinds of error are to occur"
    word_bits, ports = _in_ports(bits)
    # A FIFO gathers the pulses, so that they are a stream like any other.
    fifo = (
        "  logic err_line{0}, err_frame{0};\n"
        "  xnorsr_fifo #(.Bits(2), .Depth(256)) u_errors{0} (.clk_i, .rst_ni, .data_i({{err_frame{0}, err_line{0}}}),\n"
        "    .valid_i(err_frame{0} | err_line{0}), .ready_o(), .data_o(out1_data), .valid_o(out1_valid),\n"
        "    .ready_i(out1_ready));"
    ).format(f"_{height}x{width}")
    return Case(
        name=f"in {height}x{width}, wrong frames",
        module="xnorsr_video_in",
        parameters={"Width": width, "Height": height, "Bits": bits},
        ports=ports | {"err_line_o": f"err_line_{height}x{width}", "err_frame_o": f"err_frame_{height}x{width}"},
        inputs=[Stream(word_bits, groups)],
        outputs=[Stream(bits, pixels), Stream(2, errors)],
        extra=fifo,
    )


def _output(height: int, width: int, bits: int, per_beat: int, rng: np.random.Generator) -> Case:
    frames = [good_frame(height, width, bits, rng) for _ in range(3)]
    tdata = (per_beat * bits + 7) // 8 * 8

    def beats(frame: list[Beat]) -> list[list[Beat]]:
        return [frame[n : n + per_beat] for n in range(0, len(frame), per_beat)]

    def axis(beat: list[Beat]) -> int:
        return pack([b.pixel for b in beat], bits) | beat[-1].last << tdata | beat[0].user << (tdata + 1)

    return Case(
        name=f"out {height}x{width}, {per_beat} a beat",
        module="xnorsr_video_out",
        parameters={"Width": width, "Height": height, "Bits": bits, "PixelsPerBeat": per_beat},
        ports={
            "data_i": "in0_data", "valid_i": "in0_valid", "ready_o": "in0_ready",
            "m_axis_tdata_o": f"out0_data[{tdata - 1}:0]", "m_axis_tlast_o": f"out0_data[{tdata}]",
            "m_axis_tuser_o": f"out0_data[{tdata + 1}]", "m_axis_tvalid_o": "out0_valid",
            "m_axis_tready_i": "out0_ready",
        },
        inputs=[
            Stream(per_beat * bits, [[pack([b.pixel for b in beat], bits) for beat in beats(f)] for f in frames])
        ],
        outputs=[Stream(tdata + 2, [[axis(beat) for beat in beats(frame)] for frame in frames])],
        latency=1,
        interval=1,
    )  # fmt: skip


def test_video(tmp_path: Path) -> None:
    seed = 10
    rng = np.random.default_rng(seed)
    cases = [_good_input(*size, rng) for size in SIZES] + [_wrong_input(*size, rng) for size in SIZES]
    cases += [_output(*size, 1, rng) for size in SIZES] + [_output(3, 6, 10, 2, rng), _output(2, 4, 24, 4, rng)]
    run_cases(cases, tmp_path / "bench", seed)
