"""A convolution as an HLS kernel and as a SystemVerilog module, and the cycles of both."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ...hls import latency as hls
from ...hls.arrays import Rom, ints, packed_codes
from ...hls.kernel import Kernel, in_dsp, pixels, size
from ...hls.widths import check_bits
from ...rtl.literals import rows
from ...rtl.module import CLOCK, STREAM_IN, STREAM_OUT, Constant, Instance, LayerModule, Wire, flag, layer
from ...types import Range
from . import digits, products
from .popcounts import pop_latency

if TYPE_CHECKING:
    from .op import Conv


#: Words of the weights' ROM from which on it has an output register (xnorsr_mvu_binary).
ROM_IN_ONE_STAGE = 64


def hls_latency(op: Conv) -> int:
    """Cycles of the kernel from a window to its output: the folding, the ports, an adder tree."""
    return op.folds + hls.PORTS + math.ceil(math.log2(op.simd * op.input.bits + 1))


def rtl_latency(op: Conv) -> int:
    """Cycles of the matrix-vector unit behind the window (module headers)."""
    if op.digit:
        return digits.latency(op)
    if op.binary:
        counts = pop_latency(op) + (op.input.bits - 1).bit_length()
        return counts + 1 if op.unrolled else op.folds + counts + (3 if op.folds <= ROM_IN_ONE_STAGE else 4)
    stages = products.choose(op).stages
    return stages + 1 if op.unrolled else op.folds + stages + 3


def tiles(op: Conv) -> np.ndarray:
    """Weights as the folding reads them.

    Returns:
        (PE, FOLD, SIMD) int64: cycle f = nf*SF + sf, output nf*PE + pe, synapse sf*SIMD + s of those that are read.
    """
    nf, sf = len(op.weight) // op.pe, op.synapses // op.simd
    folded = op.rows.reshape(nf, op.pe, sf, op.simd)
    return np.ascontiguousarray(folded.transpose(1, 0, 2, 3)).reshape(op.pe, nf * sf, op.simd)


def kernel(name: str, op: Conv) -> Kernel:
    """The HLS kernel: one of three engines."""
    engine = "mac" if not op.binary else "xnor" if op.input.bipolar else "planes"
    check_bits(name, "the accumulator", Range.of(op.output).bits)
    bits = 1 if op.binary else op.weight_bits
    words = packed_codes(tiles(op), bits)
    meaning = f"[PE][cycle][word of SIMD weights, {bits} bits each]" + ", 1 is +1, 0 is -1" * op.binary
    constants: tuple[tuple[str, int], ...] = (("K", op.kernel_size), *size(op.input), ("PE", op.pe), ("SIMD", op.simd))
    constants += (("PAD", op.pad_value), ("WEIGHT_BITS", bits), ("BINARY", int(op.binary)), ("GROUP", op.read.group))
    if engine == "mac":
        constants += (("DSP", in_dsp(op.weight_bits, op.input.bits)),)
    return Kernel(
        f"conv_{engine}",
        f"xnorsr_conv_{engine}.h",
        (
            ("in", pixels(op.input, values=True)),
            ("out", pixels(op.output)),
            ("used", f"Numbers<{', '.join(map(str, op.read.numbers))}>"),
        ),
        constants,
        (
            Rom("weight", f"{words.dtype.name}_t", words, meaning),
            ints("bias", op.bias.reshape(-1, op.pe), "[output channel / PE][output channel % PE]"),
        ),
    )


def _constants(made: LayerModule, op: Conv) -> str:
    """Weights and bias as localparams; the expression of the bias."""
    outputs, bits = len(op.weight), op.output.bits
    codes = op.rows
    made.constants.append(Constant("WeightCodes", codes.size * op.weight_bits, rows(codes, op.weight_bits), "output"))
    if not op.bias.any():
        return f"{outputs * bits}'h0"
    made.constants.append(Constant("BiasCodes", outputs * bits, rows(op.bias.reshape(outputs, 1), bits), "output"))
    return "BiasCodes"


def _read(made: LayerModule, op: Conv) -> tuple[str, str]:
    """Signals of the window's data and taps for the unit, to which each group that is read is a tap."""
    read = op.read
    if read.all:
        return "window_data", "window_taps"
    bits, parts = read.group * op.input.bits, op.input.channels // read.group
    made.notes.append(f"{read.count} of {read.of} synapses have weights")
    made.wires += [
        Wire("read_data", len(read.numbers) * bits),
        Wire("read_taps", len(read.numbers)),
        Wire("unused_ok", 1),
    ]
    made.assigns.append(("unused_ok", "&{1'b0, window_data, window_taps}"))
    for n, number in enumerate(read.numbers):
        made.assigns += [
            (f"read_data[{n * bits}+:{bits}]", f"window_data[{number * bits}+:{bits}]"),
            (f"read_taps[{n}]", f"window_taps[{number // parts}]"),
        ]
    return "read_data", "read_taps"


def module(name: str, op: Conv, index: int) -> LayerModule:
    """Window and matrix-vector unit; `index` is the unit's PopcountId or SumsId (see `popcounts`, `digits`)."""
    kind, taps = op.input, op.kernel_size**2
    made = layer(name, op.op_type, op.inputs, op.outputs)
    weights = "binary" if op.binary else f"{op.weight_bits} bit"
    made.notes.append(
        f"{op.kernel_size} x {op.kernel_size}, {weights} weights, padding {op.pad_value}; PE {op.pe}, SIMD {op.simd}"
        + f", {op.rtl_note}" * bool(op.rtl_note)
    )
    made.wires += [
        Wire("window_data", taps * kind.word_bits), Wire("window_taps", taps), Wire("window_valid", 1),
        Wire("window_ready", 1),
    ]  # fmt: skip
    data, inside = _read(made, op)
    parameters: dict[str, object] = {
        "Channels": op.read.group,
        "InBits": kind.bits,
        "InSigned": flag(kind.signed),
        "Taps": len(op.read.numbers),
        "Outputs": len(op.weight),
        "OutBits": op.output.bits,
        "Weights": "WeightCodes",
        "Bias": _constants(made, op),
    }
    unit_name = "digits" if op.digit else "binary" if op.binary else "fixed"
    if op.digit:
        parameters |= digits.parameters(op, index)
    else:
        parameters |= {"Bipolar": flag(kind.bipolar), "PadValue": op.pad_value, "Pe": op.pe, "Simd": op.simd}
    if op.binary:
        parameters = {"Width": kind.width, "Height": kind.height} | parameters
        parameters |= {"PopLatency": pop_latency(op), "PopcountId": index}
    elif not op.digit:
        made_with = products.choose(op)
        parameters |= {
            "WeightBits": op.weight_bits,
            "WeightMax": made_with.weight_max,
            "Shift": made_with.shift,
            "Chain": made_with.chain,
        }
    window_out = {
        "data_o": "window_data",
        "taps_o": "window_taps",
        "valid_o": "window_valid",
        "ready_i": "window_ready",
    }
    unit = {"data_i": data, "taps_i": inside, "valid_i": "window_valid", "ready_o": "window_ready"}
    size_of = {"Width": kind.width, "Height": kind.height, "Bits": kind.word_bits, "Kernel": op.kernel_size}
    made.instances += [
        Instance("xnorsr_window", "u_window", dict(size_of), CLOCK | STREAM_IN | window_out),
        Instance(f"xnorsr_mvu_{unit_name}", "u_mvu", parameters, CLOCK | unit | STREAM_OUT),
    ]
    return made
