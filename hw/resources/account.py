"""The analytic account of a network: operations, memory, cycles and device resources, layer by layer.

Nothing here runs a tool; `synth` measures what this estimates.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from ...errors import UserError
from ..network import Network, Node
from ..ops.base import NO_PARAMETERS, Op
from ..ops.registry import coefficients
from .cost import COEFFICIENTS, port_cost
from .devices import Device, device
from .fifos import fifo_depths
from .memories import fifo_cost, fifo_styles
from .schedule import INPUT, predict
from .slices import SLICE

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
        name, op: layer's name and operator; the first one is "input", the video ports.
        kernel: K of a convolution, else 0.
        pe, simd: folding in RTL; 0 for layers without one, simd 0 for those that fold over channels alone.
        hls_pe, hls_simd: the same in HLS.
        rtl_note: what else is to be said of the folding in RTL (`Op.rtl_note`).
        macs_binary, macs_fixed: multiply-accumulates per pixel, with binary and with wider weights. May be fractions
            where a layer runs at another size.
        planes: bit planes of a binary convolution's input (1 for a bipolar one); else 0.
        weights_binary, weights_fixed: number of weights of each kind; biases count as fixed.
        channel_params: parameters per channel of affines and thresholds.
        weight_bits: bits of all of them.
        line_buffer_bits, fifo_bits: buffer memory; FIFOs stand in front of the layer.
        cycles: cycles for each pixel of the layer's own input stream.
        cycles_per_pixel: the same for each pixel of the network's input.
        word_bits: bits per beat of the output stream.
        lut, ff, bram36, dsp, uram: estimated resources, register slices and FIFOs in front of it included.
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
    uram: int = 0
    hls_pe: int = 0
    hls_simd: int = 0
    rtl_note: str = ""

    @property
    def folding(self) -> str:
        """PE and SIMD in words: those of RTL, and of HLS where it has others; empty without a folding."""
        own, other = _folding_text(self.pe, self.simd), _folding_text(self.hls_pe, self.hls_simd)
        own += f", {self.rtl_note}" if self.rtl_note else ""
        return own if own == other else f"{own}, HLS {other}"


def _folding_text(pe: int, simd: int) -> str:
    return f"{pe}×{simd}" if simd else str(pe or "")


@dataclass(frozen=True)
class Estimate:
    """The whole network.

    Attributes:
        layers: the ports, then one account per layer in topological order.
        clock_mhz: clock that fps and latency_us are for.
        input_size, output_sizes: (height, width) of the input and of each output.
        macs_binary, macs_fixed: of a frame of the built size.
        ops_rule: operations by the published rule, real MACs + binary MACs/64 (n-bit activations count n planes),
            on a 320x180 low-resolution frame.
        params_rule: parameters by the published rule, real + binary/32; parameters per channel are not in it.
        params: all parameters, those per channel included.
        model_bits, float_bits: bits of all parameters here, and of as many 32-bit floats.
        line_buffer_bits, fifo_bits: buffer memory.
        latency_cycles: first pixel in to first pixel out.
        frame_cycles: first pixel in to last pixel out of one frame alone.
        interval_cycles: cycles between frames when they follow each other.
        lut, ff, bram36, dsp, uram: sums over layers; UltraRAM only where a part is given that has it.
        device: the part, or None.
        pooling: whose vectors over the frame a frame uses (`Network.pooling`).
        frames_to_settle: frames after which a picture that stands still comes out as it stays.
    """

    layers: tuple[LayerAccount, ...]
    clock_mhz: float
    input_size: tuple[int, int]
    output_sizes: tuple[tuple[int, int], ...]
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
    uram: int
    device: Device | None
    pooling: str | None = None
    frames_to_settle: int = 1

    @property
    def fps(self) -> float:
        """Frames per second when frames follow each other."""
        return self.clock_mhz * 1e6 / self.interval_cycles

    @property
    def latency_us(self) -> float:
        """Microseconds from the first pixel in to the first pixel out."""
        return self.latency_cycles / self.clock_mhz

    @property
    def size_reduction(self) -> float:
        """Share of a 32-bit float model's size that is saved, 0 to 1 (BNN-SR's claim: 0.8); 0 without parameters."""
        return 1.0 - self.model_bits / self.float_bits if self.float_bits else 0.0

    @property
    def utilisation(self) -> dict[str, float]:
        """Share of the device's LUT, FF, BRAM36, DSP and UltraRAM; above 1 it does not fit. Empty without a device."""
        if self.device is None:
            return {}
        have = self.device
        ultra = {"uram": self.uram / have.uram} if have.uram else {}
        return {
            "lut": self.lut / have.lut,
            "ff": self.ff / have.ff,
            "bram36": self.bram36 / have.bram36,
            "dsp": self.dsp / have.dsp,
        } | ultra

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; the derived figures and the coefficients' sources are in it."""
        return asdict(self) | {
            "layers": [asdict(layer) for layer in self.layers],
            "fps": self.fps,
            "latency_us": self.latency_us,
            "size_reduction": self.size_reduction,
            "utilisation": self.utilisation,
            "coefficients": {name: c._asdict() for name, c in (COEFFICIENTS | coefficients()).items()},
        }


