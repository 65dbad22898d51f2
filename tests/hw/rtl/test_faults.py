"""A whole network under wrong frames and resets: whatever comes, the next complete frame is exact.

What the network must make of a wrong frame is no guess either: xnorsr_video_in completes it with zero pixels, and the
reference of that frame is what has to come out.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.networks import NetworkSpec, network
from xnorsr.hw.build import BuildOptions, BuildResult, build
from xnorsr.sim import reference, verilate
from xnorsr.sim.benches.video import Beat, Receiver, good_frame, wrong_frame, wrong_line
from xnorsr.sim.rtlsim import RtlSim

pytestmark = pytest.mark.eda

SPEC = NetworkSpec(channels=5, height=4, width=6, seed=51)
BITS = SPEC.colors * 8
SEED = 51


def _words(codes: np.ndarray, gbr: bool) -> list[int]:
    """Words of (H, W, 3) codes: as UG934 has RGB, or R in the low bits."""
    rgb = codes.reshape(-1, 3).tolist()
    return [r << 16 | b << 8 | g if gbr else b << 16 | g << 8 | r for r, g, b in rgb]


def _codes(words: tuple[int, ...], gbr: bool) -> np.ndarray:
    bytes_of = np.array([[word >> shift & 255 for shift in (0, 8, 16)] for word in words])
    return bytes_of[:, [2, 0, 1] if gbr else [0, 1, 2]].reshape(SPEC.height, SPEC.width, 3)


class Maker:
    """Makes scenarios: beats, and the words, errors and dropped beats that they give."""

    def __init__(self, built: BuildResult) -> None:
        self.built = built
        self.gbr = built.options.port_colors != "rgb"
        self.counted = built.options.frame_sync == "counted"
        self.rng = np.random.default_rng(SEED)
        self.known: dict[tuple[int, ...], list[int]] = {}
        self.good = [self.frame() for _ in range(2)]

    def frame(self) -> list[Beat]:
        """A good frame."""
        return good_frame(SPEC.height, SPEC.width, BITS, self.rng)

    def part(self, beats: list[Beat], reset_after: tuple[int, int] | None = None) -> dict[str, Any]:
        """What is sent up to a reset, or up to the end."""
        model = Receiver(SPEC.height, SPEC.width, self.counted)
        for beat in beats:
            model.take(beat)
        size = SPEC.height * SPEC.width
        frames = [tuple(model.pixels[n : n + size]) for n in range(0, len(model.pixels), size)]
        words = [word for frame in frames for word in self._expected(frame)]
        told = {"errors": model.errors, "dropped": model.dropped}
        return {"beats": beats, "words": words, **told, "reset_after": reset_after}

    def fault(self, name: str, *wrong: list[Beat]) -> dict[str, Any]:
        """A good frame, wrong ones, and two good ones, which must come whole at the end."""
        beats = [*self.good[0], *(beat for frame in wrong for beat in frame), *self.good[1], *self.good[0]]
        made = self.part(beats)
        size = len(self.known[tuple(b.pixel for b in self.good[0])])
        assert made["words"][-2 * size :] == self.part(self.good[1] + self.good[0])["words"]
        return {"name": name, "parts": [made]}

    def reset(self, sent: int, received: int) -> dict[str, Any]:
        """A reset when so many pixels were sent, and so many received; then two good frames."""
        parts = [self.part(self.good[0] + self.good[1], (sent, received)), self.part(self.good[1] + self.good[0])]
        return {"name": f"reset after {sent} pixels in, {received} out", "parts": parts}

    def _expected(self, frame: tuple[int, ...]) -> list[int]:
        if frame not in self.known:
            output = reference.run(self.built.lowered, _codes(frame, self.gbr)).output
            self.known[frame] = _words(output, self.gbr)
        return self.known[frame]


def _scenarios(make: Maker) -> list[dict[str, Any]]:
    w, frame = SPEC.width, make.frame()
    extra = [Beat(int(p), False, False) for p in make.rng.integers(1, 1 << BITS, 3)]
    cut_line = [b._replace(last=b.last or n == w + 2) for n, b in enumerate(frame) if not w + 2 < n < 2 * w]
    last_short = [*frame[:-3], frame[-3]._replace(last=True)]
    no_last = [b._replace(last=b.last and n != w - 1) for n, b in enumerate(frame)]
    surplus = [b._replace(user=False) for b in make.frame()[: 2 * w]]
    size = len(frame)
    made = [make.fault(f"restarted after {n} pixels", frame[:n]) for n in (1, w + 2, 2 * w, size - 1)]
    made += [
        make.fault("restarted twice", frame[: w + 1], frame[: 2 * w - 1]),
        make.fault("short line", cut_line),
        make.fault("short last line", last_short),
        make.fault("long line", frame[: 2 * w - 1] + extra + frame[2 * w - 1 :]),
        make.fault("long last line", frame[:-1] + extra + frame[-1:]),
        make.fault("end of line missing", no_last),
        make.fault("surplus lines", frame, surplus),
        make.fault("start of frame missing", surplus[:1] + frame[1:]),
        {"name": "pixels before the first frame", "parts": [make.part(surplus + make.good[0])]},
    ]
    made += [make.reset(*at) for at in ((3, 0), (2 * w + 1, 0), (size, 0), (size, 5), (size + w + 2, w))]
    print(f"random faults with seed {SEED}")
    for n in range(4):
        made.append(make.fault(f"random {n}", *(wrong_frame(SPEC.height, w, BITS, make.rng) for _ in range(2))))
    return made


def _counted_scenarios(make: Maker) -> list[dict[str, Any]]:
    """Frames without tuser, whole ones and any beats, filled up to a whole frame."""
    w, rng = SPEC.width, make.rng
    size = SPEC.height * w

    def marked(beats: list[Beat], user: bool, last: Callable[[int], bool]) -> list[Beat]:
        return [Beat(b.pixel, user, last(n)) for n, b in enumerate(beats)]

    plain = make.good[0] + make.good[1]
    beats = {
        "no tuser": marked(plain, False, lambda n: n % w == w - 1),
        "tuser always": marked(plain, True, lambda n: n % w == w - 1),
        "a DMA's transfers, a frame each": marked(plain, False, lambda n: n % size == size - 1),
        "one transfer": marked(plain, False, lambda n: n == 2 * size - 1),
        "tlast a pixel early": marked(plain, False, lambda n: n % w == w - 2 or n == 2 * size - 1),
    }
    parts = {name: make.part(one) for name, one in beats.items()}
    told = [len(part["errors"]) for part in parts.values()]
    assert told == [0, 0, 0, 1, 2 * SPEC.height + 1], told
    made = [{"name": name, "parts": [part]} for name, part in parts.items()]
    print(f"random faults with seed {SEED}")
    for n in range(4):
        wrong = [beat for _ in range(3) for beat in wrong_frame(SPEC.height, w, BITS, rng)]
        wrong += wrong_line(-len(wrong) % size or size, BITS, rng)
        made.append({"name": f"random {n}", "parts": [make.part(wrong)]})
    made += [make.reset(*at) for at in ((3, 0), (size, 5), (size + w + 2, w))]
    return made


def test_counted_frames(tmp_path: Path) -> None:
    """Nothing is dropped and nothing is added, whatever tuser and tlast say; R in the low bits."""
    options = BuildOptions(folding="port", frame_sync="counted", port_colors="rgb")
    built = build(network(SPEC), tmp_path / "net", options, hls=False)
    scenarios = _counted_scenarios(Maker(built))
    assert not any(part["dropped"] for s in scenarios for part in s["parts"])
    _run(tmp_path, scenarios)


def test_faults(tmp_path: Path) -> None:
    built = build(network(SPEC), tmp_path / "net", BuildOptions(folding="port"), hls=False)
    make = Maker(built)
    scenarios = _scenarios(make)
    told = [s["parts"][-1]["errors"] for s in scenarios if "restarted after" in s["name"]]
    assert told == [[2]] * 4, "a frame cut off is told once"
    assert {e for s in scenarios for p in s["parts"] for e in p["errors"]} == {1, 2}
    dropped = {s["name"]: s["parts"][-1]["dropped"] for s in scenarios}
    assert dropped["pixels before the first frame"] == dropped["surplus lines"] == 2 * SPEC.width
    assert dropped["long line"] == 3 and dropped["restarted twice"] == 0
    _run(tmp_path, scenarios)


def _run(tmp_path: Path, scenarios: list[dict[str, Any]]) -> None:
    rtl = RtlSim(tmp_path / "net" / "rtl", tmp_path / "sim")
    rtl.compile(optimize="-O0")
    shape = (rtl.output.height, rtl.output.width)
    config = verilate.dump_json(tmp_path / "faults.json", {"shape": shape, "seed": SEED, "scenarios": scenarios})
    verilate.run(rtl.record["top"], rtl.work, "xnorsr.sim.benches.bench_faults", env={"XNORSR_FAULTS": str(config)})
