"""One hardware operator -> one SystemVerilog module of its own: library modules with their parameters filled in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from ..graph.ops import Affine, Conv, Op, PixelShuffle, Residual, Threshold, Upsample
from ..types import Requant, bits_for
from .literals import rows


@dataclass
class Constant:
    """A localparam of a layer: one row for each channel, the last one first."""

    name: str
    bits: int
    rows: list[str]
    what: str = "channel"


@dataclass
class Wire:
    """A signal inside a layer."""

    name: str
    bits: int


@dataclass
class Instance:
    """A library module with parameters and connections."""

    module: str
    name: str
    parameters: dict[str, object]
    ports: dict[str, str]


@dataclass
class Port:
    """An input stream of a layer; the name is a prefix ("" or "a_", "b_")."""

    name: str
    bits: int


@dataclass
class Layer:
    """All that the template of a layer needs."""

    name: str
    module: str
    title: str
    inputs: list[Port]
    output_bits: int
    notes: list[str] = field(default_factory=list)
    constants: list[Constant] = field(default_factory=list)
    wires: list[Wire] = field(default_factory=list)
    instances: list[Instance] = field(default_factory=list)


CLOCK = {"clk_i": "clk_i", "rst_ni": "rst_ni"}
STREAM_IN = {"data_i": "data_i", "valid_i": "valid_i", "ready_o": "ready_o"}
STREAM_OUT = {"data_o": "data_o", "valid_o": "valid_o", "ready_i": "ready_i"}


def layer_of(name: str, op: Op, popcount_id: int = -1) -> Layer:
    """The module of one layer.

    Args:
        name: an identifier, unique in the network.
        popcount_id: `PopcountId` of a binary convolution, see xnorsr_mvu_binary.sv.
    """
    ports = [Port("", t.word_bits) for t in op.inputs]
    if len(ports) == 2:
        ports[0].name, ports[1].name = "a_", "b_"
    layer = Layer(name, f"xnorsr_layer_{name}", _title(name, op), ports, op.output.word_bits * pixels_per_beat(op))
    _EMIT[type(op)](layer, op)
    for instance in layer.instances:
        if "PopcountId" in instance.parameters:
            instance.parameters["PopcountId"] = popcount_id
    return layer


def pixels_per_beat(op: Op | None) -> int:
    """Pixels of a beat that a layer sends."""
    return op.pixels_per_beat if isinstance(op, PixelShuffle) else 1


def _title(name: str, op: Op) -> str:
    a, b = op.input, op.output
    size = f"{a.width} x {a.height} pixels"
    return f"{op.op_type} {name}: {a.channels} x {a.bits} bit to {b.channels} x {b.bits} bit, {size}"


def _flag(value: object) -> str:
    return "1'b1" if value else "1'b0"


def _whole(layer: Layer, module: str, parameters: dict[str, object]) -> None:
    """The layer is one library module."""
    layer.instances.append(Instance(module, f"u_{layer.name}", parameters, CLOCK | STREAM_IN | STREAM_OUT))


def _quant(prefix: str, quant: Requant | None) -> dict[str, object]:
    q = quant or Requant(0, 0, 0)
    shift, odd = q.shift, q.divisor
    while odd % 2 == 0:
        odd, shift = odd // 2, shift + 1
    return {
        f"{prefix}Shift": shift,
        f"{prefix}Divisor": odd,
        f"{prefix}Lo": q.lo,
        f"{prefix}Hi": q.hi,
    }


def _vector(layer: Layer, name: str, values: np.ndarray | None, bits: int, channels: int) -> dict[str, object]:
    """Parameters Has<name>, <name>Bits, <name>, and the localparam that holds the values."""
    if values is None:
        return {f"Has{name}": "1'b0", f"{name}Bits": 1, name: f"{channels}'h0"}
    layer.constants.append(Constant(f"{name}Codes", channels * bits, rows(values.reshape(channels, 1), bits)))
    return {f"Has{name}": "1'b1", f"{name}Bits": bits, name: f"{name}Codes"}


def _affine(layer: Layer, op: Affine) -> None:
    c, bits = op.input.channels, op.param_bits
    _whole(
        layer,
        "xnorsr_affine",
        {
            "Channels": c,
            "Pe": op.pe or c,
            "InBits": op.input.bits,
            "InSigned": _flag(op.input.signed),
            **_vector(layer, "Scale", op.scale, bits.get("scale", 1), c),
            **_vector(layer, "Bias", op.bias, bits.get("bias", 1), c),
            "HasMid": _flag(op.mid),
            **_quant("Mid", op.mid),
            **_vector(layer, "Slope", op.slope, bits.get("slope", 1), c),
            "SlopeFrac": op.slope_frac,
            "HasQuant": _flag(op.quant),
            **_quant("Out", op.quant),
            "OutBits": op.output.bits,
        },
    )


def _threshold(layer: Layer, op: Threshold) -> None:
    c, levels = op.thresholds.shape
    bits, signed = bits_for(int(op.thresholds.min()), int(op.thresholds.max()))
    bits += not signed
    layer.constants.append(Constant("ThresholdCodes", c * levels * bits, rows(op.thresholds, bits)))
    layer.constants.append(
        Constant("NegateFlags", c, rows((op.sign < 0).astype(np.int64).reshape(1, -1), 1), "all channels")
    )
    _whole(
        layer,
        "xnorsr_threshold",
        {
            "Channels": c,
            "InBits": op.input.bits,
            "InSigned": _flag(op.input.signed),
            "Levels": levels,
            "ThresholdBits": bits,
            "Thresholds": "ThresholdCodes",
            "Negate": "NegateFlags",
            "Base": op.base,
            "OutBits": op.output.bits,
        },
    )


def _residual(layer: Layer, op: Residual) -> None:
    a, b = op.inputs
    parameters: dict[str, object] = {
        "Channels": a.channels,
        "ABits": a.bits,
        "ASigned": _flag(a.signed),
        "ShiftA": op.shift_a,
        "BBits": b.bits,
        "BSigned": _flag(b.signed),
        "ShiftB": op.shift_b,
        "HasQuant": _flag(op.quant),
        **_quant("Out", op.quant),
        "OutBits": op.output.bits,
    }
    ports = {f"{s}_{p}": f"{s}_{p}" for s in "ab" for p in ("data_i", "valid_i", "ready_o")}
    layer.instances.append(Instance("xnorsr_residual", f"u_{layer.name}", parameters, CLOCK | ports | STREAM_OUT))


def _pixel_shuffle(layer: Layer, op: PixelShuffle) -> None:
    _whole(
        layer,
        "xnorsr_pixel_shuffle",
        {
            "Width": op.input.width,
            "Channels": op.output.channels,
            "Bits": op.output.bits,
            "Factor": op.factor,
            "Dcr": _flag(op.mode == "DCR"),
            "PixelsPerBeat": op.pixels_per_beat,
        },
    )


def _upsample(layer: Layer, op: Upsample) -> None:
    _whole(
        layer,
        "xnorsr_upsample",
        {
            "Width": op.input.width,
            "Height": op.input.height,
            "Channels": op.input.channels,
            "InBits": op.input.bits,
            "InSigned": _flag(op.input.signed),
            "Factor": op.factor,
            "Bilinear": _flag(op.mode == "bilinear"),
            "HasQuant": _flag(op.quant),
            **_quant("Out", op.quant),
            "OutBits": op.output.bits,
        },
    )


def pop_latency(op: Conv) -> int:
    """Register stages of a binary convolution's popcounts: one for about every two levels of 6-input functions."""
    return 1 if op.simd <= 36 else 2 if op.simd <= 216 else 3