def _port(network: Network) -> LayerAccount:
    """The video ports, as the first layer."""
    kind = network.input_type
    cost = port_cost(kind)
    zero = NO_PARAMETERS
    return LayerAccount(
        name=INPUT, op="Input", kernel=0, pe=0, simd=0, macs_binary=0.0, macs_fixed=0.0, planes=0,
        weights_binary=zero.binary, weights_fixed=zero.fixed, channel_params=zero.per_channel, weight_bits=zero.bits,
        line_buffer_bits=0, fifo_bits=0, cycles=1, cycles_per_pixel=1.0, word_bits=kind.word_bits,
        lut=math.ceil(cost.lut), ff=math.ceil(cost.ff), bram36=cost.bram36, dsp=math.ceil(cost.dsp),
    )  # fmt: skip


def _fold_of(op: Op) -> tuple[int, int]:
    """PE and SIMD as `LayerAccount` has them."""
    space = op.fold_space()
    return (space.now.pe, space.now.simd if len(space.simd) > 1 else 0) if space is not None else (0, 0)


def _layer(network: Network, node: Node, fifos: dict[str, int], styles: dict[str, int], hls: Op) -> LayerAccount:
    op = node.op
    words = [(fifos[name], network.streams[name].kind.word_bits) for name in node.inputs]
    cost = op.cost()
    for (depth, bits), name in zip(words, node.inputs, strict=True):
        cost += fifo_cost(depth, bits, styles[name])
    work, params = op.work(), op.parameters()
    (pe, simd), (hls_pe, hls_simd) = _fold_of(op), _fold_of(hls)
    cycles = math.ceil(op.timing("rtl").busy / op.input.pixels)
    share = op.input.pixels / network.input_type.pixels
    return LayerAccount(
        name=node.name,
        op=op.op_type,
        kernel=work.kernel,
        pe=pe,
        simd=simd,
        macs_binary=work.binary * share,
        macs_fixed=work.fixed * share,
        planes=work.planes,
        weights_binary=params.binary,
        weights_fixed=params.fixed,
        channel_params=params.per_channel,
        weight_bits=params.bits,
        line_buffer_bits=op.line_buffer_bits(),
        fifo_bits=sum(depth * bits for depth, bits in words if depth > SLICE),
        cycles=cycles,
        cycles_per_pixel=cycles * share,
        word_bits=op.outputs[0].word_bits * op.pixels_per_beat,
        lut=math.ceil(cost.lut),
        ff=math.ceil(cost.ff),
        bram36=cost.bram36,
        dsp=math.ceil(cost.dsp),
        uram=math.ceil(cost.uram),
        hls_pe=hls_pe,
        hls_simd=hls_simd,
        rtl_note=op.rtl_note,
    )


def estimate(
    network: Network, clock_mhz: float = 200.0, part: str | None = None, hls: Network | None = None
) -> Estimate:
    """Account of a network under the folding that its layers have.

    Args:
        network: the layers, as RTL has them.
        clock_mhz: clock in MHz.
        part: FPGA part or board (devices.toml) for the utilisation.
        hls: the layers as HLS has them, whose folding is shown beside; None where it is the same.

    Raises:
        UserError: unknown part, or a clock that is not positive.
    """
    if not clock_mhz > 0:
        raise UserError(f"clock of {clock_mhz} MHz: give a positive frequency")
    chip = device(part) if part else None
    source, sinks = network.input_type, list(network.output_types.values())
    fifos, timing = fifo_depths(network, "rtl"), predict(network)
    styles = fifo_styles(network, fifos, chip)
    twins = {node.name: node.op for node in (hls or network).nodes}
    layers = (_port(network), *(_layer(network, node, fifos, styles, twins[node.name]) for node in network.nodes))
    binary = sum(one.weights_binary for one in layers)
    fixed = sum(one.weights_fixed for one in layers)
    params = binary + fixed + sum(one.channel_params for one in layers)
    return Estimate(
        layers=layers,
        clock_mhz=clock_mhz,
        input_size=(source.height, source.width),
        output_sizes=tuple((kind.height, kind.width) for kind in sinks),
        macs_binary=round(sum(one.macs_binary for one in layers) * source.pixels),
        macs_fixed=round(sum(one.macs_fixed for one in layers) * source.pixels),
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
        uram=sum(one.uram for one in layers),
        device=chip,
        pooling=network.pooling,
        frames_to_settle=network.frames_to_settle,
    )
