"""The pixels of a stream in another order, in whatever form a file has it, as nodes that there is hardware for.

Exporters write a pixel unshuffle, a channel shuffle, channels that are repeated and so on as chains of Reshape,
Transpose, Unsqueeze and Tile through tensors of more dimensions; parts of the channels as Split and Slice. Each tensor
of such a chain is a view of a stream: along each of its dimensions steps through the stream's channels, rows and
columns. Where a view is a stream again, a Gather of channels, a SpaceToDepth or a DepthToSpace makes it. No value
changes; what is no such view stays as it is, and is refused later by its own name.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import onnx
from onnx import helper

from .chains import attribute, stream_inputs
from .index import Graph

_RESHAPES = ("Reshape", "Flatten", "Squeeze", "Unsqueeze")
_REPEATS = ("Expand", "Tile")
_PARTS = ("Split", "Slice")
_MODES_FROM = 11  # opset whose DepthToSpace has both orders of channels


class Steps(NamedTuple):
    """`number` steps of `stride` along an axis of the stream: "c", "h" or "w", or "" for the same place again."""

    number: int
    axis: str
    stride: int


@dataclass(frozen=True)
class View:
    """A tensor whose elements are those of a stream.

    Attributes:
        source: the stream, 1 x C x H x W.
        shape: (C, H, W) of it.
        dims: steps along each dimension of the tensor, the slowest first; none where its size is 1.
        first: channel that the first element belongs to.
    """

    source: str
    shape: tuple[int, int, int]
    dims: tuple[tuple[Steps, ...], ...]
    first: int = 0


def straighten_views(model: Graph) -> None:
    """Change the model in place."""
    walk = _Walk(model)
    for node in list(model.graph.node):
        walk.take(node)
    if walk.changed:
        model.drop_dead()
        model.tidy()


class _Walk:
    """One walk in topological order.

    Attributes:
        views: of tensors that no node makes in a form that there is hardware for, or that are on their way to one.
    """

    def __init__(self, model: Graph) -> None:
        self.model = model
        self.views: dict[str, View] = {}
        self.changed = False
        self.opset = max(o.version for o in model.model.opset_import if o.domain in ("", "ai.onnx"))

    def take(self, node: onnx.NodeProto) -> None:
        """Look at a node; where its result is a stream again, put what makes it in its place."""
        streams = stream_inputs(self.model, node)
        if len(streams) != 1 or not node.input or streams[0] != node.input[0]:
            return
        if node.op_type in _PARTS:
            self._part(node)
            return
        view = self._of(node)
        if view is None:
            return
        target = node.output[0]
        self.views[target] = view
        shape = self.model.get_tensor_shape(target)
        made = _nodes(view, shape[1:], self.opset) if shape is not None and len(shape) == 4 and shape[0] == 1 else None
        if made is not None:
            del self.views[target]
            self.model.remove([node])
            self._insert(node, view.source, made, target)

    def _source(self, tensor: str) -> View | None:
        """The view that a tensor is; a stream is a view of itself."""
        if tensor in self.views:
            return self.views[tensor]
        shape = self.model.get_tensor_shape(tensor)
        if shape is None or len(shape) != 4 or shape[0] != 1 or shape[2:] == [1, 1]:
            return None  # vectors of one pixel per frame are `vectors`'s
        dims = [_steps(size, axis, 1) for size, axis in zip(shape[1:], "chw", strict=True)]
        return View(tensor, (shape[1], shape[2], shape[3]), ((), *dims))

    def _of(self, node: onnx.NodeProto) -> View | None:
        """The view that a node makes; None where it makes none that matters here."""
        view, shape = self._source(node.input[0]), self.model.get_tensor_shape(node.output[0])
        if view is None or shape is None:
            return None
        if node.op_type in _RESHAPES:
            return _reshaped(view, shape)
        if node.op_type == "Transpose":
            order: Any = attribute(node, "perm", list(range(len(view.dims)))[::-1])
            return replace(view, dims=tuple(view.dims[n] for n in order))
        if node.op_type in _REPEATS:
            before = self.model.get_tensor_shape(node.input[0]) or []
            # One channel or pixel for all is a `broadcast`.
            stays = node.input[0] not in self.views and before != shape
            stays = stays and (node.op_type == "Expand" or before[2:] != shape[2:])
            return None if stays or len(before) != len(shape) else _repeated(view, before, shape)
        if node.op_type == "Gather":
            return self._one_channel(node, view)
        return None

    def _one_channel(self, node: onnx.NodeProto, view: View) -> View | None:
        """x[:, n], without the dimension of the channels."""
        number = self.model.get_initializer(node.input[1])
        if number is None or np.ndim(number) or int(attribute(node, "axis", 0)) % len(view.dims) != 1:  # type: ignore[call-overload]
            return None
        if not view.dims[1]:
            return replace(view, dims=view.dims[:1] + view.dims[2:])
        if len(view.dims[1]) != 1 or view.dims[1][0].axis != "c":
            return None
        steps = view.dims[1][0]
        first = view.first + int(number) % steps.number * steps.stride
        return replace(view, dims=view.dims[:1] + view.dims[2:], first=first)

    def _part(self, node: onnx.NodeProto) -> None:
        """A Split or Slice of a stream along its channels -> a Gather for each part."""
        shape = self.model.get_tensor_shape(node.input[0])
        if shape is None or len(shape) != 4 or shape[0] != 1:
            return
        parts = self._split(node) if node.op_type == "Split" else self._slice(node, shape)
        if parts is None:
            return
        self.model.remove([node])
        for target, channels in zip(node.output, parts, strict=True):
            if target and (self.model.readers(target) or self.model.is_output(target)):
                self._insert(node, node.input[0], [("Gather", channels)], target)

    def _split(self, node: onnx.NodeProto) -> list[np.ndarray] | None:
        if attribute(node, "axis", 0) not in (1, -3):
            return None
        shapes = [self.model.get_tensor_shape(name) for name in node.output]
        if any(shape is None for shape in shapes):
            return None
        ends = np.cumsum([shape[1] for shape in shapes if shape is not None])
        return np.split(np.arange(ends[-1]), ends[:-1])

    def _slice(self, node: onnx.NodeProto, shape: list[int]) -> list[np.ndarray] | None:
        found = [attribute(node, name, None) for name in ("starts", "ends", "axes", "steps")]
        for n, name in enumerate(list(node.input)[1:]):
            found[n] = self.model.get_initializer(name) if name else None
        if found[0] is None or found[1] is None:
            return None
        lists: list[Any] = [None if values is None else np.ravel(np.asarray(values)).tolist() for values in found]
        starts, ends, axes, steps = lists
        axes, steps = axes or list(range(len(starts))), steps or [1] * len(starts)
        if not len(starts) == len(ends) == len(axes) == len(steps) or 0 in steps:
            return None
        channels = np.arange(shape[1])
        for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
            taken = range(*slice(start, end, step).indices(shape[axis % 4]))
            if axis % 4 == 1:
                channels = np.array(taken, np.int64)
            elif list(taken) != list(range(shape[axis % 4])):
                return None
        return [channels]

    def _insert(self, node: onnx.NodeProto, source: str, made: list[tuple[str, Any]], target: str) -> None:
        """Nodes one after the other, the last of which makes `target`."""
        self.changed = True
        for n, (operator, what) in enumerate(made):
            last = n == len(made) - 1
            out = target if last else self.model.fresh(f"{target}_view")
            name = node.name if last and target == node.output[0] else self.model.fresh(f"{node.name}_view")
            inputs, attributes = [source], dict(what) if operator != "Gather" else {"axis": 1}
            if operator == "Gather":
                inputs.append(self.model.fresh(f"{target}_channels"))
                self.model.set_initializer(inputs[1], np.asarray(what, np.int64))
            self.model.insert(helper.make_node(operator, inputs, [out], name=name, **attributes))
            source = out


def _steps(count: int, axis: str, stride: int) -> tuple[Steps, ...]:
    return (Steps(count, axis, stride),) if count > 1 else ()


def _reshaped(view: View, shape: list[int]) -> View | None:
    """The same elements in another shape; None where a step would have to be cut at no whole number."""
    left = [steps for dim in view.dims for steps in dim][::-1]
    dims = []
    for size in shape:
        dim: list[Steps] = []
        while size > 1:
            if not left:
                return None
            steps = left.pop()
            if size % steps.number == 0:
                size //= steps.number
            elif steps.number % size == 0:
                rest = steps.number // size
                left.append(steps._replace(number=rest))
                steps = Steps(size, steps.axis, steps.stride * rest)
                size = 1
            else:
                return None
            dim.append(steps)
        dims.append(tuple(dim))
    return None if left else replace(view, dims=tuple(dims))


def _repeated(view: View, before: list[int], after: list[int]) -> View:
    """Each dimension as often as its size grows (Expand from 1, Tile)."""
    grown = [_steps(new // old, "", 0) for old, new in zip(before, after, strict=True)]
    return replace(view, dims=tuple(more + dim for more, dim in zip(grown, view.dims, strict=True)))


def _places(dim: tuple[Steps, ...], axis: str) -> np.ndarray:
    """Places along an axis of the stream of a dimension's elements, in their order."""
    places = np.zeros(1, np.int64)
    for count, own, stride in dim:
        step = stride if own == axis else 0
        places = (places[:, None] + np.arange(count) * step).ravel()
    return places


