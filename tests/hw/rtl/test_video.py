"""xnorsr_video_in and xnorsr_video_out: good frames without a gap, and every kind of wrong frame against a model.

A beat of the AXI4-Stream side is {tuser, tlast, tdata} in one word of the stream bench.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from xnorsr.sim.benches.cases import Case, Stream, pack
from xnorsr.sim.benches.op_cases import run_cases

pytestmark = pytest.mark.eda

LINE, FRAME = 1, 2  # error codes: {err_frame_o, err_line_o}
# Sizes: one pixel, one line, one column, small ones; 10 bits are padded to 16.
SIZES = [(1, 1, 8), (1, 4, 24), (4, 1, 8), (3, 3, 10), (2, 5, 24)]


class Beat(NamedTuple):
    """One beat of AXI4-Stream video."""

    pixel: int
    user: bool
    last: bool


class Receiver:
    """What the header of xnorsr_video_in says, told frame by frame."""

    def __init__(self, height: int, width: int) -> None:
        self.size, self.width = height * width, width
        self.frame: list[int] | None = None  # None: between frames
        self.surplus = False  # the rest of a long line is being dropped
        self.told = True  # pixels outside a frame are no (further) error
        self.pixels: list[int] = []
        self.errors: list[int] = []

    def take(self, beat: Beat) -> None:
        if beat.user:
            if self.frame is not None:
                self.errors.append(FRAME)
                self._end()
            self.frame, self.surplus = [], False
        elif self.surplus:
            self.surplus = not beat.last
            return
        elif self.frame is None:
            self.errors += [] if self.told else [FRAME]
            self.told = True
            return
        assert self.frame is not None
        self.frame.append(beat.pixel)
        full = len(self.frame) % self.width == 0
        if beat.last != full:
            self.errors.append(LINE)
            self.surplus = full
            self.frame += [0] * (-len(self.frame) % self.width)
        if len(self.frame) == self.size:
            self._end()

    def _end(self) -> None:
        assert self.frame is not None
        self.pixels += self.frame + [0] * (self.size - len(self.frame))
        self.frame, self.told = None, False


def _good(height: int, width: int, bits: int, rng: np.random.Generator) -> list[Beat]:
    pixels = rng.integers(1, 1 << bits, height * width).tolist()
    return [Beat(p, n == 0, n % width == width - 1) for n, p in enumerate(pixels)]


def _wrong(height: int, width: int, bits: int, rng: np.random.Generator) -> list[Beat]:
    """A frame with one to three faults."""
    beats = _good(height, width, bits, rng)
    for _ in range(rng.integers(1, 4)):
        at = int(rng.integers(len(beats)))
        beat = beats[at]
        match int(rng.integers(7)):
            case 0:  # short line, or two lines in one
                beats[at] = beat._replace(last=not beat.last)
            case 1:  # pixels lost
                del beats[at : at + int(rng.integers(1, 4))]
            case 2:  # long line
                beats[at:at] = [Beat(int(p), False, False) for p in rng.integers(1, 1 << bits, rng.integers(1, 6))]
            case 3:  # no start of frame
                beats[0] = beats[0]._replace(user=False)
            case 4:  # cut off
                del beats[at + 1 :]
            case 5:  # lines too many
                beats += [b._replace(user=False) for b in _good(2, width, bits, rng)]
            case 6:  # start of frame in the middle
                beats[at] = beat._replace(user=True)
        beats = beats or _good(height, width, bits, rng)
    return beats


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
    frames = [_good(height, width, bits, rng) for _ in range(3)]
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
        good = _good(height, width, bits, rng)
        group = [beat for _ in range(rng.integers(0, 4)) for beat in _wrong(height, width, bits, rng)] + good
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
    frames = [_good(height, width, bits, rng) for _ in range(3)]
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
