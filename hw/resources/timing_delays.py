"""Delays of cells and nets, by family: what the path analysis of a mapped netlist adds up.

Sources: cells of xc7 are those of Artix-7 speed grade -1 (DS181 where it gives them, else the delays of Project X-Ray
that Yosys's cells_sim.v quotes, times 1.36 for DSP slices, which makes them the 4.04 ns of a -1 part from A to PCOUT).
Cells of xcup are those that public timing reports of Zynq UltraScale+ parts of speed grade -1 print; -2, of DS925, is
faster, so that figures err on the safe side. Cells of ecp5 and gowin are those of nextpnr's reports. Nets stand for
placement: what such reports show after routing in small designs, over the number of pins, in a full device more.
Fields in `ROUGH` were set between their neighbours, not read anywhere. A routed clock is the judge:
`benchmarks/routed_clock.py`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Dsp:
    """A DSP slice, in nanoseconds.

    Attributes:
        p: clock to P with PREG.
        m_to_p: clock of MREG to P without PREG.
        a_to_p: clock of the input registers to P without MREG and PREG.
        register: set-up at an input register.
        a_to_m: from A, B without register into MREG.
        a_to_preg: from A, B without register into PREG, past MREG's place.
        c_to_preg: from C, PCIN and the modes without register into PREG.
        through: from A, B to P without any register.
        c_through: from C to P without any register.
        inside: between its own registers, with MREG.
        inside_no_m: between its own registers, without MREG.
    """

    p: float
    m_to_p: float
    a_to_p: float
    register: float
    a_to_m: float
    a_to_preg: float
    c_to_preg: float
    through: float
    c_through: float
    inside: float
    inside_no_m: float


@dataclass(frozen=True)
class Ram:
    """A memory block, in nanoseconds.

    Attributes:
        out: clock to data without output register.
        out_register: clock to data of the output register.
        setup: set-up of address, data and enables.
    """

    out: float
    out_register: float
    setup: float


@dataclass(frozen=True)
class Delays:
    """Delays of a family, in nanoseconds.

    Attributes:
        grade: the part that they are for.
        lut: through a look-up table, of any input.
        mux: through MUXF7, MUXF8 or MUXF9, which are beside the tables.
        clk_to_q, setup, setup_enable, setup_reset: of a flip-flop.
        net, net_doubling: a net with one pin, and what each doubling of the number of its pins adds.
        carry_in: from S or DI into the chain. carry_bit: along the chain. carry_out: from the chain to a sum.
        carry_sum: from S straight to the sum of its own bit.
        lut_ram_out, lut_ram_setup: clock to data, and set-up, of memory and shift registers in slices.
        bram, uram, dsp: the blocks.
        uncertainty: of the clock, jitter and skew.
    """

    grade: str
    lut: float
    mux: float
    clk_to_q: float
    setup: float
    setup_enable: float
    setup_reset: float
    net: float
    net_doubling: float
    carry_in: float
    carry_bit: float
    carry_out: float
    carry_sum: float
    lut_ram_out: float
    lut_ram_setup: float
    bram: Ram
    uram: Ram
    dsp: Dsp
    uncertainty: float

    def net_delay(self, fan_out: int) -> float:
        """A net that goes to so many pins."""
        return self.net + self.net_doubling * math.log2(max(fan_out, 1))


DELAYS = {
    "xc7": Delays(
        grade="Artix-7, speed grade -1", lut=0.124, mux=0.24, clk_to_q=0.456, setup=0.08, setup_enable=0.205,
        setup_reset=0.524, net=0.5, net_doubling=0.11, carry_in=0.533, carry_bit=0.0285, carry_out=0.334,
        carry_sum=0.25, lut_ram_out=1.47, lut_ram_setup=0.45,
        bram=Ram(out=2.454, out_register=0.882, setup=0.737), uram=Ram(out=2.454, out_register=0.882, setup=0.737),
        dsp=Dsp(p=0.434, m_to_p=2.27, a_to_p=4.01, register=0.44, a_to_m=1.93, a_to_preg=3.73, c_to_preg=1.69,
                through=3.84, c_through=1.80, inside=2.15, inside_no_m=3.81),
        uncertainty=0.035,
    ),
    "xcu": Delays(
        grade="Kintex UltraScale, speed grade -1", lut=0.17, mux=0.12, clk_to_q=0.14, setup=0.06, setup_enable=0.09,
        setup_reset=0.1, net=0.27, net_doubling=0.065, carry_in=0.35, carry_bit=0.0095, carry_out=0.17,
        carry_sum=0.31, lut_ram_out=0.95, lut_ram_setup=0.3,
        bram=Ram(out=1.6, out_register=0.45, setup=0.5), uram=Ram(out=1.6, out_register=0.45, setup=0.5),
        dsp=Dsp(p=0.35, m_to_p=1.6, a_to_p=2.75, register=0.3, a_to_m=1.55, a_to_preg=2.55, c_to_preg=1.15,
                through=2.75, c_through=1.3, inside=1.65, inside_no_m=2.7),
        uncertainty=0.035,
    ),
    "xcup": Delays(
        grade="Zynq UltraScale+, speed grade -1", lut=0.13, mux=0.09, clk_to_q=0.093, setup=0.03, setup_enable=0.06,
        setup_reset=0.07, net=0.19, net_doubling=0.045, carry_in=0.245, carry_bit=0.0065, carry_out=0.12,
        carry_sum=0.25, lut_ram_out=0.66, lut_ram_setup=0.2,
        bram=Ram(out=1.1, out_register=0.3, setup=0.35), uram=Ram(out=1.6, out_register=0.5, setup=0.4),
        dsp=Dsp(p=0.23, m_to_p=1.1, a_to_p=2.01, register=0.2, a_to_m=1.08, a_to_preg=1.78, c_to_preg=0.8,
                through=1.94, c_through=0.96, inside=1.18, inside_no_m=1.88),
        uncertainty=0.035,
    ),
    "ecp5": Delays(
        grade="ECP5, speed grade 6", lut=0.24, mux=0.2, clk_to_q=0.525, setup=0.0, setup_enable=0.1,
        setup_reset=0.1, net=0.6, net_doubling=0.17, carry_in=0.45, carry_bit=0.036, carry_out=0.44,
        carry_sum=0.45, lut_ram_out=0.65, lut_ram_setup=0.2,
        bram=Ram(out=5.7, out_register=0.9, setup=0.2), uram=Ram(out=5.7, out_register=0.9, setup=0.2),
        dsp=Dsp(p=0.6, m_to_p=3.0, a_to_p=4.0, register=0.3, a_to_m=3.0, a_to_preg=3.5, c_to_preg=2.0,
                through=3.9, c_through=2.0, inside=3.5, inside_no_m=4.0),
        uncertainty=0.0,
    ),
    "gowin": Delays(
        grade="Gowin GW5AST-138, C1/I0", lut=0.5, mux=0.268, clk_to_q=0.231, setup=0.035, setup_enable=0.035,
        setup_reset=0.035, net=0.45, net_doubling=0.12, carry_in=0.56, carry_bit=0.035, carry_out=0.469,
        carry_sum=0.56, lut_ram_out=0.5, lut_ram_setup=0.035,
        bram=Ram(out=2.3, out_register=0.4, setup=0.1), uram=Ram(out=2.3, out_register=0.4, setup=0.1),
        dsp=Dsp(p=0.6, m_to_p=3.0, a_to_p=4.0, register=0.3, a_to_m=3.0, a_to_preg=3.5, c_to_preg=2.0,
                through=3.9, c_through=2.0, inside=3.5, inside_no_m=4.0),
        uncertainty=0.0,
    ),
}  # fmt: skip

#: Fields above that no source gives; they were set between neighbours.
ROUGH: dict[str, tuple[str, ...]] = {
    "xc7": ("net", "net_doubling", "uram"),
    "xcu": ("all",),  # between xc7 and xcup
    "xcup": ("net", "net_doubling", "setup_enable", "setup_reset", "lut_ram_out", "lut_ram_setup", "bram", "uram"),
    "ecp5": ("net", "net_doubling", "carry_out", "lut_ram_out", "lut_ram_setup", "dsp"),
    "gowin": ("net", "net_doubling", "lut_ram_out", "lut_ram_setup", "bram", "uram", "dsp"),
}
