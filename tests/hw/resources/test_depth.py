"""No layer of a network is deeper between registers than its clock leaves room for, and the estimated clock is reached.

Here are whole networks; tests/hw/rtl/test_levels.py holds each operator alone to the same limit.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.depths import NETWORKS, Depth, depth
from xnorsr.hw.resources.timing import LayerTiming, TimedPath, Timing


@pytest.mark.quick
def test_what_is_too_deep_is_named() -> None:
    path = TimedPath(5.0, 4, 2, 9, 3, "a (FDRE)", "b/D (FDRE)", "u_x", "u_y")
    timing = Timing("xcup", "", {"x": LayerTiming(path, 6, 5, "a -> b"), "y": LayerTiming(path, 5, 4, "c -> d")})
    assert timing.deeper_than(4) == ["x: 5 levels, a -> b"] and timing.deeper_than(5) == []
    assert Depth(timing, 5, 200.0).missed == []
    slow = "200 MHz estimated, 250 asked: u_x: a (FDRE) -> u_y: b/D (FDRE)"
    assert Depth(timing, 4, 250.0).missed == ["x: 5 levels, a -> b", slow]


@pytest.mark.slow
@pytest.mark.eda
@pytest.mark.exhaustive
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("family", "clock"), [("xcup", 250.0), ("xc7", 150.0)])
@pytest.mark.parametrize("name", list(NETWORKS))
def test_the_clock_is_reached_and_no_layer_is_too_deep(name: str, family: str, clock: float, tmp_path: Path) -> None:
    found = depth(name, family, clock, tmp_path)
    assert found.levels == 4
    assert found.missed == []
