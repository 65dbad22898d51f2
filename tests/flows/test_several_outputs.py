"""A network with two outputs, x2 and low resolution, through build, both simulations, estimate and report."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from PIL import Image
from typer.testing import CliRunner

from tests.flows.report_page import page_of, results_of, text_of
from tests.networks import Builder
from xnorsr.flows import png16
from xnorsr.flows.cli import app
from xnorsr.flows.pictures import image_codes, output_files, read_picture, write_outputs
from xnorsr.flows.pipeline import summary
from xnorsr.flows.steps import hardware
from xnorsr.flows.tiles import FurtherOutput, further_output
from xnorsr.hw.build import reopen
from xnorsr.hw.types import StreamType
from xnorsr.sim.reference import run as run_reference

pytestmark = [pytest.mark.eda, pytest.mark.slow, pytest.mark.xdist_group("several_outputs")]

HEIGHT, WIDTH, CHANNELS = 5, 6, 4


def _network() -> onnx.ModelProto:
    """Outputs: sr, x2, and Low.1, at the input's size."""
    b = Builder(HEIGHT, WIDTH, 3, seed=4)
    image = b.quant("lr", 8, 8, signed=False)
    x = b.quant(b.fixed_conv(image, 3, CHANNELS, 3), 12, 8)
    y = b.binary_conv(b.threshold(x, CHANNELS), CHANNELS, CHANNELS, 3)
    x = b.quant(b.node("Add", [b.quant(b.affine(y, CHANNELS), 12, 8), x]), 12, 8)
    body = b.quant(x, 8, 6)
    low = b.quant(b.fixed_conv(body, CHANNELS, 3, 1), 8, 8, signed=False)
    high = b.node("DepthToSpace", [b.quant(b.fixed_conv(body, CHANNELS, 12, 3), 12, 9)], blocksize=2, mode="CRD")
    high = b.quant(b.node("Add", [high, b.resize(image, 2, "bilinear")]), 8, 8, signed=False)
    model = b.model(high, 3, 2 * HEIGHT, 2 * WIDTH)
    for node in model.graph.node:
        node.output[:] = ["Low.1" if o == low else o for o in node.output]
    model.graph.output.append(helper.make_tensor_value_info("Low.1", TensorProto.FLOAT, [1, 3, HEIGHT, WIDTH]))
    return model


def _said(*args: str | Path) -> str:
    result = CliRunner().invoke(app, [str(a) for a in args])
    assert result.exit_code == 0, result.output
    return " ".join(result.output.split())


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("image") / "photo.png"
    Image.fromarray(np.random.default_rng(8).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)).save(path)
    return path


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built")
    onnx.save(_network(), folder / "net.onnx")
    _said("build", folder / "net.onnx", "--out", folder / "out")
    return folder / "out"


@pytest.mark.parametrize("level", ["hls", "rtl"])
def test_each_output_is_compared_and_written(built: Path, image: Path, level: str) -> None:
    said = _said("sim", built, "--image", image, "--level", level, "--all-tensors")
    reference = run_reference(reopen(built).lowered, read_picture(image).astype(np.int64))
    assert list(reference.outputs) == ["sr", "Low.1"]
    for name, tensor, end in (("sr", "sr", ""), ("low_1", "Low.1", "-low_1")):
        place = built / "sim" / f"photo-{level}{end}.png"
        wanted = reference.outputs[tensor]
        assert wanted.std() > 5, "a flat picture proves little"
        np.testing.assert_array_equal(np.asarray(Image.open(place)).astype(int), wanted)
        assert f"Output {name}: 0 of {wanted.size:,} codes differ from the reference. Picture: {place}" in said


def test_a_file_of_a_further_output_is_not_overwritten(built: Path, image: Path, tmp_path: Path) -> None:
    (tmp_path / "x-low_1.png").write_text("mine")
    args = ["sim", str(built), "--image", str(image), "--out", str(tmp_path / "x.png")]
    refused = CliRunner().invoke(app, args)
    assert refused.exit_code == 2
    assert f"output {tmp_path / 'x-low_1.png'}: there is already such a file." in " ".join(refused.stderr.split())
    assert [p.name for p in tmp_path.iterdir()] == ["x-low_1.png"]
    _said(*args, "--force")
    assert read_picture(tmp_path / "x.png").shape == (2 * HEIGHT, 2 * WIDTH, 3)
    assert read_picture(tmp_path / "x-low_1.png").shape == (HEIGHT, WIDTH, 3)


