"""The computed schedule, against cycle-by-cycle models of the modules."""

from __future__ import annotations

import numpy as np
import pytest

from tests.hw.handmade import Net, srresnet
from xnorsr.hw.network import Network
from xnorsr.hw.ops.pixel_shuffle.schedule import shuffle
from xnorsr.hw.resources.arrival import paced, window
from xnorsr.hw.resources.fifos import fifo_depths
from xnorsr.hw.resources.folding import fold
from xnorsr.hw.resources.schedule import PORTS, flows, predict
from xnorsr.hw.resources.slices import HALF_SLICE, SLICE, SLICE_CYCLES


def skips(network: Network) -> dict[tuple[str, str], int]:
    """Depths of the FIFOs that are there, by the tensor on them and the layer that reads them."""
    found = {}
    for name, depth in fifo_depths(network, "rtl").items():
        if depth > SLICE:
            found[network.streams[name].tensor, network.readers[name][0].name] = depth
    return found


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
            out.append(cycle + 3)
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


def test_only_the_short_branch_of_a_join_waits() -> None:
    """A 3x3 convolution holds back a line and a pixel; the skip beside it waits as long, nothing else does.

    The FIFO of the global skip stands in front of the resize, where a pixel has a quarter of the bits.
    """
    depths = skips(fold(srresnet(9, 20, 8, 2), "full"))
    trunk = ["head", "add0", "add1", "add2"]
    assert set(depths) == {(tensor, f"add{i}") for i, tensor in enumerate(trunk)} | {("input", "up")}
    for i, tensor in enumerate(trunk):
        assert 21 < depths[tensor, f"add{i}"] <= 21 + 32  # and the registers of what stands beside it
    # 6 convolutions of 21 slots each stand beside the global skip
    assert 6 * 21 < depths["input", "up"] <= 6 * 21 + 160


def test_a_bilinear_resize_behind_the_fifo_holds_its_share() -> None:
    """What its window and registers keep the FIFO in front need not, down to what the other branch's windows need."""
    plain, spared = (
        skips(fold(srresnet(3, 6, 8, 4, mode=mode), "full"))["input", "up"] for mode in ("nearest", "bilinear")
    )
    assert plain - spared == 7 + 3
    wide = srresnet(3, 90, 8, 1, mode="bilinear")
    assert skips(fold(wide, "full"))["input", "up"] == 4 * 91 + 2


def test_slow_pixels_need_fewer_words() -> None:
    """Registers hold a pixel each at one per cycle, hardly one at sixteen cycles per pixel; windows hold the same."""
    network = srresnet(9, 20, 8, 1)
    fast, slow = (skips(fold(network, target)) for target in ("full", 16))
    assert 21 < slow["add0", "add1"] < fast["add0", "add1"]


@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
def test_depth_does_not_fall_below_what_windows_hold(mode: str) -> None:
    """3x3 frames flush between slow pixels, yet a stall in the middle of a frame leaves all windows filled."""
    assert skips(fold(srresnet(3, 3, 8, 2, mode=mode), "min"))["input", "up"] >= 6 * 4 + 1


def test_a_fifo_stays_behind_a_convolution() -> None:
    """A skip that is widened by a convolution: what a folded one holds is not counted on."""
    net = Net(8, 8)
    y = net.conv("deep1", net.conv("deep0", "input", 4), 8)
    net.sum("sum", y, net.conv("broad", "input", 8, kernel=1))
    assert set(skips(net.network())) == {("broad", "sum")}


def test_rates_differ_behind_a_shuffle() -> None:
    """Both branches shuffle, then the long one convolves at four times the pixels; the FIFO waits at the low rate."""
    net = Net(6, 10)
    y = net.shuffle("shuffle", net.conv("head", "input", 12), 2)
    y = net.conv("hr", y, 3)
    z = net.shuffle("skip_shuffle", net.resize("up", "input", 2, "nearest"), 2)
    net.sum("sum", y, z)
    ((key, depth),) = skips(fold(net.network(), "full")).items()
    # 11 slots of the head, half a line in the shuffle, 21 slots at a quarter each; registers and the ring's spare
    assert key == ("input", "up") and 11 + 5 + 5 < depth < 11 + 5 + 5 + 30


