"""A network with several outputs: LapSRN's pyramid, its loss, and a file that keeps every level."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch.nn import functional as F

from xnorsr.errors import MismatchError
from xnorsr.quant import export as export_module
from xnorsr.quant import zoo
from xnorsr.quant.config import NumericsConfig
from xnorsr.quant.data import imresize
from xnorsr.quant.export import execute, execute_all, export
from xnorsr.quant.inference import upscale, upscale_all
from xnorsr.quant.layers import FixedUpscale
from xnorsr.quant.zoo import LapSRN, LapSRNConfig


def network(scale: int, seed: int = 1) -> LapSRN:
    cfg = LapSRNConfig.model_validate({"scale": scale, "channels": 4, "depth": 1, "scheme": "bnn"})
    return zoo.randomize(LapSRN(cfg), seed)


@pytest.mark.slow
@pytest.mark.parametrize("scale", [2, 4, 8])
def test_every_level_is_in_the_file(scale: int, tmp_path: Path) -> None:
    model = network(scale)
    path = export(model, tmp_path / "m.onnx", 4, 5, all_outputs=True)
    names = {2: ["sr"], 4: ["sr_x2", "sr"], 8: ["sr_x2", "sr_x4", "sr"]}[scale]
    graph = onnx.load(path)
    assert [o.name for o in graph.graph.output] == names
    assert all(not n.name.startswith("model") for n in graph.graph.node)
    golden = np.load(tmp_path / "m.golden.npz")
    assert sorted(golden) == sorted(["lr", *names])
    found, wanted = execute_all(graph, golden["lr"]), upscale_all(model, golden["lr"])
    for i, name in enumerate(names):
        assert found[name].shape == (3, 4 * 2 ** (i + 1), 5 * 2 ** (i + 1))
        assert np.array_equal(found[name], wanted[name]) and np.array_equal(golden[name], wanted[name])
    assert np.array_equal(wanted["sr"], upscale(model, golden["lr"]))
    one = export(model, tmp_path / "one.onnx", 4, 5)
    assert [o.name for o in onnx.load(one).graph.output] == ["sr"]
    assert np.array_equal(execute(onnx.load(one), golden["lr"]), golden["sr"])


@pytest.mark.slow
def test_a_difference_names_the_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(model: LapSRN, codes: np.ndarray) -> dict[str, np.ndarray]:
        found = upscale_all(model, codes)
        found["sr_x2"][0, 1, 2] ^= 1
        return found

    monkeypatch.setattr(export_module, "upscale_all", wrong)
    with pytest.raises(
        MismatchError, match=r"in 1 of 192 codes on random image 0 \(seed 0\), output sr_x2; first at row 1"
    ):
        export(network(4), tmp_path / "m.onnx", 4, 4, all_outputs=True)


def test_the_loss_is_charbonnier_of_every_level() -> None:
    print("seed 2")
    model = network(4, 2).train()
    generator = torch.Generator().manual_seed(2)
    low, high = torch.rand(2, 3, 6, 6, generator=generator), torch.rand(2, 3, 24, 24, generator=generator)
    model(low)
    for m in model.modules():
        if hasattr(m, "frozen"):
            m.frozen = True
    first, second = model.pyramid(low)
    middle = np.stack([[imresize(plane.numpy(), 0.5) for plane in image] for image in high])
    expected = sum(
        float(((got - wanted) ** 2 + 1e-6).sqrt().mean())
        for got, wanted in ((first, torch.from_numpy(middle).float()), (second, high))
    )
    assert float(model.loss(low, high)) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("deployed", [True, False])
def test_images_start_as_bilinear_interpolation(deployed: bool) -> None:
    """Inside; at the border a transposed convolution sees zeros beyond it."""
    x = torch.arange(60.0).reshape(1, 3, 4, 5) / 64
    got = FixedUpscale(3, 3, NumericsConfig(deployed=deployed), groups=3)(x)
    wanted = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
    assert torch.equal(got[..., 1:-1, 1:-1], wanted[..., 1:-1, 1:-1])
