"""AXI4-Stream video ports in benches: cocotbext-axi's source and sink, lines as packets, and a check of the protocol.

A whole beat counts as one of cocotbext-axi's bytes, so that a packet's data are the words of a line, a list of int.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cocotb.triggers import RisingEdge
from cocotb.utils import get_sim_steps
from cocotbext.axi import AxiStreamBus, AxiStreamFrame, AxiStreamSink, AxiStreamSource

from xnorsr.sim.benches.streams import Pause

PERIOD_NS = 10  # of aclk


def source(dut: Any, prefix: str = "s_axis", pause: Pause | None = None) -> Any:
    """AxiStreamSource at a port of the top level; aresetn resets it."""
    return _agent(AxiStreamSource, dut, prefix, pause)


def sink(dut: Any, prefix: str = "m_axis", pause: Pause | None = None) -> Any:
    """AxiStreamSink at a port of the top level; aresetn resets it."""
    return _agent(AxiStreamSink, dut, prefix, pause)


def _agent(kind: Any, dut: Any, prefix: str, pause: Pause | None) -> Any:
    bus = AxiStreamBus.from_prefix(dut, prefix)
    agent = kind(bus, dut.aclk, dut.aresetn, reset_active_level=False, byte_lanes=1)
    if pause is not None:
        agent.set_pause_generator(pause)
    return agent


def packets(beats: Iterable[tuple[int, int, int]]) -> list[Any]:
    """AxiStreamFrames of beats (tdata, tuser, tlast).

    Raises:
        ValueError: the last beat has no tlast, which a packet's end always has.
    """
    made, words, users = [], [], []
    for word, user, last in beats:
        words.append(word)
        users.append(int(user))
        if last:
            made.append(AxiStreamFrame(words, tuser=users))
            words, users = [], []
    if words:
        raise ValueError(f"{len(words)} beats after the last tlast: a packet cannot end without one")
    return made


def cycle(steps: int) -> int:
    """Number of the clock cycle at a simulation time in steps, which is how cocotbext-axi notes times."""
    return steps // int(get_sim_steps(PERIOD_NS, "ns"))


class Watch:
    """Looks at a port at each rising edge: which beats move, and that a beat stays until it is taken.

    cocotbext-axi checks no such rule, and hands over whole packets only.

    Attributes:
        beats: (tdata, tuser, tlast) of each transfer since the last reset.
        broken: what was against the protocol, for the bench to raise.
    """

    def __init__(self, dut: Any, prefix: str) -> None:
        self.dut, self.prefix = dut, prefix
        self.valid, self.ready = getattr(dut, f"{prefix}_tvalid"), getattr(dut, f"{prefix}_tready")
        self.payload = [getattr(dut, f"{prefix}_{name}") for name in ("tdata", "tuser", "tlast")]
        self.broken: list[str] = []
        self.reset()

    def reset(self) -> None:
        """Forget what moved."""
        self.beats: list[tuple[int, ...]] = []
        self._held: tuple[int, ...] | None = None

    async def run(self) -> None:
        """Watch for ever."""
        edge = RisingEdge(self.dut.aclk)
        while True:
            await edge
            self.look(bool(int(self.dut.aresetn.value)))

    def look(self, active: bool) -> None:
        """One rising edge; ``active``: no reset."""
        valid = bool(int(self.valid.value))
        if not active:
            self._held = None  # AXI lets a reset drop a beat
            return
        if not valid:
            if self._held is not None:
                self.broken.append(f"{self.prefix}: tvalid fell before the beat was taken")
            self._held = None
            return
        beat = tuple(int(signal.value) for signal in self.payload)
        if self._held not in (None, beat):
            self.broken.append(f"{self.prefix}: a beat changed before it was taken")
        taken = bool(int(self.ready.value))
        self._held = None if taken else beat
        if taken:
            self.beats.append(beat)
