"""A binarized QONNX network through stock hls4ml 1.3 (Vitis backend, io_stream), as well as stock hls4ml can do it.

The graph must hold only Quant, BipolarQuant, Conv, Add, Mul and PRelu, as `xnorsr.quant.export` writes them.
What hls4ml's documentation asks for is done: qonnx clean-up, channels last, named nodes, a Quant at every rounding,
explicit precisions for everything else. What its documentation does not say and breaks the result is in `TRAPS`; each
is avoided by an exact rewrite of the QONNX graph, which is executed to show that it still is the network.
"""

from __future__ import annotations

import contextlib
import io
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.transformation.gemm_to_matmul import GemmToMatMul
from qonnx.transformation.general import RemoveUnusedTensors
from qonnx.transformation.remove import RemoveUnusedNodes
from qonnx.util.cleanup import cleanup_model

from xnorsr.quant.exactness import analyse, grid_of

CHANNELS_LAST = "qonnx.custom_op.channels_last"
TRAPS = {
    "layout": "ConvertToChannelsLastAndClean leaves a Transpose at every BipolarQuant, PRelu and fork: "
    "the graph is turned to channels last by hand",
    "prelu": "PRelu loses its slopes in the QONNX parser: written as s*x + (1 - s)*relu(x)",
    "threshold": "a float threshold is rounded to the default type: written on the grid of the stream, which is exact",
    "precision": "a fused Mul and Add loses the bias's quantizer, a binary convolution gets the default type: "
    "every result, accumulator, scale and bias gets its exact type by name",
    "constants": "Mul and Add with a constant per channel are spread over the whole image, and a threshold then does "
    "not compile: written as BatchNormalization, which keeps one value per channel",
    "padding": "a one-bit stream is padded with zero bits, which mean -1: signs are made two bits wide, so that 0 is 0",
}
# The first lets hls4ml use its own one-bit streams; its borders are wrong. The second pays for right borders.
CONFIGURATIONS = {
    "one-bit signs": ("layout", "prelu", "threshold", "precision", "constants"),
    "two-bit signs": ("layout", "prelu", "threshold", "precision", "constants", "padding"),
}


@dataclass
class StockRun:
    """One configuration of stock hls4ml, compiled and run.

    Attributes:
        codes: output, (H, W, C).
        seconds: processor time of the C-simulation alone.
        convert_seconds, compile_seconds: of conversion and g++.
    """

    codes: np.ndarray
    seconds: float
    convert_seconds: float
    compile_seconds: float


def _attributes(node: onnx.NodeProto) -> dict[str, Any]:
    return {a.name: helper.get_attribute_value(a) for a in node.attribute}


def _quantized(model: ModelWrapper, name: str) -> np.ndarray:
    """Value of a constant, or of a Quant of one."""
    value = model.get_initializer(name)
    if value is None:
        node = model.find_producer(name)
        value, scale, _, bits = (model.get_initializer(i) for i in node.input)
        signed, narrow = int(_attributes(node)["signed"]), int(_attributes(node)["narrow"])
        n = int(bits)
        value = np.clip(np.rint(value / scale), -(2 ** (n - 1)) * signed + narrow, 2 ** (n - signed) - 1) * scale
    return np.asarray(value, np.float32)


def _replace(model: ModelWrapper, node: onnx.NodeProto, new: list[onnx.NodeProto]) -> None:
    at = list(model.graph.node).index(node)
    model.graph.node.remove(node)
    for i, n in enumerate(new):
        model.graph.node.insert(at + i, n)


