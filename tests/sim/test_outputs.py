"""Networks with several outputs: reference, both simulators and the comparison, on projects written by hand."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper
from qonnx.core.modelwrapper import ModelWrapper

from xnorsr.errors import MismatchError, UserError
from xnorsr.hw.graph.index import Graph
from xnorsr.hw.types import StreamType
from xnorsr.sim import csim, reference
from xnorsr.sim.compare import compare
from xnorsr.sim.reference import Execution
from xnorsr.sim.rtlsim import RtlSim
from xnorsr.sim.verilate import BenchError

SEED = 7
INPUT = StreamType(height=3, width=4, channels=2, bits=8, signed=False, frac=0)
#: x - 100 as a signed word, and every pixel twice in a line, two of them a beat.
OUTPUTS = {
    "less": StreamType(height=3, width=4, channels=2, bits=9, signed=True, frac=0),
    "wide": StreamType(height=3, width=8, channels=2, bits=8, signed=False, frac=0),
}


def _image() -> np.ndarray:
    print(f"image with seed {SEED}")
    return np.random.default_rng(SEED).integers(0, 256, (3, 4, 2))


def _wanted(image: np.ndarray) -> dict[str, np.ndarray]:
    return {"less": image.astype(np.int64) - 100, "wide": image.astype(np.int64).repeat(2, axis=1)}


def _lowered() -> Any:
    """What the reference and the comparison read of a lowering: x - 100, and a resize in width."""
    nodes = [
        helper.make_node("Sub", ["x", "hundred"], ["less"]),
        helper.make_node("Resize", ["x", "", "scales"], ["wide"], mode="nearest", nearest_mode="floor",
                         coordinate_transformation_mode="asymmetric"),
    ]  # fmt: skip
    shapes = {"x": [1, 2, 3, 4], "less": [1, 2, 3, 4], "wide": [1, 2, 3, 8]}
    info = {n: helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in shapes.items()}
    constants = [
        helper.make_tensor("hundred", TensorProto.FLOAT, [], [100.0]),
        helper.make_tensor("scales", TensorProto.FLOAT, [4], [1.0, 1.0, 1.0, 2.0]),
    ]
    graph = helper.make_graph(nodes, "g", [info["x"]], [info["less"], info["wide"]], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    typed = Graph(ModelWrapper(model).model)  # which gives constants the types that qonnx wants
    return SimpleNamespace(input_type=INPUT, output_types=OUTPUTS, references={}, reference=typed, network=None)


def test_the_reference_gives_every_output() -> None:
    image = _image()
    found = reference.run(_lowered(), image)
    assert list(found.outputs) == ["less", "wide"]
    for name, codes in _wanted(image).items():
        np.testing.assert_array_equal(found.outputs[name], codes)
    assert found.output is found.outputs["less"]


def test_every_output_is_compared_and_named() -> None:
    image = _image()
    truth = Execution(_wanted(image), {})
    assert compare(_lowered(), truth, _wanted(image)).codes == 3 * 4 * 2 + 3 * 8 * 2
    wrong = _wanted(image)
    wrong["wide"][1, 5, 1] += 1
    was = truth.outputs["wide"][1, 5, 1]
    said = (
        f"output 'wide': 1 of 48 codes differ; first at pixel (x=5, y=1), channel 1: reference {was}, found {was + 1}"
    )
    with pytest.raises(MismatchError, match=f"^{re.escape(said)}$"):
        compare(_lowered(), truth, wrong)


def test_missing_outputs_do_not_pass() -> None:
    truth = Execution(_wanted(_image()), {})
    with pytest.raises(MismatchError, match=r"^the reference has the outputs less, wide; found less$"):
        compare(_lowered(), truth, {"less": truth.outputs["less"]})
    with pytest.raises(MismatchError, match=r"^the network has the outputs less, wide; found one without a name$"):
        compare(_lowered(), truth, truth.output)
    alone = Execution({"less": truth.outputs["less"]}, {})
    assert compare(_lowered(), alone, alone.output).codes == 24


LIBRARY = """
#include <cstdint>
extern "C" int xnorsr_run(const int32_t *input, int32_t *const *outputs, int64_t *const *) {
    for (int n = 0; n < 24; n++) outputs[0][n] = input[n] - 100;
    for (int p = 0; p < 24; p++)
        for (int c = 0; c < 2; c++) outputs[1][2 * p + c] = input[p / 2 * 2 + c];
    return 0;
}
extern "C" int xnorsr_run_trace(const int32_t *input, int32_t *const *outputs, int64_t *const *states,
                                int64_t *const *traces) {
    for (int n = 0; n < 24; n++) traces[1][n] = -int64_t(input[n]);
    for (int n = 0; n < 24; n++) traces[0][n] = int64_t(input[n]) << 32;
    return xnorsr_run(input, outputs, states);
}
"""


def test_csim_fills_every_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.cpp").write_text(LIBRARY)
    subprocess.run(["g++", "-shared", "-fPIC", "-o", "x.so", "x.cpp"], cwd=tmp_path, check=True)
    description = SimpleNamespace(
        input=SimpleNamespace(tensor="x", kind=INPUT),
        outputs=[SimpleNamespace(tensor=name, kind=kind) for name, kind in OUTPUTS.items()],
        traced=[SimpleNamespace(name=name, kind=INPUT) for name in ("high", "negative")],
        states=[],
    )
    monkeypatch.setattr(csim.Description, "read", lambda folder: description)
    monkeypatch.setattr(csim, "compile_project", lambda folder, **_: tmp_path / "x.so")
    image, sim = _image(), csim.CSim(tmp_path)
    result = sim.simulate(image, trace=True)
    for name, codes in _wanted(image).items():
        np.testing.assert_array_equal(result.outputs[name], codes)
    np.testing.assert_array_equal(result.streams["high"], image << 32)
    np.testing.assert_array_equal(result.streams["negative"], -image)
    np.testing.assert_array_equal(sim.run(image), _wanted(image)["less"])
    with pytest.raises(UserError, match=r"has 5 x 3 pixels; the network was built for 4 x 3 pixels"):
        sim.run(np.zeros((3, 5, 2), np.int64))


# Pixels wait in a register until both ports have taken them; the second port is as slow as its sink.
TOP = """
module top (
  input logic aclk, input logic aresetn,
  input logic [15:0] s_axis_tdata, input logic s_axis_tvalid, output logic s_axis_tready,
  input logic s_axis_tuser, input logic s_axis_tlast,
  output logic [23:0] m_axis_tdata, output logic m_axis_tvalid, input logic m_axis_tready,
  output logic m_axis_tuser, output logic m_axis_tlast,
  output logic [31:0] m_axis1_tdata, output logic m_axis1_tvalid, input logic m_axis1_tready,
  output logic m_axis1_tuser, output logic m_axis1_tlast);
  logic [15:0] pixel;
  logic user, last;
  assign s_axis_tready = (!m_axis_tvalid || m_axis_tready) && (!m_axis1_tvalid || m_axis1_tready);
  always_ff @(posedge aclk) begin
    if (s_axis_tready) {pixel, user, last} <= {s_axis_tdata, s_axis_tuser, s_axis_tlast};
    m_axis_tvalid <= aresetn && (s_axis_tready ? s_axis_tvalid : m_axis_tvalid && !m_axis_tready);
    m_axis1_tvalid <= aresetn && (s_axis_tready ? s_axis_tvalid : m_axis1_tvalid && !m_axis1_tready) && ALIVE;
  end
  assign m_axis_tdata = 24'({9'(pixel[15:8]) - 9'd100, 9'(pixel[7:0]) - 9'd100});
  assign m_axis1_tdata = {pixel, pixel};
  assign {m_axis_tuser, m_axis_tlast, m_axis1_tuser, m_axis1_tlast} = {user, last, user, last};
