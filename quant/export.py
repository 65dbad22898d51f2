"""Brevitas network to a checked QONNX file.

The file: NCHW, static shape 1xCxHxW, tensors "lr" and "sr", every node named after its module, explicit Quant and
BipolarQuant nodes. It is executed before it is kept, and must give Brevitas's own output to the last code.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from brevitas.export import export_qonnx
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.transformation.fold_constants import FoldConstants
from qonnx.transformation.general import (
    GiveUniqueParameterTensors,
    RemoveStaticGraphInputs,
    RemoveUnusedTensors,
    SortGraph,
)
from qonnx.transformation.infer_shapes import InferShapes
from torch import nn

from ..errors import MismatchError, UserError
from ..marks import FRAME, OUTPUT
from .exactness import analyse
from .gates import FrameMean
from .inference import to_codes, to_values, upscale, upscale_all
from .zoo import Network

INPUT = "lr"
OPSET = 17
#: Modules of torch without an exact form in float32, whatever they are quantized to, and what ONNX calls them.
_INEXACT: dict[type[nn.Module], str] = {nn.LayerNorm: "LayerNormalization", nn.Softmax: "Softmax", nn.GELU: "Gelu"}
_PLUMBING = {"act_quant", "weight_quant", "bias_quant", "export_handler"}


def _readable(name: str) -> str:
    """'/blocks/blocks.0/conv/Conv' to 'blocks_0_conv': a C identifier, unique where the module path is."""
    parts = [p for p in name.split("/") if p and p not in _PLUMBING]
    kept = [p for p, after in zip(parts, [*parts[1:], ""], strict=True) if not after.startswith(p + ".")]
    if len(kept) > 1 and kept[-1].lower() == kept[-2].lower():
        kept.pop()
    return re.sub(r"\W", "_", "_".join(kept))


def _name_nodes(model: onnx.ModelProto) -> None:
    """Unique names after the modules, in place."""
    names: set[str] = set()
    for i, node in enumerate(model.graph.node):
        name = _readable(node.name) or f"{node.op_type}_{i}"
        while name in names:
            name += f"_{node.op_type}"
        names.add(name)
        node.name = name


def _name_tensors(model: onnx.ModelProto, outputs: Sequence[str]) -> None:
    """Names outputs as given, tensors after their writers, constants after their readers, in place."""
    graph = model.graph
    constants = {i.name for i in graph.initializer}
    new = {graph.input[0].name: INPUT, **{o.name: name for o, name in zip(graph.output, outputs, strict=True)}}
    for node in graph.node:
        new.setdefault(node.output[0], f"{node.name}_out")
        new.update({name: f"{node.name}_const{i}" for i, name in enumerate(node.input) if name in constants})
    for node in graph.node:
        for names in (node.input, node.output):
            names[:] = [new.get(n, n) for n in names]
    for value in (*graph.initializer, *graph.input, *graph.output, *graph.value_info):
        value.name = new.get(value.name, value.name)


def _finish(raw: onnx.ModelProto, outputs: Sequence[str]) -> onnx.ModelProto:
    """The steps of qonnx's clean-up, but with readable names."""
    _name_nodes(raw)
    model = ModelWrapper(raw)
    for step in (
        InferShapes(),
        GiveUniqueParameterTensors(),
        FoldConstants(exclude_op_types=["Quant", "BipolarQuant"]),
        RemoveUnusedTensors(),
        RemoveStaticGraphInputs(),
        SortGraph(),
    ):
        model = model.transform(step, cleanup=False)
    _name_tensors(model.model, outputs)
    onnx.checker.check_model(onnx.shape_inference.infer_shapes(model.model))
    return model.model


def execute(model: onnx.ModelProto, codes: np.ndarray) -> np.ndarray:
    """Output codes (C, r*H, r*W) uint8 of an exported file for input codes (C, H, W) uint8, executed by qonnx.

    With a leading axis, (N, C, H, W), N images at once.
    """
    return execute_all(model, codes)[OUTPUT]


def execute_all(model: onnx.ModelProto, codes: np.ndarray) -> dict[str, np.ndarray]:
    """As `execute`, of every output by its name."""
    batch = codes if codes.ndim == 4 else codes[None]
    wrapper = ModelWrapper(model, make_deepcopy=True)
    if len(batch) != 1:
        wrapper.graph.input[0].type.tensor_type.shape.dim[0].dim_value = len(batch)
        for output in wrapper.graph.output:
            output.type.tensor_type.shape.dim[0].dim_value = len(batch)
        del wrapper.graph.value_info[:]
        wrapper = wrapper.transform(InferShapes(), cleanup=False)
    found = execute_onnx(wrapper, {INPUT: to_values(batch)})
    results = {o.name: to_codes(found[o.name]) for o in wrapper.graph.output}
    return results if codes.ndim == 4 else {name: y[0] for name, y in results.items()}