def _without_prelu(model: ModelWrapper) -> None:
    for node in [n for n in model.graph.node if n.op_type == "PRelu"]:
        x, name = node.input[0], node.name
        slope = _quantized(model, node.input[1]).reshape(1, -1, 1, 1)
        model.set_initializer(f"{name}_slope", slope)
        model.set_initializer(f"{name}_rest", 1 - slope)
        new = [
            helper.make_node("Mul", [x, f"{name}_slope"], [f"{name}_all"], name=f"{name}_all"),
            helper.make_node("Relu", [x], [f"{name}_relu"], name=f"{name}_relu"),
            helper.make_node("Mul", [f"{name}_relu", f"{name}_rest"], [f"{name}_positive"], name=f"{name}_positive"),
            helper.make_node("Add", [f"{name}_all", f"{name}_positive"], [node.output[0]], name=f"{name}_sum"),
        ]
        _replace(model, node, new)
        model.graph.node.remove(model.find_producer(node.input[1]))


def _signs(model: ModelWrapper) -> list[tuple[onnx.NodeProto, onnx.NodeProto]]:
    """(Add of the threshold, BipolarQuant) of every sign of a stream."""
    signs = [n for n in model.graph.node if n.op_type == "BipolarQuant" and model.get_initializer(n.input[0]) is None]
    return [(model.find_producer(n.input[0]), n) for n in signs]


def _grids(model: ModelWrapper) -> dict[str, float]:
    """The power of two that every value of a stream is a multiple of, by the tensor's name."""
    grids: dict[str, float] = {}
    for node in model.graph.node:
        if model.get_initializer(node.input[0]) is not None:
            continue
        x = grids.get(node.input[0], 0.0)
        if node.op_type == "Quant":
            grid = float(model.get_initializer(node.input[1]))
        elif node.op_type == "BipolarQuant":
            grid = 1.0
        elif node.op_type in ("Mul", "Conv"):
            producer = model.find_producer(node.input[1])
            binary = producer is not None and producer.op_type == "BipolarQuant"
            grid = x * (1.0 if binary else grid_of(_quantized(model, node.input[1])))
        elif node.op_type == "Add":
            other = grids.get(node.input[1])
            grid = min(x, other if other is not None else grid_of(_quantized(model, node.input[1])))
        else:
            assert node.op_type in ("Relu", "PRelu"), node.op_type
            grid = x if node.op_type == "Relu" else x * grid_of(_quantized(model, node.input[1]))
        grids[node.output[0]] = grid
    return grids


def _thresholds_on_grid(model: ModelWrapper) -> None:
    """x + o >= 0 with x on a grid is x + floor(o) >= 0 with the floor on that grid."""
    grids = _grids(model)
    for add, _ in _signs(model):
        lsb = np.float32(grids[add.input[0]])
        model.set_initializer(add.input[1], np.floor(model.get_initializer(add.input[1]) / lsb) * lsb)


def _two_bit_signs(model: ModelWrapper) -> None:
    """sign(y), y on a grid, as 2*Quant_1bit_unsigned((y + lsb)/lsb) - 1, whose stream can hold a 0."""
    grids = _grids(model)
    for add, sign in _signs(model):
        lsb = grids[add.output[0]]
        name = sign.name
        model.set_initializer(add.input[1], model.get_initializer(add.input[1]) + np.float32(lsb))
        constants = {"scale": lsb, "zero": 0.0, "bits": 1.0, "double": 2.0 / lsb, "one": -1.0}
        for key, value in constants.items():
            model.set_initializer(f"{name}_{key}", np.asarray(value, np.float32).reshape(()))
        quant = [f"{name}_{k}" for k in ("scale", "zero", "bits")]
        attributes = {"signed": 0, "narrow": 0, "rounding_mode": "ROUND", "domain": sign.domain}
        new = [
            helper.make_node("Quant", [add.output[0], *quant], [f"{name}_bit"], name=f"{name}_bit", **attributes),
            helper.make_node("Mul", [f"{name}_bit", f"{name}_double"], [f"{name}_two"], name=f"{name}_two"),
            helper.make_node("Add", [f"{name}_two", f"{name}_one"], [sign.output[0]], name=f"{name}_sign"),
        ]
        _replace(model, sign, new)


