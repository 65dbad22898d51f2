"""What mapped cells do to a path: where it starts, where it ends, and what stands between.

A cell's pins are those of Yosys's cells_sim.v and cells_xtra.v. A carry chain is taken apart into its bits, so that a
sum that depends on low bits only does not seem to depend on high ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from .timing_delays import Delays, Ram

#: A net by its number in Yosys's JSON, or a constant.
Bit = int | str
Pins = Mapping[str, list[Bit]]
Parameters = Mapping[str, str]

#: What an arc is, for counting: a look-up table, entering a carry chain, a bit along it, leaving it, a multiplexer
#: beside the tables, a DSP slice.
LUT, ENTER, ALONG, LEAVE, OTHER, BLOCK = range(6)


#: The net in front of a pin: routed; within a slice where it goes from one table or chain to this pin alone; a
#: dedicated wire.
FAR, BESIDE, WIRED = range(3)


class Arc(NamedTuple):
    """From a net to another one.

    Attributes:
        source, target: nets; a negative number is a net inside the cell.
        delay: through the cell, in nanoseconds.
        kind: LUT, ENTER, ALONG, LEAVE, OTHER or BLOCK.
        near: whether the net before it is routed: `FAR`, `BESIDE` or `WIRED`.
    """

    source: int
    target: int
    delay: float
    kind: int
    near: int


class Start(NamedTuple):
    """A register's output: its net and the delay from the clock."""

    net: int
    delay: float


class End(NamedTuple):
    """A register's input: its net, pin, set-up, and `near` as in `Arc`."""

    net: int
    pin: str
    setup: float
    near: int


@dataclass
class Model:
    """A cell's arcs, starts and ends; `inside` is the time that it needs between its own registers."""

    arcs: list[Arc]
    starts: list[Start]
    ends: list[End]
    inside: float = 0.0


class UnknownCell(ValueError):
    """A cell that the analysis has no model of."""


def _nets(bits: list[Bit]) -> Iterator[int]:
    return (bit for bit in bits if isinstance(bit, int))


def _through(pins: Pins, inputs: list[str], output: str, delay: float, kind: int, near: int = FAR) -> list[Arc]:
    """Arcs from all nets of ``inputs`` to all of ``output``."""
    targets = list(_nets(pins.get(output, [])))
    sources = [net for name in inputs for net in _nets(pins.get(name, []))]
    return [Arc(source, target, delay, kind, near) for target in targets for source in dict.fromkeys(sources)]


_LUT_OUTPUTS = ("O", "O5", "O6", "Z", "F")
#: Pins that choose between the two inputs of a multiplexer beside the tables.
_CHOOSE = ("S", "C0", "SD", "S0")


def _lut(d: Delays, pins: Pins, _: Parameters) -> Model:
    inputs = [name for name in pins if name not in _LUT_OUTPUTS]
    arcs = [arc for out in _LUT_OUTPUTS for arc in _through(pins, inputs, out, d.lut, LUT)]
    return Model(arcs, [], [])


def _mux(d: Delays, pins: Pins, _: Parameters) -> Model:
    near = [name for name in pins if name not in ("O", "Z", *_CHOOSE)]
    out = "O" if "O" in pins else "Z"
    arcs = _through(pins, near, out, d.mux, OTHER, near=BESIDE)
    return Model(arcs + _through(pins, list(_CHOOSE), out, d.mux, OTHER), [], [])


def _buffer(d: Delays, pins: Pins, _: Parameters) -> Model:
    return Model(_through(pins, ["I"], "O", 0.0, OTHER), [], [])


_RESETS = ("R", "S", "CLR", "PRE", "LSR", "RESET", "SET", "CLEAR", "PRESET")


def _flip_flop(d: Delays, pins: Pins, _: Parameters) -> Model:
    setups = {"D": d.setup, "DI": d.setup, "M": d.setup, "CE": d.setup_enable, "G": d.setup_enable}
    setups |= dict.fromkeys(_RESETS, d.setup_reset)
    ends = [
        End(n, pin, t, BESIDE if pin in ("D", "DI") else FAR)
        for pin, t in setups.items()
        for n in _nets(pins.get(pin, []))
    ]
    return Model([], [Start(n, d.clk_to_q) for n in _nets(pins["Q"])], ends)


