"""Chains of elementwise nodes between streams: how the rewrites look at a graph."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper

from ...errors import UserError
from ..types import StreamType
from .constants import quant_parameters
from .fixed import EXACT_PARAM_BITS, MAX_PARAM_BITS, to_fixed
from .index import Graph

FEW_BITS = 4  # a Quant of at most so many bits folds into thresholds: 15 comparisons per channel
#: What a conversion writes into a node whose constant, of up to 24 bits, is to be multiplied without rounding.
EXACT = "exact"
AFFINE = ("Mul", "Div", "Add", "Sub", "BatchNormalization")
PRELU = ("PRelu", "LeakyRelu", "Relu")
CLIPS = ("Clip", "Min", "Max")
TERMINAL = ("Quant", "BipolarQuant")


def attribute(node: onnx.NodeProto, name: str, default: object) -> object:
    """One attribute of a node; strings decoded."""
    for a in node.attribute:
        if a.name == name:
            value = helper.get_attribute_value(a)
            return value.decode() if isinstance(value, bytes) else value
    return default


def consumers(model: Graph, tensor: str) -> list[onnx.NodeProto]:
    """Nodes that read a tensor; a node that reads it twice stands twice."""
    return model.readers(tensor)


def stream_inputs(model: Graph, node: onnx.NodeProto) -> list[str]:
    """The inputs of a node that are not constants."""
    return [name for name in node.input if name and model.get_initializer(name) is None]


def only_consumer(model: Graph, tensor: str) -> onnx.NodeProto | None:
    """The one node that reads a tensor; None where it forks or leaves the graph."""
    if model.is_output(tensor):
        return None
    readers = model.readers(tensor)
    return readers[0] if len(readers) == 1 else None


def is_step(model: Graph, node: onnx.NodeProto) -> bool:
    """Whether a node works element by element on one stream, its other inputs constants."""
    streams = stream_inputs(model, node)
    if len(streams) != 1:
        return False
    if node.op_type in ("Add", "Mul", "Min", "Max"):
        return True
    return node.op_type in (*AFFINE, *PRELU, *CLIPS, *TERMINAL) and (
        node.input[0] == streams[0] or node.op_type in ("Sub", "Div")
    )


def chain_from(model: Graph, node: onnx.NodeProto, quantizers: int | None = None) -> list[onnx.NodeProto]:
    """The elementwise nodes from `node` on, up to a fork, another operator, or the graph's output.

    Args:
        quantizers: the chain ends behind so many Quants and BipolarQuants; None: it does not.
    """
    chain = [node]
    seen = int(node.op_type in TERMINAL)
    while seen != quantizers and (following := only_consumer(model, chain[-1].output[0])) is not None:
        if not is_step(model, following):
            break
        chain.append(following)
        seen += following.op_type in TERMINAL
    return chain


def per_channel(values: np.ndarray, channels: int, node: onnx.NodeProto) -> np.ndarray:
    """A constant as one float64 per channel, (C,).

    Raises:
        UserError: it varies over rows or columns, or has another number of channels.
    """
    values = np.asarray(values, np.float64)
    if values.size == 1 and values.ndim <= 4 and (node.op_type != "BatchNormalization" or channels == 1):
        return np.full(channels, values.reshape(()))
    if node.op_type == "BatchNormalization" and values.shape == (channels,):
        return values
    shape = (1,) * (4 - values.ndim) + values.shape
    if len(shape) != 4 or shape[0] != 1 or shape[2:] != (1, 1) or shape[1] != channels:
        raise UserError(
            f"{node.op_type} '{node.name}': its constant has the shape {values.shape}; allowed is one value, "
            f"or one per channel: (1, {channels}, 1, 1)."
        )
    return values.reshape(channels)


def affine_coefficients(model: Graph, node: onnx.NodeProto, channels: int) -> tuple[np.ndarray, np.ndarray]:
    """(a, b), each (C,) float64, of a node that computes a*x + b."""
    if node.op_type == "BatchNormalization":
        gamma, beta, mean, var = (per_channel(model.get_initializer(n), channels, node) for n in list(node.input)[1:5])
        total = var + float(attribute(node, "epsilon", 1e-5))  # type: ignore[arg-type]
        if np.any(total <= 0):
            raise UserError(
                f"BatchNormalization '{node.name}': variance plus epsilon is {total.min():g} in a channel; allowed are "
                "positive numbers. Look at running_var in training."
            )
        a = gamma / np.sqrt(total)
        return a, beta - mean * a
    constant_first = model.get_initializer(node.input[0]) is not None
    c = per_channel(model.get_initializer(node.input[0 if constant_first else 1]), channels, node)
    one, zero = np.ones(channels), np.zeros(channels)
    if node.op_type == "Mul":
        return c, zero
    if node.op_type == "Add":
        return one, c
    if node.op_type == "Sub":
        return (-one, c) if constant_first else (one, -c)
    if constant_first:
        raise UserError(
            f"Div '{node.name}': a constant divided by a stream is not supported; allowed is a stream by a constant."
        )
    if np.any(c == 0):
        raise UserError(f"Div '{node.name}': it divides by 0; allowed are other numbers. Look at it in training.")
    return 1.0 / c, zero


def slopes(model: Graph, node: onnx.NodeProto, channels: int) -> np.ndarray:
    """(C,) float64: what a negative input is multiplied by."""
    if node.op_type == "Relu":
        return np.zeros(channels)
    if node.op_type == "LeakyRelu":
        return np.full(channels, float(np.float32(attribute(node, "alpha", 0.01))))  # type: ignore[arg-type]
    return per_channel(model.get_initializer(node.input[1]), channels, node)


def limits(model: Graph, node: onnx.NodeProto, channels: int) -> list[np.ndarray]:
    """The constants of a Clip, Min or Max, each (C,) float64; an open end of a Clip is left out.

    Raises:
        UserError: a constant of an unfit shape, or none.
    """
    streams = stream_inputs(model, node)
    return [
        per_channel(model.get_initializer(name), channels, node) for name in node.input if name and name not in streams
    ]


def segments(chain: list[onnx.NodeProto]) -> list[list[onnx.NodeProto]]:
    """A chain cut behind each Quant and BipolarQuant."""
    parts: list[list[onnx.NodeProto]] = [[]]
    for node in chain:
        parts[-1].append(node)
        if node.op_type in TERMINAL:
            parts.append([])
    return [p for p in parts if p]


def compose(pairs: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """The (a, b) of several a*x + b one after the other."""
    a, b = pairs[0]
    for a2, b2 in pairs[1:]:
        a, b = a * a2, b * a2 + b2
    return a, b


def constant_bits(nodes: list[onnx.NodeProto]) -> int:
    """Bits that constants of affine nodes may have to be fixed point; longer ones are floats, computed in float32."""
    return EXACT_PARAM_BITS if any(n.doc_string == EXACT for n in nodes) else MAX_PARAM_BITS


def is_fixed(model: Graph, node: onnx.NodeProto, channels: int) -> bool:
    """Whether an elementwise node computes with fixed-point constants only, so that no float32 rounds on the way."""
    if node.op_type in AFFINE:
        if node.op_type == "BatchNormalization":
            return False
        return all(to_fixed(v, constant_bits([node])) is not None for v in affine_coefficients(model, node, channels))
    if node.op_type in PRELU:
        return to_fixed(slopes(model, node, channels)) is not None
    if node.op_type == "Quant":
        return not np.any(model.get_initializer(node.input[2]))
    return node.op_type not in CLIPS


def stays_affine(model: Graph, segment: list[onnx.NodeProto], kind: StreamType) -> bool:
    """Whether a segment's constants are fixed point, alone and composed, so that it can be an affine."""
    if not all(is_fixed(model, node, kind.channels) for node in segment):
        return False
    run: list[onnx.NodeProto] = []
    for node in segment:
        run = [*run, node] if node.op_type in AFFINE else []
        if run:
            a, b = compose([affine_coefficients(model, n, kind.channels) for n in run])
            if to_fixed(a, constant_bits(run)) is None or to_fixed(b, 24) is None:
                return False
    return True


def folds_to_thresholds(model: Graph, segment: list[onnx.NodeProto]) -> bool:
    """Whether a segment's end allows exact integer thresholds, whatever its constants."""
    last = segment[-1]
    if last.op_type == "BipolarQuant":
        return True
    return last.op_type == "Quant" and len(segment) > 1 and quant_parameters(model, last)[1] <= FEW_BITS


def refuse_bipolar(kind: StreamType, node: onnx.NodeProto) -> None:
    """Raise UserError for an elementwise node that reads signs."""
    if kind.bipolar:
        raise UserError(
            f"{node.op_type} '{node.name}': reads a bipolar stream; only convolutions may. Let it read the numbers "
            "before the sign."
        )
