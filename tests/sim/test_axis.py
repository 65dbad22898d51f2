"""What the benches of AXI4-Stream ports add to cocotbext-axi: packets of beats, and the check of the protocol."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from xnorsr.sim.benches.axis import Watch, packets

pytestmark = pytest.mark.quick


class Port:
    """Signals of a port whose values a test sets cycle by cycle."""

    def __init__(self) -> None:
        names = ("aresetn", *(f"m_axis_{name}" for name in ("tvalid", "tready", "tdata", "tuser", "tlast")))
        self.dut: Any = SimpleNamespace(**{name: SimpleNamespace(value=0) for name in names})
        self.watch = Watch(self.dut, "m_axis")

    def cycle(self, valid: int, ready: int, data: int = 0, last: int = 0, active: bool = True) -> None:
        for name, value in (("tvalid", valid), ("tready", ready), ("tdata", data), ("tlast", last)):
            getattr(self.dut, f"m_axis_{name}").value = value
        self.watch.look(active)


def test_transfers_are_noted() -> None:
    port = Port()
    for valid, ready, data in ((0, 1, 1), (1, 0, 2), (1, 0, 2), (1, 1, 2), (1, 1, 3), (0, 0, 4)):
        port.cycle(valid, ready, data)
    assert port.watch.beats == [(2, 0, 0), (3, 0, 0)] and not port.watch.broken
    port.watch.reset()
    assert port.watch.beats == []


@pytest.mark.parametrize(
    ("then", "said"),
    [
        ({"valid": 0, "ready": 0, "data": 5}, "m_axis: tvalid fell before the beat was taken"),
        ({"valid": 1, "ready": 0, "data": 6}, "m_axis: a beat changed before it was taken"),
        ({"valid": 1, "ready": 1, "data": 5, "last": 1}, "m_axis: a beat changed before it was taken"),
    ],
)
def test_a_beat_stays_until_it_is_taken(then: dict[str, int], said: str) -> None:
    port = Port()
    port.cycle(1, 0, 5)
    assert not port.watch.broken
    port.cycle(**then)
    assert port.watch.broken == [said]


def test_a_reset_may_drop_a_beat() -> None:
    port = Port()
    port.cycle(1, 0, 5)
    port.cycle(0, 0, active=False)
    port.cycle(1, 1, 6)
    assert port.watch.beats == [(6, 0, 0)] and not port.watch.broken


def test_beats_become_packets() -> None:
    made = packets([(1, 1, 0), (2, 0, 1), (3, 0, 1)])
    assert [(p.tdata, p.tuser) for p in made] == [([1, 2], [1, 0]), ([3], [0])]
    with pytest.raises(ValueError, match="2 beats after the last tlast: a packet cannot end without one"):
        packets([(1, 1, 1), (2, 0, 0), (3, 0, 0)])
