"""The HLS project's video ports: frames found by tuser or by counting, tuser and tlast of what leaves; Tcl scripts."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.hw.handmade import skip_network
from tests.tcl import recorded
from xnorsr.errors import UserError
from xnorsr.hw.hls.project import write_project
from xnorsr.hw.hls.text import SHARED, ap_types

CONFIG = {"Part": "xck26", "ClockPeriod": 5, "ClockUncertainty": "27%", "Version": "1.0.0"}

MAIN = """
#include "xnorsr_video.h"
#include <iostream>
typedef xnorsr::Port<xnorsr::Pixels<3, 8, false>, true> port_t;
typedef xnorsr::Video<port_t>::beat beat_t;
int main(int, char **argv) {
    const bool counted = argv[1][0] == 'c';
    const int frames = std::atoi(argv[2]);
    hls::stream<beat_t> in("in"), out("out");
    hls::stream<port_t::word> words("words");
    for (int data, user; std::cin >> data >> user;) {
        beat_t beat;
        beat.data = data;
        beat.user = user;
        beat.last = 1;
        in.write(beat);
    }
    for (int n = 0; n < frames; n++) {
        if (counted) xnorsr::read_video<port_t, 6, true>(in, words);
        else xnorsr::read_video<port_t, 6, false>(in, words);
        xnorsr::write_video<port_t, 6, 3>(words, out);
    }
    while (!out.empty()) {
        const beat_t beat = out.read();
        std::cout << beat.data << ' ' << beat.user << ' ' << beat.last << ' ' << beat.keep << std::endl;
    }
}
"""


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("video")
    (folder / "main.cpp").write_text(MAIN)
    flags = ["-std=c++14", "-O0", "-DXNORSR_BIT_TRUE", "-isystem", str(ap_types()), f"-I{SHARED}"]
    subprocess.run(["g++", *flags, "main.cpp", "-o", "main"], cwd=folder, check=True)
    return folder / "main"


def _through(program: Path, how: str, frames: int, beats: list[tuple[int, int]]) -> list[list[int]]:
    text = "\n".join(f"{data} {user}" for data, user in beats)
    done = subprocess.run([program, how, str(frames)], input=text, capture_output=True, text=True, check=True)
    return [[int(x) for x in line.split()] for line in done.stdout.splitlines()]


@pytest.mark.slow
def test_frames_begin_with_tuser(ports: Path) -> None:
    # Three beats before the first frame; the first frame is cut after four pixels and completed with zeros; two beats
    # too many behind the second one.
    beats = [(n, 0) for n in (1, 2, 3)]
    beats += [(10 + n, int(n == 0)) for n in range(4)]
    beats += [(20 + n, int(n == 0)) for n in range(8)]
    beats += [(30 + n, int(n == 0)) for n in range(6)]
    found = _through(ports, "tuser", 3, beats)
    assert [row[0] for row in found] == [10, 11, 12, 13, 0, 0, *range(20, 26), *range(30, 36)]
    assert [row[1] for row in found] == [1, 0, 0, 0, 0, 0] * 3
    assert [row[2] for row in found] == [0, 0, 1] * 6
    assert {row[3] for row in found} == {7}, "all bytes are kept"


def test_frames_are_counted(ports: Path) -> None:
    found = _through(ports, "counted", 2, [(n, int(n % 5 == 4)) for n in range(12)])
    assert [row[:3] for row in found] == [[n, int(n % 6 == 0), int(n % 3 == 2)] for n in range(12)]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["words", "video"])
def test_bench_of_the_vendor_script(kind: str, tmp_path: Path) -> None:
    """The script's files with the script's flags, as the vendor's tool compiles them: the synthesized code, its top."""
    net = skip_network(3, 4)
    config = CONFIG | {"HlsPorts": kind, "HlsControl": "none" if kind == "video" else "handshake"}
    project = write_project(net.network(), "net", config, tmp_path / "project")
    codes = np.random.default_rng(5).integers(0, 256, (2, 3, 4, 3))
    wanted = np.stack([net.golden(x)["add_1"] for x in codes])
    np.savetxt(project / "tb_data/tb_input_codes.dat", codes.reshape(2, -1), fmt="%d")
    np.savetxt(project / "tb_data/tb_output_codes.dat", wanted.reshape(2, -1), fmt="%d")
    commands = dict.fromkeys(
        ["open_project", "set_top", "add_files", "open_solution", "set_part", "create_clock", "set_clock_uncertainty",
         "csim_design", "csynth_design", "cosim_design", "export_design"], ""
    )  # fmt: skip
    every = "".join(f"    {step} 1\n" for step in
                    ("reset", "csim", "synth", "cosim", "validation", "export", "vsynth", "fifo_opt"))  # fmt: skip
    (project / "build_opt.tcl").write_text(f"array set opt {{\n{every}}}\n")
    script = (project / "build_prj.tcl").read_text().rstrip()
    assert script.endswith("\nexit")  # the tool would wait for more
    calls = recorded(script.removesuffix("exit"), project, commands)
    assert [c[0] for c in calls if c[0].endswith("_design")] == [
        "csim_design", "csynth_design", "cosim_design", "export_design", "export_design",
    ]  # fmt: skip
    assert ["open_project", "-reset", "net_prj"] in calls
    assert ["set_top", "net_video" if kind == "video" else "net"] in calls
    flags = next(c[3] for c in calls if c[:2] == ["add_files", "firmware/net.cpp"]).split()
    assert "-DXNORSR_BIT_TRUE" in flags and ("-DXNORSR_FREE_RUNNING" in flags) == (kind == "video")
    files = [c[1] if c[1] != "-tb" else c[2] for c in calls if c[0] == "add_files"][:2]
    build = ["g++", *flags, "-O0", "-isystem", "firmware/ap_types", *files, "-o", "bench"]
    subprocess.run(build, cwd=project, check=True)
    done = subprocess.run(["./bench"], cwd=project, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "2 frames, 0 codes differ\n"), done.stderr


def test_an_unknown_kind_of_ports_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="HlsPorts = 'axi': allowed are 'words' and 'video'"):
        write_project(skip_network(3, 4).network(), "net", CONFIG | {"HlsPorts": "axi"}, tmp_path / "project")
