"""The computed schedule, against cycle-by-cycle models of the modules."""

from __future__ import annotations

import numpy as np
import pytest

from tests.hw.resources.nets import Net, srresnet
from xnorsr.hw.resources.arrival import depth_needed, paced, shuffle, window
from xnorsr.hw.resources.folding import apply, plan
from xnorsr.hw.resources.schedule import PORTS, fifo_depths, predict


def test_paced_is_the_recurrence() -> None:
    rng = np.random.default_rng(3)
    earliest = np.sort(rng.integers(0, 100, 50))
    x, last = [], 7
    for a in earliest:
        last = max(int(a), last + 3)
        x.append(last)
    assert paced(earliest, 3, 7).tolist() == x


def step_window(arrival: np.ndarray, pixels: int, delay: int, interval: int) -> tuple[list[int], list[int]]:
    """xnorsr_window, cycle by cycle, in front of an engine that takes a window every ``interval`` cycles."""
    slots: list[bool] = [False] * delay
    taken: list[int] = []
    left: list[int] = []
    valid, owed, busy_until, cycle = False, 0, 0, 0
    while len(left) < arrival.size:
        ready = cycle >= busy_until
        vacant = not valid or ready
        between = len(taken) % pixels == 0
        push = vacant and len(taken) < arrival.size and bool(arrival[len(taken)] <= cycle)
        step = push or (vacant and between and owed > 0)
        if valid and ready:
            left.append(cycle)
            busy_until = cycle + interval
            valid = False
        if step:
            slots.append(push)
            valid = slots.pop(0)
            owed += push - valid
        if push:
            taken.append(cycle)
        cycle += 1
    return taken, left


@pytest.mark.parametrize("interval", [1, 2, 5])
@pytest.mark.parametrize(("height", "width", "kernel"), [(5, 7, 3), (3, 3, 3), (2, 1, 3), (4, 6, 5), (3, 3, 9)])
@pytest.mark.parametrize("gap", [0, 1, 4, 40])
def test_window_is_the_module(interval: int, height: int, width: int, kernel: int, gap: int) -> None:
    """Gapless, dense and sparse arrivals, and pauses between frames in which the window flushes partly or wholly."""
    rng = np.random.default_rng([interval, height, width, kernel, gap])
    pixels, frames = height * width, 4
    spacing = rng.integers(1, gap + 2, frames * pixels) if gap else np.ones(frames * pixels, np.int64)
    spacing[::pixels] += rng.integers(0, 12, frames) * (gap > 0)
    arrival = np.cumsum(spacing)
    delay = kernel // 2 * (width + 1)
    taken, left = step_window(arrival, pixels, delay, interval)
    flow = window(arrival, pixels, delay, interval)
    assert flow.accept.tolist() == taken
    assert flow.out.tolist() == left


