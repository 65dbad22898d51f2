"""A network of plain brevitas.nn, exported with Brevitas's own exporter, through `build`, `sim` and `estimate`.

It runs the example of docs/bring-your-own.md as it is; the second network differs from it in one number: eight bits
behind BatchNorm and PReLU, too many for thresholds, so that its float constants must be refused or converted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import brevitas.nn as qnn
import numpy as np
import pytest
import torch
from brevitas.export import export_qonnx
from brevitas.quant.binary import SignedBinaryActPerTensorConst, SignedBinaryWeightPerTensorConst
from PIL import Image
from typer.testing import CliRunner

from tests.examples import example as load
from xnorsr.flows.cli import app
from xnorsr.hw.build import reopen
from xnorsr.hw.graph.lower import lower
from xnorsr.sim.reference import run as run_reference

pytestmark = pytest.mark.slow

HEIGHT, WIDTH = 9, 14


def _invoke(*args: str | Path) -> str:
    result = CliRunner().invoke(app, [str(a) for a in args])
    assert result.exit_code == 0, result.output
    return " ".join(result.output.split())


@pytest.fixture(scope="module")
def example() -> ModuleType:
    return load("bring_your_own")


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture with flat parts and extremes."""
    pixels = np.random.default_rng(5).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    pixels[:3], pixels[3:5] = 0, 255
    path = tmp_path_factory.mktemp("image") / "image.png"
    Image.fromarray(pixels).save(path)
    return path


def _brevitas(net: torch.nn.Module, image: Path) -> np.ndarray:
    """Output codes (H, W, C) of the network itself."""
    codes = np.asarray(Image.open(image)).astype(np.float32)
    with torch.no_grad():
        values = net(torch.from_numpy(codes.transpose(2, 0, 1)[None] / 256))
    value = getattr(values, "value", values)
    return (value[0].numpy().transpose(1, 2, 0) * 256).astype(np.int64)


Export = Callable[[int], tuple[Path, torch.nn.Module]]


@pytest.fixture(scope="module")
def exported(example: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Export:
    """Exports the example with so many bits behind BatchNorm and PReLU; a large frame, so that --frame has work."""

    def export(bits: int) -> tuple[Path, torch.nn.Module]:
        net = example.random_network(seed=bits)
        for block in net.blocks:
            block.few = example.fixed(bits, 2.0)
        net.eval()
        path = tmp_path_factory.mktemp("byo") / f"byo{bits}.onnx"
        export_qonnx(net, args=torch.zeros(1, 3, 16, 20), export_path=str(path))
        return path, net

    return export


@pytest.mark.eda
def test_network_that_folds_into_thresholds(exported: Export, image: Path, tmp_path: Path) -> None:
    path, net = exported(4)
    out = tmp_path / "out"
    said = _invoke("build", path, "--out", out, "--frame", f"{WIDTH}x{HEIGHT}")
    assert "converted" not in said
    assert json.loads((out / "build.json").read_text())["changes"] == []
    picture = tmp_path / "sr.png"
    for level in ("hls", "rtl"):
        said = _invoke("sim", out, "--image", image, "--level", level, "--out", picture, "--force", "--all-tensors")
        assert f"0 of {4 * HEIGHT * WIDTH * 3:,} codes differ" in said
        np.testing.assert_array_equal(np.asarray(Image.open(picture)).astype(int), _brevitas(net, image))
    said = _invoke("estimate", out, "--json", tmp_path / "account.json")
    account = json.loads((tmp_path / "account.json").read_text())["estimate"]
    assert account["macs_binary"] == 2 * 16 * 16 * 9 * HEIGHT * WIDTH


def test_network_that_needs_affine_bits(exported: Export, image: Path, tmp_path: Path) -> None:
    path, net = exported(8)
    out = tmp_path / "out"
    assert not lower(path).changes  # without the option its floats are exact steps
    said = _invoke("build", path, "--out", out, "--frame", f"{WIDTH}x{HEIGHT}", "--affine-bits", "5")
    assert "from here on the converted one is the reference" in said
    assert "quantized to a scale of 5 bits" in said
    found = re.search(
        r"[\d,]+ of ([\d,]+) codes differ on (\d) pictures, by at most \d+; PSNR at the worst .* dB", said
    )
    assert found is not None
    assert found[1] == f"{int(found[2]) * 4 * HEIGHT * WIDTH * 3:,}"
    assert int(found[2]) >= 4
    assert "equal" not in said
    picture = tmp_path / "sr.png"
    said = _invoke("sim", out, "--image", image, "--out", picture, "--all-tensors")
    assert f"0 of {4 * HEIGHT * WIDTH * 3:,} codes differ" in said
    # The reference is the converted network: what the file in the folder gives, near to what Brevitas gave.
    built = reopen(out)
    codes_in = np.asarray(Image.open(image)).astype(np.int64)
    simulated = np.asarray(Image.open(picture)).astype(int)
    np.testing.assert_array_equal(simulated, run_reference(built.lowered, codes_in).output)
    # Signs near zero flip, so single pixels may move far; an unrelated picture would be off by 60 on average.
    assert np.abs(simulated - _brevitas(net, image)).mean() < 12


def test_default_scale_of_binary_quantizers(example: ModuleType, image: Path, tmp_path: Path) -> None:
    """Brevitas's binary quantizers have a scale of 0.1, which moves; the file's own frame; constants are inputs."""

    class Weight(SignedBinaryWeightPerTensorConst):
        scaling_const = 0.1

    class Act(SignedBinaryActPerTensorConst):
        scaling_const = 0.1

    net = example.random_network(seed=2)
    for block in net.blocks:
        block.sign = qnn.QuantIdentity(Act)
        block.conv = qnn.QuantConv2d(16, 16, 3, padding=1, bias=False, weight_quant=Weight)
    path, out = tmp_path / "scaled.onnx", tmp_path / "out"
    export_qonnx(net.eval(), args=torch.zeros(1, 3, HEIGHT, WIDTH), export_path=str(path))
    said = _invoke("build", path, "--out", out)
    assert "scale 0.1 moved behind the convolution" in said
    said = _invoke("sim", out, "--image", image, "--all-tensors")
    assert f"0 of {4 * HEIGHT * WIDTH * 3:,} codes differ" in said
    _invoke("estimate", out)
