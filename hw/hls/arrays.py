"""Constant arrays as C++ text."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Rom:
    """One constant array.

    Attributes:
        name: what it holds: weight, bias, param, threshold, sign.
        ctype: element type in C++.
        values: the array; unsigned ones are bits.
        meaning: its layout in words.
    """

    name: str
    ctype: str
    values: np.ndarray
    meaning: str

    def declaration(self, layer: str) -> str:
        """C++ text of the array of one layer: each line holds as many whole rows of the last dimension as 16 numbers
        make.
        """
        dims = "".join(f"[{n}]" for n in self.values.shape)
        width = self.values.shape[-1] if self.values.ndim > 1 else 1
        step = max(16 // width, 1) * width
        flat = self.values.reshape(-1)
        rows = [flat[n : n + step].tolist() for n in range(0, flat.size, step)]
        if self.values.dtype.kind == "u":
            suffix = "ULL" if self.ctype == "uint64_t" else ""
            lines = [", ".join(f"{v:#x}{suffix}" for v in row) for row in rows]
        else:
            lines = [", ".join(_literal(v, self.ctype) for v in row) for row in rows]
        head = f"// {self.meaning}\nstatic const {self.ctype} {layer}_{self.name}{dims} = {{\n"
        return head + ",\n".join(lines) + "\n};\n"


def _literal(value: int, ctype: str) -> str:
    """An integer literal; the least int64 has none of its own."""
    if ctype != "int64_t":
        return str(value)
    return "(-9223372036854775807LL - 1)" if value == -(1 << 63) else f"{value}LL"


def int_type(values: np.ndarray) -> str:
    """The narrowest machine integer that holds all values."""
    lo, hi = int(values.min(initial=0)), int(values.max(initial=0))
    for bits in (8, 16, 32):
        if -(1 << (bits - 1)) <= lo and hi < 1 << (bits - 1):
            return f"int{bits}_t"
    return "int64_t"


def ints(name: str, values: np.ndarray, meaning: str) -> Rom:
    """A Rom of machine integers."""
    values = np.asarray(values, np.int64)
    return Rom(name, int_type(values), values, meaning)


def packed_codes(codes: np.ndarray, bits: int) -> np.ndarray:
    """Codes along the last axis to words, code 0 in the low bits; no code is split between two words.

    Args:
        codes: (..., n) integers, of which the low `bits` bits count; bits is at most 64.

    Returns:
        (..., 1) of the narrowest unsigned integer that holds all n codes, or (..., ceil(n / (64 // bits))) uint64.
    """
    count = codes.shape[-1]
    width = next((w for w in (8, 16, 32) if count * bits <= w), 64)
    lanes = width // bits
    padded = np.pad(codes, [(0, 0)] * (codes.ndim - 1) + [(0, -count % lanes)]).astype(np.int64).view(np.uint64)
    masked = (padded & np.uint64((1 << bits) - 1)).reshape(*codes.shape[:-1], -1, lanes)
    words = np.bitwise_or.reduce(masked << (np.arange(lanes, dtype=np.uint64) * np.uint64(bits)), axis=-1)
    return words.astype(f"u{width // 8}")
