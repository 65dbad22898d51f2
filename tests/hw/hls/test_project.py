"""The plug-in from outside: plain hls4ml, written projects, C-simulation of whole networks."""

from __future__ import annotations

import filecmp
import json
import subprocess
import sys
from pathlib import Path

import hls4ml
import numpy as np
import pytest
from hls4ml.converters import convert_from_onnx_model
from hls4ml.utils.config import create_config

from tests.hw.handmade import Net, skip_network
from tests.networks import NetworkSpec, images, network
from xnorsr.errors import UserError
from xnorsr.hw.graph.lower import lower
from xnorsr.hw.hls.plugin.graph import model_graph
from xnorsr.hw.hls.plugin.writer import write_project
from xnorsr.hw.hls.project import compile_project
from xnorsr.sim.compare import compare_codes
from xnorsr.sim.csim import CSim
from xnorsr.sim.reference import run as reference


def _graph(model: object, folder: Path, **config: object) -> object:
    return convert_from_onnx_model(
        model, output_dir=str(folder), project_name="net", backend="XnorVitis", io_type="io_stream", **config
    )


def _handmade(net: Net, folder: Path, **hls: object) -> object:
    """hls4ml's graph of a network without a QONNX file."""
    config = create_config(output_dir=str(folder), project_name="net", backend="XnorVitis")
    layers: dict[str, object] = {"Model": {"Precision": "ap_fixed<16,6>", "ReuseFactor": 1}, **hls}
    return model_graph(net.network(), {**config, "HLSConfig": layers, "IOType": "io_stream"})


def _project(net: Net, folder: Path) -> Path:
    return write_project(_handmade(net, folder), folder)


@pytest.mark.slow
@pytest.mark.parametrize(
    "first", ["hls4ml", "hls4ml.backends", "hls4ml.converters", "xnorsr.hw.hls.plugin.layers", "xnorsr.hw.ops"]
)
def test_hls4ml_finds_the_backend_whatever_is_imported_first(first: str) -> None:
    # hls4ml only prints a warning where a plug-in fails to load.
    code = (
        f"import {first}, hls4ml; assert 'xnorvitis' in hls4ml.backends.get_available_backends(); "
        "assert hls4ml.converters.onnx_to_hls.__module__ == 'xnorsr.hw.hls.plugin.entry'"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_other_backends_convert_as_before(tmp_path: Path) -> None:
    # A Vitis project of a one-layer network comes out of hls4ml's own parser.
    from onnx import TensorProto, helper

    info = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 4]) for n in "xy"]
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"], name="relu")], "g", info[:1], info[1:])
    made = convert_from_onnx_model(helper.make_model(graph), output_dir=str(tmp_path), backend="Vitis")
    assert made.config.backend.name == "Vitis"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ResourceWarning")  # hls4ml leaves a file open
