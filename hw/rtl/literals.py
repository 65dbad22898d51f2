"""Parameters as SystemVerilog text."""

from __future__ import annotations

import numpy as np


def unsigned_of(codes: np.ndarray, bits: int) -> int:
    """Codes, first one in the low bits, `bits` two's complement bits each, as one integer."""
    flat = np.asarray(codes, np.int64).ravel() & ((1 << bits) - 1)
    planes = (flat[:, None] >> np.arange(bits)) & 1
    packed = np.packbits(planes.astype(np.uint8).ravel(), bitorder="little")
    return int.from_bytes(packed.tobytes(), "little")


def literal(value: int, bits: int) -> str:
    """A sized hexadecimal literal."""
    return f"{bits}'h{value:0{(bits + 3) // 4}x}"


def rows(codes: np.ndarray, bits: int) -> list[str]:
    """One literal for each row of a two-dimensional array, last row first: the elements of a concatenation."""
    width = codes.shape[1] * bits
    return [literal(unsigned_of(row, bits), width) for row in codes[::-1]]
