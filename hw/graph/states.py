"""States: tensors that a network keeps from one frame to the next, as inputs and outputs of a QONNX graph.

Inside the lowering a graph is as of one frame, and a `State` says which tensor its readers get from the frame before.
In files and for the reference it is `cut` there: what read the tensor reads a further input of the graph, whose
constant of the same name is its value in the first frame (ONNX takes that where nothing is given), and the tensor is a
further output, which is given back in the next frame. `join` makes one graph of such a file again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from ...errors import UserError
from ...marks import STARTS, STATES
from .index import Graph


@dataclass(frozen=True)
class State:
    """One state.

    Attributes:
        tensor: that this frame makes; output of the cut graph.
        given: that is read in its place; input of the cut graph.
        start: its values in the first frame, one for each channel.
    """

    tensor: str
    given: str
    start: tuple[float, ...]


def _mark(model: onnx.ModelProto, key: str) -> str | None:
    return next((p.value for p in model.metadata_props if p.key == key), None)


def _set_mark(model: onnx.ModelProto, key: str, value: object) -> None:
    kept = [p for p in model.metadata_props if p.key not in (STATES, STARTS)]
    copies = [(p.key, p.value) for p in kept] + [(key, json.dumps(value))]
    del model.metadata_props[:]
    for name, text in copies:
        model.metadata_props.add(key=name, value=text)


def starts_of(model: onnx.ModelProto) -> dict[str, tuple[float, ...]] | None:
    """Start values by tensor, which `join` left in a graph; None for a file without states."""
    text = _mark(model, STARTS)
    return None if text is None else {name: tuple(values) for name, values in json.loads(text).items()}


def states_of(model: onnx.ModelProto) -> list[tuple[str, str]]:
    """(input, output) of each state of a cut graph."""
    text = _mark(model, STATES)
    return [] if text is None else [(given, tensor) for given, tensor in json.loads(text)]


def cut(model: Graph, states: Sequence[State]) -> Graph:
    """A copy of a graph with explicit states; its network's own outputs stay the first ones."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model.model)
    graph = copy.graph
    for state in states:
        shape = [1, len(state.start), 1, 1]
        for node in graph.node:
            node.input[:] = [state.given if name == state.tensor else name for name in node.input]
        graph.input.append(helper.make_tensor_value_info(state.given, TensorProto.FLOAT, shape))
        start = np.array(state.start, np.float32).reshape(shape)
        graph.initializer.append(numpy_helper.from_array(start, state.given))
        graph.output.append(helper.make_tensor_value_info(state.tensor, TensorProto.FLOAT, shape))
    own = [v for v in graph.value_info if v.name not in {s.tensor for s in states}]
    del graph.value_info[:]
    graph.value_info.extend(own)
    _set_mark(copy, STATES, [(state.given, state.tensor) for state in states])
    made = Graph(copy)
    made.double = model.double
    return made


def join(model: onnx.ModelProto, name: str) -> None:
    """Make a file with explicit states one graph again, in place; its start values stay in it (`starts_of`).

    Args:
        name: what messages call it.

    Raises:
        UserError: its metadata names states that it does not have.
    """
    try:
        pairs = states_of(model)
    except (ValueError, TypeError) as error:
        raise UserError(f"{name}: its metadata '{STATES}' is no list of pairs of names ({error}).") from error
    if not pairs:
        return
    graph = model.graph
    constants = {i.name: i for i in graph.initializer}
    outputs, inputs = [o.name for o in graph.output], {i.name for i in graph.input}
    starts = {}
    for given, tensor in pairs:
        if given not in constants or given not in inputs or tensor not in outputs:
            raise UserError(
                f"{name}: its metadata '{STATES}' names the state '{given}', next '{tensor}'; allowed is an input with "
                "a constant of the same name, its start value, and an output. Build or export the file again."
            )
        starts[tensor] = numpy_helper.to_array(constants[given]).ravel().tolist()
    given_by = dict(pairs)
    for node in graph.node:
        node.input[:] = [given_by.get(i, i) for i in node.input]
    for field, gone in ((graph.input, given_by), (graph.initializer, given_by), (graph.output, starts)):
        kept = [value for value in field if value.name not in gone]
        del field[:]
        field.extend(kept)
    _set_mark(model, STARTS, starts)


def next_states(pairs: Sequence[tuple[str, str]], tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The inputs of the next frame from the tensors of this one's execution."""
    return {given: tensors[tensor] for given, tensor in pairs}
