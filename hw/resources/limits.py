"""What fits no device at all is refused, by the layer that asks for most of it. Names no operator."""

from __future__ import annotations

from ...errors import UserError
from ..network import Network
from .devices import Device, devices
from .fifos import fifo_depths

#: Bits of a block RAM and of an UltraRAM (UG573).
_BLOCK_BITS, _ULTRA_BITS = 36 * 1024, 288 * 1024


def memory_bits(part: Device) -> int:
    """Bits of a part's block RAM and UltraRAM."""
    return part.bram36 * _BLOCK_BITS + part.uram * _ULTRA_BITS


def check_fifos(network: Network) -> None:
    """Refuse a network whose FIFOs hold more than the memory of the largest part in the table.

    Raises:
        UserError: they do; names the largest one, how much it holds, and what to do.
    """
    depths = fifo_depths(network, "rtl")
    held = {name: depth * network.streams[name].kind.word_bits for name, depth in depths.items()}
    part = max(devices().values(), key=memory_bits)
    if not held or sum(held.values()) <= memory_bits(part):
        return
    worst = max(held, key=lambda name: held[name])
    reader, _ = network.readers[worst]
    smaller = "build for a smaller frame or tile (--frame WxH)"
    kind = network.streams[worst].kind
    advice = (
        f"Take --pooling previous, with which nothing waits for the end of its frame, or {smaller}"
        if network.pooling == "frame"
        else smaller.capitalize()
    )
    raise UserError(
        f"layer {reader.name}: the FIFO in front of it, on the stream of '{network.streams[worst].tensor}', holds "
        f"{depths[worst]:,} pixels of {kind.word_bits:,} bits, {held[worst] / 1e6:,.0f} Mbit, and all "
        f"FIFOs together {sum(held.values()) / 1e6:,.0f} Mbit. The largest part in the table, {part.part}, has "
        f"{memory_bits(part) / 1e6:,.0f} Mbit of block RAM and UltraRAM. {advice}."
    )
