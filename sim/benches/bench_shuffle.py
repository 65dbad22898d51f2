"""When xnorsr_pixel_shuffle takes and gives: the schedule's recurrence, and full rate with several pixels per beat.

Reads the cases as `bench_streams` does and plays those of this module whose parameters stand in the case itself.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import cocotb
import numpy as np

from xnorsr.hw.ops.pixel_shuffle.schedule import shuffle
from xnorsr.sim.benches.cases import Case, load
from xnorsr.sim.benches.streams import Stage, StreamSink, StreamSource, never

CASES = [
    (n, case) for n, case in enumerate(load(Path(os.environ["XNORSR_CASES"]))) if case.module == "xnorsr_pixel_shuffle"
]


class Player:
    """One shuffle, its source and its sink, both without pauses of their own."""

    def __init__(self, stage: Stage, index: int, case: Case) -> None:
        self.case = case
        p = case.parameters
        self.width, self.factor, self.per_beat = (int(str(p[k])) for k in ("Width", "Factor", "PixelsPerBeat"))
        self.source = StreamSource(stage.dut, f"u{index}_in0", never())
        self.sink = StreamSink(stage.dut, f"u{index}_out0", never())
        stage.agents += [self.source, self.sink]
        self.words = [word for frame in case.inputs[0].frames for word in frame]
        self.expected = sum(map(len, case.outputs[0].frames))

    def send(self, pace: int) -> None:
        """Queue all pixels, one every ``pace`` cycles."""
        self.pace = pace
        for word in self.words:
            self.source.send([word, *[None] * (pace - 1)])

    def check_model(self) -> None:
        """Every transfer in the cycle that the schedule's recurrence says."""
        start = self.source.moved[0]
        arrival = np.arange(len(self.words), dtype=np.int64) * self.pace
        want = shuffle(arrival, self.width, self.factor, self.per_beat)
        assert (np.array(self.source.moved) - start).tolist() == want.accept.tolist(), f"{self.case.name}: taken"
        assert (np.array(self.sink.moved) - start).tolist() == want.out.tolist(), f"{self.case.name}: sent"

    def check_rate(self) -> None:
        """The input never waited, and the output ends as soon as it can."""
        moved = np.array(self.source.moved)
        assert set(np.diff(moved).tolist()) <= {self.pace}, f"{self.case.name}: the input waited, {moved.tolist()}"
        if self.per_beat == self.factor**2:
            rest = (self.factor - 1) * self.factor * self.width // self.per_beat
            last = self.sink.moved[-1] - self.source.moved[-1]
            assert last == rest + 4, f"{self.case.name}: ends {last} cycles after the last pixel, expected {rest + 4}"


async def _play(dut: Any, full_rate: bool) -> list[Player]:
    stage = Stage(dut)
    players = [Player(stage, index, case) for index, case in CASES]
    assert players
    await stage.reset()
    for player in players:
        player.send(player.factor**2 // player.per_beat if full_rate else 1)
    while not all(len(p.sink.beats) >= p.expected for p in players):
        await stage.step(8)
        assert stage.cycle < 20000, "no end"
    return players


@cocotb.test()
async def pixels_at_once(dut: Any) -> None:
    for player in await _play(dut, full_rate=False):
        player.check_model()


@cocotb.test()
async def pixels_at_the_output_rate(dut: Any) -> None:
    for player in await _play(dut, full_rate=True):
        player.check_rate()
        player.check_model()
