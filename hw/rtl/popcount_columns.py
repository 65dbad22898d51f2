"""Adding up columns of bits with 6-input LUTs and carry chains: the compressors of the popcount structures.

The blocks, along one carry chain (x is the carry cell's data input, so it costs no LUT of its own):

- ``T3``: (5 bits of total weight <= 7) + x_0 + 2 x_1 + 4 x_2 -> 3 bits. Each LUT computes bit i of the small sum,
  XOR x_i. 5 bits less for 3 LUTs.
- ``T2``: (3 bits of total weight <= 3) + x_0 + 2 x_1 -> 2 bits. 3 bits less for 2 LUTs.
- ``P2``: (5 bits of weight 1) + x_0 -> 2 bits and a carry: half of the known 12:5 slice compressor. The data input of
  the upper position is a LUT function too (dual-output LUT): 4 bits less for 3 LUTs, or for 2 dual-output LUTs.
- ``T1``: plain addition, 1 bit less for 1 LUT.

A chain begins with an optional carry-in bit and ends with a carry-out position: positions without LUTs of their own.
"""

from __future__ import annotations

from dataclasses import dataclass

from .popcount_net import CONST0, Netlist, full_add, small_sum

# What a chain position without a LUT costs while chains are chosen: no LUT cell, but a LUT's place on the device. With
# 0.5 there are 1 % fewer LUT cells, and 5 % more places in all.
BREAK_COST = 1.0
# Chains of one round are put behind each other up to this many positions, so that they fill whole carry cells.
MAX_POSITIONS = 16
# So many bits of a column may wait for the next round, or for the final chain, because no chain takes them at a good
# rate. Of more bits the rest is taken at lower rates, in this order: a chain that waits for the one before it makes the
# structure deep. That matters where nearly all weights are -1 and few bits can be data inputs.
LEFT_OVER = 5
LESS = (0.8, 0.6, 0.4)


@dataclass
class Block:
    """Neighbouring positions of a chain: data inputs by position, and the bits that enter the LUTs by column."""

    kind: str
    data: list[int]
    luts: list[list[int]]

    @property
    def removed(self) -> int:
        """Bits in, less sum bits out."""
        return sum(lit != CONST0 for lit in self.data) + sum(map(len, self.luts)) - len(self.data)

    @property
    def most(self) -> int:
        """Greatest sum."""
        return sum((lit != CONST0) << k for k, lit in enumerate(self.data)) + sum(
            len(lits) << k for k, lits in enumerate(self.luts)
        )

    @property
    def cost(self) -> float:
        """LUTs."""
        return 3.0 if self.kind == "P2" else float(len(self.data))

    def operands(self, net: Netlist) -> tuple[list[int], list[int]]:
        """Writes the LUT functions; returns both operands of the addition."""
        if self.kind == "P2":
            total, carry = full_add(net, *self.luts[0][:3])
            total, carry2 = full_add(net, total, *self.luts[0][3:])
            return [self.data[0], carry], [total, carry2]
        sums = small_sum(net, self.luts)
        return self.data, (sums + [CONST0] * len(self.data))[: len(self.data)]


@dataclass
class Chain:
    """A planned chain from column ``low`` on: its blocks, carry-in bit and whether a carry comes out."""

    low: int
    blocks: list[Block]
    carry_in: int | None = None
    carry_out: bool = False

    @property
    def size(self) -> int:
        """Positions, without those of carry-in and carry-out."""
        return sum(len(block.data) for block in self.blocks)

    @property
    def most(self) -> int:
        """Greatest sum."""
        at, total = 0, int(self.carry_in is not None)
        for block in self.blocks:
            total += block.most << at
            at += len(block.data)
        return total

    @property
    def removed(self) -> int:
        """Bits that are fewer after the chain."""
        return sum(block.removed for block in self.blocks) + (self.carry_in is not None) - self.carry_out

    @property
    def rate(self) -> float:
        """Bits removed per cost; a position between two chains is carry-out of one and carry-in of the other."""
        ends = self.carry_in is not None or self.carry_out
        return self.removed / (sum(block.cost for block in self.blocks) + BREAK_COST * ends)


