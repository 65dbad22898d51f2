"""The bench of all modules between streams: goldens in, every pattern of valid and ready, exact data out.

Reads the cases from the file that XNORSR_CASES names and the seed from XNORSR_SEED (see `cases`). Tests:

- gapless: no pause anywhere, frames back to back; also checks latency and interval.
- random pauses: several rounds, each stream with its own pattern, frames with and without a gap.
- drain: a single frame; its last beats must come out with no more input.
- reset in a frame: what was inside is gone, the next frames are right.
"""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

import cocotb

from xnorsr.sim.benches.cases import Case, load
from xnorsr.sim.benches.streams import Stage, StreamSink, StreamSource, any_pause, never

CASES = load(Path(os.environ["XNORSR_CASES"]))
SEED = int(os.environ["XNORSR_SEED"])
ROUNDS = 3


class Player:
    """One case's agents and its checker."""

    def __init__(self, stage: Stage, index: int, case: Case, rng: random.Random | None) -> None:
        self.case = case
        self.rng = rng
        make = (lambda: any_pause(rng)) if rng else never
        names = [f"u{index}_in{n}" for n in range(len(case.inputs))]
        self.sources = [StreamSource(stage.dut, name, make()) for name in names]
        names = [f"u{index}_out{n}" for n in range(len(case.outputs))]
        self.sinks = [StreamSink(stage.dut, name, make()) for name in names]
        stage.agents += [*self.sources, *self.sinks]

    def send(self, frames: int) -> None:
        """Queue the first frames, each input with gaps of its own when there is a random generator."""
        self.frames = frames + self.case.ahead
        for source, stream in zip(self.sources, self.case.inputs, strict=True):
            for frame in stream.frames[:frames]:
                gap = self.rng.choice([0, 0, 5, 120]) if self.rng else 0
                source.send([*frame, *[None] * gap])

    @property
    def done(self) -> bool:
        """As many beats came as are expected."""
        return all(
            len(sink.beats) >= sum(map(len, stream.frames[: self.frames]))
            for sink, stream in zip(self.sinks, self.case.outputs, strict=True)
        )

    def check(self) -> None:
        """Compare all that came with what is expected."""
        for number, (sink, stream) in enumerate(zip(self.sinks, self.case.outputs, strict=True)):
            expected = [beat for frame in stream.frames[: self.frames] for beat in frame]
            masks = [mask for frame in stream.masks[: self.frames] for mask in frame] or [-1] * len(expected)
            where = f"{self.case.name}, out{number}"
            for position, (got, want, mask) in enumerate(zip(sink.beats, expected, masks, strict=False)):
                assert (got ^ want) & mask == 0, f"{where}, beat {position}: {got & mask:#x}, expected {want & mask:#x}"
            assert len(sink.beats) == len(expected), f"{where}: {len(sink.beats)} beats, expected {len(expected)}"

    def check_timing(self) -> None:
        """Compare latency, interval and times with those that the case expects."""
        moved = self.sources[0].moved
        if self.case.latency is not None:
            latency = min(sink.moved[0] for sink in self.sinks) - moved[0]
            assert latency == self.case.latency, f"{self.case.name}: latency {latency}, expected {self.case.latency}"
        if self.case.interval is not None:
            sink = self.sinks[0].moved
            took, expected = sink[-1] - sink[0], (len(sink) - 1) * self.case.interval
            assert took == expected, f"{self.case.name}: {len(sink)} beats took {took} cycles, expected {expected}"
        for number, wanted in enumerate(self.case.taken or []):
            found = [cycle - moved[0] for cycle in self.sources[number].moved]
            first = next((n for n, (a, b) in enumerate(zip(found, wanted, strict=True)) if a != b), None)
            assert first is None, (
                f"{self.case.name}, in{number}, beat {first}: taken in cycle {found[first]}, "
                f"the schedule says {wanted[first]}"
            )
        for number, wanted in enumerate(self.case.times or []):
            found = [cycle - moved[0] for cycle in self.sinks[number].moved]
            # A beat that is there from reset on leaves when the bench begins.
            pairs = enumerate(zip(found, wanted, strict=True))
            first = next((n for n, (a, b) in pairs if a != b and n >= self.case.ahead), None)
            assert first is None, (
                f"{self.case.name}, out{number}, beat {first}: left in cycle {found[first]}, "
                f"the schedule says {wanted[first]}"
            )


async def play(stage: Stage, players: list[Player], frames: int) -> None:
    """Send frames through all cases at once, wait for the last beat, check that no more comes."""
    for player in players:
        player.send(frames)
    beats = max(sum(map(len, s.frames)) for p in players for s in [*p.case.inputs, *p.case.outputs])
    limit = stage.cycle + 2000 + beats * 60 * max((p.case.interval or 1) for p in players)
    while not all(player.done for player in players):
        await stage.step(8)
        late = [p.case.name for p in players if not p.done]
        assert stage.cycle < limit, f"no end after {stage.cycle} cycles: {late}"
    await stage.step(40)
    for player in players:
        player.check()


async def start(dut: Any, rng: random.Random | None) -> tuple[Stage, list[Player]]:
    stage = Stage(dut)
    players = [Player(stage, index, case, rng) for index, case in enumerate(CASES)]
    await stage.reset()
    return stage, players


@cocotb.test()
async def gapless(dut: Any) -> None:
    stage, players = await start(dut, None)
    await play(stage, players, 99)
    for player in players:
        player.check_timing()


@cocotb.test()
@cocotb.parametrize(number=range(ROUNDS))
async def random_pauses(dut: Any, number: int) -> None:
    stage, players = await start(dut, random.Random(SEED + number))
    await play(stage, players, 99)


@cocotb.test()
async def drain(dut: Any) -> None:
    stage, players = await start(dut, None)
    await play(stage, players, 1)


@cocotb.test()
async def reset_in_a_frame(dut: Any) -> None:
    rng = random.Random(SEED)
    stage, players = await start(dut, None)
    for _ in range(3):
        for player in players:
            player.send(1)
        await stage.step(rng.randint(5, 60))
        await stage.reset()
    await play(stage, players, 99)
