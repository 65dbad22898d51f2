"""A chain of floats that ends in a Quant -> Pieces, exactly.

Contract: each node is monotone in its stream, or is a PReLU that is monotone on each side of 0. Then the chain as
float32 computes it has runs of equal codes, and straight pieces with integer constants give the same code on every
run: proved at the first and the last code of each, which proves it for all. No value changes, whatever the constants.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx

from ....errors import UserError
from ...graph import chains
from ...graph.constants import MAX_BITS, quant_parameters
from ...graph.context import EXACT_BITS, Context, requant_type, significant_bits
from ...graph.probe import Probe
from ...graph.rewrite import Rewrite
from ...types import Range, Requant, StreamType, bits_for
from . import steps
from .fit import MAX_PIECES, Fit, fit
from .op import Pieces

MAX_SUM_BITS = 62  # of a*x + b: kernels hold 64


class PiecesRewrite(Rewrite):
    """See above."""

    name = "pieces"
    takes = (*chains.AFFINE, *chains.PRELU, *chains.CLIPS, *chains.TERMINAL)
    before = ("affine",)

    def matches(self, context: Context, node: onnx.NodeProto) -> bool:
        """The first node of a chain with one stream, whose first segment ends in a Quant and is no exact affine."""
        if not chains.is_step(context.model, node):
            return False
        first = chains.segments(chains.chain_from(context.model, node, 1))[0]
        if first[-1].op_type not in chains.TERMINAL:
            return False
        kind = context.type_of(chains.stream_inputs(context.model, node)[0])
        return not chains.stays_affine(context.model, first, kind)

    def apply(self, context: Context, node: onnx.NodeProto) -> None:
        """Append one Pieces for the whole segment."""
        source = chains.stream_inputs(context.model, node)[0]
        kind = context.type_of(source)
        chains.refuse_bipolar(kind, node)
        segment = chains.segments(chains.chain_from(context.model, node, 1))[0]
        op = _pieces(context, segment, source, kind)
        context.add(op, segment, [source], [segment[-1].output[0]], floats=True)


def _pieces(context: Context, segment: list[onnx.NodeProto], source: str, kind: StreamType) -> Pieces:
    last = segment[-1]
    _check_constants(context, segment, kind)
    if last.op_type == "BipolarQuant":
        out, least, most = replace(kind, bits=1, signed=False, frac=0, bipolar=True), 0, 1
    else:
        frac, bits, least, most = quant_parameters(context.model, last)
        out = requant_type(kind, frac, bits_for(least, most)[0], least, kind.channels)
    wide = significant_bits(max(-kind.lo, kind.hi)) > EXACT_BITS
    for double in [True] if wide else [False, True]:
        runs = _runs(context, segment, source, out, double)
        found = fit(runs, least, most)
        if found is not None and _sum_bits(kind, found) <= MAX_SUM_BITS:
            break
    else:
        raise UserError(
            f"{last.op_type} '{last.name}': the steps of {_names(segment[:-1]) or 'its scale'} in front of it do not "
            f"fit {MAX_PIECES} straight pieces with sums of {MAX_SUM_BITS} bits. Give it fewer bits, put a "
            "QuantIdentity between these operators, or let their constants be quantized (--affine-bits N)."
        )
    if double:
        context.wide.update(n.name for n in segment)
        why = f"reads {kind.bits}-bit numbers" if wide else "has steps that float32 scatters"
        context.notes.append(f"{_names(segment)}: computed in float64, as the chain {why}")
    reached = runs.result
    if last.op_type == "Quant" and bits == MAX_BITS:  # a conversion's own, as wide as can be: no wider than needed
        least, most = int(reached.min()), int(reached.max())
        width, signed = bits_for(least, most)
        out = replace(out, bits=width, signed=signed)
    quant = Requant(found.shift, least, most)
    op = Pieces((kind,), out, found.splits, found.scale, found.bias, quant)
    _prove(op, runs)
    return op


def _names(nodes: list[onnx.NodeProto]) -> str:
    return ", ".join(f"{n.op_type} '{n.name}'" for n in nodes)


def _runs(context: Context, segment: list[onnx.NodeProto], source: str, out: StreamType, double: bool) -> steps.Runs:
    """The steps of a segment, executed as the reference does."""
    kind = context.type_of(source)
    probe = Probe(context.model, segment, source, kind, double)

    def codes_of(codes: np.ndarray) -> np.ndarray:
        return out.to_codes(probe(codes))

    bends = [
        _sign(Probe(context.model, segment[:n], source, kind, double) if n else None)
        for n, node in enumerate(segment)
        if node.op_type in chains.PRELU and np.any(chains.slopes(context.model, node, kind.channels) < 0)
    ]
    return steps.find(codes_of, kind.channels, kind.lo, kind.hi, bends)


def _prove(op: Pieces, runs: steps.Runs) -> None:
    """The operator gives each run's result at both of its ends."""
    for codes in (runs.first, runs.last):
        (found,) = op.golden(codes.T[None])
        assert np.array_equal(found[0].T, runs.result), "pieces that do not pass their own proof"


def _sum_bits(kind: StreamType, found: Fit) -> int:
    reach = max(-kind.lo, kind.hi) * int(np.abs(found.scale).max()) + int(np.abs(found.bias).max())
    return Range(-reach, reach).bits


def _check_constants(context: Context, segment: list[onnx.NodeProto], kind: StreamType) -> None:
    """Refuse constants of unfit shapes, by name."""
    for node in segment:
        if node.op_type in chains.AFFINE:
            chains.affine_coefficients(context.model, node, kind.channels)
        elif node.op_type in chains.PRELU:
            chains.slopes(context.model, node, kind.channels)
        elif node.op_type in chains.CLIPS:
            chains.limits(context.model, node, kind.channels)


def _sign(probe: Probe | None) -> steps.Evaluate:
    """1 where what is executed, or the code itself, is at least 0."""

    def at_least_0(codes: np.ndarray) -> np.ndarray:
        return ((codes if probe is None else probe(codes)) >= 0).astype(np.int64)

    return at_least_0