def _conv(layer: Layer, op: Conv) -> None:
    kind, taps, outputs = op.input, op.kernel**2, len(op.weight)
    weights = "binary" if op.binary else f"{op.weight_bits} bit"
    layer.notes.append(
        f"{op.kernel} x {op.kernel}, {weights} weights, padding {op.pad_value}; PE {op.pe}, SIMD {op.simd}"
    )
    window_bits = taps * kind.word_bits
    layer.wires += [
        Wire("slice_data", kind.word_bits), Wire("slice_valid", 1), Wire("slice_ready", 1),
        Wire("window_data", window_bits), Wire("window_taps", taps), Wire("window_valid", 1), Wire("window_ready", 1),
    ]  # fmt: skip
    bits = op.output.bits
    layer.constants.append(
        Constant(
            "WeightCodes",
            op.weight.size * op.weight_bits,
            rows(op.weight.reshape(outputs, -1), op.weight_bits),
            "output",
        )
    )
    bias = f"{outputs * bits}'h0"
    if op.bias.any():
        layer.constants.append(Constant("BiasCodes", outputs * bits, rows(op.bias.reshape(outputs, 1), bits), "output"))
        bias = "BiasCodes"
    window = {"Width": kind.width, "Height": kind.height, "Bits": kind.word_bits, "Kernel": op.kernel}
    parameters: dict[str, object] = {
        "Channels": kind.channels,
        "InBits": kind.bits,
        "InSigned": _flag(kind.signed),
        "Bipolar": _flag(kind.bipolar),
        "Taps": taps,
        "PadValue": op.pad_value,
        "Outputs": outputs,
        "Pe": op.pe,
        "Simd": op.simd,
        "OutBits": bits,
        "Weights": "WeightCodes",
        "Bias": bias,
    }
    if op.binary:
        parameters |= {"PopLatency": pop_latency(op), "PopcountId": -1}
    else:
        parameters["WeightBits"] = op.weight_bits
    layer.instances += [
        # The ready path of a network would otherwise run through all its layers in one cycle.
        Instance(
            "xnorsr_skid",
            "u_slice",
            {"Bits": kind.word_bits},
            CLOCK | STREAM_IN | {"data_o": "slice_data", "valid_o": "slice_valid", "ready_i": "slice_ready"},
        ),
        Instance(
            "xnorsr_window",
            "u_window",
            dict(window),
            CLOCK
            | {"data_i": "slice_data", "valid_i": "slice_valid", "ready_o": "slice_ready"}
            | {"data_o": "window_data", "taps_o": "window_taps", "valid_o": "window_valid", "ready_i": "window_ready"},
        ),
        Instance(
            "xnorsr_mvu_binary" if op.binary else "xnorsr_mvu_fixed",
            "u_mvu",
            parameters,
            CLOCK
            | {"data_i": "window_data", "taps_i": "window_taps", "valid_i": "window_valid", "ready_o": "window_ready"}
            | STREAM_OUT,
        ),
    ]


_EMIT: dict[type[Op], Callable] = {
    Affine: _affine,
    Threshold: _threshold,
    Residual: _residual,
    PixelShuffle: _pixel_shuffle,
    Upsample: _upsample,
    Conv: _conv,
}