class Columns:
    """Columns of literals: ``bits[w]`` holds the literals of weight 2**w still to be added.

    Args:
        net: netlist that grows.
        width: result bits; sums are taken modulo 2**width.
        bound: greatest sum that can occur, where known to be below 2**width. Carries above it are constant 0.
        alike: take inputs of the netlist as if all of them needed inverters, so that the structure's depth does not
            depend on which do.
    """

    def __init__(self, net: Netlist, width: int, bound: int | None = None, alike: bool = False) -> None:
        self.net, self.width = net, width
        self.inverted_to = 2 * len(net.inputs) + 1 if alike else 1
        self.top = width if bound is None else min(width, bound.bit_length())
        self.bits: list[list[int]] = [[] for _ in range(width)]

    def add(self, weight: int, lit: int) -> None:
        """Adds a bit; bits beyond the width vanish, two constant ones become one of the next column."""
        while lit == 1 and weight < self.width and 1 in self.bits[weight]:
            self.bits[weight].remove(1)
            weight += 1
        if weight < self.width and lit != CONST0:
            self.bits[weight].append(lit)

    def height(self) -> int:
        """Bits of the highest column."""
        return max(map(len, self.bits), default=0)

    def total(self) -> int:
        """Bits left."""
        return sum(map(len, self.bits))

    def compress(self, rate: float, finish: bool) -> None:
        """Adds up in rounds, with chains that remove at least ``rate`` bits per cost.

        Args:
            rate: least bits removed per LUT; what no such chain takes stays.
            finish: go on until each column holds at most one bit, at any rate.
        """
        while self.height() > 1:
            if self.round([rate] + [rate * less for less in LESS] * finish):
                continue
            if not finish:
                return
            self.final_chain()

    def round(self, rates: list[float]) -> bool:
        """One round: disjoint chains over the bits present now. True if there was one.

        Args:
            rates: least bits removed per cost; those after the first only for columns above `LEFT_OVER` bits.
        """
        new: list[tuple[int, int]] = []
        chains: list[Chain] = []
        for column in self.bits:
            column.sort(key=self._order)
        for w in range(self.width):
            while len(self.bits[w]) > 1:
                high = len(self.bits[w]) > LEFT_OVER
                chains_now = (self._plan(w, rate) for rate in (rates if high else rates[:1]))
                chain = next(filter(None, chains_now), None)
                if chain is None:
                    break
                chains.append(chain)
        for group in _grouped(chains):
            new += self._emit(group)
        for weight, lit in new:
            self.add(weight, lit)
        return bool(chains)

    def _order(self, lit: int) -> tuple[int, int, int]:
        # Early bits first, then those without an inverter, which data inputs need.
        return (self.net.lit_level(lit), not self._plain(lit), lit)

    def _plain(self, lit: int) -> bool:
        """Whether it can be a data input: it needs no inverter."""
        return lit == 1 or not (lit & 1 or 1 < lit <= self.inverted_to)

    def _plan(self, w: int, rate: float) -> Chain | None:
        """Takes the bits of the best chain from column w on; takes none if its rate is below the one given."""
        saved = [list(column) for column in self.bits]
        # Columns of the same heights get the same chain: planning anew would take long. Kept with the netlist,
        # so that a build never depends on the one before.
        key = (rate, self.top - w, tuple(self._shape(column) for column in saved[w : self.top]))
        known = self.net.chain_kinds.get(key)
        if known is not None:
            chain = self._take_chain(w, known) if known else None
            if chain is not None and chain.rate >= rate:
                return chain
            self.bits = saved
            return None

        def trial(kinds: list[str]) -> float:
            chain = self._take_chain(w, kinds)
            self.bits = [list(column) for column in saved]
            return chain.rate if chain else 0.0

        best: tuple[float, list[str]] = (0.0, [])
        for first in ("T3", "P2", "T2"):
            grown = (trial([first]), [first])
            while grown[0] > 0:
                longer = max((trial([*grown[1], kind]), [*grown[1], kind]) for kind in ("T1", "T2", "P2", "T3"))
                if longer[0] <= grown[0]:
                    break
                grown = longer
            if grown[0] > best[0]:
                best = grown
        self.net.chain_kinds[key] = best[1] if best[0] >= rate else []
        return self._take_chain(w, best[1]) if best[0] >= rate else None

    def _shape(self, column: list[int]) -> tuple[int, int]:
        """Bits, and those without an inverter, as far as one chain can tell the difference."""
        return min(len(column), 14), min(sum(map(self._plain, column)), 3)

    def _take_chain(self, w: int, kinds: list[str]) -> Chain | None:
        """Takes the bits of a chain of blocks from column w on; None if it reaches over the top or finds no bits."""
        chain = Chain(w, [])
        for kind in kinds:
            at = w + chain.size
            block = self._take_block(kind, at, False) if at + int(kind[1]) <= self.top else None
            if block is None:
                return None
            chain.blocks.append(block)
        plain = self._take_data(w, False)
        chain.carry_in = None if plain == CONST0 else plain
        chain.carry_out = chain.most >> chain.size > 0 and w + chain.size < self.top
        return chain

    def _take_block(self, kind: str, w: int, final: bool) -> Block | None:
        size = int(kind[1])
        if kind == "P2":
            if len(self.bits[w]) < 6:
                return None
            data = self._take_data(w, final)
            return None if data == CONST0 else Block(kind, [data, CONST0], [self.take(w, 5)])
        left, room = _LUT_ROOM[kind]
        datas = [self._take_data(w + k, final) for k in range(size)]
        luts: list[list[int]] = []
        for k in range(size):
            count = min(left, room >> k)
            if k == 0 and size > 1 and not final and self._count(w + 1) > self._count(w):
                count = min(count, size)  # leave room for the fuller column
            luts.append(self.take(w + k, count))
            left -= len(luts[-1])
            room -= len(luts[-1]) << k
        block = Block(kind, datas, luts)
        return block if block.most else None

    def _count(self, w: int) -> int:
        return len(self.bits[w]) if w < self.width else 0

    def _take_data(self, w: int, final: bool) -> int:
        """Takes a bit of column w that needs no inverter (in the final chain: or any); constant 0 if there is none."""
        if w >= self.width:
            return CONST0
        for index, lit in enumerate(self.bits[w]):
            if self._plain(lit):
                return self.bits[w].pop(index)
        return self.bits[w].pop(0) if final and self.bits[w] else CONST0

    def take(self, w: int, count: int) -> list[int]:
        """Takes up to count bits from column w, inverted ones first (LUT inputs may be inverted)."""
        if w >= self.width or count <= 0:
            return []
        column = self.bits[w]
        chosen = sorted(column, key=lambda lit: (self.net.lit_level(lit), self._plain(lit), lit))[:count]
        for lit in chosen:
            column.remove(lit)
        return chosen

    def _emit(self, group: list[Chain]) -> list[tuple[int, int]]:
        """Writes chains as one addition; returns (weight, literal) of its sums."""
        a: list[int] = []
        b: list[int] = []
        weights: list[int | None] = []
        pending: int | None = None  # weight of the carry-out that the next position brings
        for chain in group:
            if chain.carry_in is not None or pending is not None:
                # One position ends the chain below and starts the one above.
                bit = CONST0 if chain.carry_in is None else chain.carry_in
                a.append(bit)
                b.append(bit)
                weights.append(pending)
            for block in chain.blocks:
                for side, lits in zip((a, b), block.operands(self.net), strict=True):
                    side += lits
            weights += range(chain.low, chain.low + chain.size)
            pending = chain.low + chain.size if chain.carry_out else None
        if pending is not None:
            a.append(CONST0)
            b.append(CONST0)
            weights.append(pending)
        sums = self.net.adder(a, b)
        return [(weight, lit) for weight, lit in zip(weights, sums, strict=True) if weight is not None]

    def final_chain(self) -> None:
        """One chain from the lowest column with two bits up, choosing at each position what empties the column."""
        w = next(k for k, column in enumerate(self.bits) if len(column) > 1)
        for column in self.bits:
            column.sort(key=self._order)
        chain = Chain(w, [])
        if len(self.bits[w]) > 2:  # with more than two bits a carry-in saves LUT inputs
            plain = self._take_data(w, False)
            chain.carry_in = None if plain == CONST0 else plain
        while w + chain.size < self.top and any(self.bits[w + chain.size :]):
            at = w + chain.size
            kind = _final_kind([self._count(k) for k in range(at, at + 2)])
            while at + int(kind[1]) > self.top:
                kind = f"T{int(kind[1]) - 1}"
            chain.blocks.append(self._take_block(kind, at, True) or Block("T1", [CONST0], []))
        chain.carry_out = chain.most >> chain.size > 0 and w + chain.size < self.top
        for weight, lit in self._emit([chain]):
            self.add(weight, lit)


def _final_kind(heights: list[int]) -> str:
    if heights[0] <= 2 and (heights[0] <= 1 or heights[1] <= 2):
        return "T1"
    if heights[0] <= 4 and heights[1] <= 2:
        return "T2"
    return "T3"


def _grouped(chains: list[Chain]) -> list[list[Chain]]:
    """Chains put behind each other; one without carry-in goes first: the group starts at a cell's first position."""
    first = [chain for chain in chains if chain.carry_in is None]
    rest = [chain for chain in chains if chain.carry_in is not None]
    groups: list[list[Chain]] = []
    while first or rest:
        group = [first.pop(0) if first else rest.pop(0)]
        size = group[0].size + 1
        while rest and size + rest[0].size + 1 <= MAX_POSITIONS:
            size += rest[0].size + 1
            group.append(rest.pop(0))
        groups.append(group)
    return groups


# LUT inputs besides the data input, and their greatest total weight.
_LUT_ROOM = {"T1": (1, 1), "T2": (3, 3), "T3": (5, 7)}