def _carry(d: Delays, pins: Pins, parameters: Parameters) -> Model:
    """CARRY4 and CARRY8, a bit at a time."""
    chain = [Arc(n, 0, d.carry_bit, ALONG, WIRED) for n in _nets(pins.get("CI", []))]
    if parameters.get("CARRY_TYPE", "").startswith("DUAL"):
        top = [Arc(n, 0, d.carry_in, ENTER, FAR) for n in _nets(pins.get("CI_TOP", []))]
        return Model([*_carry_bits(d, pins, chain, range(4)), *_carry_bits(d, pins, top, range(4, 8))], [], [])
    chain += [Arc(n, 0, d.carry_in, ENTER, FAR) for n in _nets(pins.get("CYINIT", []))]
    return Model(_carry_bits(d, pins, chain, range(len(pins["S"]))), [], [])


def _carry_bits(d: Delays, pins: Pins, before: list[Arc], places: range) -> list[Arc]:
    """Arcs of a chain's bits.

    Args:
        before: arcs into the first bit's carry; their targets are not looked at.
    """
    arcs: list[Arc] = []
    for i in places:
        out, s, di = (_bit(pins, name, i) for name in ("O", "S", "DI"))
        carry = _bit(pins, "CO", i) or -1 - i
        for arc in before:
            arcs.append(arc._replace(target=carry))
            if out is not None:
                leaves = (d.carry_out, LEAVE) if arc.kind == ALONG else (d.carry_sum, ENTER)
                arcs.append(Arc(arc.source, out, *leaves, arc.near))
        entering = {di: FAR, s: BESIDE}
        arcs += [Arc(net, carry, d.carry_in, ENTER, near) for net, near in entering.items() if net is not None]
        if s is not None and out is not None:
            arcs.append(Arc(s, out, d.carry_sum, ENTER, BESIDE))
        before = [Arc(carry, 0, d.carry_bit, ALONG, WIRED)]
    return arcs


def _bit(pins: Pins, name: str, place: int) -> int | None:
    bits = pins.get(name, [])
    bit = bits[place] if place < len(bits) else "x"
    return bit if isinstance(bit, int) else None


#: Memories in slices: each output, with the address that it is read at.
_SHIFT = {"Q": "A", "Q15": "", "Q31": ""}
_LUT_RAMS: dict[str, dict[str, str]] = {
    **{kind: {"O": "A"} for kind in ("RAM32X1S", "RAM64X1S", "RAM128X1S", "RAM256X1S", "RAM512X1S")},
    **{kind: {"SPO": "A", "DPO": "DPRA"} for kind in ("RAM32X1D", "RAM64X1D", "RAM128X1D", "RAM256X1D")},
    **{kind: {f"DO{x}": f"ADDR{x}" for x in "ABCD"} for kind in ("RAM32M", "RAM64M")},
    **{kind: {f"DO{x}": f"ADDR{x}" for x in "ABCDEFGH"} for kind in ("RAM32M16", "RAM64M8")},
    **dict.fromkeys(("SRL16E", "SRLC16E", "SRLC32E"), _SHIFT),
    **{kind: {"DO": "RAD"} for kind in ("TRELLIS_DPR16X4", "RAM16SDP1", "RAM16SDP2", "RAM16SDP4")},
}
_WRITTEN_AT = {"RAM32M": "ADDRD", "RAM64M": "ADDRD", "RAM32M16": "ADDRH", "RAM64M8": "ADDRH"}
_CLOCKS = ("C", "CLK", "WCLK", "WCK", "CLKA", "CLKB", "CLKARDCLK", "CLKBWRCLK")
_BLOCK_RAMS = ("RAMB18E1", "RAMB36E1", "RAMB18E2", "RAMB36E2", "DP16KD")
_FLIP_FLOPS = ("FDRE", "FDSE", "FDCE", "FDPE", "FDRE_1", "FDSE_1", "FDCE_1", "FDPE_1", "LDCE", "LDPE", "TRELLIS_FF",
               "DFF", "DFFE", "DFFR", "DFFRE", "DFFS", "DFFSE", "DFFC", "DFFCE", "DFFP", "DFFPE")  # fmt: skip


def _address(pins: Pins, name: str) -> list[str]:
    """Pins of an address, which is a bus or has a pin for each bit."""
    return [pin for pin in pins if name and (pin == name or (pin.startswith(name) and pin[len(name) :].isdigit()))]