@pytest.mark.parametrize(("target", "interval"), [("full", 4 * 77), (4, 4 * 77), (30, 27 * 77)])
def test_frames_follow_at_the_interval(target: str | int, interval: int) -> None:
    """The shuffle's output port sets the pace, or the slowest layer: 27 cycles per pixel are what fits 30."""
    network = fold(srresnet(7, 11, 12, 1), target)
    made = predict(network)
    assert made.frame_interval == interval
    assert made.latency < made.cycles_per_frame
    assert made.cycles_per_frame > made.frame_interval
    # Many frames back to back leave one interval apart.
    source = np.arange(6 * 77, dtype=np.int64)
    out = flows(network, source)[network.outputs[0]].reshape(6, -1)[:, -1]
    assert np.diff(out)[1:4].tolist() == [interval] * 3


def test_latency_of_one_convolution() -> None:
    """3x3 on lines of 10, everything in one cycle: the slice, 11 slots, the window's register, what the unit says."""
    net = Net(6, 10)
    net.conv("conv", "input", 4)
    network = fold(net.network(), "full")
    own = network.nodes[0].op.timing("rtl").latency
    made = predict(network)
    assert made.latency == PORTS + SLICE_CYCLES + 11 + 1 + own
    assert made.cycles_per_frame == PORTS + SLICE_CYCLES + 60 + 11 + 1 + own
    assert made.frame_interval == 60
    assert made.ends == (made.cycles_per_frame,)


def test_two_outputs_of_different_rates() -> None:
    """The low-resolution output ends when its convolution does; the frame when the slower one does."""
    net = Net(6, 10)
    low = net.conv("low", "input", 12)
    net.shuffle("high", low, 2)
    network = fold(net.network("low", "high"), "full")
    made = predict(network)
    assert len(made.ends) == 2 and made.cycles_per_frame == made.ends[1] > made.ends[0]
    alone = Net(6, 10)
    alone.conv("low", "input", 12)
    at_fork = SLICE_CYCLES
    assert made.ends[0] == predict(fold(alone.network(), "full")).cycles_per_frame + at_fork
    assert made.frame_interval == 240 and made.bottleneck == "high"


def test_registers_stand_on_every_stream_between_layers() -> None:
    """One register behind a layer that gives a beat every other cycle at most; two where beats may come one by one:
    from the input port, behind a window that flushes, behind a shuffle, behind a FIFO. In front of forks too.
    """
    net = Net(6, 10)
    y = net.conv("head", "input", 12)
    y = net.sum("sum", net.conv("body", y, 12), y)
    y = net.shuffle("shuffle", y, 2)
    net.sum("last", net.conv("tail", y, 3), net.shuffle("skip", net.resize("up", "input", 2, "nearest"), 2))
    network = fold(net.network(), 4)
    words = {
        (network.streams[name].tensor, network.readers[name][0].name): depth
        for name, depth in fifo_depths(network, "rtl").items()
    }
    slow = {node.name: node.op.timing("rtl").interval for node in network.nodes}
    assert slow["head"] == slow["body"] == 4 and slow["tail"] == 1
    sliced = {key: depth for key, depth in words.items() if depth <= SLICE}
    forks = {node.name for node in network.nodes if node.op.op_type == "Fork"}
    assert len(forks) == 2
    assert 0 not in sliced.values()
    assert [depth for (_, reader), depth in sliced.items() if reader in forks] == [SLICE, HALF_SLICE]
    assert sliced["input", "head"] == SLICE and sliced["shuffle", "tail"] == SLICE and sliced["tail", "last"] == SLICE
    assert sliced["head", "body"] == sliced["body", "sum"] == sliced["sum", "shuffle"] == HALF_SLICE
    assert sliced["up", "skip"] == SLICE, "what waits in the FIFO in front of the resize leaves it beat by beat"


def test_nothing_stands_in_front_of_wires() -> None:
    """A nearest resize by itself is wire; the convolution behind it has its slice."""
    net = Net(6, 10)
    net.conv("tail", net.resize("up", "input", 2, "nearest"), 3)
    assert list(fifo_depths(fold(net.network(), "full"), "rtl").values()) == [0, SLICE]


def test_large_network_is_scheduled_in_seconds() -> None:
    """320x180, 32 binary layers: a few seconds of NumPy."""
    network = fold(srresnet(180, 320, 8, 16), "full")
    assert 34 * 321 < skips(network)["input", "up"] < 34 * 321 + 1000
    assert 57600 * 4 + 34 * 321 < predict(network).cycles_per_frame < 57600 * 4 + 38 * 321
