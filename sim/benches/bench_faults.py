"""A whole network under wrong frames and resets: what comes out, and which errors are told.

Runs inside the simulator. The environment variable XNORSR_FAULTS names a JSON file with

    shape       (height, width) of the output frame in beats
    seed        of the pauses
    scenarios   [{"name", "parts": [{"beats", "words", "errors", "dropped", "reset_after"}]}]

A part is what is sent between two resets: `beats` of (tdata, tuser, tlast), the last one with tlast. `words` are
exactly what must come out, `errors` the codes (1 line, 2 frame) of the pulses in order, and `dropped` what dropped_o
must have counted at the end of the part. With `reset_after`, a pair of numbers, the part ends with a reset in the
midst, as soon as so many beats are taken and so many words have come; what came must then be the beginning of `words`.
Each scenario runs without pauses and with random ones on both sides.

cocotbext-axi drives both ports. It hands over no packet that a reset cuts off, and checks no rule of the protocol, so
what moves is seen by `axis.Watch`.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge

from xnorsr.sim.benches import axis
from xnorsr.sim.benches.streams import at_random

CONFIG = json.loads(Path(os.environ["XNORSR_FAULTS"]).read_text())
PATIENCE = 2000  # cycles without any transfer that count as a deadlock


class Bench:
    """Source, sink, what moves at both ports, and the error pulses between them."""

    def __init__(self, dut: Any, rng: random.Random, share: float) -> None:
        pauses = [at_random(rng, share) if share else None for _ in range(2)]
        self.dut = dut
        self.source, self.sink = axis.source(dut, pause=pauses[0]), axis.sink(dut, pause=pauses[1])
        self.taken, self.came = axis.Watch(dut, "s_axis"), axis.Watch(dut, "m_axis")
        for watch in (self.taken, self.came):
            cocotb.start_soon(watch.run())
        self.errors: list[int] = []

    @property
    def words(self) -> list[int]:
        """What came since the last reset."""
        return [beat[0] for beat in self.came.beats]

    async def step(self) -> bool:
        """A cycle; whether anything moved."""
        before = len(self.taken.beats), len(self.came.beats)
        await FallingEdge(self.dut.aclk)
        pulses = int(self.dut.err_line_o.value) | int(self.dut.err_frame_o.value) << 1
        self.errors += [pulses] if pulses else []
        assert not self.came.broken, self.came.broken[0]
        return before != (len(self.taken.beats), len(self.came.beats))

    async def reset(self) -> None:
        """A reset of three cycles, in the midst of whatever goes on."""
        self.dut.aresetn.value = 0
        for _ in range(3):
            await FallingEdge(self.dut.aclk)
        assert not int(self.dut.m_axis_tvalid.value), "tvalid in reset"
        assert not int(self.dut.dropped_o.value), "dropped beats counted in reset"
        self.source.clear()
        self.sink.clear()
        self.dut.aresetn.value = 1
        self.taken.reset()
        self.came.reset()
        self.errors.clear()

    async def until(self, done: Callable[[], bool], wanted: str) -> None:
        """Run until something has happened."""
        quiet = 0
        while not done():
            quiet = 0 if await self.step() else quiet + 1
            state = f"{len(self.taken.beats)} beats taken, {len(self.came.beats)} words came"
            assert quiet < PATIENCE, f"nothing moves: {state}, wanted {wanted}"

    def _check_marks(self) -> None:
        height, width = CONFIG["shape"]
        for n, beat in enumerate(self.came.beats):
            wanted = (int(n % (height * width) == 0), int(n % width == width - 1))
            assert beat[1:] == wanted, f"beat {n}: (tuser, tlast) = {beat[1:]}, expected {wanted}"

    async def play(self, part: dict[str, Any]) -> None:
        """Send one part and check what comes."""
        beats, words, reset_after = part["beats"], part["words"], part["reset_after"]
        for packet in axis.packets(beats):
            self.source.send_nowait(packet)
        sent, received = reset_after or (len(beats), len(words))
        await self.until(
            lambda: len(self.taken.beats) >= sent and len(self.came.beats) >= received,
            f"{sent} beats and {received} words",
        )
        self._check_marks()
        if reset_after is not None:
            assert self.words == words[: len(self.words)], "words before the reset"
            assert self.errors == part["errors"][: len(self.errors)], f"errors before the reset: {self.errors}"
            return
        for _ in range(200):  # nothing more may come
            await self.step()
        assert len(self.taken.beats) == sent, f"{len(self.taken.beats)} beats taken of {sent}"
        assert len(self.words) == len(words), f"{len(self.words)} words, expected {len(words)}"
        first = next((n for n, (a, b) in enumerate(zip(self.words, words, strict=True)) if a != b), None)
        assert first is None, f"word {first}: {self.words[first]:x}, expected {words[first]:x}"
        assert self.errors == part["errors"], f"errors {self.errors}, expected {part['errors']}"
        dropped = int(self.dut.dropped_o.value)
        assert dropped == part["dropped"], f"{dropped} beats dropped, expected {part['dropped']}"


@cocotb.test()
@cocotb.parametrize(scenario=list(range(len(CONFIG["scenarios"]))), share=[0.0, 0.4])
async def faults(dut: Any, scenario: int, share: float) -> None:
    """One scenario; ``share`` of the cycles are pauses, on both sides."""
    rng = random.Random(f"{CONFIG['seed']} {scenario}")
    Clock(dut.aclk, axis.PERIOD_NS, "ns").start()
    dut.aresetn.value = 0
    await FallingEdge(dut.aclk)
    bench = Bench(dut, rng, share)
    try:
        for part in CONFIG["scenarios"][scenario]["parts"]:
            await bench.reset()
            await bench.play(part)
    except AssertionError as error:
        raise AssertionError(f"{CONFIG['scenarios'][scenario]['name']}, pauses {share}: {error}") from error