def _lut_ram(kind: str) -> Callable[[Delays, Pins, Parameters], Model]:
    reads = _LUT_RAMS[kind]

    def model(d: Delays, pins: Pins, _: Parameters) -> Model:
        arcs = [arc for out, name in reads.items() for arc in _through(pins, _address(pins, name), out, d.lut, LUT)]
        starts = [Start(n, d.lut_ram_out) for out in reads for n in _nets(pins.get(out, []))]
        # Of the addresses, one is written at; a shift register's is only read at.
        reading = {pin for name in reads.values() for pin in _address(pins, name)}
        reading -= set(_address(pins, _WRITTEN_AT.get(kind, "" if kind.startswith("SRL") else "A")))
        writes = [pin for pin in pins if pin not in reads and pin not in _CLOCKS and pin not in reading]
        ends = [End(n, pin, d.lut_ram_setup, FAR) for pin in writes for n in _nets(pins[pin])]
        return Model(arcs, starts, ends)

    return model


def _is_on(parameters: Parameters, *names: str) -> bool:
    """Whether one of the registers is used; parameters are numbers in binary, as text."""
    return any(set(parameters.get(name, "0").removesuffix(" ")) - {"0"} for name in names)


def _ram(ram: Ram, pins: Pins, outs: Callable[[str], bool], registers: Callable[[str], bool]) -> Model:
    starts, ends = [], []
    for pin, bits in pins.items():
        if outs(pin):
            starts += [Start(n, ram.out_register if registers(pin) else ram.out) for n in _nets(bits)]
        elif pin not in _CLOCKS:
            ends += [End(n, pin, ram.setup, FAR) for n in _nets(bits)]
    return Model([], starts, ends)


def _block_ram(d: Delays, pins: Pins, parameters: Parameters) -> Model:
    def output(pin: str) -> bool:
        return pin.startswith(("DO", "CASDO"))

    def registered(pin: str) -> bool:
        port = "B" if "B" in pin else "A"
        return _is_on(parameters, f"DO{port}_REG") or parameters.get(f"REGMODE_{port}", "") == "OUTREG"

    return _ram(d.bram, pins, output, registered)


def _ultra_ram(d: Delays, pins: Pins, parameters: Parameters) -> Model:
    def output(pin: str) -> bool:
        return pin.startswith(("DOUT", "CAS_OUT", "DBITERR", "SBITERR", "RDACCESS"))

    def registered(pin: str) -> bool:
        return parameters.get(f"OREG_{pin[-1]}", "").strip() == "TRUE"

    return _ram(d.uram, pins, output, registered)


def _dsp(d: Delays, pins: Pins, parameters: Parameters) -> Model:
    t = d.dsp
    # Registers that a netlist does not name are there: the parameters' defaults are 1.
    on = {name: _is_on({name: parameters.get(name, "1")}, name) for name in _DSP_REGISTERS}
    on["AD"] = on["ADREG"] and parameters.get("USE_DPORT", parameters.get("AMULTSEL", "")) in ("TRUE", "AD")
    multiplies = parameters.get("USE_MULT", "MULTIPLY").strip() != "NONE"
    outputs = [n for pin in _DSP_OUTPUTS if pin not in _DSP_PASSED for n in _nets(pins.get(pin, []))]
    model = Model([], [], [])
    # What goes on to the next slice's A or B comes out of this one's register, or straight from its input
    for pin, source in _DSP_PASSED.items():
        if on[f"{source}REG"]:
            model.starts += [Start(n, t.p) for n in _nets(pins.get(pin, []))]
        else:
            model.arcs += _through(pins, [source], pin, t.p, BLOCK)
            model.arcs += _through(pins, [f"{source}CIN"], pin, t.p, BLOCK, near=WIRED)
    for pin, bits in pins.items():
        if pin in _DSP_OUTPUTS or pin in _CLOCKS:
            continue
        near = WIRED if pin in ("PCIN", "ACIN", "BCIN", "CARRYCASCIN", "MULTSIGNIN") else FAR
        data = pin in ("A", "B", "D", "ACIN", "BCIN") and multiplies
        register = pin != "PCIN" and on.get(f"{pin.removesuffix('CIN')}REG", pin.startswith(("CE", "RST")))
        register = register or (pin in ("A", "D") and on["AD"])
        if register:
            setup = t.register
        elif data and on["MREG"]:
            setup = t.a_to_m
        elif on["PREG"]:
            setup = t.a_to_preg if data else t.c_to_preg
        else:
            delay = t.through if data else t.c_through
            model.arcs += [Arc(n, out, delay, BLOCK, near) for n in dict.fromkeys(_nets(bits)) for out in outputs]
            continue
        model.ends += [End(n, pin, setup, near) for n in _nets(bits)]
    inputs = on["AREG"] or on["BREG"] or on["CREG"]
    delay = t.p if on["PREG"] else t.m_to_p if on["MREG"] and multiplies else t.a_to_p
    if on["PREG"] or on["MREG"] or inputs:
        model.starts += [Start(n, delay) for n in outputs]
    if multiplies and inputs and on["PREG"]:
        model.inside = t.inside if on["MREG"] else t.inside_no_m
    elif on["PREG"]:
        model.inside = t.inside
    return model


