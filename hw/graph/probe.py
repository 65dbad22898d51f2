"""A chain of elementwise nodes executed at chosen codes of its stream, by the reference's own engine.

What a chain of floats computes is found by executing it: no algebra on float constants, hence no rounding of ours.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import helper, numpy_helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx

from ...errors import UserError
from ..types import StreamType
from .execute import DOUBLE
from .index import Graph
from .load import copy_of, float_tensor

#: Elements of one execution: more are cut into several.
MAX_ELEMENTS = 1 << 22


class Probe:
    """Values that a segment gives for chosen input codes, executed as the reference does."""

    def __init__(
        self, model: Graph, segment: Sequence[onnx.NodeProto], source: str, kind: StreamType, double: bool = False
    ) -> None:
        """A segment of elementwise nodes.

        Args:
            model: where its constants stand.
            segment: nodes, each reading the one before.
            source: tensor that the first one reads.
            kind: that tensor's type.
            double: in float64 (`execute.DOUBLE`); else by qonnx in float32.
        """
        self._double = double
        names = {i for n in segment for i in n.input}
        self._constants = [i for i in model.graph.initializer if i.name in names]
        self._segment, self._source, self._kind = [copy_of(n) for n in segment], source, kind
        self._imports, self._ir = list(model.model.opset_import), model.model.ir_version
        self._built: tuple[int, ModelWrapper] | None = None

    def __call__(self, codes: np.ndarray) -> np.ndarray:
        """Values, float (C, n), for codes, (C, n): a row a channel.

        Raises:
            UserError: something is not a number.
        """
        step = max(MAX_ELEMENTS // len(codes), 1)
        parts = [self._run(codes[:, n : n + step]) for n in range(0, codes.shape[1], step)]
        values = np.concatenate(parts, axis=1)
        if np.isnan(values).any():
            channel, n = (int(i) for i in np.argwhere(np.isnan(values))[0])
            nodes = ", ".join(f"{n.op_type} '{n.name}'" for n in self._segment)
            raise UserError(
                f"{nodes}: from code {codes[channel, n]} of channel {channel} they compute something that is not a "
                "number; intermediate results may go beyond float32. Training may have diverged: look at the constants."
            )
        return values

    def _run(self, codes: np.ndarray) -> np.ndarray:
        values = self._kind.to_values(codes)[None, :, None, :]
        if self._double:
            return self._in_double(values)[0, :, 0, :]
        values = values.astype(np.float32)
        result = execute_onnx(self._model(codes.shape[1]), {self._source: np.ascontiguousarray(values)})
        found: np.ndarray = next(iter(result.values()))[0, :, 0, :]
        return found

    def _in_double(self, values: np.ndarray) -> np.ndarray:
        tensors = {i.name: numpy_helper.to_array(i).astype(np.float64) for i in self._constants}
        tensors[self._source] = values
        for node in self._segment:
            inputs = [tensors[i] if i else None for i in node.input]
            tensors[node.output[0]] = DOUBLE[node.op_type](node, *inputs)
        return tensors[self._segment[-1].output[0]]

    def _model(self, count: int) -> ModelWrapper:
        """The segment as a model of one row of `count` pixels."""
        if self._built is None or self._built[0] != count:
            shape = [1, self._kind.channels, 1, count]
            graph = helper.make_graph(
                self._segment,
                "segment",
                [float_tensor(self._source, shape)],
                [float_tensor(self._segment[-1].output[0], shape)],
                self._constants,
                value_info=[float_tensor(n.output[0], shape) for n in self._segment[:-1]],
            )
            proto = helper.make_model(graph, opset_imports=self._imports)
            proto.ir_version = self._ir
            self._built = count, ModelWrapper(proto)
        return self._built[1]