def test_plain_hls4ml_predicts_the_reference(tmp_path: Path) -> None:
    spec = NetworkSpec(height=5, width=8, channels=9, seed=21)
    model = network(spec)
    graph = _graph(model, tmp_path / "project")
    graph.compile()
    lowered = lower(model)
    codes = images(spec)["random"]
    wanted = reference(lowered, codes).output
    for dtype in (np.float32, np.float64):
        values = lowered.input_type.to_values(codes)[None].astype(dtype)
        (kind,) = lowered.output_types.values()
        found = kind.to_codes(graph.predict(values).reshape(wanted.shape))
        np.testing.assert_array_equal(found, wanted)
    # The written folder is linked again as hls4ml documents it.
    linked = hls4ml.converters.link_existing_project(str(tmp_path / "project"))
    linked.compile()
    np.testing.assert_array_equal(linked.predict(values), graph.predict(values))
    with pytest.raises(UserError, match=r"no codes of its type. Allowed are k \* 2\*\*-8 with 0 <= k <= 255"):
        graph.predict(values + 1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("bit_true", [False, True], ids=["fast", "bit-true"])
def test_every_tensor_of_a_network(tmp_path: Path, bit_true: bool) -> None:
    # Kernel 5 on a frame of 3x4; layers have names that are no identifiers ("class.0", "1st conv").
    net = skip_network(3, 4, kernel=5)
    sim = CSim(_project(net, tmp_path / "project"), bit_true=bit_true)
    codes = np.random.default_rng(3).integers(0, 256, (3, 4, 3))
    wanted = net.golden(codes)
    out, traces = sim.run(codes, trace=True)
    tensors = {stream.name: stream.tensor for stream in sim.description.traced}
    assert set(tensors.values()) == wanted.keys() - {"input"}
    for name, found in traces.items():
        compare_codes(name, wanted[tensors[name]], found)
    np.testing.assert_array_equal(out, wanted["add_1"])


def test_same_graph_same_bytes(tmp_path: Path) -> None:
    net = skip_network(3, 5)
    a, b = (_project(net, tmp_path / name) for name in "ab")
    names = sorted(str(p.relative_to(a)) for p in a.rglob("*") if p.is_file())
    assert names == sorted(str(p.relative_to(b)) for p in b.rglob("*") if p.is_file())
    assert filecmp.cmpfiles(a, b, names, shallow=False) == (names, [], [])
    assert str(tmp_path) not in (a / "hls4ml_config.yml").read_text()
    layers = json.loads((a / "xnorsr.json").read_text())["layers"]
    assert [(one["name"], one["source"]) for one in layers[3:5]] == [("sign_0", "sign.0"), ("class_0", "class.0")]


def test_config_folds_layers(tmp_path: Path) -> None:
    graph = _handmade(skip_network(3, 4), tmp_path, LayerName={"class_0": {"PE": 5, "SIMD": 12}})
    op = next(layer.get_attr("spec") for layer in graph.get_layers() if layer.name == "class_0")
    assert (op.pe, op.simd) == (5, 12)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"class_0": {"PE": 3}}, r"layer class_0: PE=3 does not divide O=20; take one of 1, 2, 4, 5, 10, 20"),
        ({"class_0": {"SIMD": 7}}, r"layer class_0: SIMD=7 does not divide K\*K\*C=180; take one of 1, 2, 3, "),
        ({"add": {"PE": 2}}, r"layer 'add': this layer has no folding, so no PE and SIMD"),
        ({"nothing": {"PE": 2}}, r"'nothing': no such layer. Layers are: .*class_0"),
    ],
)
def test_wrong_folding_is_refused(tmp_path: Path, config: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        _handmade(skip_network(3, 4), tmp_path, LayerName=config)


def test_parallel_io_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="needs io_type='io_stream'"):
        convert_from_onnx_model(
            network(NetworkSpec()), output_dir=str(tmp_path), backend="XnorVitis", io_type="io_parallel"
        )


def test_project_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    net = skip_network(3, 4)
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "file").touch()
    with pytest.raises(UserError, match="not an empty folder"):
        _project(net, taken)
    graph = _handmade(net, tmp_path / "new")  # a folding that does not divide, set after the pass that checks
    layer = next(x for x in graph.get_layers() if x.name == "class_0")
    layer.set_attr("spec", layer.get_attr("spec").replace(pe=3))
    with pytest.raises(UserError, match="PE=3 does not divide"):
        write_project(graph, tmp_path / "new")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["taken"]


def test_missing_and_failing_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = _project(skip_network(3, 4), tmp_path / "project")
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(UserError, match=r"'no-such-compiler' not found. Install g\+\+"):
        compile_project(project)
    monkeypatch.setenv("CXX", "false")
    with pytest.raises(UserError, match=r"'false' failed on .*build_lib.log"):
        compile_project(project)
    assert not list(project.glob("firmware/*.so*"))
    with pytest.raises(UserError, match="no HLS project in it"):
        compile_project(tmp_path)


def test_wrong_frames_are_refused(tmp_path: Path) -> None:
    project = _project(skip_network(3, 4), tmp_path / "project")
    sim = CSim(project)
    with pytest.raises(UserError, match=r"5 x 3 pixels; .* built for 4 x 3 pixels\. .* --frame 5x3"):
        sim.run(np.zeros((3, 5, 3), np.int64))
    with pytest.raises(UserError, match=r"takes codes of the shape \(H, W, C\) with 3 channels"):
        sim.run(np.zeros((3, 4, 1), np.int64))
    with pytest.raises(UserError, match="codes 256 to 256; allowed are 0 to 255"):
        sim.run(np.full((3, 4, 3), 256))