_DSP_REGISTERS = ("AREG", "BREG", "CREG", "DREG", "ADREG", "MREG", "PREG", "OPMODEREG", "ALUMODEREG", "INMODEREG",
                  "CARRYINREG", "CARRYINSELREG")  # fmt: skip
_DSP_PASSED = {"ACOUT": "A", "BCOUT": "B"}
_DSP_OUTPUTS = ("P", "PCOUT", "ACOUT", "BCOUT", "CARRYOUT", "CARRYCASCOUT", "MULTSIGNOUT", "PATTERNDETECT",
                "PATTERNBDETECT", "OVERFLOW", "UNDERFLOW", "XOROUT")  # fmt: skip


def _ccu2c(d: Delays, pins: Pins, _: Parameters) -> Model:
    """Two bits of a carry chain with their look-up tables."""
    arcs = []
    for i in "01":
        inputs = [f"{x}{i}" for x in "ABCD"]
        arcs += _through(pins, inputs, "COUT", d.carry_in, ENTER) + _through(pins, inputs, f"S{i}", d.carry_sum, ENTER)
    arcs += _through(pins, [f"{x}0" for x in "ABCD"], "S1", d.carry_in + d.carry_out, ENTER)
    arcs += _through(pins, ["CIN"], "COUT", 2 * d.carry_bit, ALONG, near=WIRED)
    return Model(
        arcs + [a for i in "01" for a in _through(pins, ["CIN"], f"S{i}", d.carry_out, LEAVE, near=WIRED)], [], []
    )


def _alu(d: Delays, pins: Pins, _: Parameters) -> Model:
    """A bit of Gowin's carry chain, with the look-up table in front of it."""
    inputs = ["I0", "I1", "I3"]
    arcs = _through(pins, inputs, "COUT", d.carry_in, ENTER) + _through(pins, inputs, "SUM", d.carry_sum, ENTER)
    arcs += _through(pins, ["CIN"], "COUT", d.carry_bit, ALONG, near=WIRED)
    return Model(arcs + _through(pins, ["CIN"], "SUM", d.carry_out, LEAVE, near=WIRED), [], [])


def _multiplier(d: Delays, pins: Pins, parameters: Parameters) -> Model:
    """ECP5's multiplier, whose registers Yosys does not use."""
    inputs = [pin for pin in pins if pin[:1] in "AB" and pin[1:].isdigit()]
    outputs = [pin for pin in pins if pin[:1] == "P" and pin[1:].isdigit()]
    return Model([arc for out in outputs for arc in _through(pins, inputs, out, d.dsp.through, BLOCK)], [], [])


Maker = Callable[[Delays, Pins, Parameters], Model]
MODELS: dict[str, Maker] = {
    **dict.fromkeys([f"LUT{n}" for n in range(1, 7)] + ["LUT6_2", "INV"], _lut),
    **dict.fromkeys(("MUXF7", "MUXF8", "MUXF9", "PFUMX", "L6MUX21"), _mux),
    **dict.fromkeys([f"MUX2_LUT{n}" for n in range(5, 9)], _mux),
    **dict.fromkeys(("BUFG", "IBUF", "OBUF", "BUF"), _buffer),
    **dict.fromkeys(_FLIP_FLOPS, _flip_flop),
    **dict.fromkeys(("CARRY4", "CARRY8"), _carry),
    **{kind: _lut_ram(kind) for kind in _LUT_RAMS},
    **dict.fromkeys(_BLOCK_RAMS, _block_ram),
    "URAM288": _ultra_ram,
    **dict.fromkeys(("DSP48E1", "DSP48E2"), _dsp),
    "CCU2C": _ccu2c,
    "ALU": _alu,
    "MULT18X18D": _multiplier,
    "VCC": lambda d, pins, parameters: Model([], [], []),
    "GND": lambda d, pins, parameters: Model([], [], []),
}


def model_of(kind: str, pins: Pins, parameters: Parameters, delays: Delays) -> Model:
    """Model of a cell.

    Args:
        kind: its type.
        pins: nets of its pins.
        parameters: of the cell, as Yosys writes them.

    Raises:
        UnknownCell: there is no model of this type.
    """
    if kind not in MODELS:
        raise UnknownCell(f"no timing model of cell {kind!r}; known: {', '.join(sorted(MODELS))}")
    return MODELS[kind](delays, pins, {key: str(value) for key, value in parameters.items()})