endmodule
"""


def _project(folder: Path, alive: bool = True) -> Path:
    folder.mkdir()
    (folder / "top.sv").write_text(TOP.replace("ALIVE", str(int(alive))))
    ports = [
        {
            "tensor": name, "name": name, "type": asdict(kind), "pixels_per_beat": beat, "prefix": prefix,
            "channel_order": list(range(kind.channels)),
        }
        for (name, kind), beat, prefix in zip(OUTPUTS.items(), (1, 2), ("m_axis", "m_axis1"), strict=True)
    ]  # fmt: skip
    record = {"top": "top", "files": ["top.sv"], "input": asdict(INPUT), "outputs": ports, "streams": {}, "fifos": {}}
    record["input_channel_order"] = list(range(INPUT.channels))
    (folder / "project.json").write_text(json.dumps(record | {"predicted": {"cycles_per_frame": 13}}))
    return folder


@pytest.mark.eda
def test_rtl_simulation_takes_every_output(tmp_path: Path) -> None:
    """Without pauses a frame takes its 12 pixels and the register's cycle; pauses change no code."""
    sim = RtlSim(_project(tmp_path / "rtl"), tmp_path / "sim")
    sim.compile(optimize="-O0")
    image = _image()
    result = sim.run([image, 255 - image, image])
    assert (result.cycles, result.interval, result.cycles) == (13, 12, sim.predicted_cycles)
    assert result.ends == [12, 24, 36] and len(result.outputs) == 3
    for frame, found in zip((image, 255 - image, image), result.outputs, strict=True):
        for name, codes in _wanted(frame).items():
            np.testing.assert_array_equal(found[name], codes)
    np.testing.assert_array_equal(result.output, _wanted(image)["less"])
    slow = sim.run([image, 255 - image], idle=0.3, stall=0.6, seed=SEED)
    for name, codes in _wanted(255 - image).items():
        np.testing.assert_array_equal(slow.outputs[1][name], codes)
    assert slow.ends[1] > 24


@pytest.mark.eda
def test_an_output_that_stands_still_is_told(tmp_path: Path) -> None:
    sim = RtlSim(_project(tmp_path / "rtl", alive=False), tmp_path / "sim")
    sim.compile(optimize="-O0")
    with pytest.raises(BenchError, match=r"no line moved for 1052 cycles: 3 lines sent, 3 at m_axis, 0 at m_axis1"):
        sim.run(_image())


def test_an_older_record_is_refused(tmp_path: Path) -> None:
    project = _project(tmp_path / "rtl")
    record = json.loads((project / "project.json").read_text())
    del record["input_channel_order"]
    (project / "project.json").write_text(json.dumps(record))
    said = r"json: .* of another version \(.*input_channel_order.* again: xnorsr build MODEL\.onnx"
    with pytest.raises(UserError, match=said):
        RtlSim(project, tmp_path / "sim")
    record["output"] = record.pop("outputs")[0]["type"]
    (project / "project.json").write_text(json.dumps(record))
    with pytest.raises(UserError, match=r"project\.json: .*it records no outputs.* again: xnorsr build MODEL"):
        RtlSim(project, tmp_path / "sim")