def _constant(model: ModelWrapper, node: onnx.NodeProto) -> np.ndarray | None:
    """The constant that a Mul or Add applies, (C,); None where both inputs are streams."""
    producer = model.find_producer(node.input[1])
    if producer is not None and model.get_initializer(producer.input[0]) is None:
        return None
    value = _quantized(model, node.input[1]).reshape(-1)
    return np.broadcast_to(value, (model.get_tensor_shape(node.output[0])[1],))


def _merge_constants(model: ModelWrapper) -> None:
    """Mul and Add with constants as BatchNormalization with one scale and bias per channel; after a Conv, its bias."""
    for node in [n for n in model.graph.node if n.op_type in ("Mul", "Add")]:
        value = _constant(model, node)
        before = model.find_producer(node.input[0])
        if value is None:
            continue
        if before.op_type == "Conv" and node.op_type == "Add":
            model.set_initializer(f"{node.name}_bias", value)
            before.input.append(f"{node.name}_bias")
            before.output[0] = node.output[0]
            model.graph.node.remove(node)
        elif before.op_type == "BatchNormalization" and node.op_type == "Add":
            model.set_initializer(before.input[2], model.get_initializer(before.input[2]) + value)
            before.output[0] = node.output[0]
            model.graph.node.remove(node)
        else:
            one, zero = np.ones_like(value), np.zeros_like(value)
            gamma, beta = (value, zero) if node.op_type == "Mul" else (one, value)
            names = [f"{node.name}_{k}" for k in ("gamma", "beta", "mean", "variance")]
            for name, v in zip(names, (gamma, beta, zero, one), strict=True):
                model.set_initializer(name, v)
            new = helper.make_node(
                "BatchNormalization",
                [node.input[0], *names],
                [node.output[0]],
                name=node.name,
                epsilon=0.0,
                momentum=0.9,
            )
            _replace(model, node, [new])


def _channels_last(model: ModelWrapper) -> None:
    """The same network in NHWC, without a Transpose."""
    graph = model.graph
    for node in graph.node:
        if node.op_type in ("Conv", "BatchNormalization"):
            node.domain = CHANNELS_LAST
        if node.op_type == "Conv":
            weight = model.find_producer(node.input[1])
            model.set_initializer(weight.input[0], model.get_initializer(weight.input[0]).transpose(0, 2, 3, 1))
    for name in [v.name for v in [*graph.input, *graph.output, *graph.value_info]]:
        shape = model.get_tensor_shape(name)
        if len(shape) == 4 and model.get_initializer(name) is None:
            model.set_tensor_shape(name, [shape[i] for i in (0, 2, 3, 1)])
    standard = model.get_opset_imports()[""]
    imports = [o for o in model.model.opset_import if o.domain != CHANNELS_LAST]
    del model.model.opset_import[:]
    model.model.opset_import.extend([*imports, helper.make_opsetid(CHANNELS_LAST, standard)])


def rewrite(source: onnx.ModelProto, traps: tuple[str, ...]) -> tuple[ModelWrapper, dict[str, str]]:
    """The network as stock hls4ml reads it, and the exact type of each node that is no Quant."""
    model = cleanup_model(ModelWrapper(onnx.ModelProto.FromString(source.SerializeToString())))
    _thresholds_on_grid(model)
    if "padding" in traps:
        _two_bit_signs(model)
    _without_prelu(model)
    model = cleanup_model(model)
    exact = _types(model)
    _merge_constants(model)
    model = model.transform(RemoveUnusedNodes()).transform(RemoveUnusedTensors())
    _channels_last(model)
    model = model.transform(GemmToMatMul())
    return model, {n.name: exact[n.output[0]] for n in model.graph.node if n.output[0] in exact}


def _types(model: ModelWrapper) -> dict[str, str]:
    """The type that holds every value of a stream, by the tensor's name; none where a Quant says it."""
    bounds, grids = analyse(model.model), _grids(model)
    streams = [n.output[0] for n in model.graph.node if n.op_type not in ("Quant", "BipolarQuant")]
    return {s: _fixed(float(bounds[s].lo.min()), float(bounds[s].hi.max()), grids[s]) for s in streams}


