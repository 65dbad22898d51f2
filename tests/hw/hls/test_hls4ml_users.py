"""What users of plain hls4ml call beside conversion and prediction: configuration, trace, profiling, build."""

from __future__ import annotations

import stat
import sys
import warnings
from pathlib import Path
from typing import Any

import hls4ml
import numpy as np
import pytest
from hls4ml.converters import convert_from_onnx_model

from tests.gated import gated
from tests.networks import NetworkSpec, images, network
from xnorsr.errors import UserError
from xnorsr.hw.graph.lower import lower
from xnorsr.hw.hls.plugin.graph import network_of
from xnorsr.hw.network import Network
from xnorsr.hw.resources.folding import fold
from xnorsr.sim.reference import run as reference
from xnorsr.sim.reference import run_frames

SPEC = NetworkSpec(height=5, width=8, channels=4, seed=21)


def _convert(folder: Path, **options: Any) -> Any:
    options = {"backend": "XnorVitis", "io_type": "io_stream", **options}
    return convert_from_onnx_model(network(SPEC), output_dir=str(folder), project_name="net", **options)


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Any:
    made = _convert(tmp_path_factory.mktemp("users") / "project")
    made.compile()
    return made


def _values() -> np.ndarray:
    return lower(network(SPEC)).input_type.to_values(images(SPEC)["random"])[None]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ResourceWarning")  # hls4ml leaves a file open
def test_trace_gives_every_layer(graph: Any) -> None:
    lowered = lower(network(SPEC))
    truth = reference(lowered, images(SPEC)["random"], all_tensors=True)
    output, layers = graph.trace(np.concatenate([_values()] * 2))
    np.testing.assert_array_equal(output[0], graph.predict(_values()))
    makers = {node.outputs[0]: node.name for node in lowered.network.nodes}
    compared = 0
    for name, (tensor, *_) in ((n, (s.tensor, s)) for n, s in lowered.network.streams.items() if n in makers):
        if tensor in truth.tensors and truth.tensors[tensor].ndim == 4 and makers[name] in layers:
            wanted = truth.tensors[tensor][0].transpose(1, 2, 0)
            if wanted.shape == layers[makers[name]].shape[1:]:
                np.testing.assert_array_equal(layers[makers[name]][1], wanted, name)
                compared += 1
    assert compared >= 5


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda x: np.moveaxis(x, -1, 1),
            r"the input has the shape \(1, 3, 5, 8\); allowed are \(5, 8, 3\), that is \(H, W, C\), and "
            r"\(N, 5, 8, 3\)\. Its channels come first: give np.moveaxis\(x, -3, -1\)\.",
        ),
        (lambda x: x.reshape(1, -1), r"the input has the shape \(1, 120\); allowed are \(5, 8, 3\)"),
        (lambda x: (x * 256).astype(np.uint8), "made of uint8 numbers; give a NumPy array of float32 or float64"),
        (lambda x: x.tolist(), "the input is a list; give a NumPy array"),
    ],
)
def test_other_images_are_refused(graph: Any, change: Any, message: str) -> None:
    for call in (graph.predict, graph.trace):
        with pytest.raises(UserError, match=message):
            call(change(_values()))


def test_configuration_names_the_layers(tmp_path: Path) -> None:
    config = hls4ml.utils.config_from_onnx_model(network(SPEC), backend="XnorVitis", folding="port")
    assert config["LayerName"]["conv_1"] == {"PE": 1, "SIMD": 36}
    config["LayerName"]["conv_1"] = {"PE": 2, "SIMD": 9}
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)  # nothing in it is idle
        made = _convert(tmp_path, hls_config=config)
    folds = {node.name: space.now for node in network_of(made).nodes if (space := node.op.fold_space()) is not None}
    assert folds.keys() == config["LayerName"].keys()
    for name, one in folds.items():
        assert config["LayerName"][name] == {"PE": one.pe, "SIMD": one.simd}
    assert "LayerName" not in hls4ml.utils.config_from_onnx_model(network(SPEC), "model", "XnorVitis")
    with pytest.raises(UserError, match=r"granularity='type': .* take 'name'"):
        hls4ml.utils.config_from_onnx_model(network(SPEC), granularity="type", backend="XnorVitis")


def _folds(network: Network) -> dict[str, tuple[int, int]]:
    spaces = {node.name: node.op.fold_space() for node in network.nodes}
    return {name: (s.now.pe, s.now.simd) for name, s in spaces.items() if s is not None}