@pytest.mark.slow
def test_bench_compares_with_expected_codes(tmp_path: Path) -> None:
    # The vendor tool's test bench, compiled as that tool does: without our switches, ap_int by its public interface.
    net = skip_network(3, 4)
    project = _project(net, tmp_path / "project")
    codes = np.random.default_rng(5).integers(0, 256, (2, 3, 4, 3))
    wanted = np.stack([net.golden(x)["add_1"] for x in codes])
    np.savetxt(project / "tb_data/tb_input_codes.dat", codes.reshape(2, -1), fmt="%d")
    np.savetxt(project / "tb_data/tb_output_codes.dat", wanted.reshape(2, -1), fmt="%d")
    build = [
        "g++",
        "-std=c++14",
        "-O0",
        "-isystem",
        "firmware/ap_types",
        "firmware/net.cpp",
        "net_test.cpp",
        "-o",
        "bench",
    ]
    subprocess.run(build, cwd=project, check=True)
    done = subprocess.run(["./bench"], cwd=project, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "2 frames, 0 codes differ\n")
    np.testing.assert_array_equal(np.loadtxt(project / "tb_data/csim_results.log").reshape(wanted.shape), wanted)
    wanted[1, 2, 3, 1] += 1
    np.savetxt(project / "tb_data/tb_output_codes.dat", wanted.reshape(2, -1), fmt="%d")
    done = subprocess.run(["./bench"], cwd=project, capture_output=True, text=True)
    assert done.returncode == 1 and "frame 1 output 0 code" in done.stderr and "1 codes differ" in done.stdout


def test_test_data_of_hls4ml_becomes_codes(tmp_path: Path) -> None:
    codes = np.random.default_rng(6).integers(0, 256, (2, 3, 4, 3))
    np.save(tmp_path / "in.npy", codes / 256.0)
    spec = NetworkSpec(height=3, width=4)
    graph = _graph(network(spec), tmp_path / "project", input_data_tb=str(tmp_path / "in.npy"))
    graph.write()
    np.testing.assert_array_equal(np.loadtxt(tmp_path / "project/tb_data/tb_input_codes.dat"), codes.reshape(2, -1))
    np.save(tmp_path / "in.npy", codes / 300.0)
    with pytest.raises(UserError, match=r"InputData .*in.npy: values are no codes"):
        graph.write()
    np.save(tmp_path / "in.npy", codes[:, :2] / 256.0)
    with pytest.raises(
        UserError, match=r"InputData .*in.npy: cannot reshape .*Wanted are float values of shape \(N, 3,"
    ):
        graph.write()


@pytest.mark.slow
def test_large_frame_in_a_small_stack(tmp_path: Path) -> None:
    # hls4ml's own bridge keeps frames on the stack. 640x360 in a thread of 256 KiB.
    import threading

    net = skip_network(360, 640, channels=1)
    sim = CSim(_project(net, tmp_path / "project"))
    codes = np.random.default_rng(7).integers(0, 256, (360, 640, 3))
    found: list[np.ndarray] = []
    sim._library(False)
    threading.stack_size(256 * 1024)
    try:
        thread = threading.Thread(target=lambda: found.append(sim.run(codes)))
        thread.start()
        thread.join()
    finally:
        threading.stack_size(0)
    np.testing.assert_array_equal(found[0], net.golden(codes)["add_1"])


def test_too_wide_is_refused(tmp_path: Path) -> None:
    # A port beyond int32, and a product beyond what the kernels' numbers hold.
    from xnorsr.hw.ops.affine import Affine
    from xnorsr.hw.types import StreamType

    def net(bits: int, out: int) -> Net:
        made = Net(2, 2, 1)
        made.kind["input"] = StreamType(2, 2, 1, 20, True, 0)
        kind = StreamType(2, 2, 1, out, True, 0)
        scale = np.array([(1 << (bits - 1)) - 1])
        made.add(
            "broad", Affine((made.kind["input"],), kind, scale, None, None, None, 0, None, {"scale": bits}), "input"
        )
        return made

    with pytest.raises(UserError, match="output 'broad' has 40 bits per channel; a port has at most 31"):
        _project(net(20, 40), tmp_path / "port")
    with pytest.raises(UserError, match="layer 'broad': its multiply-add needs 70 bits; the kernels hold at most 64"):
        _project(net(50, 31), tmp_path / "product")
