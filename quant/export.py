"""Brevitas network to a checked QONNX file.

The file: NCHW, static shape 1xCxHxW, tensors "lr" and "sr", every node named after its module, explicit Quant and
BipolarQuant nodes. It is executed before it is kept, and must give Brevitas's own output to the last code.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from brevitas.export import export_qonnx
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.util.cleanup import cleanup_model

from ..errors import MismatchError, UserError
from .exactness import analyse
from .inference import to_codes, to_values, upscale
from .layers import Network

INPUT, OUTPUT = "lr", "sr"
OPSET = 17
_PLUMBING = {"act_quant", "weight_quant", "bias_quant", "export_handler"}


def _readable(name: str) -> str:
    """'/blocks/blocks.0/conv/Conv' to 'blocks_0_conv': a C identifier, unique where the module path is."""
    parts = [p for p in name.split("/") if p and p not in _PLUMBING]
    kept = [p for p, after in zip(parts, [*parts[1:], ""], strict=True) if not after.startswith(p + ".")]
    if len(kept) > 1 and kept[-1].lower() == kept[-2].lower():
        kept.pop()
    return re.sub(r"\W", "_", "_".join(kept))


def _fold_shapes_into_quant(model: ModelWrapper) -> None:
    """Unsqueeze(Quant(constant)) to Quant(reshaped constant): the exporter writes the first for PReLU slopes."""
    for node in list(model.graph.node):
        quant = model.find_producer(node.input[0]) if node.op_type in ("Unsqueeze", "Reshape") else None
        if quant is None or model.get_initializer(quant.input[0]) is None:
            continue
        shape = model.get_tensor_shape(node.output[0])
        name = quant.input[0] + "_reshaped"
        model.set_initializer(name, model.get_initializer(quant.input[0]).reshape(shape))
        quant.input[0] = name
        quant.output[0] = node.output[0]
        model.graph.node.remove(node)


def _finish(raw: onnx.ModelProto) -> onnx.ModelProto:
    """qonnx's clean-up, readable and unique names, fixed names of input and output."""
    names = set()
    for i, node in enumerate(raw.graph.node):
        name = _readable(node.name) or f"{node.op_type}_{i}"
        while name in names:
            name += f"_{node.op_type}"
        names.add(name)
        # The clean-up renames nodes; the doc string survives it.
        node.doc_string = name
    model = cleanup_model(ModelWrapper(raw))
    _fold_shapes_into_quant(model)
    model = cleanup_model(model)
    for node in model.graph.node:
        node.name, node.doc_string = node.doc_string, ""
        for i, name in enumerate(node.input):
            if model.get_initializer(name) is not None:
                model.rename_tensor(name, f"{node.name}_const{i}")
        if node.output[0] != model.graph.output[0].name:
            model.rename_tensor(node.output[0], f"{node.name}_out")
    model.rename_tensor(model.graph.input[0].name, INPUT)
    model.rename_tensor(model.graph.output[0].name, OUTPUT)
    onnx.checker.check_model(onnx.shape_inference.infer_shapes(model.model))
    return model.model


def execute(model: onnx.ModelProto, codes: np.ndarray) -> np.ndarray:
    """Output codes, (C, H, W) uint8, of a QONNX file for input codes (C, H, W) uint8, executed by qonnx."""
    wrapper = ModelWrapper(model)
    return to_codes(execute_onnx(wrapper, {INPUT: to_values(codes[None])})[OUTPUT][0])


def _compare(want: np.ndarray, got: np.ndarray, what: str) -> None:
    bad = np.argwhere(want != got)
    if len(bad):
        c, y, x = bad[0]
        raise MismatchError(
            f"the QONNX file differs from Brevitas in {len(bad)} of {want.size} codes on {what}; first at row {y}, "
            f"column {x}, channel {c}: Brevitas {want[c, y, x]}, QONNX {got[c, y, x]}"
        )


def _fit(image: np.ndarray, channels: int, height: int, width: int) -> np.ndarray:
    """The middle of an image (C, H, W) uint8, repeated at its edges where it is too small."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[0] != channels:
        raise UserError(f"a check image must be uint8 of shape ({channels}, H, W), not {image.dtype} {image.shape}")
    top, left = max((image.shape[1] - height) // 2, 0), max((image.shape[2] - width) // 2, 0)
    cut = image[:, top : top + height, left : left + width]
    return np.pad(cut, ((0, 0), (0, height - cut.shape[1]), (0, width - cut.shape[2])), mode="edge")


def to_qonnx(model: Network, channels: int, height: int, width: int) -> onnx.ModelProto:
    """The cleaned QONNX graph for frames of (channels, height, width), not yet executed.

    Raises:
        UserError: a tensor is not exact in float32.
    """
    was_training = model.training
    example = torch.zeros(1, channels, height, width)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        # A forward pass in eval mode first: it settles the scales that Brevitas reads while exporting.
        model.eval()(example)
        raw = export_qonnx(
            model, example, input_names=[INPUT], output_names=[OUTPUT], opset_version=OPSET, dynamo=False
        )
    model.train(was_training)
    graph = _finish(raw)
    analyse(graph)
    return graph


def export(
    model: Network,
    out_path: str | Path,
    height: int,
    width: int,
    check_images: Sequence[np.ndarray] = (),
    random_checks: int = 2,
    seed: int = 0,
) -> Path:
    """Writes and checks the QONNX file, and beside it `<stem>.golden.npz` with codes "lr" and "sr".

    Args:
        model: a network of the zoo (has `cfg`).
        out_path: of the .onnx file; its folder is made.
        height, width: low-resolution frame.
        check_images: (C, H, W) uint8; cut or padded to the frame. The first is the golden pair, else a random one is.
        random_checks: random images that are checked beside them.
        seed: of the random images.

    Returns:
        The path of the .onnx file.

    Raises:
        UserError: a tensor is not exact in float32, a wrong check image, or the file cannot be written.
        MismatchError: the file gives another code than Brevitas; nothing is written.
    """
    out_path = Path(out_path)
    channels = model.cfg.image_channels
    images = [_fit(im, channels, height, width) for im in check_images]
    graph = to_qonnx(model, channels, height, width)
    rng = np.random.default_rng(seed)
    images += [rng.integers(0, 256, (channels, height, width), dtype=np.uint8) for _ in range(random_checks)]
    golden: dict[str, np.ndarray] = {}
    for i, image in enumerate(images):
        want = upscale(model, image)
        what = f"check image {i}" if i < len(check_images) else f"random image {i - len(check_images)} (seed {seed})"
        _compare(want, execute(graph, image), what)
        golden = golden or {INPUT: image, OUTPUT: want}
    try:
        out_path.parent.mkdir(parents=True, exist_ok=True)
        onnx.save(graph, str(out_path))
        np.savez_compressed(out_path.with_suffix(".golden.npz"), lr=golden[INPUT], sr=golden[OUTPUT])
    except OSError as e:
        raise UserError(f"cannot write {out_path}: {e.strerror or e}; choose another output folder") from e
    return out_path
