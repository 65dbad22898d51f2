"""A whole network under wrong frames and resets: what comes out, and which errors are told.

Runs inside the simulator. The environment variable XNORSR_FAULTS names a JSON file with

    shape       (height, width) of the output frame in beats
    seed        of the pauses
    scenarios   [{"name", "parts": [{"beats", "words", "errors", "reset_after"}]}]

A part is what is sent between two resets: `beats` of (tdata, tuser, tlast). Without a reset in the middle `words` are
exactly what must come out, and `errors` the codes (1 line, 2 frame) of the pulses in order. With `reset_after` the
part ends with a reset once all its beats are taken and so many words have come, and what came must be the beginning
of `words`. Each scenario runs without pauses and with random ones on both sides.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge

from xnorsr.sim.benches.streams import Pause, at_random, never

CONFIG = json.loads(Path(os.environ["XNORSR_FAULTS"]).read_text())
PATIENCE = 2000  # cycles without any transfer that count as a deadlock


class Source:
    """Drives beats; one once offered stays until it is taken."""

    def __init__(self, dut: Any, pause: Pause) -> None:
        self.dut, self.pause = dut, pause
        self.beats: Iterator[list[int]] = iter(())
        self.reset()

    def reset(self) -> None:
        """Offer nothing, have nothing more to send."""
        self.beats, self.offered, self.done = iter(()), False, True
        self.dut.s_axis_tvalid.value = 0

    def send(self, beats: list[list[int]]) -> None:
        """What to send from now on."""
        self.beats, self.done = iter(beats), not beats

    def step(self) -> bool:
        """A cycle; whether a beat was taken."""
        if not self.offered and not self.done and not next(self.pause):
            beat = next(self.beats, None)
            self.done = beat is None
            if beat is not None:
                self.dut.s_axis_tdata.value, self.dut.s_axis_tuser.value, self.dut.s_axis_tlast.value = beat
            self.offered = beat is not None
        self.dut.s_axis_tvalid.value = int(self.offered)
        taken = self.offered and bool(self.dut.s_axis_tready.value)
        self.offered &= not taken
        return taken


class Sink:
    """Takes beats, checks tuser, tlast, and that a beat stays until it is taken."""

    def __init__(self, dut: Any, pause: Pause) -> None:
        self.dut, self.pause = dut, pause
        self.reset()

    def reset(self) -> None:
        """Forget what came; the next beat starts a frame."""
        self.words: list[int] = []
        self.held: tuple[int, int, int] | None = None

    def step(self) -> bool:
        """A cycle; whether a beat was taken."""
        ready = not next(self.pause)
        self.dut.m_axis_tready.value = int(ready)
        if not int(self.dut.m_axis_tvalid.value):
            assert self.held is None, "tvalid fell before the beat was taken"
            return False
        beat = int(self.dut.m_axis_tdata.value), int(self.dut.m_axis_tuser.value), int(self.dut.m_axis_tlast.value)
        assert self.held in (None, beat), "a beat changed before it was taken"
        self.held = None if ready else beat
        if not ready:
            return False
        height, width = CONFIG["shape"]
        n = len(self.words) % (height * width)
        assert beat[1:] == (int(n == 0), int(n % width == width - 1)), (
            f"beat {n} of a frame: (tuser, tlast) = {beat[1:]}"
        )
        self.words.append(beat[0])
        return True


class Bench:
    """Source, sink, and the error pulses between them."""

    def __init__(self, dut: Any, source_pause: Pause, sink_pause: Pause) -> None:
        self.dut, self.source, self.sink = dut, Source(dut, source_pause), Sink(dut, sink_pause)
        self.errors: list[int] = []

    async def step(self) -> bool:
        """A cycle; whether anything moved."""
        moved = self.source.step() | self.sink.step()
        pulses = int(self.dut.err_line_o.value) | int(self.dut.err_frame_o.value) << 1
        self.errors += [pulses] if pulses else []
        await FallingEdge(self.dut.aclk)
        return moved

    async def reset(self) -> None:
        """A reset of three cycles, in which the sink stays as it is."""
        self.dut.aresetn.value = 0
        self.source.reset()
        for _ in range(3):
            await FallingEdge(self.dut.aclk)
        assert not int(self.dut.m_axis_tvalid.value), "tvalid in reset"
        self.dut.aresetn.value = 1
        self.sink.reset()
        self.errors.clear()
        await FallingEdge(self.dut.aclk)

    async def until(self, words: int) -> None:
        """Run until all beats are taken and so many words came."""
        quiet = 0
        while not (self.source.done and not self.source.offered and len(self.sink.words) >= words):
            quiet = 0 if await self.step() else quiet + 1
            assert quiet < PATIENCE, f"nothing moves: {len(self.sink.words)} of {words} words came"

    async def play(self, part: dict[str, Any]) -> None:
        """Send one part and check what comes."""
        self.source.send(part["beats"])
        words, reset_after = part["words"], part["reset_after"]
        if reset_after is not None:
            await self.until(reset_after)
            assert self.sink.words == words[: len(self.sink.words)], "words before the reset"
            assert self.errors == part["errors"][: len(self.errors)], f"errors before the reset: {self.errors}"
            return
        await self.until(len(words))
        for _ in range(200):  # nothing more may come
            await self.step()
        assert len(self.sink.words) == len(words), f"{len(self.sink.words)} words, expected {len(words)}"
        first = next((n for n, (a, b) in enumerate(zip(self.sink.words, words, strict=True)) if a != b), None)
        assert first is None, f"word {first}: {self.sink.words[first]:x}, expected {words[first]:x}"
        assert self.errors == part["errors"], f"errors {self.errors}, expected {part['errors']}"


@cocotb.test()
@cocotb.parametrize(scenario=list(range(len(CONFIG["scenarios"]))), share=[0.0, 0.4])
async def faults(dut: Any, scenario: int, share: float) -> None:
    """One scenario; ``share`` of the cycles are pauses, on both sides."""
    rng = random.Random(f"{CONFIG['seed']} {scenario}")
    pauses = (at_random(rng, share), at_random(rng, share)) if share else (never(), never())
    Clock(dut.aclk, 10, "ns").start()
    for name in ("aresetn", "s_axis_tvalid", "s_axis_tdata", "s_axis_tuser", "s_axis_tlast", "m_axis_tready"):
        getattr(dut, name).value = 0
    await FallingEdge(dut.aclk)
    bench = Bench(dut, *pauses)
    try:
        for part in CONFIG["scenarios"][scenario]["parts"]:
            await bench.reset()
            await bench.play(part)
    except AssertionError as error:
        raise AssertionError(f"{CONFIG['scenarios'][scenario]['name']}, pauses {share}: {error}") from error
