"""Bits that numbers between two streams need in a kernel, and the most that kernels hold."""

from __future__ import annotations

from ...errors import UserError
from ..types import Requant

MAX_BITS = 64


def requant_bits(quant: Requant | None, bits: int) -> int:
    """Bits of the widest number inside a requantization of a number of `bits`; the same sum as in xnorsr_requant.h."""
    if quant is None:
        return bits
    up, down = max(-quant.shift, 0), max(quant.shift, 0)
    if quant.divisor == 1:
        return max(bits + up, down + 2)
    return 2 * (max(bits + up + 1, down + 16) + 2) + 4


def check_bits(layer: str, what: str, bits: int) -> int:
    """`bits`, if the kernels can hold so many.

    Raises:
        UserError: they cannot.
    """
    if bits > MAX_BITS:
        raise UserError(
            f"layer '{layer}': {what} needs {bits} bits; the kernels hold at most {MAX_BITS}. "
            "Quantize its input or its parameters to fewer bits."
        )
    return bits