def _nodes(view: View, shape: list[int], opset: int) -> list[tuple[str, Any]] | None:
    """(operator, its attributes or channels) of the nodes that make a view of C x H x W; None where there are none."""
    channels, rows, columns = view.dims[1:]
    _, height, width = view.shape
    if any(steps.axis not in ("c", "") for dim in (rows, columns) for steps in dim[_is_frame(dim) :]):
        return None
    if shape[1:] == [height, width]:
        whole = rows == _steps(height, "h", 1) and columns == _steps(width, "w", 1)
        inside = all(steps.axis in ("c", "") for steps in channels)
        return [("Gather", view.first + _places(channels, "c"))] if whole and inside else None
    down, up = height // shape[1], shape[1] // height
    if (shape[1] * down, shape[2] * down) == (height, width):
        if rows != _steps(shape[1], "h", down) or columns != _steps(shape[2], "w", down):
            return None
        row, column = _places(channels, "h"), _places(channels, "w")
        if max(row.max(), column.max()) >= down:
            return None
        numbers = (row * down + column) * view.shape[0] + view.first + _places(channels, "c")
        return [("SpaceToDepth", {"blocksize": down}), *_gather(numbers, view.shape[0] * down**2)]
    if (height * up, width * up) != (shape[1], shape[2]) or any(steps.axis in ("h", "w") for steps in channels):
        return None
    return _shuffled(view, up, opset)


