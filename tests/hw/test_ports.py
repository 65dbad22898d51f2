"""Order of colours at the ports: both projects have it, and nobody who gives or takes pictures sees it.

What must stand in a port's word is written out by hand here: UG934 has G in the low bits, then B, then R.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hls4ml.converters import convert_from_onnx_model

from tests.networks import Builder, NetworkSpec, images, network, pyramid
from xnorsr.errors import UserError
from xnorsr.hw.build import BuildOptions, BuildResult, build, reopen
from xnorsr.hw.ports import channel_order, order_text
from xnorsr.hw.types import StreamType
from xnorsr.sim.csim import CSim
from xnorsr.sim.reference import run as reference
from xnorsr.sim.rtlsim import RtlSim

SEED = 71
SPEC = NetworkSpec(channels=5, height=3, width=4, seed=SEED)
ORDERS = [None, "rgb"]
# Channels R, G, B of a port's word from the low bits on
WANTED = {None: [1, 2, 0], "rgb": [0, 1, 2]}


def _words(codes: np.ndarray, colors: str | None) -> list[int]:
    rgb = codes.reshape(-1, 3).tolist()
    return [b << 16 | g << 8 | r if colors == "rgb" else r << 16 | b << 8 | g for r, g, b in rgb]


def test_a_known_pixel() -> None:
    red, green, blue = 0x11, 0x22, 0x33
    pixel = np.array([[[red, green, blue]]])
    assert _words(pixel, None) == [0x113322]
    assert _words(pixel, "rgb") == [0x332211]


MAIN = """
#include "firmware/xnorsr_top.h"
#include <iostream>
int main() {
    hls::stream<network_in_t::word> in("in");
    hls::stream<network_out_t::word> out("out");
    hls::stream<network_out1_t::word> out1("out1");
    uint64_t word;
    for (int t = 0; t < network_in_pixels; t++)
        std::cin >> word, in.write(network_in_t::word(word));
    xnorsr_top(in, out, out1);
    while (!out.empty())
        std::cout << out.read().to_uint64() << ' ';
    std::cout << '\\n';
    while (!out1.empty())
        std::cout << out1.read().to_uint64() << ' ';
}
"""


def _hls_words(built: BuildResult, words: list[int]) -> list[list[int]]:
    """Words that the top function gives at each output, for these at its input."""
    folder = built.out_dir / "hls"
    (folder / "main.cpp").write_text(MAIN)
    command = ["g++", "-std=c++14", "-O0", "-DXNORSR_BIT_TRUE", "-isystem", "firmware/ap_types"]
    subprocess.run([*command, "firmware/xnorsr_top.cpp", "main.cpp", "-o", "words"], cwd=folder, check=True)
    said = subprocess.run(
        ["./words"], cwd=folder, check=True, input=" ".join(map(str, words)), capture_output=True, text=True
    )
    return [[int(word) for word in line.split()] for line in said.stdout.splitlines()]


@pytest.mark.eda
@pytest.mark.parametrize("colors", ORDERS)
def test_two_outputs(tmp_path: Path, colors: str | None) -> None:
    """HLS and SystemVerilog against the reference, in codes and in the words of their ports."""
    built = build(pyramid(3, 4, 4, SEED), tmp_path / "net", BuildOptions(port_colors=colors))
    codes = np.random.default_rng(SEED).integers(0, 256, built.lowered.input_type.shape)
    wanted = reference(built.lowered, codes).outputs
    assert list(wanted) == ["x2", "x4"]
    for out in wanted.values():
        assert all(not np.array_equal(out[..., a], out[..., b]) for a, b in ((0, 1), (0, 2), (1, 2)))

    csim = CSim(built.out_dir / "hls").simulate(codes, trace=True)
    rtl = RtlSim(built.out_dir / "rtl", tmp_path / "sim", trace=True)
    rtl.compile(optimize="-O0")
    print(f"seed {SEED}")
    simulated = rtl.run([255 - codes, codes], idle=0.3, stall=0.3, seed=SEED)
    for found in (csim.outputs, simulated.outputs[-1]):
        for name, out in wanted.items():
            np.testing.assert_array_equal(found[name], out)
    ours = {name: stream.tensor for name, stream in built.network.streams.items() if name in simulated.streams}
    assert set(ours) == set(csim.streams) and set(wanted) <= set(ours.values())
    for name in ours:
        np.testing.assert_array_equal(simulated.streams[name], csim.streams[name])

    assert _hls_words(built, _words(codes, colors)) == [_words(out, colors) for out in wanted.values()]
    at_port = {name: np.load(rtl.work / f"{name}.npy")[-1] for name in ("frames", "m_axis", "m_axis1")}
    for found, out in zip(at_port.values(), (codes, *wanted.values()), strict=True):
        np.testing.assert_array_equal(found, out[..., WANTED[colors]])


@pytest.mark.eda
def test_each_pixel_of_a_beat_is_ordered_in_itself(tmp_path: Path) -> None:
    built = build(network(SPEC), tmp_path / "net", BuildOptions(folding="port", pixels_per_beat=4), hls=False)
    codes = images(SPEC)["random"]
    wanted = reference(built.lowered, codes).output
    rtl = RtlSim(built.out_dir / "rtl", tmp_path / "sim")
    assert rtl.outputs[0].pixels_per_beat == 4
    rtl.compile(optimize="-O0")
    result = rtl.run(codes)
    np.testing.assert_array_equal(result.output, wanted)
    assert result.cycles == rtl.predicted_cycles, "the order takes no cycle"
    np.testing.assert_array_equal(np.load(rtl.work / "m_axis.npy")[0], wanted[..., [1, 2, 0]])


def _orders(built: BuildResult) -> list[list[list[int]]]:
    """Orders of input and outputs that the SystemVerilog project and the HLS project record."""
    rtl = json.loads((built.out_dir / "rtl" / "project.json").read_text())
    hls = json.loads((built.out_dir / "hls" / "xnorsr.json").read_text())
    return [
        [rtl["input_channel_order"], *(o["channel_order"] for o in rtl["outputs"])],
        [p["channel_order"] for p in (hls["input"], *hls["outputs"])],
    ]


@pytest.mark.slow
@pytest.mark.parametrize(("colors", "text"), [(None, "G in the low bits"), ("rgb", "channel 0 in the low bits")])
def test_the_order_is_said_and_recorded(tmp_path: Path, colors: str | None, text: str) -> None:
    options = BuildOptions(port_colors=colors, frame_sync="counted")
    built = build(network(SPEC), tmp_path / "net", options)
    assert _orders(built) == [[WANTED[colors]] * 2] * 2
    top = (built.out_dir / "rtl" / "xnorsr_top.sv").read_text()
    header = (built.out_dir / "hls" / "firmware" / "xnorsr_top.h").read_text()
    assert top.count(text) == header.count(text) == 2
    assert top.count(".Gbr(1'b0)") == 2 * (colors == "rgb") and top.count(".Counted(1'b1)") == 1
    assert json.loads((built.out_dir / "rtl" / "project.json").read_text())["frame_sync"] == "counted"
    assert reopen(built.out_dir).options == options


@pytest.mark.slow
def test_left_out_is_gbr(tmp_path: Path) -> None:
    made = []
    for name, colors in (("left_out", None), ("gbr", "gbr")):
        folder = build(network(SPEC), tmp_path / name, BuildOptions(port_colors=colors)).out_dir
        paths = [*(folder / "rtl").rglob("*.*"), *(folder / "hls" / "firmware").glob("*.*")]
        made.append({str(p.relative_to(folder)): p.read_bytes() for p in paths if p.is_file()})
    assert made[0] == made[1]


@pytest.mark.slow
def test_ports_that_are_no_rgb_picture_keep_channel_0_low(tmp_path: Path) -> None:
    """Grey networks, and one with an output of features beside its picture."""
    grey = NetworkSpec(colors=1, channels=4, height=3, width=4)
    for colors in ORDERS:
        built = build(network(grey), tmp_path / f"grey {colors}", BuildOptions(port_colors=colors))
        assert _orders(built) == [[[0], [0]]] * 2
    with pytest.raises(UserError, match=r"--port-colors gbr: .* \(its ports: 1 channel of 8 unsigned bits\)\. Leave"):
        build(network(grey), tmp_path / "refused", BuildOptions(port_colors="gbr"))
    assert not (tmp_path / "refused").exists()

    b = Builder(3, 4, 3, SEED)
    image = b.quant("lr", 8, 8, signed=False)
    features = b.quant(b.fixed_conv(image, 3, 3, 3), 9, 6)
    picture = b.quant(b.fixed_conv(image, 3, 3, 3), 8, 8, signed=False)
    model = b.models({picture: ("picture", (3, 3, 4)), features: ("features", (3, 3, 4))})
    built = build(model, tmp_path / "mixed", BuildOptions(port_colors="gbr"))
    assert _orders(built) == [[[1, 2, 0], [1, 2, 0], [0, 1, 2]]] * 2


@pytest.mark.parametrize(
    ("channels", "bits", "signed", "bipolar", "gbr"),
    [
        (3, 8, False, False, True), (3, 10, False, False, True), (3, 16, False, False, True),
        (3, 7, False, False, False), (3, 17, False, False, False), (3, 8, True, False, False),
        (4, 8, False, False, False), (1, 8, False, False, False), (3, 1, False, True, False),
    ],
)  # fmt: skip
def test_what_is_an_rgb_picture(channels: int, bits: int, signed: bool, bipolar: bool, gbr: bool) -> None:
    kind = StreamType(4, 5, channels, bits, signed, 0, bipolar)
    assert channel_order(kind, "rgb") == tuple(range(channels))
    for colors in (None, "gbr"):
        assert channel_order(kind, colors) == ((1, 2, 0) if gbr else tuple(range(channels)))
    assert order_text(channel_order(kind, None)).startswith("G in" if gbr else "channel 0 in")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ResourceWarning")  # hls4ml leaves a file open
@pytest.mark.parametrize("colors", ["gbr", "rgb"])
def test_plain_hls4ml_keeps_the_order_of_channels(tmp_path: Path, colors: str) -> None:
    model = network(SPEC)
    common = {"project_name": "net", "backend": "XnorVitis", "io_type": "io_stream"}
    graph = convert_from_onnx_model(model, output_dir=str(tmp_path / "project"), port_colors=colors, **common)
    graph.compile()
    lowered = build(model, tmp_path / "net", hls=False, rtl=False).lowered
    codes = images(SPEC)["random"]
    wanted = reference(lowered, codes).output
    (kind,) = lowered.output_types.values()
    found = kind.to_codes(graph.predict(lowered.input_type.to_values(codes)[None]).reshape(wanted.shape))
    np.testing.assert_array_equal(found, wanted)
    header = (tmp_path / "project" / "firmware" / "net.h").read_text()
    assert header.count("G in the low bits") == 2 * (colors == "gbr")
    # The vendor's test bench takes codes in the network's order as well.
    for name, data in (("input", codes), ("output", wanted)):
        np.savetxt(tmp_path / f"project/tb_data/tb_{name}_codes.dat", data.reshape(1, -1), fmt="%d")
    command = ["g++", "-std=c++14", "-O0", "-isystem", "firmware/ap_types", "firmware/net.cpp", "net_test.cpp"]
    subprocess.run([*command, "-o", "bench"], cwd=tmp_path / "project", check=True)
    done = subprocess.run(["./bench"], cwd=tmp_path / "project", capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "1 frames, 0 codes differ\n")


def test_plain_hls4ml_refuses_another_order(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="port_colors='bgr': Input should be 'gbr' or 'rgb'"):
        convert_from_onnx_model(
            network(SPEC), output_dir=str(tmp_path), backend="XnorVitis", io_type="io_stream", port_colors="bgr"
        )
