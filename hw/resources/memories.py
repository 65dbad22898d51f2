"""What memories are made of: one rule for the account, for ram_style in the SystemVerilog and so for Vivado and Yosys.

By size: registers up to 2 words, look-up tables while small, block RAM else (`cost.ram_style`). The FIFOs of skips,
which are the largest, go to UltraRAM where the part has it and a FIFO takes a smaller share of it than of the block
RAM, as long as there is some. Line buffers and rings stay in block RAM: a line fills no UltraRAM of 4,096 words.

Yosys maps UltraRAM for UltraScale+ alone, with synth_xilinx's -uram; a project is synthesized for another family with
block RAM instead (XNORSR_NO_ULTRA).
"""

from __future__ import annotations

import math

from ..network import Network
from .cost import BLOCK, LUTS, Cost, coefficient, memory, ram_style
from .devices import Device

#: Style of xnorsr_ram for UltraRAM, beside `cost.LUTS` and `cost.BLOCK`.
ULTRA = 2
#: What Vivado and Yosys are told, by style.
ATTRIBUTES = ("distributed", "block", "ultra")
#: Words and bits of an UltraRAM (UG573).
_ULTRA_WORDS, _ULTRA_BITS = 4096, 72


def fifo_style(depth: int, width: int) -> int:
    """Style of a FIFO's memory where UltraRAM is not thought of; 0 too for FIFOs without memory."""
    return LUTS if depth < 5 else ram_style(depth - 1, width)


def fifo_cycles(depth: int, width: int) -> int:
    """Cycles through what stands on a stream (xnorsr_fifo's header): nothing, a slice, a FIFO that is empty."""
    return min(depth, 1) if depth <= 2 else 2 + (fifo_style(depth, width) != LUTS)


def ultra_rams(depth: int, width: int) -> int:
    """UltraRAMs of a memory."""
    return math.ceil(depth / _ULTRA_WORDS) * math.ceil(width / _ULTRA_BITS)


def fifo_styles(network: Network, depths: dict[str, int], part: Device | None) -> dict[str, int]:
    """Style of the memory on each stream.

    Args:
        depths: words that stand on the streams (`fifos.fifo_depths`).
        part: None where it is not known: then there is no UltraRAM.
    """
    bits = {name: network.streams[name].kind.word_bits for name in depths}
    styles = {name: fifo_style(depth, bits[name]) for name, depth in depths.items()}
    if part is None:
        return styles
    blocks = {name: memory(depths[name] - 2, bits[name]).bram36 for name, style in styles.items() if style == BLOCK}
    blocks = {name: count for name, count in blocks.items() if count}  # two words fewer may fit slices
    ultras = {name: ultra_rams(depths[name] - 2, bits[name]) for name in blocks}
    left = part.uram
    for name in sorted(blocks, key=lambda name: ultras[name] / blocks[name]):
        if ultras[name] <= left and ultras[name] * part.bram36 < blocks[name] * part.uram:
            styles[name], left = ULTRA, left - ultras[name]
    return styles


def fifo_cost(depth: int, width: int, style: int) -> Cost:
    """What stands between two layers: wires (depth 0), a register slice of one or two words, or a FIFO, whose memory
    ends in registers and has addresses and a level.
    """
    if depth <= 2:
        return Cost(lut=width * (depth == 2) + 3.0 * (depth > 0), ff=depth * (width + 1.0))
    control = coefficient("fifo_control")
    logic = Cost(lut=control, ff=control + width)
    if style == ULTRA:
        return logic + Cost(uram=ultra_rams(depth - 2, width))
    return logic + memory(depth - 1 - (style == BLOCK), width)