def _fixed(lo: float, hi: float, lsb: float) -> str:
    """hls4ml's name of the signed type that holds lo to hi in steps of lsb."""
    integer = math.ceil(math.log2(max(hi + lsb, -lo, lsb))) + 1
    return f"fixed<{max(integer + round(-math.log2(lsb)), 2)},{integer}>"


def fixed_array(values: np.ndarray) -> str:
    """hls4ml's name of the narrowest signed type that holds an array."""
    return _fixed(float(values.min()), float(values.max()), grid_of(values))


def _configure(model: ModelWrapper, types: dict[str, str], strategy: str, reuse: int) -> dict[str, Any]:
    from hls4ml.utils.config import config_from_onnx_model

    config: dict[str, Any] = config_from_onnx_model(
        model.model, granularity="name", backend="Vitis", default_precision="fixed<32,16>", default_reuse_factor=reuse
    )
    config["Model"]["Strategy"] = strategy
    layers = config["LayerName"]
    nodes = {n.name: n for n in model.graph.node}
    for name, exact in types.items():
        precision = layers[name].setdefault("Precision", {})
        precision["result"] = exact
        layers[name]["Strategy"] = strategy
        if nodes[name].op_type == "Conv":
            precision["accum"] = exact
            if len(nodes[name].input) == 3:
                precision["bias"] = fixed_array(model.get_initializer(nodes[name].input[2]))
        elif nodes[name].op_type == "BatchNormalization":
            precision["scale"] = fixed_array(model.get_initializer(nodes[name].input[1]))
            precision["bias"] = fixed_array(model.get_initializer(nodes[name].input[2]))
    layers[model.graph.input[0].name]["Precision"] = {"result": "ufixed<8,0>"}
    return config


def run(
    source: onnx.ModelProto,
    values: np.ndarray,
    out_frac: int,
    out_dir: Path,
    configuration: str,
    strategy: str,
    reuse: int,
) -> StockRun:
    """Convert, compile and simulate.

    Args:
        source: QONNX network, NCHW.
        values: input image (C, H, W), float.
        out_frac: fractional bits of the output.
        configuration: key of `CONFIGURATIONS`.
        strategy: hls4ml's: "Latency", "Resource".
        reuse: hls4ml's ReuseFactor.

    Raises:
        AssertionError: the rewritten graph is not the network.
    """
    from hls4ml.converters import convert_from_onnx_model

    begin = time.perf_counter()
    model, types = rewrite(source, CONFIGURATIONS[configuration])
    image = _nhwc(values)
    check_rewrite(source, model, values)
    with contextlib.redirect_stdout(io.StringIO()):
        graph = convert_from_onnx_model(
            model.model,
            output_dir=str(out_dir),
            project_name="stock",
            backend="Vitis",
            io_type="io_stream",
            hls_config=_configure(model, types, strategy, reuse),
        )
        graph.write()
    converted = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        graph.compile()
    compiled = time.perf_counter()
    graph.predict(image)  # loads the weights
    start = time.process_time()
    output = np.asarray(graph.predict(image))
    seconds = time.process_time() - start
    shape = model.get_tensor_shape(model.graph.output[0].name)[1:]
    codes = np.rint(output.reshape(shape) * 2.0**out_frac).astype(np.int64)
    return StockRun(codes, seconds, converted - begin, compiled - converted)


def check_rewrite(source: onnx.ModelProto, model: ModelWrapper, values: np.ndarray) -> None:
    """Raises AssertionError where both give other values for an image (C, H, W)."""
    original = ModelWrapper(source)
    inputs = values[None].astype(np.float32), _nhwc(values)
    results = [
        execute_onnx(m, {m.graph.input[0].name: x})[m.graph.output[0].name]
        for m, x in zip((original, model), inputs, strict=True)
    ]
    assert np.array_equal(results[0].transpose(0, 2, 3, 1), results[1]), "the rewritten graph is another network"


def _nhwc(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(values.transpose(1, 2, 0)[None].astype(np.float32))