def test_estimate_prints_all_sizes_and_the_layers_names(built: Path) -> None:
    said = _said("estimate", built)
    assert f"{WIDTH}×{HEIGHT} to {2 * WIDTH}×{2 * HEIGHT} and {WIDTH}×{HEIGHT}" in said
    for node in reopen(built).network.nodes:
        assert f" {node.name} " in said


def test_report_shows_every_output(built: Path, image: Path) -> None:
    project = reopen(built)
    found = hardware.simulate(built, image, "rtl")
    low, ours = read_picture(image), found.output.astype(np.uint8)
    results = results_of(project, found)
    sizes = {"sr": 12 * HEIGHT * WIDTH, "low_1": 3 * HEIGHT * WIDTH}
    assert results["rtl"]["codes"] == sum(sizes.values())
    assert results["rtl"]["outputs"] == {
        name: {"codes": sizes[name], "mismatches": 0, "file": f"photo-rtl{end}.png"}
        for name, end in (("sr", ""), ("low_1", "-low_1"))
    }
    further = further_output("low_1", found.outputs["low_1"].astype(np.uint8), low, ours)
    html = page_of(project, results, (further,))
    text = text_of(html)
    for name, codes in sizes.items():
        compared = "QONNX and Brevitas" if name == "sr" else "QONNX"
        scores = "21.00 dB 0.9000" if name == "sr" else "– –"
        assert f"SystemVerilog, Verilator, output {name} {compared} {codes} 0 of {codes} codes differ {scores}" in text
    # As LapSRN has them: the one that is scored comes last.
    last = results | {"rtl": results["rtl"] | {"outputs": dict(reversed(results["rtl"]["outputs"].items()))}}
    told = text_of(page_of(project, last, (further,)))
    assert f"output sr QONNX and Brevitas {sizes['sr']} 0 of {sizes['sr']} codes differ 21.00 dB" in told
    assert f"output low_1 QONNX {sizes['low_1']} 0 of {sizes['low_1']} codes differ – –" in told
    assert f"Output low_1 {WIDTH} × {HEIGHT}" in text
    assert "· to output 1" in text
    assert "· to output 2" in text
    for node in project.network.nodes:
        assert html.count(f">{node.name}</text>") == 1 and f'title="{node.name}"' in html
    lines = [
        " ".join(map(str, cells)) for cells in zip(*(list(c.cells) for c in summary(results).columns), strict=True)
    ]
    assert f"RTL, output low_1, against reference 0 of {sizes['low_1']} codes differ" in lines


def test_only_enlargements_are_shown_beside_bicubic_and_original() -> None:
    rng = np.random.default_rng(0)
    low, original = (rng.integers(0, 256, shape, np.uint8) for shape in ((5, 7, 3), (20, 28, 3)))
    same, odd = rng.integers(0, 256, (5, 7, 3), np.uint8), rng.integers(0, 256, (10, 15, 3), np.uint8)
    for image in (same, odd, original[..., :1]):
        assert further_output("x", image, low, original) == FurtherOutput("x", image, None, None)
    twice = further_output("x", original[:10, :14], low, original)
    assert twice.bicubic is not None and twice.original is not None
    assert twice.bicubic.shape == twice.original.shape == (10, 14, 3)
    whole = further_output("x", original, low, original)
    assert whole.original is not None
    np.testing.assert_array_equal(whole.original, original)


def test_an_output_that_is_no_picture_goes_to_a_numpy_file(tmp_path: Path) -> None:
    types = {"y": (1, 8, False), "features": (3, 12, True), "deep": (3, 10, False), "wide": (2, 16, False)}
    kinds = {name: StreamType(2, 3, c, bits, signed, 8) for name, (c, bits, signed) in types.items()}
    files = output_files(kinds, tmp_path / "a.png")
    ends = {"y": ".png", "features": "-features.npy", "deep": "-deep.png", "wide": "-wide.npy"}
    assert files == {name: tmp_path / f"a{end}" for name, end in ends.items()}
    codes = {name: np.arange(6 * k.channels).reshape(k.shape) - 9 * k.signed for name, k in kinds.items()}
    codes["deep"] += 1000
    write_outputs(codes, files, kinds)
    np.testing.assert_array_equal(png16.decode(files["deep"].read_bytes()), codes["deep"])
    np.testing.assert_array_equal(image_codes(files["deep"], kinds["deep"]), codes["deep"])
    np.testing.assert_array_equal(image_codes(files["features"], kinds["features"]), codes["features"])
    np.testing.assert_array_equal(read_picture(files["y"]), codes["y"])
    np.testing.assert_array_equal(np.load(files["features"]), codes["features"])