def _is_frame(dim: tuple[Steps, ...]) -> int:
    """1 where a dimension begins with rows or columns of the frame."""
    return int(bool(dim) and dim[0].axis in ("h", "w"))


def _shuffled(view: View, factor: int, opset: int) -> list[tuple[str, Any]] | None:
    """A depth-to-space of channels in any order."""
    (channels, rows, columns), (count, height, width) = view.dims[1:], view.shape
    own_rows, own_columns = _steps(height, "h", 1), _steps(width, "w", 1)
    if rows[: len(own_rows)] != own_rows or columns[: len(own_columns)] != own_columns:
        return None
    parts = [_places(dim, "c") for dim in (channels, rows[len(own_rows) :], columns[len(own_columns) :])]
    if parts[1].size != factor or parts[2].size != factor:
        return None
    table = view.first + parts[0][:, None, None] + parts[1][:, None] + parts[2]
    crd, dcr = table.ravel(), table.transpose(1, 2, 0).ravel()
    same = opset >= _MODES_FROM and not _gather(crd, count)
    if same:
        return [("DepthToSpace", {"blocksize": factor, "mode": "CRD"})]
    mode = {"mode": "DCR"} if opset >= _MODES_FROM else {}
    return [*_gather(dcr, count), ("DepthToSpace", {"blocksize": factor, **mode})]


def _gather(numbers: np.ndarray, count: int) -> list[tuple[str, Any]]:
    """A Gather of these channels; none where they are all `count` in their order."""
    return [] if np.array_equal(numbers, np.arange(count)) else [("Gather", numbers)]
