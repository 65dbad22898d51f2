"""xnorsr_video_in and xnorsr_video_out: good frames without a gap, and every kind of wrong frame against a model.

Counters of dropped beats are so narrow in some cases that they come to their end.

A beat of the AXI4-Stream side is {tuser, tlast, tdata} in one word of the stream bench.
"""

from pathlib import Path

import numpy as np
import pytest

from xnorsr.hw.rtl.module import flag
from xnorsr.sim.benches.cases import Case, Stream, pack
from xnorsr.sim.benches.op_cases import run_cases
from xnorsr.sim.benches.video import LINE, Beat, Receiver, good_frame, wrong_frame, wrong_line

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


def _gbr(pixel: int, third: int) -> int:
    """A pixel whose channels R, G, B begin at the low bits, as UG934 has it: G, then B, then R."""
    mask = (1 << third) - 1
    red, green, blue = pixel & mask, pixel >> third & mask, pixel >> 2 * third
    return red << 2 * third | blue << third | green


def test_the_order_of_ug934_by_hand() -> None:
    assert _gbr(0x332211, 8) == 0x113322, "red 11, green 22, blue 33: G is low, R is high"


def _in_parameters(height: int, width: int, bits: int, gbr: bool = False, counted: bool = False) -> dict[str, object]:
    return {"Width": width, "Height": height, "Bits": bits, "Gbr": flag(gbr), "Counted": flag(counted)}


def _good_input(height: int, width: int, bits: int, rng: np.random.Generator, gbr: bool = False) -> Case:
    frames = [good_frame(height, width, bits, rng) for _ in range(3)]
    word_bits, ports = _in_ports(bits)
    sent = [[b._replace(pixel=_gbr(b.pixel, bits // 3)) if gbr else b for b in frame] for frame in frames]
    return Case(
        name=f"in {height}x{width}{', gbr' * gbr}",
        module="xnorsr_video_in",
        parameters=_in_parameters(height, width, bits, gbr),
        ports=ports | {"err_line_o": "", "err_frame_o": "", "dropped_o": ""},
        inputs=[Stream(word_bits, [_words(frame, bits, rng) for frame in sent])],
        outputs=[Stream(bits, [[beat.pixel for beat in frame] for frame in frames])],
        latency=1,
        interval=1,
    )


# FIFOs gather the pulses of errors and the values of the counter, so that they are streams like any other.
GATHER = """
  logic err_line_AT, err_frame_AT;
  logic [COUNT-1:0] dropped_AT, dropped_q_AT;
  always_ff @(posedge clk_i) dropped_q_AT <= rst_ni ? dropped_AT : '0;
  xnorsr_fifo #(.Bits(2), .Depth(256)) u_errors_AT (.clk_i, .rst_ni, .data_i({err_frame_AT, err_line_AT}),
    .valid_i(err_frame_AT | err_line_AT), .ready_o(), .data_o(out1_data), .valid_o(out1_valid), .ready_i(out1_ready));
  xnorsr_fifo #(.Bits(COUNT), .Depth(1024)) u_dropped_AT (.clk_i, .rst_ni, .data_i(dropped_AT),
    .valid_i(dropped_AT != dropped_q_AT), .ready_o(), .data_o(out2_data), .valid_o(out2_valid), .ready_i(out2_ready));
"""


def _wrong_input(
    height: int, width: int, bits: int, rng: np.random.Generator, counted: bool = False, count_bits: int = 32
) -> Case:
    """Groups of wrong frames and junk, each with a good frame at its end, which must come through whole.

    Counted frames are in step again never; there the end of a group is filled up to a whole frame.
    """
    model = Receiver(height, width, counted)
    groups, pixels, errors, drops = [], [], [], []
    for _ in range(12):
        good = good_frame(height, width, bits, rng)
        group = [beat for _ in range(rng.integers(0, 4)) for beat in wrong_frame(height, width, bits, rng)] + good
        if counted:
            missing = -len(group) % len(good)
            group += [beat._replace(user=bool(rng.integers(2))) for beat in wrong_line(missing, bits, rng)]
        before = len(model.pixels), len(model.errors), model.dropped
        for beat in group:
            model.take(beat)
        assert model.frame is None
        assert counted or model.pixels[-len(good) :] == [beat.pixel for beat in good]
        groups.append(_words(group, bits, rng))
        pixels.append(model.pixels[before[0] :])
        errors.append(model.errors[before[1] :])
        most = (1 << count_bits) - 1
        drops.append(list(range(before[2] + 1, min(model.dropped, most) + 1)))
    if counted:
        assert sum(map(len, pixels)) == sum(map(len, groups)) and set(model.errors) == {LINE}
    else:
        assert len(set(model.errors)) == 2, "both kinds of error are to occur"
        assert model.dropped > (1 << count_bits) or count_bits == 32, "the counter is to come to its end"
    word_bits, ports = _in_ports(bits)
    mark = f"_{height}x{width}_{int(counted)}{count_bits}"
    return Case(
        name=f"in {height}x{width}, wrong frames{', counted' * counted}, counter of {count_bits} bits",
        module="xnorsr_video_in",
        parameters=_in_parameters(height, width, bits, counted=counted) | {"DroppedBits": count_bits},
        ports=ports | {f"{name}_o": f"{name}{mark}" for name in ("err_line", "err_frame", "dropped")},
        inputs=[Stream(word_bits, groups)],
        outputs=[Stream(bits, pixels), Stream(2, errors), Stream(count_bits, drops)],
        extra=GATHER.replace("_AT", mark).replace("COUNT", str(count_bits)),
    )


def _output(height: int, width: int, bits: int, per_beat: int, rng: np.random.Generator, gbr: bool = False) -> Case:
    frames = [good_frame(height, width, bits, rng) for _ in range(3)]
    tdata = (per_beat * bits + 7) // 8 * 8

    def beats(frame: list[Beat]) -> list[list[Beat]]:
        return [frame[n : n + per_beat] for n in range(0, len(frame), per_beat)]

    def axis(beat: list[Beat]) -> int:
        pixels = [_gbr(b.pixel, bits // 3) if gbr else b.pixel for b in beat]
        return pack(pixels, bits) | beat[-1].last << tdata | beat[0].user << (tdata + 1)

    return Case(
        name=f"out {height}x{width}, {per_beat} per beat{', gbr' * gbr}",
        module="xnorsr_video_out",
        parameters={
            "Width": width, "Height": height, "Bits": bits, "Gbr": flag(gbr), "PixelsPerBeat": per_beat,
        },
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
    print(f"seed {seed}")
    rng = np.random.default_rng(seed)
    cases = [_good_input(*size, rng) for size in SIZES] + [_wrong_input(*size, rng) for size in SIZES]
    cases += [_wrong_input(*size, rng, counted=True) for size in SIZES]
    cases += [_wrong_input(3, 3, 8, rng, count_bits=count) for count in (2, 4)]
    cases += [_output(*size, 1, rng) for size in SIZES] + [_output(3, 6, 10, 2, rng), _output(2, 4, 24, 4, rng)]
    # 30 bits: no multiple of 8, so the padding stands above the pixel, or above all pixels of a beat.
    cases += [_good_input(2, 3, bits, rng, gbr=True) for bits in (24, 30, 3)]
    cases += [_output(2, 4, bits, n, rng, gbr=True) for bits, n in ((24, 1), (30, 2), (24, 4), (3, 4))]
    run_cases(cases, tmp_path / "bench", seed)
