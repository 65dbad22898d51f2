"""FIFO depths: the generated top level as concurrent processes with streams of the written depths, and less.

The code that is synthesized runs, a thread a kernel, every stream with room for as many words as its pragma says. That
shows what sequential C-simulation cannot: whether the network can stop for good.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.hw.handmade import skip_network
from xnorsr.hw.golden import run
from xnorsr.hw.graph.lower import lower
from xnorsr.hw.hls.project import write_project
from xnorsr.hw.network import Network
from xnorsr.hw.resources.fifos import LEAST, balanced_fifos, fifo_depths
from xnorsr.hw.resources.folding import fold
from xnorsr.quant import zoo
from xnorsr.quant.export import to_qonnx

BOUNDED = Path(__file__).parent / "bounded"
STREAM = re.compile(r'(_s\("\w+")\);\n\s*XNORSR_PRAGMA\(HLS STREAM variable=\w+_s depth=(\d+)\)')
CALL = re.compile(r"^    (xnorsr::.*\);)$", re.MULTILINE)


def _concurrent(project: Path, network: Network, given_ports: int = 1) -> Path:
    """Compile the project's test bench with kernels as threads; `given_ports` have a call, the input's at least."""
    top = project / "firmware/net.cpp"
    plain = top.read_text().partition("\n#ifdef XNORSR_VIDEO\n// Compiled")[0]
    text, streams = STREAM.subn(r"\1, \2);", plain)
    text, calls = CALL.subn(r"    processes.add([&] { \1 });", text)
    # A call for each layer and each port that has one; a stream between any two of them.
    ports = calls - len(network.nodes)
    assert streams == len(network.streams) - len(network.outputs) + ports - 1 == plain.count("HLS STREAM"), streams
    assert ports == given_ports, ports
    text = text.replace("XNORSR_PRAGMA(HLS DATAFLOW)", "hls::Processes processes;")
    text = text.rstrip().removesuffix("}") + "    processes.run();\n}\n"
    made = project / "firmware/concurrent.cpp"
    made.write_text(text)
    flags = ["-std=c++14", "-O0", "-pthread", "-DXNORSR_BIT_TRUE"]
    includes = [f"-I{BOUNDED}", "-isystem", "firmware/ap_types"]
    files = ["firmware/concurrent.cpp", "net_test.cpp", "-o", "bench"]
    subprocess.run(["g++", *flags, *includes, *files], cwd=project, check=True)
    return project / "bench"


def _run(bench: Path, **depths: str) -> tuple[int, str]:
    """Exit status and output of a bench with other depths for the streams named."""
    done = subprocess.run(
        [bench], cwd=bench.parent, capture_output=True, text=True, timeout=60, env=os.environ | depths
    )
    return done.returncode, done.stdout


def _network(folder: Path, network: Network) -> tuple[Path, dict[str, int]]:
    """(the written project with test data, depths of its skip streams)."""
    config = {"Part": "xck26", "ClockPeriod": 5, "ClockUncertainty": "27%", "Version": "1.0.0"}
    project = write_project(network, "net", config, folder)
    codes = np.random.default_rng(1).integers(0, 256, network.input_type.shape)
    np.savetxt(project / "tb_data/tb_input_codes.dat", codes.reshape(1, -1), fmt="%d")
    wanted = run(network, codes)[network.outputs[0]]
    np.savetxt(project / "tb_data/tb_output_codes.dat", wanted.reshape(1, -1), fmt="%d")
    return project, {name: depth for name, depth in fifo_depths(network, "hls").items() if depth > LEAST["hls"]}


@pytest.mark.slow
def test_network_runs_with_its_depths_and_stops_with_less(tmp_path: Path) -> None:
    # One skip over two 3x3 convolutions, one behind a shuffle at four times the rate.
    network = skip_network(4, 11, channels=3).network()
    project, skips = _network(tmp_path / "project", network)
    assert len(skips) == 2
    bench = _concurrent(project, network)
    assert _run(bench) == (0, "1 frames, 0 codes differ\n")
    # Pixels that the windows hold back: 2*(11+1) in the first branch, 22+1 in the second. With one less than that
    # at the first output, each skip alone stops the network.
    for tensor, lookahead in zip(skips, (2 * (11 + 1), 22 + 1), strict=True):
        assert skips[tensor] > lookahead
        assert _run(bench, **{tensor: str(lookahead - 4)}) == (3, "deadlock\n")


@pytest.mark.slow
def test_frame_smaller_than_the_windows(tmp_path: Path) -> None:
    # A window holds back a whole frame at most; the depths do not grow beyond it.
    height, width = 3, 2
    network = skip_network(height, width, channels=2, kernel=9).network()
    project, skips = _network(tmp_path / "project", network)
    assert max(skips.values(), default=0) <= 4 * height * width + LEAST["hls"]
    assert _run(_concurrent(project, network)) == (0, "1 frames, 0 codes differ\n")


@pytest.mark.slow
def test_a_frame_waits_in_two_fifos(tmp_path: Path) -> None:
    """In front of a folded convolution beside a pool, and behind it: both together hold the frame, neither alone."""
    torch.manual_seed(11)
    config = {"name": "srresnet", "scheme": "scales", "channels": 8, "blocks": 1, "upsampler": "single"}
    model = zoo.randomize(zoo.build(zoo.NETWORKS.validate(config)), 11).eval()
    network = fold(lower(to_qonnx(model, 3, 9, 10)).network, 40)
    project, skips = _network(tmp_path / "project", network)
    bench = _concurrent(project, network, given_ports=2)
    assert _run(bench) == (0, "1 frames, 0 codes differ\n")
    balanced = balanced_fifos(network, "hls")
    fronts = [name for name, depth in skips.items() if balanced[name] == LEAST["hls"]]
    behind = [name for name, depth in skips.items() if depth < balanced[name]]
    assert len(fronts) == len(behind) == 1, skips
    for name in (*fronts, *behind):
        assert _run(bench, **{name: str(LEAST["hls"])}) == (3, "deadlock\n"), name


def test_both_projects_put_the_fifos_in_the_same_places() -> None:
    # One algorithm; what the operators hold differs, and with it the depths.
    for net in (skip_network(4, 11, channels=3), skip_network(9, 20, channels=8, kernel=5)):
        network = net.network()
        hls, rtl = (fifo_depths(network, side) for side in ("hls", "rtl"))
        skips = {name for name, depth in hls.items() if depth > 2 * LEAST["hls"]}
        assert len(skips) == 2
        assert skips == {name for name, depth in rtl.items() if depth > 2 * LEAST["hls"]}
