"""Is a float32 execution of a QONNX file exact? Interval and grid analysis of every tensor.

Every tensor must lie on a grid (integers times a power of two, possibly over an odd divisor behind a bilinear resize)
and need at most 24 significant bits, the products and partial sums on the way included. Then float32 computes
it without rounding, in any order of summation, and equality of integer codes can be asked of any other execution.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import onnx
from onnx import helper, numpy_helper

from ..errors import UserError

FLOAT32_BITS = 24
_FREE = {"Identity", "DepthToSpace", "Transpose", "Reshape", "Flatten", "Unsqueeze", "Squeeze"}


@dataclass(frozen=True)
class Bound:
    """What is known of one tensor.

    Attributes:
        lo, hi: least and greatest value, float64, one for each channel (axis 1) or one for all (shape (1,)).
        lsb: a power of two that every value is a multiple of (over `divisor`); None: on no grid, floats.
        divisor: odd; every value is an integer times lsb / divisor.
    """

    lo: np.ndarray
    hi: np.ndarray
    lsb: float | None
    divisor: int = 1

    @property
    def bits(self) -> int:
        """Significant bits of the greatest magnitude on this grid; 0 where the tensor is on none."""
        if self.lsb is None:
            return 0
        most = float(np.max(np.maximum(np.abs(self.lo), np.abs(self.hi)))) * self.divisor / self.lsb
        # 2**24 itself is still exact in float32, as is every integer below it.
        return max(math.ceil(math.log2(most)), 1) if most > 0 else 1


def grid_of(values: np.ndarray) -> float:
    """The greatest power of two that divides every value of a float array; 1 where all are zero."""
    nonzero = np.asarray(values, np.float64).ravel()
    nonzero = np.abs(nonzero[nonzero != 0])
    if not nonzero.size:
        return 1.0
    mantissa, exponent = np.frexp(nonzero)
    codes = np.ldexp(mantissa, 53).astype(np.int64)
    trailing = np.log2((codes & -codes).astype(np.float64))
    return float(2.0 ** np.min(exponent - 53 + trailing))


def _constant(values: np.ndarray) -> Bound:
    """Bound of a constant, by channel where it is of shape (.., C, 1, 1)."""
    v = np.asarray(values, np.float64)
    flat = v.reshape(-1) if v.ndim >= 3 and v.shape[-2:] == (1, 1) and v.size == v.shape[-3] else None
    if flat is None:
        flat = v.reshape(-1) if v.size == 1 else np.array([v.min(), v.max()])
        return Bound(flat.min(keepdims=True), flat.max(keepdims=True), grid_of(v))
    return Bound(flat, flat, grid_of(v))


def _corners(a: Bound, b: Bound) -> tuple[np.ndarray, np.ndarray]:
    products = [x * y for x in (a.lo, a.hi) for y in (b.lo, b.hi)]
    return np.minimum.reduce(products), np.maximum.reduce(products)


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
        self.rules: dict[str, Callable[[onnx.NodeProto], Bound]] = {
            "Quant": self.quant,
            "IntQuant": self.quant,
            "BipolarQuant": self.bipolar,
            "Conv": self.conv,
            "Add": lambda n: self.add(n, 1.0),
            "Sub": lambda n: self.add(n, -1.0),
            "Mul": self.mul,
            "PRelu": self.prelu,
            "Relu": self.relu,
            "Concat": self.concat,
            "Resize": self.resize,
        }

    def bound(self, name: str) -> Bound:
        """Bound of a tensor or constant."""
        if name not in self.bounds:
            self.bounds[name] = _constant(self.constants[name])
        return self.bounds[name]

    def run(self) -> dict[str, Bound]:
        for node in self.graph.node:
            if node.op_type in self.rules:
                out = self.rules[node.op_type](node)
            elif node.op_type in _FREE:
                out = self.moved(node)
            else:
                raise UserError(
                    f"node {node.name}: no rule says whether {node.op_type} is exact in float32; "
                    f"known are {', '.join(sorted(self.rules) + sorted(_FREE))}"
                )
            self.bounds[node.output[0]] = out
            self.check(node, out)
        return {k: v for k, v in self.bounds.items() if k not in self.constants}

    def check(self, node: onnx.NodeProto, out: Bound) -> None:
        """Refuses a result that float32 would round, unless all that reads it rounds or compares anyway."""
        name = node.output[0]
        readers = self.consumers.get(name, [])
        if out.lsb is None and not (readers and all(r.op_type == "BipolarQuant" for r in readers)):
            raise UserError(
                f"tensor {name} (node {node.name}, {node.op_type}) is no fixed-point tensor: "
                "a float constant or an unquantized input reaches it; quantize that with a power-of-two scale"
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
                f"{FLOAT32_BITS}, so the reference would not be exact: use fewer bits for activations, the residual "
                "stream or parameters, or fewer channels"
            )

    def quant(self, node: onnx.NodeProto) -> Bound:
        x = self.bound(node.input[0])
        scale, zero, bits = (self.constants[n] for n in node.input[1:4])
        if np.any(zero != 0) or np.any(np.frexp(scale)[0] != 0.5):
            raise UserError(f"node {node.name}: Quant needs zero point 0 and a power-of-two scale, has scale {scale}")
        attrs = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        n, signed, narrow = int(bits), int(attrs.get("signed", 1)), int(attrs.get("narrow", 0))
        s = float(scale.min())
        lo = (-(2 ** (n - 1)) + narrow) * float(scale.max()) if signed else 0.0
        hi = (2 ** (n - signed) - 1 - (0 if signed else narrow)) * float(scale.max())
        if node.input[0] in self.constants:
            values = np.clip(np.rint(self.constants[node.input[0]].astype(np.float64) / scale) * scale, lo, hi)
            self.constants[node.output[0]] = values
            return _constant(values)
        # A coarser grid survives only where nothing saturates: the ends of the range need not lie on it.
        kept = x.lsb is not None and x.divisor == 1 and bool(np.all(x.lo >= lo) and np.all(x.hi <= hi))
        lsb = max(s, x.lsb or 0.0) if kept else s
        return Bound(np.clip(np.rint(x.lo / s) * s, lo, hi), np.clip(np.rint(x.hi / s) * s, lo, hi), lsb)

    def bipolar(self, node: onnx.NodeProto) -> Bound:
        scale = self.constants[node.input[1]]
        if node.input[0] in self.constants:
            self.constants[node.output[0]] = np.where(self.constants[node.input[0]] >= 0, 1.0, -1.0) * scale
            return _constant(self.constants[node.output[0]])
        return Bound(np.array([-scale.max()]), np.array([scale.max()]), grid_of(scale))

    def conv(self, node: onnx.NodeProto) -> Bound:
        x, w = self.bound(node.input[0]), self.constants[node.input[1]].astype(np.float64)
        groups = next((a.i for a in node.attribute if a.name == "group"), 1)
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

    def add(self, node: onnx.NodeProto, sign: float) -> Bound:
        out = self._sum(self.bound(node.input[0]), self.bound(node.input[1]), sign)
        readers = self.consumers.get(node.output[0], [])
        if readers and all(r.op_type == "BipolarQuant" for r in readers):
            # Only the sign is used, and a float sum is >= 0 exactly where the true sum is.
            return replace(out, lsb=None)
        return out

    def mul(self, node: onnx.NodeProto) -> Bound:
        a, b = self.bound(node.input[0]), self.bound(node.input[1])
        lsb = None if a.lsb is None or b.lsb is None else a.lsb * b.lsb
        return Bound(*_corners(a, b), lsb, a.divisor * b.divisor)

    def prelu(self, node: onnx.NodeProto) -> Bound:
        x, slope = self.bound(node.input[0]), self.bound(node.input[1])
        negative = Bound(np.minimum(x.lo, 0), np.minimum(x.hi, 0), x.lsb)
        least, most = _corners(negative, slope)
        lsb = None if x.lsb is None or slope.lsb is None else x.lsb * min(slope.lsb, 1.0)
        return Bound(np.minimum(least, np.maximum(x.lo, 0)), np.maximum(most, np.maximum(x.hi, 0)), lsb, x.divisor)

    def relu(self, node: onnx.NodeProto) -> Bound:
        x = self.bound(node.input[0])
        return replace(x, lo=np.maximum(x.lo, 0), hi=np.maximum(x.hi, 0))

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

    def resize(self, node: onnx.NodeProto) -> Bound:
        x = self.bound(node.input[0])
        mode = next((helper.get_attribute_value(a) for a in node.attribute if a.name == "mode"), b"nearest")
        if mode == b"nearest" or x.lsb is None:
            return x
        r = round(float(self.constants[node.input[2]][-1])) if len(node.input) > 2 and node.input[2] else 0
        if mode != b"linear" or r < 2:
            raise UserError(f"node {node.name}: Resize must be nearest, or linear by an integer scale")
        if r % 2:
            return replace(x, divisor=x.divisor * r * r)
        power = (2 * r) & -(2 * r)
        return replace(x, lsb=x.lsb / power**2, divisor=x.divisor * (2 * r // power) ** 2)


def analyse(model: onnx.ModelProto, input_bounds: dict[str, Bound] | None = None) -> dict[str, Bound]:
    """The bound of every tensor of a cleaned QONNX graph.

    Args:
        model: shapes inferred, constants as initializers.
        input_bounds: of graph inputs that no Quant follows.

    Raises:
        UserError: a tensor needs more than 24 significant bits or is on no power-of-two grid; names it.
    """
    return _Analysis(model, input_bounds).run()