class _Outputs(nn.Module):
    """A network as a module that gives all its outputs."""

    def __init__(self, model: Network) -> None:
        super().__init__()
        self.model = model

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return tuple(self.model.outputs(image).values())


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


def check_exact(model: nn.Module) -> None:
    """Refuses a network whose file could not be executed to the same codes everywhere, before it is traced.

    Raises:
        UserError: it is in its float form; or a module of it is one of `_INEXACT`: names the first of each kind.
    """
    numerics = getattr(getattr(model, "cfg", None), "numerics", None)
    if numerics is not None and not numerics.deployed:
        raise UserError(
            "model.numerics.deployed is false: the float form is on no grid and cannot be exported; train the network "
            "with model.numerics.deployed = true"
        )
    found: dict[str, str] = {}
    for name, module in model.named_modules():
        if type(module) in _INEXACT:
            found.setdefault(_INEXACT[type(module)], name)
    if found:
        listed = ", ".join(f"{operator} ({name})" for operator, name in found.items())
        raise UserError(
            f"{listed}: not exact in float32, so two runtimes could give two pictures. The network can be trained and "
            "evaluated, but not exported or built; for hardware choose a network of convolutions"
        )


def to_qonnx(model: nn.Module, channels: int, height: int, width: int, all_outputs: bool = False) -> onnx.ModelProto:
    """The cleaned QONNX graph for frames of (channels, height, width), not yet executed.

    Args:
        model: of Brevitas modules, ours or anyone's; one image (N, channels, height, width) in, one out.
        channels: of the input image.
        height, width: of the low-resolution frame, in pixels.
        all_outputs: a network of ours with several outputs keeps them all, by the names that it gives them.

    Raises:
        UserError: a tensor is not exact in float32, or `check_exact` refuses the network.
    """
    check_exact(model)
    was_training = model.training
    example = torch.zeros(1, channels, height, width)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        # A forward pass in eval mode first: it settles the scales that Brevitas reads while exporting.
        model.eval()(example)
        outputs, traced = [OUTPUT], model
        if all_outputs and isinstance(model, Network):
            outputs, traced = list(model.outputs(example)), _Outputs(model).eval()
        raw = export_qonnx(
            traced, example, input_names=[INPUT], output_names=outputs, opset_version=OPSET, dynamo=False
        )
    model.train(was_training)
    if traced is not model:
        for node in raw.graph.node:  # named as without the module around it
            node.name = node.name.removeprefix("/model")
    graph = _finish(raw, outputs)
    if any(isinstance(module, FrameMean) and module.deployed for module in model.modules()):
        onnx.helper.set_model_props(graph, {FRAME: f"{width}x{height}"})
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
    all_outputs: bool = False,
) -> Path:
    """Writes and checks the QONNX file, and next to it `<stem>.golden.npz` with codes "lr" and of each output, "sr".

    Args:
        model: any registered network.
        out_path: where the .onnx file goes; its folder is made.
        height, width: of the low-resolution frame, in pixels.
        check_images: (C, H, W) uint8; cut or padded to the frame. The first is the golden pair, else a random one is.
        random_checks: number of random images to check besides, uint8 and uniform.
        seed: for the random images.
        all_outputs: keep every output of the network, not the last one alone.

    Returns:
        The path of the .onnx file.

    Raises:
        UserError: a tensor is not exact in float32, a wrong check image, or the file cannot be written.
        MismatchError: the file gives another code than Brevitas; nothing is written.
    """
    out_path = Path(out_path)
    channels = model.cfg.image_channels
    images = [_fit(im, channels, height, width) for im in check_images]
    graph = to_qonnx(model, channels, height, width, all_outputs)
    rng = np.random.default_rng(seed)
    images += [rng.integers(0, 256, (channels, height, width), dtype=np.uint8) for _ in range(random_checks)]
    got = execute_all(graph, np.stack(images))
    want = [upscale_all(model, im) if all_outputs else {OUTPUT: upscale(model, im)} for im in images]
    for i, outputs in enumerate(want):
        what = f"check image {i}" if i < len(check_images) else f"random image {i - len(check_images)} (seed {seed})"
        for name, codes in outputs.items():
            _compare(codes, got[name][i], what if name == OUTPUT else f"{what}, output {name}")
    try:
        out_path.parent.mkdir(parents=True, exist_ok=True)
        onnx.save(graph, str(out_path))
        golden: dict[str, Any] = {"lr": images[0], **{name: got[name][0] for name in want[0]}}
        np.savez_compressed(out_path.with_suffix(".golden.npz"), **golden)
    except OSError as e:
        raise UserError(f"cannot write {out_path}: {e.strerror or e}; choose another output folder") from e
    return out_path
