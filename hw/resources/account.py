"""The analytic account of a network: operations, memory, cycles and device resources, layer by layer.

Nothing here runs a tool; `synth` measures what this estimates.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ...errors import UserError
from ..graph.ops import Affine, Conv, Op, Threshold
from ..types import bits_for
from .costs import COEFFICIENTS, fifo_cost, folds, fork_cost, lanes, layer_cost, line_buffer_bits, port_cost
from .devices import Device, device
from .schedule import fifo_depths, predict
from .view import Network, Stage, input_stage, output_stage, stages

#: Low-resolution frame on which published tables count operations (papers: LR 320x180).
RULE_PIXELS = 320 * 180
#: Binary operations that count as one real one in published tables.
BINARY_OPS_PER_REAL = 64
#: Binary parameters that count as one real one in published tables.
BINARY_PARAMS_PER_REAL = 32


@dataclass(frozen=True)
class LayerAccount:
    """One layer. "Pixel" without more is a pixel of the network's input (low resolution).

    Attributes:
        name, op: layer's name and operator ("Clone" for a fork).
        kernel: K of a convolution, else 0.
        pe, simd: folding of a convolution; an affine has PE alone; else 0.
        macs_binary, macs_fixed: multiply-accumulates a pixel, with binary and with wider weights. May be fractions
            where a layer runs at another size.
        planes: bit planes of a binary convolution's input (1 for a bipolar one, else 0).
        weights_binary, weights_fixed: number of weights of each kind; biases count as fixed.
        channel_params: parameters per channel of affines and thresholds.
        weight_bits: bits of all of them.
        line_buffer_bits, fifo_bits: buffer memory; FIFOs stand in front of the layer.
        cycles: cycles for each pixel of the layer's own input stream.
        cycles_per_pixel: the same for each pixel of the network's input.
        word_bits: bits a beat of the output stream.
        lut, ff, bram36, dsp: estimated resources, FIFOs included.
    """

    name: str
    op: str
    kernel: int
    pe: int
    simd: int
    macs_binary: float
    macs_fixed: float
    planes: int
    weights_binary: int
    weights_fixed: int
    channel_params: int
    weight_bits: int
    line_buffer_bits: int
    fifo_bits: int
    cycles: int
    cycles_per_pixel: float
    word_bits: int
    lut: int
    ff: int
    bram36: float
    dsp: int


@dataclass(frozen=True)
class Estimate:
    """The whole network.

    Attributes:
        layers: one account a layer, in topological order.
        clock_mhz: clock that fps and latency_us are for.
        input_size, output_size: (height, width).
        macs_binary, macs_fixed: a frame of the built size.
        ops_rule: operations by the published rule, real MACs + binary MACs/64 (n-bit activations count n planes),
            on a 320x180 low-resolution frame.
        params_rule: parameters by the published rule, real + binary/32; parameters per channel are not in it.
        params: all parameters, those per channel included.
        model_bits, float_bits: bits of all parameters here, and of as many 32-bit floats.
        line_buffer_bits, fifo_bits: buffer memory.
        latency_cycles: first pixel in to first pixel out.
        frame_cycles: first pixel in to last pixel out of one frame alone.
        interval_cycles: cycles between frames when they follow each other.
        lut, ff, bram36, dsp: sums over layers.
        device: the part, or None.
    """

    layers: tuple[LayerAccount, ...]
    clock_mhz: float
    input_size: tuple[int, int]
    output_size: tuple[int, int]
    macs_binary: int
    macs_fixed: int
    ops_rule: float
    params_rule: float
    params: int
    model_bits: int
    float_bits: int
    line_buffer_bits: int
    fifo_bits: int
    latency_cycles: int
    frame_cycles: int
    interval_cycles: int
    lut: int
    ff: int
    bram36: float
    dsp: int
    device: Device | None

    @property
    def fps(self) -> float:
        """Frames a second when frames follow each other."""
        return self.clock_mhz * 1e6 / self.interval_cycles

    @property
    def latency_us(self) -> float:
        """Microseconds from the first pixel in to the first pixel out."""
        return self.latency_cycles / self.clock_mhz

    @property
    def size_reduction(self) -> float:
        """Share of a 32-bit float model's size that is saved, 0 to 1 (BNN-SR's claim: 0.8)."""
        return 1.0 - self.model_bits / self.float_bits

    @property
    def utilisation(self) -> dict[str, float]:
        """Share of the device's LUT, FF, BRAM36 and DSP; above 1 it does not fit. Empty without a device."""
        if self.device is None:
            return {}
        have = self.device
        return {
            "lut": self.lut / have.lut,
            "ff": self.ff / have.ff,
            "bram36": self.bram36 / have.bram36,
            "dsp": self.dsp / have.dsp,
        }

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; the derived figures and the coefficients' sources are in it."""
        return asdict(self) | {
            "layers": [asdict(layer) for layer in self.layers],
            "fps": self.fps,
            "latency_us": self.latency_us,
            "size_reduction": self.size_reduction,
            "utilisation": self.utilisation,
            "coefficients": {name: c._asdict() for name, c in COEFFICIENTS.items()},
        }


