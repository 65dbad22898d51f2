"""The netlist that all popcount structures are built in: gates and carry chains over single-bit nets.

A literal is ``2 * net + inverted``; net 0 is the constant 0, so literal 0 is constant 0 and literal 1 constant 1.
The netlist is evaluated bit-parallel in NumPy (fast tests without a simulator) and written as SystemVerilog.
It uses operators only (``^ & | +``), no vendor primitives: synthesis merges the small gates into 6-input LUTs and maps
every ``+`` to one carry chain.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

CONST0, CONST1 = 0, 1


@dataclass(frozen=True)
class Gate:
    """One gate: ``kind`` is "xor" (any number of inputs), "and" (any number) or "maj" (three inputs)."""

    kind: str
    ins: tuple[int, ...]
    out: int


@dataclass(frozen=True)
class Adder:
    """One carry chain: outs = (a + b) mod 2**len(outs), least significant position first; a and b hold literals.

    A position with a == b hands its bit to the next position as carry-in and gives the carry that comes from below as
    its sum bit. So several short additions can stand in one chain, one position between two of them.
    """

    a: tuple[int, ...]
    b: tuple[int, ...]
    outs: tuple[int, ...]


@dataclass(frozen=True)
class Match:
    """Three XNORs and their number, a triple of xnorsr_match3: outs = bits of (number of k with x[k] == w[k])."""

    x: tuple[int, ...]
    w: tuple[int, ...]
    outs: tuple[int, int]


@dataclass
class Netlist:
    """Gates and adders in topological order.

    Attributes:
        inputs: SystemVerilog names of the input bits; nets 1..len(inputs) in this order.
        nodes: gates and adders.
        level: logic level of each net, counted in LUTs or carry chains.
        outputs: one list of literals an output word, least significant first.
        chain_kinds: memory of popcount_columns: blocks of a chain by heights of columns.
        merged: nets of gates that end no LUT: they belong to the LUT or carry chain that follows.
    """

    inputs: list[str]
    nodes: list[Gate | Adder | Match] = field(default_factory=list)
    level: list[int] = field(default_factory=list)
    outputs: list[list[int]] = field(default_factory=list)
    merged: set[int] = field(default_factory=set)
    chain_kinds: dict[tuple[object, ...], list[str]] = field(default_factory=dict)
    _known: dict[tuple[str, tuple[int, ...]], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.level = [0] * (len(self.inputs) + 1)

    def input(self, index: int) -> int:
        """The literal of an input bit."""
        return 2 * (index + 1)

    def lit_level(self, lit: int) -> int:
        """Logic level of a literal."""
        return self.level[lit >> 1]

    def _net(self, level: int) -> int:
        self.level.append(level)
        return len(self.level) - 1

    def gate(self, kind: str, ins: list[int], lut: bool = False) -> int:
        """Adds a gate, or finds the equal one; inverters move to the output where they can. Returns its literal.

        Args:
            kind: "xor", "and" or "maj".
            ins: literals.
            lut: the output ends a LUT (counts as a logic level); False for gates that merge into what follows.
        """
        flip = 0
        if kind == "xor":
            flip = sum(lit & 1 for lit in ins) & 1
            ins = [lit & ~1 for lit in ins if lit > 1]
        elif kind == "maj":
            if CONST0 in ins or CONST1 in ins:
                return self._maj_const(ins, lut)
            if sum(lit & 1 for lit in ins) > 1:  # maj(~a, ~b, ~c) = ~maj(a, b, c)
                flip, ins = 1, [lit ^ 1 for lit in ins]
        else:
            if CONST0 in ins:
                return CONST0
            ins = [lit for lit in ins if lit != CONST1]
        if not ins:
            return (CONST0 if kind == "xor" else CONST1) ^ flip
        if len(ins) == 1:
            return ins[0] ^ flip
        key = (kind, tuple(sorted(ins)))
        if key not in self._known:
            out = self._net(max(self.lit_level(lit) for lit in ins) + int(lut))
            self.nodes.append(Gate(kind, key[1], out))
            self._known[key] = 2 * out
            if not lut:
                self.merged.add(out)
        return self._known[key] ^ flip

    def _maj_const(self, ins: list[int], lut: bool) -> int:
        rest = sorted(ins)
        const = rest.pop(0)
        if const == CONST0:
            return self.gate("and", rest, lut)
        return self.gate("and", [lit ^ 1 for lit in rest], lut) ^ 1

    def adder(self, a: list[int], b: list[int]) -> list[int]:
        """Adds a carry chain over literals; returns the literals of its sum bits.

        Operand a should hold plain nets: in the carry cell it is the data input, which sees no LUT.
        """
        level = max(self.lit_level(lit) for lit in [*a, *b]) + 1
        outs = tuple(self._net(level) for _ in a)
        self.nodes.append(Adder(tuple(a), tuple(b), outs))
        return [2 * out for out in outs]

    def match3(self, x: list[int], w: list[int]) -> list[int]:
        """Adds three XNORs with their number; returns the literals of its two bits."""
        level = max(self.lit_level(lit) for lit in [*x, *w]) + 1
        outs = (self._net(level), self._net(level))
        self.nodes.append(Match(tuple(x), tuple(w), outs))
        return [2 * out for out in outs]

    def depth(self) -> int:
        """Logic levels from inputs to outputs."""
        return max((self.lit_level(lit) for word in self.outputs for lit in word), default=0)

    def evaluate(self, bits: np.ndarray) -> np.ndarray:
        """Output words (int64, shape (samples, outputs)) of input bits (samples, inputs) of 0/1."""
        values: dict[int, np.ndarray] = {0: np.zeros(len(bits), bool)}
        values |= {i + 1: bits[:, i].astype(bool) for i in range(len(self.inputs))}

        def get(lit: int) -> np.ndarray:
            return values[lit >> 1] ^ bool(lit & 1)

        for node in self.nodes:
            if isinstance(node, Adder):
                carry = values[0]
                for a, b, out in zip(map(get, node.a), map(get, node.b), node.outs, strict=True):
                    values[out] = a ^ b ^ carry
                    carry = (a & b) | (carry & (a ^ b))
                continue
            if isinstance(node, Match):
                same = sum((~(get(x) ^ get(w))).astype(np.int64) for x, w in zip(node.x, node.w, strict=True))
                values |= {out: np.asarray(same) >> k & 1 == 1 for k, out in enumerate(node.outs)}
                continue
            ins = [get(lit) for lit in node.ins]
            if node.kind == "maj":
                values[node.out] = (ins[0] & ins[1]) | (ins[2] & (ins[0] ^ ins[1]))
            else:
                values[node.out] = (np.bitwise_xor if node.kind == "xor" else np.bitwise_and).reduce(ins)
        words = [sum(get(lit).astype(np.int64) << k for k, lit in enumerate(word)) for word in self.outputs]
        return np.stack(words, axis=1)


def full_add(net: Netlist, a: int, b: int, c: int) -> tuple[int, int]:
    """Sum and carry of three literals, as gates that merge into the LUTs behind them."""
    return net.gate("xor", [a, b, c]), net.gate("maj", [a, b, c])


def small_sum(net: Netlist, columns: list[list[int]]) -> list[int]:
    """Bits of the sum of a few literals by weight (columns[w] has weight 2**w), of at most six literals in all.

    Built of full and half adders; every result bit depends on few literals, so it becomes a part of one LUT.
    """
    columns = [list(column) for column in columns]
    result: list[int] = []
    w = 0
    while w < len(columns):
        column = columns[w]
        while len(column) > 1:
            if len(columns) == w + 1:
                columns.append([])
            total, carry = full_add(net, column.pop(0), column.pop(0), column.pop(0) if column else CONST0)
            column.append(total)
            columns[w + 1].append(carry)
        result.append(column[0] if column else CONST0)
        w += 1
    return result
