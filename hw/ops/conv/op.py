"""Convolution: binary weights by XNOR-popcount, also on bit planes; fixed-point weights by multiply-accumulate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from ...resources.arrival import Passage, Times, together, window
from ...types import StreamType
from ..base import Fold, FoldSpace, OneOutput, Op, Parameters, Rng, Side, Sort, Timing, Work
from ..folds import array_bits, check_fold, divisors, space
from . import cost, digits, emit, popcounts
from .synapses import Synapses, apart, used, whole

if TYPE_CHECKING:
    from ...hls.kernel import Kernel
    from ...resources.cost import Coefficient, Cost
    from ...rtl.module import LayerModule


@dataclass(frozen=True, eq=False)
class Conv(OneOutput):
    """Convolution, stride 1, odd K, as many pixels out as in (padding K//2 on each side).

    Attributes:
        weight: (O, K, K, C). Binary: 0 or 1, 1 stands for +1, 0 for -1. Fixed: signed codes.
        binary: XNOR-popcount engine (`True`) or multiply-accumulate (`False`).
        weight_bits: bits of a fixed weight's code; 1 when binary.
        bias: (O,) codes added to the accumulator, at the accumulator's lsb; zeros where there is none.
        pad_value: what stands beyond the border: 0 contributes nothing; +1 and -1 only with a bipolar input.
        pe, simd: folding. pe divides O and is a multiple of `read.units`, or 1 before it is folded; simd divides
            `synapses`; a pixel takes (O/pe)*(synapses/simd) cycles.
        digit: SystemVerilog has constant weights and takes this many bits of each activation per cycle (`digits`),
            whatever pe and simd are; 0: it folds by them. Only with fixed-point weights and inputs of several bits.

    Binary with bipolar input: acc = 2P - V, P the popcount of XNOR(x, w) over the valid taps' bits, V their number.
    Binary with n-bit input: acc = sum of +-x, computed by bit planes. The output is the exact accumulator;
    output.frac is input.frac (0 when bipolar) for binary weights, input.frac + the weights' frac otherwise.
    """

    op_type: ClassVar[str] = "Conv"
    summary: ClassVar[str] = (
        "convolution, K at most 9, also strided, grouped, dilated or transposed, and means of blocks of pixels: binary "
        "or fixed-point weights, 1-bit or n-bit activations"
    )
    hardware: ClassVar[str] = "sliding window; XNOR-popcount, by bit planes for n-bit activations; multiply-accumulate"
    coefficients: ClassVar[dict[str, Coefficient]] = cost.COEFFICIENTS
    weight: np.ndarray
    binary: bool
    weight_bits: int
    bias: np.ndarray
    pad_value: int = 0
    pe: int = 1
    simd: int = 1
    digit: int = 0

    @property
    def kernel_size(self) -> int:
        """K."""
        return int(self.weight.shape[1])

    @cached_property
    def read(self) -> Synapses:
        """What of the window is read, and by how many units."""
        return whole(self.weight) if self.binary else used(self.weight) if self.digit else apart(self.weight)

    @cached_property
    def rows(self) -> np.ndarray:
        """(O, synapses): the weights that are read."""
        return self.read.rows(self.weight)

    @property
    def synapses(self) -> int:
        """Weights of one output channel: K*K*C, or fewer where whole blocks of them are zero (`read`)."""
        return self.read.count

    @property
    def folds(self) -> int:
        """Cycles per pixel by PE and SIMD."""
        return (len(self.weight) // self.pe) * (self.synapses // self.simd)

    @property
    def unrolled(self) -> bool:
        """The whole convolution in one cycle: its weights are constants."""
        return self.folds == 1

    @property
    def lookahead(self) -> int:
        """Pixels between a pixel and its window's completion: (K//2)*(W + 1)."""
        return self.kernel_size // 2 * (self.input.width + 1)

    def frame_problem(self) -> str | None:
        k, kind = self.kernel_size, self.input
        least = k // 2 + 1
        if min(kind.height, kind.width) >= least:
            return None
        return (
            f"its kernel of {k} x {k} does not fit frames of {kind.width} x {kind.height} pixels: the outer taps would "
            f"never see one. Both sides must be at least {least}; build the network for larger frames with --frame WxH."
        )

    def before_shuffle(self, inputs: tuple[StreamType, ...], factor: int, mode: str) -> Op | None:
        return None  # its window sees neighbours

    def golden(self, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        (x,) = inputs
        k, p = self.kernel_size, self.kernel_size // 2
        values = 2 * x - 1 if self.input.bipolar else x
        weight = 2 * self.weight - 1 if self.binary else self.weight
        padded = np.pad(values, ((p, p), (p, p), (0, 0)), constant_values=self.pad_value)
        h, w, _ = x.shape
        acc = np.zeros((h, w, len(weight)), np.int64)
        for i in range(k):
            for j in range(k):
                acc += padded[i : i + h, j : j + w] @ weight[:, i, j].T
        return (acc + self.bias,)

    def timing(self, side: Side) -> Timing:
        latency = emit.hls_latency(self) if side == "hls" else emit.rtl_latency(self)
        interval = digits.folds(self) if self.digit and side == "rtl" else self.folds
        held = self.lookahead if side == "rtl" else min(self.lookahead, self.input.pixels)
        return Timing(
            interval=interval,
            latency=latency,
            window=held,
            spare=0,
            window_register=int(self.lookahead > 0 and side == "rtl"),
            when_stopped=None,  # between frames its window may be empty
            busy=self.busy_at(interval),
        )

    def flow(self, arrivals: Sequence[Times]) -> Passage:
        timing = self.timing("rtl")
        if not self.lookahead:  # a kernel of one pixel has no window
            return together(arrivals, timing.interval, timing.latency)
        flow = window(arrivals[0], self.input.pixels, self.lookahead, timing.interval)
        return Passage((flow.accept,), (flow.out + timing.latency,))

    def fold_space(self) -> FoldSpace | None:
        units = self.read.units
        pe, simd = [units * n for n in divisors(len(self.weight) // units)], divisors(self.synapses)
        outputs = "O" if units == 1 else f"O by a multiple of {units} (groups or phases, side by side)"
        what = "K*K*C" if self.read.all else "the synapses of an output that are not all zero"
        return space(Fold(self.pe, self.simd), pe, simd, (outputs, what), unroll_on_request=self.binary)

    def folded(self, fold: Fold) -> Self:
        made = self.replace(pe=fold.pe, simd=fold.simd)
        # The same weights: what takes long to find is not looked for again, at each of hundreds of foldings.
        made.__dict__.update({name: self.__dict__[name] for name in ("read", "rows") if name in self.__dict__})
        return made

    def constant_weights(self) -> Op | None:
        if self.binary:
            return None if self.unrolled else self.replace(pe=len(self.weight), simd=self.synapses)
        digit = digits.digit_for(self)
        if self.digit or not digit:
            return None
        made = self.replace(pe=len(self.weight), digit=digit)
        return made.replace(simd=made.synapses)

    @property
    def rtl_note(self) -> str:
        return f"{self.digit} bit{'s' * (self.digit > 1)} a cycle" if self.digit else ""

    def fold_cost(self) -> Cost:
        return cost.engine(self)

    def cost(self) -> Cost:
        return cost.convolution(self)

    def line_buffer_bits(self) -> int:
        return (self.kernel_size - 1) * self.input.width * self.input.word_bits

    def work(self) -> Work:
        macs = float(self.synapses * len(self.weight))
        if self.binary:
            return Work(macs, 0.0, self.input.bits, self.kernel_size)
        return Work(0.0, macs, 0, self.kernel_size)

    def parameters(self) -> Parameters:
        count = int(self.rows.size)
        biases = self.bias.size if np.any(self.bias) else 0
        bits = count * self.weight_bits + (array_bits(self.bias) if biases else 0)
        return Parameters(count, biases, 0, bits) if self.binary else Parameters(0, count + biases, 0, bits)

    def kernel(self, name: str) -> Kernel:
        check_fold(name, self, Fold(self.pe, self.simd))
        return emit.kernel(name, self)

    def module(self, name: str, index: int) -> LayerModule:
        return emit.module(name, self, index)

    @classmethod
    def shared_modules(cls, ops: Sequence[Op]) -> dict[str, str]:
        made = {n: op for n, op in enumerate(ops) if isinstance(op, Conv)}
        counted = {n: op for n, op in made.items() if op.binary}
        summed = {n: op for n, op in made.items() if op.digit}
        texts = {popcounts.MODULE: popcounts.popcounts_text(counted)} if counted else {}
        return texts | ({digits.MODULE: digits.text(summed)} if summed else {})

    def describe(self) -> str:
        shape = f"{self.kernel_size}×{self.kernel_size}, {self.input.channels}→{self.output.channels}"
        if not self.binary:
            return f"{shape}, {self.weight_bits}-bit weights"
        planes = "XNOR-popcount" if self.input.bipolar else f"binary weights, {self.input.bits} bit planes"
        return f"{shape}, {planes}"

    @property
    def sort(self) -> Sort:
        return "binary" if self.binary else "fixed"

    @classmethod
    def random(cls, rng: Rng) -> Op:
        from .random import random_conv

        return random_conv(rng)