@pytest.mark.slow
def test_without_a_word_60_frames_per_second(tmp_path: Path) -> None:
    """At the clock of the conversion, 5 ns where none is given; what is out of reach is said, and what was asked for
    in words acts."""
    net = lower(network(SPEC)).network
    assert _folds(network_of(_convert(tmp_path))) == _folds(fold(net, clock_mhz=200.0))
    config = hls4ml.utils.config_from_onnx_model(network(SPEC), backend="XnorVitis", default_reuse_factor=2)
    assert tuple(config["LayerName"]["conv_1"].values()) == _folds(fold(net, clock_mhz=200.0))["conv_1"]
    slow = 1e4
    assert _folds(network_of(_convert(tmp_path, clock_period=slow))) == _folds(fold(net, clock_mhz=1e3 / slow))
    with pytest.warns(UserWarning, match="folding auto, the default: 60 fps are out of reach; .* is what it gets"):
        made = _convert(tmp_path, frame=(160, 50), clock_period=slow)
    assert _folds(network_of(made)) == _folds(fold(lower(network(SPEC), None, (50, 160)).network, "port"))
    assert _folds(network_of(_convert(tmp_path, folding="full"))) == _folds(fold(net, "full"))
    with pytest.raises(TypeError, match="foldings"):
        hls4ml.utils.config_from_onnx_model(network(SPEC), backend="XnorVitis", foldings="full")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            {"Model": {"ReuseFactor": 4, "Strategy": "Resource"}},
            "HLSConfig Model: ReuseFactor, Strategy changes nothing",
        ),
        ({"LayerName": {"conv_1": {"Precision": "ap_fixed<8,2>"}}}, "LayerName 'conv_1': Precision changes nothing"),
        (
            {"LayerName": {"bn_7": {"ReuseFactor": 2}}},
            "LayerName 'bn_7', which is no layer of the lowered network: ReuseFactor changes nothing",
        ),
    ],
)
def test_keys_that_change_nothing_are_named(tmp_path: Path, config: dict[str, Any], message: str) -> None:
    with pytest.warns(UserWarning, match=message):
        _convert(tmp_path, hls_config=config)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"hls_config": {"LayerName": {"conv_1": {"Pe": 2}}}},
            "LayerName 'conv_1': unknown key 'Pe'. Keys that act: PE",
        ),
        ({"affine_bit": 8}, "unknown option 'affine_bit' of the backend XnorVitis. Options are: .*affine_bits, frame"),
        ({"affine_bits": 1}, "affine_bits=1: Input should be greater than or equal to 2. It is: quantize float scales"),
        ({"frame": (0, 4)}, r"frame=\(0, 4\): .*width and height must be at least 1"),
        ({"frame": "8x4"}, "frame='8x4': Input should be a valid tuple. It is: low-resolution frame"),
        ({"folding": "fast"}, "folding='fast': .* It is: cycles per low-resolution pixel"),
        ({"clock_period": 0}, "clock_period=0: give nanoseconds, more than 0"),
        ({"hls_ports": "axi"}, "hls_ports='axi': Input should be 'words' or 'video'"),
    ],
)
def test_unknown_options_and_values_are_refused(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        _convert(tmp_path, **options)


def test_options_act(tmp_path: Path) -> None:
    made = _convert(tmp_path / "project", frame=(12, 7), hls_ports="video", hls_control="none")
    assert network_of(made).input_type.shape == (7, 12, 3)
    made.write()
    script = (tmp_path / "project/project.tcl").read_text()
    assert 'set top "net_video"' in script and "-DXNORSR_FREE_RUNNING" in script
    with pytest.warns(UserWarning, match="namespace, write_tar: changes nothing with the backend XnorVitis"):
        _convert(tmp_path / "other", namespace="mine", write_tar=False)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of seaborn and matplotlib
def test_numerical_profiling(graph: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import matplotlib

    matplotlib.use("agg")
    from hls4ml.model.profiling import numerical

    monkeypatch.chdir(tmp_path)  # it makes a folder where it runs
    weights, weights_after, activations, activations_after = numerical(hls_model=graph, X=_values())
    assert weights is not None and weights_after is not None and activations_after is not None
    assert activations is None  # of a Keras or PyTorch model, which is not given
    binary = next(layer for layer in graph.get_layers() if layer.name == "conv_1")
    assert [one.name for one in binary.get_weights()] == ["weight", "bias"]


STAND_IN = """#!{python}
import pathlib, sys
pathlib.Path("called.txt").write_text(" ".join(sys.argv[1:]) + chr(10) + pathlib.Path("build_opt.tcl").read_text())
place = pathlib.Path("net_prj/solution1/syn/report")
place.mkdir(parents=True, exist_ok=True)
(place / "kernel_csynth.xml").write_text(
    "<profile><PerformanceEstimates><SummaryOfLoopLatency><step><TripCount>4</TripCount><PipelineII>{ii}</PipelineII>"
    "</step></SummaryOfLoopLatency></PerformanceEstimates></profile>")
"""


@pytest.mark.parametrize(
    ("name", "called"), [("vitis_hls", "-f build_prj.tcl"), ("vitis-run", "--mode hls --tcl build_prj.tcl")]
)
def test_build_runs_the_tool_that_is_there(
    graph: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, called: str
) -> None:
    tool = tmp_path / "bin" / name
    tool.parent.mkdir()
    monkeypatch.setenv("PATH", str(tool.parent))
    with pytest.raises(UserError, match="neither vitis-run nor vitis_hls is on PATH"):
        graph.build()

    def stand_in(ii: int) -> None:
        tool.write_text(STAND_IN.format(python=sys.executable, ii=ii))
        tool.chmod(tool.stat().st_mode | stat.S_IXUSR)

    stand_in(1)
    project = Path(graph.config.get_output_dir())
    monkeypatch.setattr("xnorsr.hw.hls.plugin.backend.parse_vivado_report", lambda folder: {"read": folder})
    assert graph.build(vsynth=True, validation=True, fifo_opt=True) == {"read": str(project)}
    first, *options = (project / "called.txt").read_text().splitlines()
    assert first == called
    on = [line.split()[0] for line in options if line.endswith(" 1")]
    assert on == ["csim", "synth", "validation", "vsynth", "fifo_opt"]
    stand_in(2)
    with pytest.raises(UserError, match="loop 'step' of kernel: initiation interval 1 wanted, 2 found"):
        graph.build()


@pytest.mark.slow
def test_frames_follow_each_other_where_means_are_those_of_the_frame_before(tmp_path: Path) -> None:
    options = {"backend": "XnorVitis", "io_type": "io_stream", "pooling": "previous"}
    made = convert_from_onnx_model(gated(), output_dir=str(tmp_path / "net"), project_name="net", **options)
    made.compile()
    lowered = lower(gated(), pooling="previous")
    frames = np.random.default_rng(3).integers(0, 256, (3, 4, 5, 3))
    (kind,) = lowered.output_types.values()
    wanted = np.stack([kind.to_values(truth.output) for truth in run_frames(lowered, frames)])
    for _ in range(2):  # each call begins with the start values
        found = made.predict(lowered.input_type.to_values(frames))
        np.testing.assert_array_equal(found.reshape(wanted.shape), wanted)
    traced, layers = made.trace(lowered.input_type.to_values(frames))
    np.testing.assert_array_equal(traced.reshape(wanted.shape), wanted)
    # A mean's stream is that of the frame before, in the first frame its start value.
    starts = lowered.network.states
    assert starts
    truths = run_frames(lowered, frames, all_tensors=True)
    compared = 0
    for node in lowered.network.nodes:
        stream = lowered.network.streams[node.outputs[0]]
        if node.name not in layers or any(stream.tensor not in truth.tensors for truth in truths):
            continue
        values = np.stack([truth.tensors[stream.tensor][0] for truth in truths])
        if values.ndim == 4 and layers[node.name].shape == np.moveaxis(values, 1, -1).shape:
            values = np.moveaxis(values, 1, -1)
            if node.outputs[0] in starts:
                first = stream.kind.to_values(starts[node.outputs[0]])
                values = np.concatenate([np.broadcast_to(first, values[:1].shape), values[:-1]])
            np.testing.assert_array_equal(layers[node.name], values, node.name)
            compared += 1
    assert compared >= 5
    with pytest.raises(UserError, match="pooling='next': Input should be 'frame' or 'previous'"):
        convert_from_onnx_model(gated(), output_dir=str(tmp_path / "other"), **options | {"pooling": "next"})
