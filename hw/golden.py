"""A lowered network in integers, by its operators' goldens, against the reference execution of its file.

`build` asks this before it writes: what it accepts computes what the file computes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from fractions import Fraction

import numpy as np

from ..errors import MismatchError, UserError
from .graph.execute import execute
from .graph.index import Graph
from .graph.load import own_frame
from .graph.lower import Lowered, lower
from .graph.states import next_states, states_of
from .network import Network, Reference
from .types import StreamType

SMALL = (12, 16)  # rows and columns, about, of the frame that `prove` looks at: larger than any kernel
FRAMES = 3  # that it looks at where a network keeps something from frame to frame


def step(
    network: Network, codes: np.ndarray, states: Mapping[str, np.ndarray]
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """One frame: (codes of every stream by its name, each (H, W, C) int64; the states of the next frame).

    Args:
        codes: of the input, (H, W, C).
        states: of this frame; `network.states` are those of the first one after reset.

    Raises:
        AssertionError: an operator leaves the type of its output.
    """
    streams = {network.input: np.asarray(codes, np.int64)}
    following = {}
    for node in network.nodes:
        inputs = [streams[i] for i in node.inputs]
        if node.op.start is not None:
            inputs.append(states[node.outputs[0]])
        outs = node.op.execute(*inputs)
        if node.op.start is not None:
            outs, following[node.outputs[0]] = outs[:-1], outs[-1]
        streams.update(zip(node.outputs, outs, strict=True))
    return streams, following


def run(network: Network, codes: np.ndarray) -> dict[str, np.ndarray]:
    """`step` for a frame alone, the first one after reset: its streams."""
    return step(network, codes, network.states)[0]


def run_frames(network: Network, frames: Iterable[np.ndarray]) -> list[dict[str, np.ndarray]]:
    """`step` for frames that follow each other from reset on: the streams of each."""
    states, found = network.states, []
    for codes in frames:
        streams, states = step(network, codes, states)
        found.append(streams)
    return found


def reference(
    model: Graph,
    kind: StreamType,
    codes: np.ndarray,
    all_tensors: bool = True,
    unit: float = 1.0,
    states: Mapping[str, np.ndarray] | None = None,
) -> dict[str, np.ndarray]:
    """Tensors of a network's execution by qonnx, by name, NCHW: float32, float64 where that is not enough.

    In a network with states, those of the next frame are among them (`hw.graph.states.next_states`).

    Args:
        kind: type of the input.
        codes: of the input, (H, W, C).
        all_tensors: every tensor, or the outputs only.
        unit: what a value of 1 of the input's type stands for, where the model is not the converted one.
        states: further inputs, what is kept from the frame before; None: their start values.

    Raises:
        UserError: qonnx or onnxruntime cannot execute the network.
    """
    values = kind.to_values(np.asarray(codes, np.int64)).astype(np.float32).transpose(2, 0, 1)[None] * np.float32(unit)
    name = model.graph.input[0].name
    try:
        tensors = execute(model, {name: np.ascontiguousarray(values), **(states or {})}, all_tensors)
    except Exception as error:
        text = " ".join(str(error).split())
        raise UserError(
            f"qonnx cannot execute the network, so that there is nothing to compare hardware with: {text[:400]} "
            "Check that the file runs with qonnx-exec, and export it again."
        ) from error
    return tensors


def stream_codes(tensors: Mapping[str, np.ndarray], place: Reference, kind: StreamType) -> np.ndarray:
    """Codes that a stream of this type must carry, (H, W, C) int64, from the reference's tensors.

    Raises:
        ValueError: the tensor's values are no codes of the type.
    """
    x = tensors[place.tensor][0]
    if place.factor > 1:
        r = place.factor
        c, h, w = x.shape
        phases = x.reshape(c, h // r, r, w // r, r)
        order = (0, 2, 4, 1, 3) if place.mode == "CRD" else (2, 4, 0, 1, 3)
        x = phases.transpose(order).reshape(c * r * r, h // r, w // r)
    return kind.to_codes(x.transpose(1, 2, 0))


def compare_codes(where: str, expected: np.ndarray, found: np.ndarray) -> int:
    """Number of codes of two (H, W, C) arrays, all equal.

    Args:
        where: what is compared, as the error is to begin: "layer 'conv_1'".

    Raises:
        MismatchError: the first pixel and channel in raster order that differ, with both codes.
    """
    if expected.shape != found.shape:
        raise MismatchError(f"{where}: the reference has the shape {expected.shape}, found {found.shape} (H, W, C)")
    different = np.asarray(expected, np.int64) != np.asarray(found, np.int64)
    if different.any():
        y, x, c = (int(i) for i in np.argwhere(different)[0])
        raise MismatchError(
            f"{where}: {int(different.sum())} of {different.size} codes differ; first at pixel (x={x}, y={y}), "
            f"channel {c}: reference {int(expected[y, x, c])}, found {int(found[y, x, c])}"
        )
    return int(expected.size)


def picture(kind: StreamType, seed: int = 0) -> np.ndarray:
    """(H, W, C) codes with the extremes in them: noise above, then a ramp, then the least and the greatest code."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(kind.lo, kind.hi + 1, kind.shape)
    third = kind.height // 3
    if third:
        codes[third : 2 * third] = np.linspace(kind.lo, kind.hi, kind.width).astype(np.int64)[None, :, None]
        codes[2 * third :, : kind.width // 2], codes[2 * third :, kind.width // 2 :] = kind.lo, kind.hi
    return codes


def _small(network: Network) -> tuple[int, int]:
    """(height, width) of a frame of about SMALL, at most the network's own, that all its streams divide as they do."""
    kind = network.input_type
    kinds = [one.kind for one in network.streams.values() if one.kind.pixels > 1]  # a vector per frame fits any
    rows = math.lcm(*(Fraction(one.height, kind.height).denominator for one in kinds))
    columns = math.lcm(*(Fraction(one.width, kind.width).denominator for one in kinds))
    height = min(kind.height, max(SMALL[0] // rows, 2) * rows)
    return height, min(kind.width, max(SMALL[1] // columns, 2) * columns)


def prove(lowered: Lowered) -> int:
    """Compare every stream of a network with the reference, on one picture of its own or a smaller frame; one with
    states on several, frame after frame.

    Returns:
        Codes compared.

    Raises:
        UserError: the reference cannot be executed.
        MismatchError: a code differs: a bug of xnorsr. Names layer, pixel, channel and both codes.
    """
    kind = lowered.input_type
    height, width = _small(lowered.network)
    if own_frame(lowered.reference.model) is not None:
        height, width = kind.height, kind.width
    if (height, width) != (kind.height, kind.width):
        lowered = lower(lowered.reference.model, frame=(height, width))
    count, where = 0, "golden"
    pairs, states, given = states_of(lowered.reference.model), lowered.network.states, None
    try:
        for seed in range(FRAMES if pairs else 1):
            codes = picture(lowered.input_type, seed)
            tensors = reference(lowered.reference, lowered.input_type, codes, states=given)
            streams, states = step(lowered.network, codes, states)
            given = next_states(pairs, tensors)
            for name, place in lowered.references.items():
                where = f"layer '{name}'"
                wanted = stream_codes(tensors, place, lowered.network.streams[name].kind)
                count += compare_codes(where, wanted, streams[name])
            for (tensor, out), name in zip(lowered.output_types.items(), lowered.network.outputs, strict=True):
                where = f"output '{tensor}'"
                count += compare_codes(where, stream_codes(tensors, Reference(tensor), out), streams[name])
    except (MismatchError, AssertionError, ValueError) as error:
        text = str(error) if isinstance(error, MismatchError) else f"{where}: {error}"
        raise MismatchError(
            f"the lowered network does not compute what the file computes; this is a bug of xnorsr, please report it "
            f"with the file. On a frame of {width} x {height} pixels: {text}"
        ) from error
    return count
