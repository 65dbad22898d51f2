"""cocotb agents for valid/ready streams: source (driver), sink (monitor with back-pressure), and the clock they share.

All agents act in step: at the falling edge they drive, and once everything has settled they look at what the next
rising edge will see. So a bench has no races, and one coroutine serves any number of streams.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, ReadOnly

PERIOD_NS = 4

Pause = Iterator[bool]  # one item per cycle, True: stand still


def never() -> Pause:
    """No pause at all."""
    while True:
        yield False


def at_random(rng: random.Random, share: float) -> Pause:
    """Each cycle on its own: pause with this probability."""
    while True:
        yield rng.random() < share


def in_bursts(rng: random.Random, longest: int) -> Pause:
    """Runs of activity and of silence, each of 1 to ``longest`` cycles."""
    while True:
        for silent in (False, True):
            yield from [silent] * rng.randint(1, longest)


def any_pause(rng: random.Random) -> Pause:
    """One of the patterns above, at random."""
    kind = rng.randrange(5)
    if kind == 0:
        return never()
    if kind == 1:
        return in_bursts(rng, rng.choice([3, 30]))
    return at_random(rng, rng.choice([0.1, 0.5, 0.8]))


class Agent(Protocol):
    """What the clock serves once per cycle."""

    def drive(self) -> None:
        """Set the signals that the next rising edge will see."""

    def sample(self, cycle: int) -> None:
        """Look at the settled signals of the next rising edge."""


class StreamSource:
    """Drives the beats of a stream in order.

    Attributes:
        moved: cycle of each beat's transfer.
    """

    def __init__(self, dut: Any, name: str, pause: Pause) -> None:
        self.data = getattr(dut, f"{name}_data")
        self.valid = getattr(dut, f"{name}_valid")
        self.ready = getattr(dut, f"{name}_ready")
        self.pause = pause
        self.beats: list[int | None] = []
        self.next = 0
        self.moved: list[int] = []
        self.active = False  # valid is 1
        self.taken = False  # the beat moves at the next edge
        self.data.value = 0
        self.valid.value = 0

    def send(self, beats: Sequence[int | None]) -> None:
        """Append beats; None is a cycle of silence."""
        self.beats.extend(beats)

    def clear(self) -> None:
        """Forget all that is not sent, as a reset does."""
        self.beats, self.next, self.moved, self.taken = [], 0, [], False
        if self.active:
            self.active = False
            self.valid.value = 0

    @property
    def idle(self) -> bool:
        """Nothing more to send."""
        return self.next >= len(self.beats)

    def drive(self) -> None:
        if self.active and not self.taken:
            return  # a valid beat stays until it is taken
        beat = None
        if not self.idle and not next(self.pause):
            beat = self.beats[self.next]
            self.next += 1
        if beat is not None:
            self.data.value = beat
        if self.active != (beat is not None):
            self.active = beat is not None
            self.valid.value = int(self.active)
        self.taken = False

    def sample(self, cycle: int) -> None:
        if self.active and self.ready.value:
            self.moved.append(cycle)
            self.taken = True


class StreamSink:
    """Takes the beats of a stream, with pauses, and checks the protocol.

    Attributes:
        beats: what came.
        moved: cycle of each beat's transfer.
    """

    def __init__(self, dut: Any, name: str, pause: Pause) -> None:
        self.name = name
        self.data = getattr(dut, f"{name}_data")
        self.valid = getattr(dut, f"{name}_valid")
        self.ready = getattr(dut, f"{name}_ready")
        self.pause = pause
        self.beats: list[int] = []
        self.moved: list[int] = []
        self.is_ready = False
        self.held: int | None = None
        self.ready.value = 0

    def clear(self) -> None:
        """Forget what came, as after a reset; what is there from reset on is not taken unseen."""
        self.beats, self.moved, self.held = [], [], None
        self.is_ready = False
        self.ready.value = 0

    def drive(self) -> None:
        ready = not next(self.pause)
        if ready != self.is_ready:
            self.ready.value = int(ready)
            self.is_ready = ready

    def sample(self, cycle: int) -> None:
        valid = bool(self.valid.value)
        if self.held is not None:
            assert valid, f"{self.name}: valid fell in cycle {cycle} before the beat was taken"
        if not valid:
            return
        if not self.is_ready or self.held is not None:
            data = self.data.value.to_unsigned()
            assert self.held in (None, data), f"{self.name}: data changed in cycle {cycle} before the beat was taken"
            self.held = data
        if self.is_ready:
            self.beats.append(self.data.value.to_unsigned() if self.held is None else self.held)
            self.moved.append(cycle)
            self.held = None


class Stage:
    """The clock, the reset and all agents of a bench."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.agents: list[Agent] = []
        self.cycle = 0
        dut.rst_ni.value = 0
        Clock(dut.clk_i, PERIOD_NS, unit="ns").start(start_high=False)

    async def step(self, cycles: int = 1) -> None:
        """Let cycles pass."""
        for _ in range(cycles):
            await FallingEdge(self.dut.clk_i)
            for agent in self.agents:
                agent.drive()
            await ReadOnly()
            for agent in self.agents:
                agent.sample(self.cycle)
            self.cycle += 1

    async def reset(self, cycles: int = 3) -> None:
        """Reset the design; agents stand still meanwhile, and what they held is forgotten."""
        await FallingEdge(self.dut.clk_i)
        self.dut.rst_ni.value = 0
        for agent in self.agents:
            if isinstance(agent, StreamSource | StreamSink):
                agent.clear()
        for _ in range(cycles):
            await FallingEdge(self.dut.clk_i)
        self.dut.rst_ni.value = 1
        self.cycle = 0
