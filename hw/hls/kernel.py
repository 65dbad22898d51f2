"""One layer as one kernel call: which function, which configuration, which constants. Names no operator.

The configuration of a kernel is a C++ struct of constants and types. Layers with equal configurations share one struct;
what differs between them are the arrays.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..resources.cost import multiplier
from ..types import Requant, StreamType
from .arrays import Rom


@dataclass(frozen=True)
class Kernel:
    """What the generated project says of one layer.

    Attributes:
        function: template in namespace xnorsr.
        header: file name of the header that has it, in the operator's folder ``hls``.
        types: (name, C++ type) of the configuration.
        constants: (name, value) of it.
        roms: constant arrays, passed after the streams in this order.
    """

    function: str
    header: str
    types: tuple[tuple[str, str], ...]
    constants: tuple[tuple[str, int], ...]
    roms: tuple[Rom, ...] = ()


def pixels(kind: StreamType, *, values: bool = False) -> str:
    """C++ type of a stream; with `values`, bipolar codes are read as -1 and +1."""
    flags = f"{str(kind.signed).lower()}, {str(kind.bipolar and values).lower()}"
    return f"Pixels<{kind.channels}, {kind.bits}, {flags}>"


def requant(quant: Requant | None) -> str:
    """C++ type of a requantization."""
    if quant is None:
        return "Exact"
    return f"Requant<{quant.shift}, {quant.lo}LL, {quant.hi}LL, {quant.divisor}>"


def size(kind: StreamType) -> tuple[tuple[str, int], ...]:
    """Constants H and W of a frame."""
    return (("H", kind.height), ("W", kind.width))


def in_dsp(bits_a: int, bits_b: int) -> int:
    """1 where a product of two numbers of so many bits belongs into DSP slices, 0 for look-up tables: as the account
    counts it (`hw.resources.cost.multiplier`).
    """
    return int(multiplier(bits_a, bits_b).dsp > 0)
