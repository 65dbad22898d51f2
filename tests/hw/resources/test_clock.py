"""Levels that a clock leaves room for, and that a path of so many levels then fits by the same delays."""

from __future__ import annotations

import pytest

from xnorsr.hw.resources.clock import CHAIN, FAN_OUT, logic_levels
from xnorsr.hw.resources.timing_delays import DELAYS

pytestmark = pytest.mark.quick


@pytest.mark.parametrize(
    ("clock", "part", "levels"),
    [
        (250, "xck26", 4), (200, "kv260", 4), (500, "xck26", 3), (700, "xck26", 2), (10, "xck26", 4),
        (150, "xc7a35t", 4), (200, "xc7a35t", 3), (250, "xc7a35t", 2), (2000, "xc7a35t", 2), (250, "xcku040", 4),
        (150, "xcabc-unheard-of", 4), (250, "xcabc-unheard-of", 2),
    ],
)  # fmt: skip
def test_levels_of_a_clock(clock: float, part: str, levels: int) -> None:
    assert logic_levels(clock, part) == levels


@pytest.mark.parametrize(("family", "part"), [("xc7", "xc7a35t"), ("xcu", "xcku040"), ("xcup", "xck26")])
def test_a_path_of_so_many_levels_fits(family: str, part: str) -> None:
    """Unless it is the fewest, and one level more does not, unless it is the most."""
    d = DELAYS[family]
    for clock in range(50, 700, 10):
        levels = logic_levels(clock, part)

        def path(luts: int) -> float:
            chain = d.carry_in + CHAIN * d.carry_bit + d.carry_out
            nets = (luts + 1) * d.net_delay(FAN_OUT)
            return d.clk_to_q + nets + luts * d.lut + chain + d.setup + d.uncertainty

        assert levels == 2 or path(levels) <= 1000 / clock
        assert levels == 4 or path(levels + 1) > 1000 / clock