def _array_bits(codes: np.ndarray) -> int:
    """Bits of all codes at the narrowest width that holds them."""
    return int(codes.size) * bits_for(int(codes.min()), int(codes.max()))[0]


def _parameters(op: Op | None) -> tuple[int, int, int, int]:
    """(binary weights, fixed weights and biases, parameters per channel, bits of all of them)."""
    if isinstance(op, Conv):
        count = int(op.weight.size)
        biases = op.bias.size if np.any(op.bias) else 0
        bits = count * (1 if op.binary else op.weight_bits) + (_array_bits(op.bias) if biases else 0)
        return (count, biases, 0, bits) if op.binary else (0, count + biases, 0, bits)
    if isinstance(op, Affine):
        arrays = {"scale": op.scale, "bias": op.bias, "slope": op.slope}
        there = {key: a for key, a in arrays.items() if a is not None}
        count = sum(a.size for a in there.values())
        return 0, 0, count, sum(a.size * op.param_bits[key] for key, a in there.items())
    if isinstance(op, Threshold):
        # One threshold a channel in the float network, however many levels the quantizer behind it has.
        return 0, 0, int(op.sign.size), _array_bits(op.thresholds) + int(op.sign.size)
    return 0, 0, 0, 0


def _layer(stage: Stage, source: Stage, fifo_words: list[int]) -> LayerAccount:
    op = stage.op
    types = op.inputs if op is not None else (stage.output,)
    cost = layer_cost(op) if op is not None else port_cost(stage.output) if stage.role == "input" else fork_cost()
    for words, stream in zip(fifo_words, types, strict=False):
        cost += fifo_cost(words, stream.word_bits)
    binary, fixed, per_channel, bits = _parameters(op)
    conv = op if isinstance(op, Conv) else None
    cycles = folds(op) if op is not None else 1
    share = stage.pixels_in / source.pixels_out
    macs = conv.macs_per_pixel * share if conv else 0.0
    return LayerAccount(
        name=stage.name,
        op=op.op_type if op is not None else ("Input" if stage.role == "input" else "Clone"),
        kernel=conv.kernel if conv else 0,
        pe=conv.pe if conv else lanes(op) if isinstance(op, Affine) else 0,
        simd=conv.simd if conv else 0,
        macs_binary=macs if conv and conv.binary else 0.0,
        macs_fixed=macs if conv and not conv.binary else 0.0,
        planes=conv.input.bits if conv and conv.binary else 0,
        weights_binary=binary,
        weights_fixed=fixed,
        channel_params=per_channel,
        weight_bits=bits,
        line_buffer_bits=line_buffer_bits(op) if op is not None else 0,
        fifo_bits=sum(n * t.word_bits for n, t in zip(fifo_words, types, strict=False)),
        cycles=cycles,
        cycles_per_pixel=cycles * share,
        word_bits=stage.output.word_bits,
        lut=math.ceil(cost.lut),
        ff=math.ceil(cost.ff),
        bram36=cost.bram36,
        dsp=math.ceil(cost.dsp),
    )


def estimate(network: Network, clock_mhz: float = 200.0, part: str | None = None) -> Estimate:
    """Account of a ModelGraph (or of its stages) under the folding that its layers have.

    Args:
        network: the graph.
        clock_mhz: clock in MHz.
        part: FPGA part or board (devices.toml) for the utilisation.

    Raises:
        UserError: unknown part, or a clock that is not positive.
    """
    if not clock_mhz > 0:
        raise UserError(f"clock of {clock_mhz} MHz: give a positive frequency")
    chip = device(part) if part else None
    chain = stages(network)
    source, sink = input_stage(chain), output_stage(chain)
    depths, timing = fifo_depths(chain), predict(chain)
    layers = tuple(_layer(s, source, [depths[tensor, s.name] for tensor in s.tensors]) for s in chain)
    binary = sum(one.weights_binary for one in layers)
    fixed = sum(one.weights_fixed for one in layers)
    params = binary + fixed + sum(one.channel_params for one in layers)
    return Estimate(
        layers=layers,
        clock_mhz=clock_mhz,
        input_size=(source.output.height, source.output.width),
        output_size=(sink.output.height, sink.output.width),
        macs_binary=round(sum(one.macs_binary for one in layers) * source.pixels_out),
        macs_fixed=round(sum(one.macs_fixed for one in layers) * source.pixels_out),
        ops_rule=RULE_PIXELS
        * sum(one.macs_fixed + one.macs_binary * one.planes / BINARY_OPS_PER_REAL for one in layers),
        params_rule=fixed + binary / BINARY_PARAMS_PER_REAL,
        params=params,
        model_bits=sum(one.weight_bits for one in layers),
        float_bits=32 * params,
        line_buffer_bits=sum(one.line_buffer_bits for one in layers),
        fifo_bits=sum(one.fifo_bits for one in layers),
        latency_cycles=timing.latency,
        frame_cycles=timing.cycles_per_frame,
        interval_cycles=timing.frame_interval,
        lut=sum(one.lut for one in layers),
        ff=sum(one.ff for one in layers),
        bram36=sum(one.bram36 for one in layers),
        dsp=sum(one.dsp for one in layers),
        device=chip,
    )
