"""What hardware costs: LUT, FF, block RAM and DSP of the parts that operators are made of.

Each coefficient has its source; those of one operator alone stand in its folder (`hw.ops`). These are estimates for a
first account and for choosing a folding; `synth` measures.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from ..types import StreamType


class Coefficient(NamedTuple):
    """One number of the cost model and where it comes from."""

    value: float
    unit: str
    source: str


RAM_SOURCE = "slice RAM, simple dual port: UG474 and UG574"
YOSYS_SOURCE = "Yosys 0.70, synth_xilinx xc7, networks of 8 and 16 channels"

COEFFICIENTS: dict[str, Coefficient] = {
    "adder": Coefficient(1.0, "LUT per sum bit", "one carry-chain bit per LUT: 7-series and UltraScale+ slices"),
    "round": Coefficient(1.2, "LUT per output bit", f"round half to even and saturate; {YOSYS_SOURCE}"),
    "multiply": Coefficient(
        0.55, "LUT per bit product", "constant operand: half of its digits are zero, 1 LUT per sum bit"
    ),
    "multiply_dsp_from": Coefficient(
        13.0, "bits of a + b", "narrower products cost fewer than 30 LUTs, no DSP is spent"
    ),
    "constant_dsp": Coefficient(
        0.7, "DSP per MAC", f"unrolled: weights that are 0 or a power of two need none; {YOSYS_SOURCE}"
    ),
    "rom_lut": Coefficient(1.0, "LUT per 64 ROM bits", "a LUT6 is a ROM of 64 x 1"),
    "ram32": Coefficient(4 / 6, "LUT per bit column of 32", f"RAM32M, 6 bits in 4 LUTs; {RAM_SOURCE}"),
    "ram64": Coefficient(4 / 3, "LUT per bit column of 64", f"RAM64M, 3 bits in 4 LUTs; {RAM_SOURCE}"),
    "ram_lut_bits": Coefficient(2048.0, "bits", "smaller memories go to slices, larger ones to block RAM"),
    "control": Coefficient(10.0, "LUT per stage", f"handshake; {YOSYS_SOURCE}"),
    "window_control": Coefficient(60.0, "LUT per window", f"positions, addresses, flush; {YOSYS_SOURCE}"),
    "fifo_control": Coefficient(40.0, "LUT per FIFO", f"addresses and count; {YOSYS_SOURCE}"),
    "port": Coefficient(6.6, "LUT per pixel bit", f"both video ports together; {YOSYS_SOURCE}"),
    "port_register": Coefficient(7.6, "FF per pixel bit", f"both video ports together; {YOSYS_SOURCE}"),
    "dsp_in_luts": Coefficient(60.0, "LUT", "exchange rate when a folding is chosen: LUTs per DSP of the listed parts"),
    "bram_in_luts": Coefficient(
        300.0, "LUT", "exchange rate when a folding is chosen: LUTs per BRAM36 of the listed parts"
    ),
    "ff_in_luts": Coefficient(
        0.5, "LUT", "exchange rate where constant weights are weighed up: every listed part has two FFs a LUT"
    ),
}


def coefficient(name: str) -> float:
    """Value of one coefficient."""
    return COEFFICIENTS[name].value


@dataclass(frozen=True)
class Cost:
    """Resources; fractions are kept until a layer's sum is shown. bram36 counts half for an 18 Kb block; look-up tables
    used as memory are in lut.
    """

    lut: float = 0.0
    ff: float = 0.0
    bram36: float = 0.0
    dsp: float = 0.0
    uram: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.lut + other.lut,
            self.ff + other.ff,
            self.bram36 + other.bram36,
            self.dsp + other.dsp,
            self.uram + other.uram,
        )

    def times(self, n: float) -> Cost:
        """n of them."""
        return Cost(self.lut * n, self.ff * n, self.bram36 * n, self.dsp * n, self.uram * n)

    @property
    def weight(self) -> float:
        """One figure to compare foldings by, in LUTs."""
        return self.lut + self.dsp * coefficient("dsp_in_luts") + self.bram36 * coefficient("bram_in_luts")

    @property
    def balance(self) -> float:
        """As `weight`, flip-flops counted too: for structures that trade the one for the other."""
        return self.weight + self.ff * coefficient("ff_in_luts")


_BRAM18_SHAPES = ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1))


#: Styles of xnorsr_ram; UltraRAM is `hw.resources.memories`'s to choose.
LUTS, BLOCK = 0, 1


def ram_style(depth: int, width: int) -> int:
    """What a simple dual-port memory is made of, as xnorsr_ram's Style: look-up tables while small, else block RAM."""
    return LUTS if depth <= 64 or depth * width <= coefficient("ram_lut_bits") else BLOCK


def memory(depth: int, width: int) -> Cost:
    """A simple dual-port memory: registers up to 2 words, slice RAM while small, block RAM (halves of 36 Kb) else."""
    if depth <= 0 or width <= 0:
        return Cost()
    if depth <= 2:
        return Cost(ff=depth * width)
    if depth <= 32:
        return Cost(lut=coefficient("ram32") * width)
    if ram_style(depth, width) == LUTS:
        return Cost(lut=coefficient("ram64") * width * math.ceil(depth / 64))
    halves = min(math.ceil(depth / d) * math.ceil(width / w) for d, w in _BRAM18_SHAPES)
    return Cost(bram36=halves / 2)


def distinct(depth: int, width: int) -> int:
    """Columns of a ROM that differ: of so many words there are no more than 2**depth different ones."""
    return width if depth > 16 else min(width, 1 << depth)


def rom(depth: int, width: int) -> Cost:
    """Read-only memory: LUTs while small, block RAM else."""
    if depth <= 1:
        return Cost()
    columns = distinct(depth, width)
    luts = coefficient("rom_lut") * columns * math.ceil(depth / 64)
    return Cost(lut=luts) if depth <= 256 or depth * columns <= coefficient("ram_lut_bits") else memory(depth, width)


def multiplier(bits_a: int, bits_b: int) -> Cost:
    """One product; a DSP slice (27 x 18 or 25 x 18) where it is worth one."""
    if bits_a + bits_b < coefficient("multiply_dsp_from"):
        return Cost(lut=coefficient("multiply") * bits_a * bits_b)
    wide, narrow = max(bits_a, bits_b), min(bits_a, bits_b)
    return Cost(dsp=math.ceil(wide / 25) * math.ceil(narrow / 18))


def window(stream: StreamType, kernel: int) -> Cost:
    """A sliding window (xnorsr_window): line delays in one memory, the taps, positions; nothing for a 1x1 kernel."""
    if kernel == 1:
        return Cost()
    taps = Cost(lut=coefficient("window_control"), ff=coefficient("window_control") + kernel**2 * stream.word_bits)
    return memory(stream.width, (kernel - 1) * (stream.word_bits + 1)) + taps


def control() -> Cost:
    """The handshake of one operator."""
    return Cost(lut=coefficient("control"), ff=coefficient("control"))


def port_cost(source: StreamType) -> Cost:
    """Both video ports."""
    return Cost(lut=coefficient("port") * source.word_bits, ff=coefficient("port_register") * source.word_bits)
