"""A whole network under wrong frames and resets: whatever comes, the next complete frame is exact.

What the network must make of a wrong frame is no guess either: xnorsr_video_in completes it with zero pixels, and the
reference of that frame is what has to come out.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.networks import NetworkSpec, network
from xnorsr.hw.build import BuildOptions, BuildResult, build
from xnorsr.sim import reference, verilate
from xnorsr.sim.benches.frame import pack, unpack
from xnorsr.sim.benches.video import Beat, Receiver, good_frame, wrong_frame
from xnorsr.sim.rtlsim import RtlSim

pytestmark = pytest.mark.eda

SPEC = NetworkSpec(channels=5, height=4, width=6, seed=51)
BITS = SPEC.colors * 8
SEED = 51


class Maker:
    """Makes scenarios: beats, and the words and errors that they give."""

    def __init__(self, built: BuildResult) -> None:
        self.built = built
        self.rng = np.random.default_rng(SEED)
        self.known: dict[tuple[int, ...], list[int]] = {}
        self.good = [self.frame() for _ in range(2)]

    def frame(self) -> list[Beat]:
        """A good frame."""
        return good_frame(SPEC.height, SPEC.width, BITS, self.rng)

    def part(self, beats: list[Beat], reset_after: tuple[int, int] | None = None) -> dict[str, Any]:
        """What is sent up to a reset, or up to the end."""
        model = Receiver(SPEC.height, SPEC.width)
        for beat in beats:
            model.take(beat)
        size = SPEC.height * SPEC.width
        frames = [tuple(model.pixels[n : n + size]) for n in range(0, len(model.pixels), size)]
        words = [word for frame in frames for word in self._expected(frame)]
        return {"beats": beats, "words": words, "errors": model.errors, "reset_after": reset_after}

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
            codes = unpack(list(frame), SPEC.colors, 8).reshape(SPEC.height, SPEC.width, SPEC.colors)
            output = reference.run(self.built.lowered, codes).output
            self.known[frame] = pack(output.reshape(-1, output.shape[-1]), 8)
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


def test_faults(tmp_path: Path) -> None:
    built = build(network(SPEC), tmp_path / "net", BuildOptions(folding="auto"), hls=False)
    make = Maker(built)
    scenarios = _scenarios(make)
    told = [s["parts"][-1]["errors"] for s in scenarios if "restarted after" in s["name"]]
    assert told == [[2]] * 4, "a frame cut off is told once"
    assert {e for s in scenarios for p in s["parts"] for e in p["errors"]} == {1, 2}

    rtl = RtlSim(tmp_path / "net" / "rtl", tmp_path / "sim")
    rtl.compile(optimize="-O0")
    shape = (rtl.output.height, rtl.output.width)
    config = verilate.dump_json(tmp_path / "faults.json", {"shape": shape, "seed": SEED, "scenarios": scenarios})
    verilate.run(rtl.record["top"], rtl.work, "xnorsr.sim.benches.bench_faults", env={"XNORSR_FAULTS": str(config)})
