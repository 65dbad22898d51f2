"""The hardware operators: what the lowering makes, what both emitters read.

Each operator is one frozen dataclass. It is carried by one ONNX node of the domain ``xnorsr.hw`` between the
lowering and hls4ml's parser, and by the attribute ``spec`` of one layer in hls4ml's ModelGraph afterwards.
All of them take and give streams of whole pixels (`hw.types.StreamType`), all arithmetic is exact but for `Requant`.
Weights are integer codes; arrays are NumPy int64.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, ClassVar

import numpy as np
import onnx
from onnx import helper, numpy_helper

from ..types import Requant, StreamType

DOMAIN = "xnorsr.hw"


@dataclass(frozen=True, eq=False)
class Op:
    """Base of all operators: one or two input streams, one output stream."""

    op_type: ClassVar[str]
    inputs: tuple[StreamType, ...]
    output: StreamType

    @property
    def input(self) -> StreamType:
        """The only input's type (the first one's, for `Residual`)."""
        return self.inputs[0]

    def replace(self, **changes: Any) -> Op:
        """A copy with other fields."""
        return replace(self, **changes)


@dataclass(frozen=True, eq=False)
class Conv(Op):
    """Convolution, stride 1, odd K, as many pixels out as in (padding K//2 on each side).

    Attributes:
        weight: (O, K, K, C). Binary: 0 or 1, 1 stands for +1, 0 for -1. Fixed: signed codes.
        binary: XNOR-popcount engine (`True`) or multiply-accumulate (`False`).
        weight_bits: bits of a fixed weight's code; 1 when binary.
        bias: (O,) codes added to the accumulator, at the accumulator's lsb; zeros where there is none.
        pad_value: what stands beyond the border: 0 contributes nothing; +1 and -1 only with a bipolar input.
        pe, simd: folding. pe divides O, simd divides K*K*C; a pixel takes (O/pe)*(K*K*C/simd) cycles.

    Binary with bipolar input: acc = 2P - V, P the popcount of XNOR(x, w) over the valid taps' bits, V their number.
    Binary with n-bit input: acc = sum of +-x, computed by bit planes. The output is the exact accumulator;
    output.frac is input.frac (0 when bipolar) for binary weights, input.frac + the weights' frac otherwise.
    """

    op_type: ClassVar[str] = "Conv"
    weight: np.ndarray
    binary: bool
    weight_bits: int
    bias: np.ndarray
    pad_value: int = 0
    pe: int = 1
    simd: int = 1

    @property
    def kernel(self) -> int:
        """K."""
        return int(self.weight.shape[1])

    @property
    def macs_per_pixel(self) -> int:
        """Multiply-accumulates a pixel: O*K*K*C."""
        return int(self.weight.size)


@dataclass(frozen=True, eq=False)
class Affine(Op):
    """Per channel: y = quant(prelu(mid(scale*x + bias))); each of the parts may be missing.

    Attributes:
        scale, bias: (C,) codes or None; bias is at the lsb of scale*x (of x where scale is None).
        mid: requantization between the affine and the PReLU, or None.
        slope: (C,) codes or None. x >= 0: x << slope_frac; x < 0: x * slope.
        slope_frac: fractional bits of the slope.
        quant: final requantization, or None (then the output is exact).
        param_bits: {"scale": bits, "bias": bits, "slope": bits}, two's complement, of those that are there.
        pe: channels that hardware works on in one cycle, a divisor of C; 0 for all of them.
    """

    op_type: ClassVar[str] = "Affine"
    scale: np.ndarray | None
    bias: np.ndarray | None
    mid: Requant | None
    slope: np.ndarray | None
    slope_frac: int
    quant: Requant | None
    param_bits: dict[str, int]
    pe: int = 0


@dataclass(frozen=True, eq=False)
class Threshold(Op):
    """Per channel: code = base + number of i with sign*x >= thresholds[i].

    Attributes:
        thresholds: (C, L) codes, ascending in i; L = 2**bits - 1 of the output at most; each in the range of
            sign*x or one above it (never reached).
        sign: (C,) +1 or -1.
        base: code where no threshold is reached; 0 for a bipolar output (L is 1 there).
    """

    op_type: ClassVar[str] = "Threshold"
    thresholds: np.ndarray
    sign: np.ndarray
    base: int


@dataclass(frozen=True, eq=False)
class Residual(Op):
    """Two streams added: y = quant((a << shift_a) + (b << shift_b)); exact where quant is None."""

    op_type: ClassVar[str] = "Residual"
    shift_a: int
    shift_b: int
    quant: Requant | None


@dataclass(frozen=True, eq=False)
class PixelShuffle(Op):
    """Depth to space: C*r*r channels at (H, W) to C channels at (r*H, r*W). The stream's rate grows by r*r.

    Attributes:
        factor: r.
        mode: "CRD": out[c, y*r+i, x*r+j] = in[c*r*r + i*r + j, y, x] (PyTorch); "DCR": in[(i*r+j)*C + c, y, x].
        pixels_per_beat: neighbouring output pixels that a beat holds, the left one in the low bits. More than one only
            in the network's last layer, and in RTL only: HLS streams carry one pixel a beat.
    """

    op_type: ClassVar[str] = "PixelShuffle"
    factor: int
    mode: str
    pixels_per_beat: int = 1

    def legal_pixels_per_beat(self) -> list[int]:
        """Divisors of r, and m*r for each m that divides the input's width, ascending."""
        r, width = self.factor, self.input.width
        few = {n for n in range(1, r + 1) if r % n == 0}
        return sorted(few | {m * r for m in range(1, width + 1) if width % m == 0})


@dataclass(frozen=True, eq=False)
class Upsample(Op):
    """Resize by r, in polyphase form: C channels to C*r*r channels at the same (H, W), a CRD shuffle still to come.

    out[c*r*r + i*r + j, y, x] is the resized image's (c, y*r+i, x*r+j). Edges repeat.
    nearest: x itself (floor, asymmetric). bilinear: half-pixel centres; phase i lies at d = (2i + 1 - r)/(2r) of
    the pixel, so along one axis (2r - |n|)*x[0] + |n|*x[sign(n)] with n = 2i + 1 - r, over 2r. For even r the
    weights are n/(2r); for odd r n is even, they are (n/2)/r.

    The exact integer sum S of both axes has the denominator D = (2r)**2 (even r) or r*r (odd r). A power of two goes
    into output.frac and quant is None; otherwise quant holds the divisor's odd part and is not None.
    """

    op_type: ClassVar[str] = "Upsample"
    factor: int
    mode: str
    quant: Requant | None = None

    def phase_weights(self) -> tuple[list[tuple[int, int, int]], int]:
        """([(weight of x[-1], of x[0], of x[+1]) for each phase], their sum) along one axis."""
        r = self.factor
        if self.mode == "nearest":
            return [(0, 1, 0)] * r, 1
        den, step = (2 * r, 1) if r % 2 == 0 else (r, 2)
        taps = []
        for i in range(r):
            n = (2 * i + 1 - r) // step
            taps.append((max(-n, 0), den - abs(n), max(n, 0)))
        return taps, den


OPS: dict[str, type[Op]] = {c.op_type: c for c in (Conv, Affine, Threshold, Residual, PixelShuffle, Upsample)}


def to_node(op: Op, name: str, inputs: list[str], output: str) -> onnx.NodeProto:
    """An ONNX node of domain ``xnorsr.hw`` that carries the operator; arrays as tensor attributes."""
    plain: dict[str, Any] = {}
    tensors: dict[str, onnx.TensorProto] = {}
    for f in fields(op):
        value = getattr(op, f.name)
        if isinstance(value, np.ndarray):
            tensors[f.name] = numpy_helper.from_array(np.asarray(value, np.int64), f.name)
        elif isinstance(value, StreamType | Requant):
            plain[f.name] = asdict(value)
        elif f.name == "inputs":
            plain[f.name] = [asdict(t) for t in value]
        else:
            plain[f.name] = value
    return helper.make_node(
        f"Xnorsr{op.op_type}", inputs, [output], name=name, domain=DOMAIN, spec=json.dumps(plain), **tensors
    )


def from_node(node: onnx.NodeProto) -> Op:
    """The operator that `to_node` wrote."""
    attrs = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    kwargs: dict[str, Any] = json.loads(attrs.pop("spec"))
    kwargs["inputs"] = tuple(StreamType(**t) for t in kwargs["inputs"])
    kwargs["output"] = StreamType(**kwargs["output"])
    for key in ("mid", "quant"):
        if kwargs.get(key) is not None:
            kwargs[key] = Requant(**kwargs[key])
    kwargs.update({k: numpy_helper.to_array(v) for k, v in attrs.items()})
    return OPS[node.op_type.removeprefix("Xnorsr")](**kwargs)
