"""A chain that ends in a sign or in few bits -> Threshold, exactly.

Contract: each node is monotone in its stream. Then so is the chain as float32 computes it (rounding is monotone),
and for each channel and output code there is one integer where the code is first reached. It is found by bisection
over the input's codes, with the chain itself executed by qonnx at every probe: no algebra on float constants, hence
no rounding of thresholds.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx

from ....errors import UserError
from ...graph import chains
from ...graph.constants import quant_parameters
from ...graph.context import Context, requant_type
from ...graph.index import Graph
from ...graph.load import copy_of, float_tensor
from ...graph.rewrite import Rewrite
from ...types import StreamType
from .op import Threshold


class ThresholdRewrite(Rewrite):
    """See above. A quantizer of few bits whose constants are all fixed point stays an affine."""

    name = "threshold"
    takes = (*chains.AFFINE, *chains.PRELU, *chains.TERMINAL)
    before = ("affine",)

    def matches(self, context: Context, node: onnx.NodeProto) -> bool:
        """The first node of a chain with one stream whose first segment has to become thresholds."""
        if not chains.is_step(context.model, node):
            return False
        first = chains.segments(chains.chain_from(context.model, node, 1))[0]
        if first[-1].op_type == "BipolarQuant":
            return True
        channels = context.type_of(chains.stream_inputs(context.model, node)[0]).channels
        fixed = all(chains.is_fixed(context.model, n, channels) for n in first)
        return chains.folds_to_thresholds(context.model, first) and not fixed

    def apply(self, context: Context, node: onnx.NodeProto) -> None:
        """Append one Threshold for the whole segment."""
        source = chains.stream_inputs(context.model, node)[0]
        chains.refuse_bipolar(context.type_of(source), node)
        _thresholds(context, chains.segments(chains.chain_from(context.model, node, 1))[0], source)


def _thresholds(context: Context, segment: list[onnx.NodeProto], source: str) -> None:
    kind = context.type_of(source)
    last = segment[-1]
    if last.op_type == "BipolarQuant":
        _check_sign(segment)
        base, levels = 0, 1
        out = StreamType(kind.height, kind.width, kind.channels, 1, False, 0, bipolar=True)
    else:
        frac, bits, base, hi = quant_parameters(context.model, last)
        levels = hi - base
        out = requant_type(kind, frac, bits, base, kind.channels)
    sign = _direction(context, segment, kind.channels)
    probe = _Probe(context.model, segment, source, kind, levels, out)
    wanted = np.arange(base + 1, base + 1 + levels)
    lo = np.where(sign > 0, kind.lo, -kind.hi)[:, None].repeat(levels, 1)
    hi_code = np.where(sign > 0, kind.hi, -kind.lo)[:, None].repeat(levels, 1) + 1
    lo, hi_code = lo.astype(np.int64), hi_code.astype(np.int64)
    # Invariant: the first code that reaches the level lies in [lo, hi]; hi starts one above the range (never).
    while np.any(lo < hi_code):
        middle = (lo + hi_code) // 2
        reached = probe(np.clip(sign[:, None] * middle, kind.lo, kind.hi)) >= wanted
        reached |= middle >= hi_code
        hi_code = np.where(reached, middle, hi_code)
        lo = np.where(reached, lo, middle + 1)
    op = Threshold((kind,), out, lo, sign, base)
    context.add(op, segment, [source], [last.output[0]])


def _check_sign(segment: list[onnx.NodeProto]) -> None:
    """Refuse the sign of what is never negative."""
    if len(segment) > 1 and segment[-2].op_type == "Relu":
        raise UserError(
            f"BipolarQuant '{segment[-1].name}': it reads Relu '{segment[-2].name}', which is never negative, so that "
            "it gives +1 for every picture. Brevitas exports QuantReLU(bit_width=1) so; take a QuantIdentity with a "
            "SignedBinary... quantizer and no ReLU, or at least 2 bits."
        )


def _direction(context: Context, segment: list[onnx.NodeProto], channels: int) -> np.ndarray:
    sign = np.ones(channels, np.int64)
    for node in segment[:-1]:
        if node.op_type in chains.AFFINE:
            a, _ = chains.affine_coefficients(context.model, node, channels)
            sign *= np.where(a < 0, -1, 1)
        elif np.any(chains.slopes(context.model, node, channels) < 0):
            raise UserError(
                f"{node.op_type} '{node.name}': a negative slope in front of {segment[-1].op_type} "
                f"'{segment[-1].name}' does not fold into thresholds. Keep the slopes at least 0 in training."
            )
    return sign


class _Probe:
    """Output codes of a segment for chosen input codes, one row a channel, executed by qonnx."""

    def __init__(
        self,
        model: Graph,
        segment: list[onnx.NodeProto],
        source: str,
        kind: StreamType,
        count: int,
        out: StreamType,
    ) -> None:
        shape = [1, kind.channels, 1, count]
        names = {i for n in segment for i in n.input}
        graph = helper.make_graph(
            [copy_of(n) for n in segment],
            "segment",
            [float_tensor(source, shape)],
            [float_tensor(segment[-1].output[0], shape)],
            [i for i in model.graph.initializer if i.name in names],
            value_info=[float_tensor(n.output[0], shape) for n in segment[:-1]],
        )
        proto = helper.make_model(graph, opset_imports=list(model.model.opset_import))
        proto.ir_version = model.model.ir_version
        self._model, self._source, self._kind, self._out = ModelWrapper(proto), source, kind, out

    def __call__(self, codes: np.ndarray) -> np.ndarray:
        values = self._kind.to_values(codes).astype(np.float32)[None, :, None, :]
        result = execute_onnx(self._model, {self._source: values})
        return self._out.to_codes(next(iter(result.values())))[0, :, 0, :]
