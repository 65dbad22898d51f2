"""Is a float32 execution of a QONNX file exact? Interval and grid analysis of every tensor.

Every tensor must lie on a grid (integers times a power of two, possibly over an odd divisor behind a bilinear resize)
and need at most 24 significant bits, the products and partial sums on the way included. Then float32 computes
it without rounding, in any order of summation, and equality of integer codes can be asked of any other execution.

One exception: floats on no such grid (BatchNormalization, slopes and shifts without a quantizer) may stand in a chain
of elementwise monotone nodes that ends in a sign, or in a Quant of at most `FEW_BITS` bits. Float rounding is monotone
too, so such a chain is a few integer thresholds for each channel, which hardware finds by executing it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from ..errors import UserError
from .bounds import Bound, constant_bound, corners, float_bound, grid_of

__all__ = ["FLOAT32_BITS", "KNOWN_OPERATORS", "Bound", "analyse", "grid_of"]

FLOAT32_BITS = 24
FEW_BITS = 4  # a Quant of at most so many bits folds into thresholds; hw.graph.convert has the same limit
#: The rule of each operator type, a method of `_Analysis`.
_RULES = {
    "Quant": "quant",
    "IntQuant": "quant",
    "BipolarQuant": "bipolar",
    "Conv": "conv",
    "Pad": "pad",
    "Add": "add",
    "Sub": "sub",
    "Mul": "mul",
    "Div": "div",
    "BatchNormalization": "batch_norm",
    "PRelu": "prelu",
    "LeakyRelu": "leaky_relu",
    "Relu": "relu",
    "Concat": "concat",
    "Resize": "resize",
    "ReduceSum": "reduce_sum",
    "GlobalAveragePool": "global_average",
    "Sigmoid": "sigmoid",
    "ConvTranspose": "conv_transpose",
    "Upsample": "resize",
    **dict.fromkeys(("Identity", "DepthToSpace", "Transpose", "Reshape", "Flatten", "Unsqueeze", "Squeeze"), "moved"),
}
KNOWN_OPERATORS = frozenset(_RULES)
"""ONNX and QONNX operator types that `analyse` has a rule for."""
_TABLE_CODES = 1 << 12  # a function of so many codes at most is looked at code by code
_TABLE_MARGIN = 2.0**-20  # no float32 sigmoid errs by more
_QUANTS = {"Quant", "IntQuant", "BipolarQuant"}
_AFFINE = {"Add", "Sub", "Mul", "Div", "BatchNormalization"}
_SLOPED = {"PRelu", "LeakyRelu", "Relu"}


class _Analysis:
    """One walk through the graph; `bounds` and `constants` grow by node order."""

    def __init__(self, model: onnx.ModelProto, input_bounds: dict[str, Bound] | None) -> None:
        self.graph = model.graph
        self.constants = {i.name: numpy_helper.to_array(i) for i in self.graph.initializer}
        self.bounds: dict[str, Bound] = {}
        for info in self.graph.input:
            # Whatever comes in, the first node must be a Quant.
            unbounded = Bound(np.array([-np.inf]), np.array([np.inf]), None)
            self.bounds[info.name] = (input_bounds or {}).get(info.name, unbounded)
        self.consumers: dict[str, list[onnx.NodeProto]] = {}
        for node in self.graph.node:
            for name in node.input:
                self.consumers.setdefault(name, []).append(node)
        self.binary: set[str] = set()  # constants that a BipolarQuant made
        self.outputs = {o.name for o in self.graph.output}
        self.tables: set[str] = set()  # tensors that the Quant behind them makes exact
        self.shapes = {
            v.name: [d.dim_value for d in v.type.tensor_type.shape.dim]
            for v in (*self.graph.input, *self.graph.value_info, *self.graph.output)
        }

    def bound(self, name: str) -> Bound:
        """Bound of a tensor or constant."""
        if name not in self.bounds:
            self.bounds[name] = constant_bound(self.constants[name])
        return self.bounds[name]

    def run(self) -> dict[str, Bound]:
        # Quantized constants first, wherever they stand: `folds` looks ahead at them.
        constant = [n.op_type in _QUANTS and n.input[0] in self.constants for n in self.graph.node]
        for first in (True, False):
            for node in (n for n, c in zip(self.graph.node, constant, strict=True) if c is first):
                rule = _RULES.get(node.op_type)
                if rule is None:
                    raise UserError(
                        f"node {node.name}: no rule says whether {node.op_type} is exact in float32; "
                        f"known are {', '.join(sorted(KNOWN_OPERATORS))}"
                    )
                self.bounds[node.output[0]] = self.check(node, getattr(self, rule)(node))
        return {k: v for k, v in self.bounds.items() if k not in self.constants}

    def folds(self, name: str) -> bool:
        """Whether a tensor's only way leads through elementwise monotone nodes to a sign or to a Quant of few bits."""
        readers = self.consumers.get(name, [])
        if len(readers) != 1 or name in self.outputs:
            return False
        node = readers[0]
        if node.op_type in _QUANTS:
            bits = 1 if node.op_type == "BipolarQuant" else int(self.constants[node.input[3]])
            return node.input[0] == name and bits <= FEW_BITS
        return self.monotone(node) and self.folds(node.output[0])

    def monotone(self, node: onnx.NodeProto) -> bool:
        """Whether a node works element by element on one stream, rising or falling throughout."""
        streams = sum(bool(i) and i not in self.constants for i in node.input)
        sloped = node.op_type in _SLOPED and bool(np.all(self.slope(node).lo >= 0))
        return streams == 1 and (node.op_type in _AFFINE or sloped)

    def check(self, node: onnx.NodeProto, out: Bound) -> Bound:
        """The bound, on no grid where float32 would round; refuses that unless what follows folds into thresholds."""
        name = node.output[0]
        if name in self.tables:
            return out
        readers = self.consumers.get(name, [])
        unbounded = bool(np.isinf(out.lo).any() or np.isinf(out.hi).any())
        rounds = out.lsb is None or out.bits > FLOAT32_BITS
        if rounds and not unbounded and self.monotone(node) and self.folds(name):
            return float_bound(out)
        if out.lsb is None:
            raise UserError(
                f"tensor {name} (node {node.name}, {node.op_type}) is no fixed-point tensor: "
                "a float constant or an unquantized input reaches it; quantize that with a power-of-two scale, "
                f"or let nothing but elementwise nodes without negative slopes follow, up to a sign or a Quant of at "
                f"most {FEW_BITS} bits"
            )
        if out.divisor != 1:
            for reader in readers:
                scale = self.constants.get(reader.input[1]) if reader.op_type == "Quant" else None
                if scale is None or float(scale.max()) > (out.lsb or 0.0):
                    raise UserError(
                        f"tensor {name} (node {node.name}, {node.op_type}) holds multiples of 1/{out.divisor}: "
                        f"a Quant whose scale is at most {out.lsb} must follow at once"
                    )
        if out.bits > FLOAT32_BITS:
            raise UserError(
                f"tensor {name} (node {node.name}, {node.op_type}) needs {out.bits} significant bits; float32 holds "
                f"{FLOAT32_BITS}, so the reference would not be exact: {self.advice(node)}"
            )
        return out

    def advice(self, node: onnx.NodeProto) -> str:
        """What to do about a tensor of too many bits."""
        weight = node.input[1] if node.op_type == "Conv" else ""
        if weight in self.binary and np.any(np.frexp(np.abs(self.constants[weight]))[0] != 0.5):
            return (
                "the scale of its binary weights is no power of two; make it 1, and let a Mul or a BatchNorm behind "
                "the convolution scale"
            )
        return "use fewer bits for activations, the residual stream or parameters, or fewer channels"

    def attribute(self, node: onnx.NodeProto, name: str, default: Any) -> Any:
        """An attribute of a node."""
        return next((helper.get_attribute_value(a) for a in node.attribute if a.name == name), default)

    def quant(self, node: onnx.NodeProto) -> Bound:
        x = self.bound(node.input[0])
        scale, zero, bits = (self.constants[n] for n in node.input[1:4])
        if np.any(zero != 0) or np.any(np.frexp(scale)[0] != 0.5):
            raise UserError(f"node {node.name}: Quant needs zero point 0 and a power-of-two scale, has scale {scale}")
        n, signed, narrow = int(bits), self.attribute(node, "signed", 1), self.attribute(node, "narrow", 0)
        s = float(scale.min())
        lo = (-(2 ** (n - 1)) + narrow) * float(scale.max()) if signed else 0.0
        hi = (2 ** (n - signed) - 1 - (0 if signed else narrow)) * float(scale.max())
        if node.input[0] in self.constants:
            values = np.clip(np.rint(self.constants[node.input[0]].astype(np.float64) / scale) * scale, lo, hi)
            self.constants[node.output[0]] = values
            return constant_bound(values)
        # A coarser grid survives only where nothing saturates: the ends of the range need not lie on it.
        kept = x.lsb is not None and x.divisor == 1 and bool(np.all(x.lo >= lo) and np.all(x.hi <= hi))
        lsb = max(s, x.lsb or 0.0) if kept else s
        return Bound(np.clip(np.rint(x.lo / s) * s, lo, hi), np.clip(np.rint(x.hi / s) * s, lo, hi), lsb)

    def bipolar(self, node: onnx.NodeProto) -> Bound:
        scale = self.constants[node.input[1]]
        if node.input[0] in self.constants:
            self.binary.add(node.output[0])
            self.constants[node.output[0]] = np.where(self.constants[node.input[0]] >= 0, 1.0, -1.0) * scale
            return constant_bound(self.constants[node.output[0]])
        return Bound(np.array([-scale.max()]), np.array([scale.max()]), grid_of(scale))

    def conv(self, node: onnx.NodeProto) -> Bound:
        x, w = self.bound(node.input[0]), self.constants[node.input[1]].astype(np.float64)
        groups = self.attribute(node, "group", 1)
        lo, hi = (np.broadcast_to(v, (w.shape[1] * groups,)) for v in (x.lo, x.hi))
        if groups > 1:
            lo, hi = (np.full(w.shape[1], f) for f in (lo.min(), hi.max()))
        lo, hi = lo[None, :, None, None], hi[None, :, None, None]
        # 0 is in every term's range: a tap beyond the border, and every partial sum.
        most = np.maximum(np.maximum(w * lo, w * hi), 0).sum((1, 2, 3))
        least = np.minimum(np.minimum(w * lo, w * hi), 0).sum((1, 2, 3))
        out = Bound(least, most, None if x.lsb is None else x.lsb * grid_of(w), x.divisor)
        return self._sum(out, self.bound(node.input[2]), 1.0) if len(node.input) > 2 else out

    def _sum(self, a: Bound, b: Bound, sign: float) -> Bound:
        lo, hi = (b.lo, b.hi) if sign > 0 else (-b.hi, -b.lo)
        if a.lsb is None or b.lsb is None or a.divisor != b.divisor:
            return Bound(a.lo + lo, a.hi + hi, None)
        return Bound(a.lo + lo, a.hi + hi, min(a.lsb, b.lsb), a.divisor)

    def add(self, node: onnx.NodeProto) -> Bound:
        return self._sum(self.bound(node.input[0]), self.bound(node.input[1]), 1.0)

    def sub(self, node: onnx.NodeProto) -> Bound:
        return self._sum(self.bound(node.input[0]), self.bound(node.input[1]), -1.0)

    def mul(self, node: onnx.NodeProto) -> Bound:
        a, b = self.bound(node.input[0]), self.bound(node.input[1])
        lsb = None if a.lsb is None or b.lsb is None else a.lsb * b.lsb
        return Bound(*corners(a, b), lsb, a.divisor * b.divisor)

    def div(self, node: onnx.NodeProto) -> Bound:
        x, c = self.bound(node.input[0]), self.constants.get(node.input[1])
        if c is None or not np.all(c):
            raise UserError(f"node {node.name}: Div needs a constant divisor without zeros")
        inverse = constant_bound(1 / np.asarray(c, np.float64))
        # Only by a power of two is a quotient on a grid.
        exact = bool(np.all(np.frexp(np.abs(c))[0] == 0.5))
        lsb = None if x.lsb is None or inverse.lsb is None or not exact else x.lsb * inverse.lsb
        return Bound(*corners(x, inverse), lsb, x.divisor)

    def batch_norm(self, node: onnx.NodeProto) -> Bound:
        x = self.bound(node.input[0])
        gamma, beta, mean, var = (self.constants[n].astype(np.float64) for n in node.input[1:5])
        a = gamma / np.sqrt(var + self.attribute(node, "epsilon", 1e-5))
        lo, hi = corners(x, Bound(a, a, None))
        # Never on a grid: the square root rounds, and how, is up to whoever executes it. Room for the rounding of each
        # product and sum, which may be far larger than their result.
        room = (np.maximum(np.abs(lo), np.abs(hi)) + np.abs(mean * a) + np.abs(beta)) * 2.0**-20
        return Bound(lo + beta - mean * a - room, hi + beta - mean * a + room, None, x.divisor)

    def slope(self, node: onnx.NodeProto) -> Bound:
        """What a node of `_SLOPED` multiplies negative values by."""
        if node.op_type == "PRelu":
            return self.bound(node.input[1])
        alpha = self.attribute(node, "alpha", 0.01) if node.op_type == "LeakyRelu" else 0.0
        return constant_bound(np.array([alpha], np.float32))

    def prelu(self, node: onnx.NodeProto) -> Bound:
        x, slope = self.bound(node.input[0]), self.slope(node)
        negative = Bound(np.minimum(x.lo, 0), np.minimum(x.hi, 0), x.lsb)
        least, most = corners(negative, slope)
        lsb = None if x.lsb is None or slope.lsb is None else x.lsb * min(slope.lsb, 1.0)
        return Bound(np.minimum(least, np.maximum(x.lo, 0)), np.maximum(most, np.maximum(x.hi, 0)), lsb, x.divisor)

    leaky_relu = prelu

    def relu(self, node: onnx.NodeProto) -> Bound:
        x = self.bound(node.input[0])
        return replace(x, lo=np.maximum(x.lo, 0), hi=np.maximum(x.hi, 0))

    def pad(self, node: onnx.NodeProto) -> Bound:
        x = self.bound(node.input[0])
        if self.attribute(node, "mode", b"constant") != b"constant":
            return x  # pixels of the image itself
        given = len(node.input) > 2 and bool(node.input[2])
        border = constant_bound(self.constants[node.input[2]] if given else np.zeros(1))
        lsb = x.lsb
        if np.any(border.lo):
            lsb = None if x.lsb is None or border.lsb is None or x.divisor != 1 else min(x.lsb, border.lsb)
        return Bound(np.minimum(x.lo, border.lo), np.maximum(x.hi, border.hi), lsb, x.divisor)

    def moved(self, node: onnx.NodeProto) -> Bound:
        if node.input[0] in self.constants:
            raise UserError(f"node {node.name}: {node.op_type} of a constant; fold it before the check")
        x = self.bound(node.input[0])
        return replace(x, lo=x.lo.min(keepdims=True), hi=x.hi.max(keepdims=True))

    def concat(self, node: onnx.NodeProto) -> Bound:
        parts = [self.bound(n) for n in node.input]
        lsbs = [p.lsb for p in parts if p.lsb is not None]
        same = len(lsbs) == len(parts) and len({p.divisor for p in parts}) == 1
        lo, hi = min(p.lo.min() for p in parts), max(p.hi.max() for p in parts)
        return Bound(np.array([lo]), np.array([hi]), min(lsbs) if same else None, parts[0].divisor)

    def reduce_sum(self, node: onnx.NodeProto) -> Bound:
        x, shape = self.bound(node.input[0]), self.shapes[node.input[0]]
        given = self.constants.get(node.input[1]) if len(node.input) > 1 else self.attribute(node, "axes", None)
        axes = {int(a) % len(shape) for a in np.atleast_1d(given)} if given is not None else set()
        if not axes or not axes <= {2, 3}:
            raise UserError(
                f"node {node.name}: ReduceSum over axes {sorted(axes)}; supported are rows and columns, 2, 3"
            )
        count = float(np.prod([shape[a] for a in axes]))
        # 0 is in the range of every partial sum.
        return replace(x, lo=np.minimum(x.lo, 0) * count, hi=np.maximum(x.hi, 0) * count)

    def global_average(self, node: onnx.NodeProto) -> Bound:
        x, shape = self.bound(node.input[0]), self.shapes[node.input[0]]
        pixels = int(np.prod(shape[2:]))
        if pixels & (pixels - 1):
            raise UserError(
                f"node {node.name}: GlobalAveragePool over {pixels} pixels, no power of two, has a result on no grid; "
                "use ReduceSum, a Quant, and a Mul by a constant"
            )
        lo, hi = np.minimum(x.lo, 0), np.maximum(x.hi, 0)
        return replace(x, lo=lo, hi=hi, lsb=None if x.lsb is None else x.lsb / pixels)

    def sigmoid(self, node: onnx.NodeProto) -> Bound:
        """Float, but exact behind the next Quant: no code has a value so near to a tie that float32 could err."""
        x, readers = self.bound(node.input[0]), self.consumers.get(node.output[0], [])
        codes = 0.0 if x.lsb is None else (float(x.hi.max()) - float(x.lo.min())) / x.lsb + 1
        if not 0 < codes <= _TABLE_CODES or x.divisor != 1 or any(r.op_type != "Quant" for r in readers) or not readers:
            raise UserError(
                f"node {node.name}: Sigmoid needs a Quant of at most {_TABLE_CODES.bit_length() - 1} bits in front and "
                "a Quant behind: it then is a table"
            )
        assert x.lsb is not None
        values = 1 / (1 + np.exp(-(float(x.lo.min()) + x.lsb * np.arange(round(codes)))))
        for reader in readers:
            scale = float(self.constants[reader.input[1]].max())
            nearest = float(np.abs(values / scale - np.floor(values / scale) - 0.5).min()) * scale
            if nearest < _TABLE_MARGIN:
                raise UserError(
                    f"node {node.name}: a value of Sigmoid is {nearest:.1g} from the middle of two codes of "
                    f"{reader.name}, too near for float32; use fewer bits there"
                )
        self.tables.add(node.output[0])
        return Bound(np.array([values.min()]), np.array([values.max()]), None)

    def conv_transpose(self, node: onnx.NodeProto) -> Bound:
        x, w = self.bound(node.input[0]), self.constants[node.input[1]].astype(np.float64)
        groups, strides = self.attribute(node, "group", 1), self.attribute(node, "strides", [1, 1])
        lo, hi = x.lo.min(), x.hi.max()
        # Inputs of a group, its outputs, rows, columns; an output pixel sees every stride-th tap of each.
        w = w.reshape(groups, w.shape[0] // groups, *w.shape[1:])
        phases = [w[..., i :: strides[0], j :: strides[1]] for i in range(strides[0]) for j in range(strides[1])]
        most = np.max([np.maximum(np.maximum(p * lo, p * hi), 0).sum((1, 3, 4)) for p in phases], 0).ravel()
        least = np.min([np.minimum(np.minimum(p * lo, p * hi), 0).sum((1, 3, 4)) for p in phases], 0).ravel()
        out = Bound(least, most, None if x.lsb is None else x.lsb * grid_of(w), x.divisor)
        return self._sum(out, self.bound(node.input[2]), 1.0) if len(node.input) > 2 else out

    def resize(self, node: onnx.NodeProto) -> Bound:
        x = self.bound(node.input[0])
        mode = self.attribute(node, "mode", b"nearest")
        if mode == b"nearest" or x.lsb is None:
            return x
        at = 1 if node.op_type == "Upsample" else 2
        r = round(float(self.constants[node.input[at]][-1])) if len(node.input) > at and node.input[at] else 0
        if mode != b"linear" or r < 2:
            raise UserError(f"node {node.name}: {node.op_type} must be nearest, or linear by an integer scale")
        if r % 2:
            return replace(x, divisor=x.divisor * r * r)
        power = (2 * r) & -(2 * r)
        return replace(x, lsb=x.lsb / power**2, divisor=x.divisor * (2 * r // power) ** 2)


def analyse(model: onnx.ModelProto, input_bounds: dict[str, Bound] | None = None) -> dict[str, Bound]:
    """The bound of every tensor of a cleaned QONNX graph.

    Args:
        model: shapes inferred, constants as initializers.
        input_bounds: bounds of graph inputs that are read by something else than a Quant.

    Raises:
        UserError: a tensor needs more than 24 significant bits or is on no power-of-two grid; names it.
    """
    return _Analysis(model, input_bounds).run()
