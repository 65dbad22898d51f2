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
        (PE, FOLD, SIMD) int64: cycle f = nf*SF + sf, synapse sf*SIMD + s of those that are read. Lane u*P + p of unit
        u, where P = PE/units, has output u*O/units + nf*P + p.
    """
    units, nf, sf = op.read.units, len(op.weight) // op.pe, op.synapses // op.simd
    folded = op.rows.reshape(units, nf, -1, sf, op.simd)
    return np.ascontiguousarray(folded.transpose(0, 2, 1, 3, 4)).reshape(op.pe, nf * sf, op.simd)


def _lanes(op: Conv) -> np.ndarray:
    """The bias as the folding reads it, (O/PE, PE)."""
    units = op.read.units
    return op.bias.reshape(units, -1, op.pe // units).transpose(1, 0, 2).reshape(-1, op.pe)


def kernel(name: str, op: Conv) -> Kernel:
    """The HLS kernel: one of three engines."""
    engine = "mac" if not op.binary else "xnor" if op.input.bipolar else "planes"
    check_bits(name, "the accumulator", Range.of(op.output).bits)
    bits = 1 if op.binary else op.weight_bits
    words = packed_codes(tiles(op), bits)
    meaning = f"[PE][cycle][word of SIMD weights, {bits} bits each]" + ", 1 is +1, 0 is -1" * op.binary
    constants: tuple[tuple[str, int], ...] = (("K", op.kernel_size), *size(op.input), ("PE", op.pe), ("SIMD", op.simd))
    constants += (("PAD", op.pad_value), ("WEIGHT_BITS", bits), ("BINARY", int(op.binary)))
    constants += (("BLOCK", op.read.block), ("UNITS", op.read.units))
    if engine == "mac":
        constants += (("DSP", in_dsp(op.weight_bits, op.input.bits)),)
    return Kernel(
        f"conv_{engine}",
        f"xnorsr_conv_{engine}.h",
        (
            ("in", pixels(op.input, values=True)),
            ("out", pixels(op.output)),
            ("used", f"Numbers<{', '.join(str(block) for unit in op.read.lists for block in unit)}>"),
        ),
        constants,
        (
            Rom("weight", f"{words.dtype.name}_t", words, meaning),
            ints("bias", _lanes(op), "[result of a lane][lane]"),
        ),
    )


def _constants(made: LayerModule, op: Conv) -> None:
    """Weights and bias as localparams."""
    outputs, bits, codes = len(op.weight), op.output.bits, op.rows
    made.constants.append(Constant("WeightCodes", codes.size * op.weight_bits, rows(codes, op.weight_bits), "output"))
    if op.bias.any():
        made.constants.append(Constant("BiasCodes", outputs * bits, rows(op.bias.reshape(outputs, 1), bits), "output"))


def _read(made: LayerModule, op: Conv) -> None:
    """What each unit reads of the window, if not all of it: each block is a tap to it."""
    read = op.read
    bits, parts, length = read.block * op.input.bits, op.input.channels // read.block, len(read.lists[0])
    made.notes.append(f"{read.count} of {read.of} synapses of an output have weights")
    made.wires.append(Wire("unused_ok", 1))
    made.assigns.append(
        ("unused_ok", "&{1'b0, window_data, window_taps" + ", unit_valid, unit_ready" * (read.units > 1) + "}")
    )
    for unit, numbers in enumerate(read.lists):
        made.wires += [Wire(f"data_{unit}", length * bits), Wire(f"taps_{unit}", length)]
        for n, number in enumerate(numbers):
            made.assigns += [
                (f"data_{unit}[{n * bits}+:{bits}]", f"window_data[{number * bits}+:{bits}]"),
                (f"taps_{unit}[{n}]", f"window_taps[{number // parts}]"),
            ]


def _unit(op: Conv, index: int) -> tuple[str, dict[str, object]]:
    """The matrix-vector unit's module and its parameters, except for weights and bias."""
    kind, read = op.input, op.read
    parameters: dict[str, object] = {
        "Channels": read.block,
        "InBits": kind.bits,
        "InSigned": flag(kind.signed),
        "Taps": len(read.lists[0]),
        "Outputs": len(op.weight) // read.units,
        "OutBits": op.output.bits,
    }
    if op.digit:
        return "xnorsr_mvu_digits", parameters | digits.parameters(op, index)
    parameters |= {"Bipolar": flag(kind.bipolar), "PadValue": op.pad_value, "Pe": op.pe // read.units, "Simd": op.simd}
    if op.binary:
        parameters |= {"Width": kind.width, "Height": kind.height}
        return "xnorsr_mvu_binary", parameters | {"PopLatency": pop_latency(op), "PopcountId": index}
    made_with = products.choose(op)
    parameters |= {
        "WeightBits": op.weight_bits,
        "WeightMax": made_with.weight_max,
        "Shift": made_with.shift,
        "Chain": made_with.chain,
    }
    return "xnorsr_mvu_fixed", parameters


def _units(made: LayerModule, op: Conv, index: int) -> None:
    """The matrix-vector units. All do the same in each cycle, so the first one's handshake is that of all."""
    read, outputs = op.read, len(op.weight) // op.read.units
    module_name, parameters = _unit(op, index)
    weights, biases = outputs * read.count * op.weight_bits, outputs * op.output.bits
    for unit in range(read.units):
        ports = {"data_i": "window_data", "taps_i": "window_taps", "valid_i": "window_valid"}
        ports |= {"ready_o": "window_ready"} | STREAM_OUT
        constants = {"Weights": "WeightCodes", "Bias": "BiasCodes" if op.bias.any() else f"{biases}'h0"}
        if not read.all:
            ports |= {"data_i": f"data_{unit}", "taps_i": f"taps_{unit}"}
        if read.units > 1:
            ports |= {"ready_o": f"unit_ready[{unit}]", "valid_o": f"unit_valid[{unit}]"}
            ports["data_o"] = f"data_o[{unit * biases}+:{biases}]"
            constants["Weights"] += f"[{unit * weights}+:{weights}]"
            constants["Bias"] += f"[{unit * biases}+:{biases}]" if op.bias.any() else ""
        name = "u_mvu" if read.units == 1 else f"u_mvu_{unit}"
        made.instances.append(Instance(module_name, name, parameters | constants, CLOCK | ports))
    if read.units > 1:
        made.wires += [Wire("unit_ready", read.units), Wire("unit_valid", read.units)]
        made.assigns += [("window_ready", "unit_ready[0]"), ("valid_o", "unit_valid[0]")]


def module(name: str, op: Conv, index: int) -> LayerModule:
    """Window and matrix-vector units; `index` is the unit's PopcountId or SumsId (see `popcounts`, `digits`)."""
    kind, taps = op.input, op.kernel_size**2
    made = layer(name, op.op_type, op.inputs, op.outputs)
    weights = "binary" if op.binary else f"{op.weight_bits} bit"
    made.notes.append(
        f"{op.kernel_size} x {op.kernel_size}, {weights} weights, padding {op.pad_value}; PE {op.pe}, SIMD {op.simd}"
        + f", {op.rtl_note}" * bool(op.rtl_note)
        + f", {op.read.units} units" * (op.read.units > 1)
    )
    made.wires += [
        Wire("window_data", taps * kind.word_bits), Wire("window_taps", taps), Wire("window_valid", 1),
        Wire("window_ready", 1),
    ]  # fmt: skip
    size_of = {"Width": kind.width, "Height": kind.height, "Bits": kind.word_bits, "Kernel": op.kernel_size}
    window_out = {
        "data_o": "window_data",
        "taps_o": "window_taps",
        "valid_o": "window_valid",
        "ready_i": "window_ready",
    }
    made.instances.append(Instance("xnorsr_window", "u_window", dict(size_of), CLOCK | STREAM_IN | window_out))
    _constants(made, op)
    if not op.read.all:
        _read(made, op)
    _units(made, op, index)
    return made
