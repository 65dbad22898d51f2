"""A QONNX graph with indexes: looking a tensor's maker, readers, constant or shape up takes the same time in any graph.

qonnx's wrapper walks all nodes or constants for each of these, so that work on a long network grows with the square of
its length.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper
from qonnx.core.modelwrapper import ModelWrapper

from .shapes import infer, shape_of


def sorted_nodes(nodes: Sequence[onnx.NodeProto]) -> tuple[list[onnx.NodeProto], list[onnx.NodeProto]]:
    """(nodes in topological order, as near to the given one as there is; those that stand on a cycle or behind one)."""
    maker = {name: n for n, node in enumerate(nodes) for name in node.output if name}
    waits = [{maker[i] for i in node.input if i in maker} for node in nodes]
    readers: dict[int, list[int]] = {}
    for n, sources in enumerate(waits):
        for source in sources:
            readers.setdefault(source, []).append(n)
    ready = [n for n, sources in enumerate(waits) if not sources]
    order: list[int] = []
    while ready:
        done = heapq.heappop(ready)
        order.append(done)
        for reader in readers.get(done, ()):
            waits[reader].discard(done)
            if not waits[reader]:
                heapq.heappush(ready, reader)
    left = sorted(set(range(len(nodes))) - set(order))
    return [nodes[n] for n in order], [nodes[n] for n in left]


def set_nodes(graph: onnx.GraphProto, nodes: Iterable[onnx.NodeProto]) -> None:
    """Let a graph have these nodes in this order. Node objects taken from it before are no longer its own."""
    kept = list(nodes)
    del graph.node[:]
    graph.node.extend(kept)


class Graph(ModelWrapper):
    """A model that may be changed through `insert`, `remove`, `rename_output` and `set_initializer` only.

    Between changes and the next `tidy`, removed nodes still stand in `graph.node`, and new ones at its end.
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        """Index a model, whose tensors each have one maker (`check.check_structure`)."""
        super().__init__(model, fix_missing_initializer_valueinfo=False)
        #: Nodes whose execution needs float64, by name; `execute` asks, the lowering sets it.
        self.double: frozenset[str] = frozenset()
        self._index()

    def _index(self) -> None:
        graph = self.graph
        self._constants = {i.name: n for n, i in enumerate(graph.initializer)}
        self._values: dict[str, np.ndarray] = {}
        self._makers = {name: node for node in graph.node for name in node.output if name}
        self._readers: dict[str, list[onnx.NodeProto]] = {}
        for node in graph.node:
            for name in node.input:
                self._readers.setdefault(name, []).append(node)
        self._typed = {v.name: v for v in (*graph.output, *graph.value_info, *graph.input)}
        self._outputs = {o.name for o in graph.output}
        self._removed: set[int] = set()
        self._names = {n.name for n in graph.node} | {*self._constants, *self._makers, *self._readers, *self._typed}

    # Looking up

    def get_initializer(self, tensor_name: str, return_dtype: bool = False) -> Any:
        """Value of a constant, with `return_dtype` its element type too; None where the tensor is none."""
        place = self._constants.get(tensor_name)
        if place is None:
            return (None, None) if return_dtype else None
        if tensor_name not in self._values:
            self._values[tensor_name] = numpy_helper.to_array(self.graph.initializer[place])
        value = self._values[tensor_name]
        return (value, self.graph.initializer[place].data_type) if return_dtype else value

    def find_producer(self, tensor_name: str) -> onnx.NodeProto | None:
        """The node that makes a tensor; None for inputs and constants."""
        return self._makers.get(tensor_name)

    def readers(self, tensor: str) -> list[onnx.NodeProto]:
        """Nodes that read a tensor; a node that reads it twice stands twice."""
        return [n for n in self._readers.get(tensor, ()) if id(n) not in self._removed]

    def is_output(self, tensor: str) -> bool:
        """Whether a tensor leaves the graph."""
        return tensor in self._outputs

    def get_tensor_shape(self, tensor_name: str, fix_missing_init_shape: bool = False) -> list[int] | None:
        """Static shape of a tensor; None where it is not known."""
        if tensor_name in self._constants:
            return list(self.graph.initializer[self._constants[tensor_name]].dims)
        value = self._typed.get(tensor_name)
        return None if value is None else shape_of(value)

    # Changing

    def fresh(self, wish: str) -> str:
        """A name that no tensor and no node has, `wish` where it is free; it is taken from then on."""
        name, count = wish, 0
        while name in self._names:
            name, count = f"{wish}_{count}", count + 1
        self._names.add(name)
        return name

    def set_initializer(self, tensor_name: str, tensor_value: np.ndarray) -> None:
        """Give a tensor a constant value."""
        made = numpy_helper.from_array(np.asarray(tensor_value, order="C"), tensor_name)
        place = self._constants.get(tensor_name)
        if place is None:
            self._constants[tensor_name] = len(self.graph.initializer)
            self.graph.initializer.append(made)
        else:
            self.graph.initializer[place].CopyFrom(made)
        self._values[tensor_name] = np.asarray(tensor_value)

    def insert(self, node: onnx.NodeProto) -> onnx.NodeProto:
        """Add a node; `tidy` puts it where it belongs. Returns the graph's own copy."""
        self.graph.node.append(node)
        own: onnx.NodeProto = self.graph.node[-1]
        for name in own.output:
            self._makers[name] = own
        for name in own.input:
            self._readers.setdefault(name, []).append(own)
        return own

    def remove(self, nodes: Iterable[onnx.NodeProto]) -> None:
        """Take nodes away; something else must make what is read of their outputs."""
        self._removed.update(id(n) for n in nodes)

    def rename_output(self, node: onnx.NodeProto, name: str) -> None:
        """Let a node's first output have another name; its readers still read the old one."""
        node.output[0] = name
        self._makers[name] = node

    def redirect(self, node: onnx.NodeProto, names: Sequence[str]) -> None:
        """Let a node of the graph read these tensors."""
        for name in set(node.input) - set(names):
            self._readers[name] = [n for n in self._readers.get(name, ()) if n is not node]
        for name in set(names) - set(node.input):
            self._readers.setdefault(name, []).append(node)
        node.input[:] = names

    def drop_dead(self) -> None:
        """Take away nodes whose results neither a node reads nor the graph gives."""
        kept: list[onnx.NodeProto] = []
        wanted = set(self._outputs)
        for node in reversed(sorted_nodes([n for n in self.graph.node if id(n) not in self._removed])[0]):
            if wanted.intersection(node.output):
                wanted.update(node.input)
                kept.append(node)
        alive = {id(n) for n in kept}
        self.remove([n for n in self.graph.node if id(n) not in alive])

    def tidy(self) -> None:
        """Nodes in topological order, without removed ones; constants that are read; shapes of all tensors."""
        kept, _ = sorted_nodes([n for n in self.graph.node if id(n) not in self._removed])
        set_nodes(self.graph, kept)
        drop_unread(self.graph)
        infer(self.model)
        self._index()


def drop_unread(graph: onnx.GraphProto) -> None:
    """Take away constants that no node reads, and graph inputs and shapes that stand for constants or for nothing."""
    read = {name for node in graph.node for name in node.input}
    made = {name for node in graph.node for name in node.output}
    constants = [i for i in graph.initializer if i.name in read]
    names = {i.name for i in graph.initializer}
    inputs = [v for v in graph.input if v.name not in names]
    values = [v for v in graph.value_info if v.name in made]
    for field, kept in ((graph.initializer, constants), (graph.input, inputs), (graph.value_info, values)):
        copies = list(kept)
        del field[:]
        field.extend(copies)