def step_shuffle(arrival: np.ndarray, width: int, r: int, per_beat: int) -> tuple[list[int], list[int]]:
    """xnorsr_pixel_shuffle, cycle by cycle, with a consumer that is always ready."""
    lanes, parts = max(per_beat // r, 1), max(r // per_beat, 1)
    words = width // lanes
    places = (2 * words * (r - 1) + r - 1) // r + 4
    held = ahead = i = j = x = cycle = 0
    taken: list[int] = []
    out: list[int] = []
    while len(out) < arrival.size * r * r // per_beat:
        push = held != places and len(taken) < arrival.size and bool(arrival[len(taken)] <= cycle)
        turn = j != 0 or ahead != 0
        if push:
            taken.append(cycle)
        written = push and len(taken) % lanes == 0
        ahead += written - (turn and j == 0)
        held += written - (turn and j == parts - 1 and i == r - 1)
        if turn:
            out.append(cycle + 2)
            j = (j + 1) % parts
            if j == 0:
                x = (x + 1) % words
                if x == 0:
                    i = (i + 1) % r
                    ahead += words if i else 0
        cycle += 1
    return taken, out


@pytest.mark.parametrize("gap", [0, 3, 9, 30])
@pytest.mark.parametrize(
    ("width", "factor", "per_beat"),
    [(1, 2, 1), (5, 2, 1), (7, 3, 1), (4, 4, 1), (12, 2, 1), (5, 2, 2), (6, 4, 2), (6, 2, 4), (6, 3, 9), (8, 2, 8)],
)
def test_shuffle_is_the_module(width: int, factor: int, per_beat: int, gap: int) -> None:
    """Input faster than the output, at its pace, and slower with pauses."""
    rng = np.random.default_rng([width, factor, per_beat, gap])
    arrival = np.cumsum(rng.integers(1, gap + 2, 6 * width))
    taken, out = step_shuffle(arrival, width, factor, per_beat)
    flow = shuffle(arrival, width, factor, per_beat)
    assert flow.accept.tolist() == taken
    assert flow.out.tolist() == out


def run_fifo(write: np.ndarray, read: np.ndarray, depth: int) -> tuple[bool, int]:
    """xnorsr_fifo, cycle by cycle, read from ``read`` on: (did either side wait, most words inside)."""
    inside, most, written, taken, waited = 0, 0, 0, 0, False
    for cycle in range(int(read[-1]) + 1):
        full, empty = inside == depth, inside == 0
        if taken < read.size and read[taken] <= cycle:
            waited |= empty
            taken += not empty
            inside -= not empty
        if written < write.size and write[written] <= cycle:
            waited |= full
            written += not full
            inside += not full
        most = max(most, inside)
    return waited, most


@pytest.mark.parametrize("seed", range(8))
def test_depth_needed_is_enough_and_not_more(seed: int) -> None:
    """With that depth nobody waits; with one word less the writer does. Occupancy is the depth or one below."""
    rng = np.random.default_rng(seed)
    write = np.cumsum(rng.integers(1, 4, 200))
    read = np.cumsum(rng.integers(1, 4, 200))
    read += max(0, int((write - read).max())) + 1 + int(rng.integers(0, 60))
    depth = depth_needed(write, read)
    waited, most = run_fifo(write, read, depth)
    assert not waited and depth - 1 <= most <= depth
    assert run_fifo(write, read, depth - 1)[0]


def test_no_fifo_where_nothing_waits() -> None:
    assert depth_needed(np.arange(9), np.arange(9)) == 0


def test_only_the_short_branch_of_a_join_waits() -> None:
    """A 3x3 convolution holds back a line and a pixel; the skip beside it waits as long, nothing else does.

    The FIFO of the global skip stands in front of the resize, where a pixel has a quarter of the bits.
    """
    stages = apply(s := srresnet(9, 20, 8, 2), plan(s, "full"))
    depths = fifo_depths(stages)
    assert set(depths) == {(t, s.name) for s in stages for t in s.tensors}
    skips = {key for key, depth in depths.items() if depth}
    assert skips == {(f"fork{i}", f"add{i}") for i in range(4)} | {("fork_in", "up")}
    for i in range(4):
        assert 21 < depths[f"fork{i}", f"add{i}"] <= 21 + 16
    # 6 convolutions of 21 slots each stand beside the global skip
    assert 6 * 21 < depths["fork_in", "up"] <= 6 * 21 + 80


def test_a_bilinear_resize_behind_the_fifo_holds_its_share() -> None:
    """What its window and registers keep the FIFO in front need not, down to what the other branch's windows need."""
    nearest, bilinear = (srresnet(3, 6, 8, 4, mode=mode) for mode in ("nearest", "bilinear"))
    plain, spared = (fifo_depths(apply(s, plan(s, "full")))["fork_in", "up"] for s in (nearest, bilinear))
    assert plain - spared == 7 + 3
    wide = srresnet(3, 90, 8, 1, mode="bilinear")
    assert fifo_depths(apply(wide, plan(wide, "full")))["fork_in", "up"] == 4 * 91 + 1


def test_slow_pixels_need_fewer_words() -> None:
    """Registers hold a pixel each at one a cycle, hardly one at sixteen cycles a pixel; windows hold the same."""
    stages = srresnet(9, 20, 8, 1)
    fast, slow = (fifo_depths(apply(stages, plan(stages, t))) for t in ("full", 16))
    assert 21 < slow["fork1", "add1"] < fast["fork1", "add1"]


@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
def test_depth_does_not_fall_below_what_windows_hold(mode: str) -> None:
    """3x3 frames flush between slow pixels, yet a stall in the middle of a frame leaves all windows filled."""
    stages = apply(s := srresnet(3, 3, 8, 2, mode=mode), plan(s, "min"))
    assert fifo_depths(stages)["fork_in", "up"] >= 6 * 4 + 1


def test_a_fifo_stays_behind_a_convolution() -> None:
    """A skip that is widened by a convolution: what a folded one holds is not counted on."""
    net = Net(8, 8)
    image = net.fork("fork_in", "input")
    y = net.conv("deep1", net.conv("deep0", image, 4), 8)
    net.add("sum", y, net.conv("wide", image, 8, kernel=1))
    depths = fifo_depths(net.stages())
    assert {key for key, depth in depths.items() if depth} == {("wide", "sum")}


def test_rates_differ_behind_a_shuffle() -> None:
    """Both branches shuffle, then the long one convolves at four times the pixels; the FIFO waits at the low rate."""
    net = Net(6, 10)
    image = net.fork("fork_in", "input")
    y = net.shuffle("shuffle", net.conv("head", image, 16), 2)
    y = net.conv("hr", y, 3)
    z = net.shuffle("skip_shuffle", net.upsample("up", image, 2, "nearest"), 2)
    net.add("sum", y, z)
    depths = fifo_depths(apply(s := net.stages(), plan(s, "full")))
    ((key, depth),) = ((k, d) for k, d in depths.items() if d)
    # 11 slots of the head, half a line in the shuffle, 21 slots at a quarter each; registers and the ring's spare
    assert key == ("fork_in", "up") and 11 + 5 + 5 < depth < 11 + 5 + 5 + 30


@pytest.mark.parametrize("target", ["full", 4, 30])
def test_frames_follow_at_the_interval(target: str | int) -> None:
    """Prediction against the schedule of many frames: the last ones leave one interval apart."""
    stages = apply(s := srresnet(7, 11, 12, 1), plan(s, target))
    made = predict(stages)
    assert made.frame_interval == max(4, target if isinstance(target, int) else 1) * 77 or made.frame_interval < 30 * 77
    assert made.latency < made.cycles_per_frame
    assert made.cycles_per_frame > made.frame_interval


def test_latency_of_one_convolution() -> None:
    """Unfolded, 3x3 on lines of 10: 11 slots, the window's register, the engine's latency."""

    class OneCycle:
        def interval(self, op: object) -> int:
            return 1

        def latency(self, op: object) -> int:
            return 5

    net = Net(6, 10)
    net.conv("conv", "input", 4)
    made = predict(net.stages(), OneCycle())
    assert made.latency == PORTS + 11 + 1 + 5
    assert made.cycles_per_frame == PORTS + 60 + 11 + 1 + 5
    assert made.frame_interval == 60


def test_large_network_is_scheduled_in_seconds() -> None:
    """320x180, 32 binary layers: a few seconds of NumPy."""
    stages = apply(s := srresnet(180, 320, 8, 16), plan(s, "full"))
    depths = fifo_depths(stages)
    assert 34 * 321 < depths["fork_in", "up"] < 34 * 321 + 600
    assert 57600 * 4 + 34 * 321 < predict(stages).cycles_per_frame < 57600 * 4 + 36 * 321
