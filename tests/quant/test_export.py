"""Export: the QONNX file equals Brevitas to the last code; structure, names, refusals."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from xnorsr.errors import MismatchError, UserError
from xnorsr.quant import export as export_module
from xnorsr.quant import zoo
from xnorsr.quant.data import embedded_path, read_photo, to_planes
from xnorsr.quant.export import execute, export, to_qonnx
from xnorsr.quant.inference import upscale
from xnorsr.quant.schemes import SCHEMES

# Small networks that together reach every option: both schemes, all scales, both colours and skips, channel numbers
# that are no power of two, kernel sizes, the least and most bits, frames down to 3x3.
CASES = {
    "w1a1-x2": ({"channels": 8, "blocks": 1, "skip": "bilinear"}, 10, 13),
    "w1a1-x3-y": (
        {"channels": 5, "blocks": 2, "scale": 3, "colors": "y", "skip": "bilinear", "numerics": {"trunk_bits": 16}},
        3,
        3,
    ),
    "w1a1-x3-nearest": ({"channels": 6, "blocks": 1, "scale": 3, "head_kernel": 5, "tail_kernel": 1}, 4, 7),
    "w1a1-x4": ({"channels": 12, "blocks": 1, "scale": 4, "skip": "bilinear", "numerics": {"trunk_bits": 12}}, 5, 3),
    "w1a1-1x1": ({"channels": 1, "blocks": 1, "body_kernel": 1, "colors": "y"}, 3, 5),
    "bnn2-x2": ({"channels": 8, "blocks": 1, "scheme": {"name": "bnn", "act_bits": 2}}, 6, 5),
    "bnn5-x4-y": (
        {"channels": 7, "blocks": 2, "scheme": {"name": "bnn", "act_bits": 5}, "scale": 4, "colors": "y"},
        3,
        4,
    ),
    "bnn8-x3": (
        {"channels": 9, "blocks": 1, "scheme": {"name": "bnn", "act_bits": 8}, "scale": 3, "skip": "bilinear"},
        4,
        4,
    ),
}


def build(options: dict[str, object], seed: int) -> zoo.Network:
    """A network with adverse random weights."""
    return zoo.randomize(zoo.build(zoo.NETWORKS.validate(options)), seed)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_file_equals_brevitas(case: str, tmp_path: Path) -> None:
    options, height, width = CASES[case]
    model = build(options, seed=len(case))
    channels = model.cfg.image_channels
    photo = to_planes(read_photo(embedded_path("coffee")).pixels, model.cfg.colors)[:, 90:130, 100:140]
    extremes = [np.full((channels, height, width), v, np.uint8) for v in (0, 255)]
    checker = (np.indices((channels, height, width)).sum(0) % 2 * 255).astype(np.uint8)
    path = export(model, tmp_path / "sub" / "m.onnx", height, width, [photo, *extremes, checker], random_checks=1)
    golden = np.load(tmp_path / "sub" / "m.golden.npz")
    assert golden["lr"].shape == (channels, height, width) and golden["lr"].dtype == np.uint8
    top, left = (40 - height) // 2, (40 - width) // 2
    assert np.array_equal(golden["lr"], photo[:, top : top + height, left : left + width])
    assert np.array_equal(execute(onnx.load(path), golden["lr"]), golden["sr"])
    assert len(np.unique(golden["sr"])) > 5, "random weights must not give a flat image"


def test_eval_and_training_forward_agree() -> None:
    """Training sees the very values that are exported."""
    for options, _, _ in CASES.values():
        model = build(options, seed=1)
        for m in model.modules():
            if hasattr(m, "frozen"):
                m.frozen = True
        x = torch.randint(0, 256, (2, model.cfg.image_channels, 9, 8)) / 256
        assert torch.equal(model.train()(x), model.eval()(x))


def test_graph_is_as_documented(tmp_path: Path) -> None:
    model = build({"channels": 4, "blocks": 1, "skip": "nearest"}, 0)
    path = export(model, tmp_path / "m.onnx", 6, 5)
    graph = onnx.load(path).graph
    shapes = {t.name: [d.dim_value for d in t.type.tensor_type.shape.dim] for t in (*graph.input, *graph.output)}
    assert shapes == {"lr": [1, 3, 6, 5], "sr": [1, 3, 12, 10]}
    names = [n.name for n in graph.node]
    assert len(set(names)) == len(names) and all(n.isidentifier() for n in names)
    constants = {i.name for i in graph.initializer}
    chain, tensor = [], "lr"
    for _ in range(40):
        node = next((n for n in graph.node if tensor == n.input[0] and n.op_type != "Resize"), None)
        if node is None:
            break
        chain.append(node.op_type)
        tensor = node.output[0]
    unit = ["Add", "BipolarQuant", "Conv", "Mul", "Add", "Quant", "PRelu", "Add", "Quant"]
    tail = ["Quant", "Conv", "Add", "Quant", "DepthToSpace", "Add", "Quant"]
    assert chain == ["Quant", "Conv", "Add", "Quant", *unit, *unit, *tail] and tensor == "sr"
    for node in graph.node:
        if node.op_type == "Quant":
            assert set(node.input[1:]) <= constants, "scale, zero point and bits are constants"
    slopes = [n for n in graph.node if n.op_type == "PRelu"]
    quant = next(n for n in graph.node if n.output[0] == slopes[0].input[1])
    shape = next(i.dims for i in graph.initializer if i.name == quant.input[0])
    assert list(shape) == [4, 1, 1]


def test_a_difference_names_pixel_channel_and_codes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = build({"channels": 4, "blocks": 1}, 0)

    def wrong(network: zoo.Network, codes: np.ndarray) -> np.ndarray:
        out = upscale(network, codes)
        out[2, 5, 3] ^= 1
        return out

    monkeypatch.setattr(export_module, "upscale", wrong)
    with pytest.raises(MismatchError, match=r"in 1 of 192 codes on random image 0 .*row 5, column 3, channel 2: Brev"):
        export(model, tmp_path / "m.onnx", 4, 4)
    assert not (tmp_path / "m.onnx").exists()


def test_too_many_bits_are_refused() -> None:
    """A 9x9 tail on 64 channels of 12 bits cannot be exact in float32."""
    model = build({"channels": 64, "blocks": 1, "tail_kernel": 9, "tail_bits": 12}, 0)
    with pytest.raises(UserError) as e:
        to_qonnx(model, 3, 4, 4)
    assert "tensor tail_conv_out (node tail_conv, Conv) needs " in str(e.value)
    assert "significant bits; float32 holds 24" in str(e.value)


@pytest.mark.slow
@pytest.mark.parametrize("scheme", [name for name in SCHEMES.names() if name != "float"])
def test_paper_size_is_exact(scheme: str) -> None:
    """64 channels, 8-bit activations, 16-bit trunk: every block is alike, so two stand for 16."""
    wide = {"trunk_bits": 16}
    model = build({"channels": 64, "blocks": 2, "scheme": scheme, "numerics": wide, "head_kernel": 9}, 3)
    to_qonnx(model, 3, 3, 3)


@pytest.mark.slow
def test_bad_check_image_and_unwritable_folder(tmp_path: Path) -> None:
    model = build({"channels": 2, "blocks": 1}, 0)
    with pytest.raises(UserError, match=r"a check image must be uint8 of shape \(3, H, W\), not float64 \(3, 4, 4\)"):
        export(model, tmp_path / "m.onnx", 4, 4, [np.zeros((3, 4, 4))])
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot write .*file/m.onnx: .*; choose another output folder"):
        export(model, tmp_path / "file" / "m.onnx", 3, 3)
