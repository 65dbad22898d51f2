"""The network's ports as both projects show them: where each channel of a pixel stands in the port's word.

Inside, channel 0 is in the low bits everywhere (`hw.types.StreamType`). AMD's AXI4-Stream video (UG934) has G in the
low bits of an RGB pixel, then B, then R, so the ports of pictures have that order unless they are told otherwise. It is
wiring in SystemVerilog, and words turned round at the ports in HLS. Each of several pixels of a beat has that order.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..errors import UserError
from .types import StreamType

#: Channels of UG934's RGB pixel, from the low bits on.
GBR = (1, 2, 0)


def is_rgb(kind: StreamType) -> bool:
    """Whether a port is taken for an RGB picture: three channels of 8 to 16 unsigned bits."""
    return kind.channels == 3 and not kind.signed and not kind.bipolar and 8 <= kind.bits <= 16


def channel_order(kind: StreamType, colors: str | None) -> tuple[int, ...]:
    """Channels of a port's pixel, from the low bits on.

    Args:
        colors: the build option; None for "gbr" where the port is an RGB picture.
    """
    return GBR if colors != "rgb" and is_rgb(kind) else tuple(range(kind.channels))


def check_colors(kinds: Iterable[StreamType], colors: str | None) -> None:
    """Refuse an order that no port can have.

    Args:
        kinds: types of all ports.

    Raises:
        UserError: an order that there is not, or "gbr" for a network without an RGB port.
    """
    if colors not in (None, "gbr", "rgb"):
        raise UserError(f'--port-colors {colors}: allowed are gbr and rgb ("PortColors" in a configuration of hls4ml).')
    kinds = list(kinds)
    if colors == "gbr" and not any(map(is_rgb, kinds)):
        ports = ", ".join(dict.fromkeys(map(_port_text, kinds)))
        raise UserError(
            "--port-colors gbr: that order is for ports with 3 channels of 8 to 16 unsigned bits, and this network has "
            f"none (its ports: {ports}). Leave the option out: channel 0 is in the low bits then."
        )


def _port_text(kind: StreamType) -> str:
    sign = "signed" if kind.signed else "unsigned"
    return f"{kind.channels} channel{'s' * (kind.channels > 1)} of {kind.bits} {sign} bit{'s' * (kind.bits > 1)}"


def order_text(order: tuple[int, ...]) -> str:
    """An order in words, for comments."""
    return "G in the low bits of a pixel, then B, then R" if order == GBR else "channel 0 in the low bits of a pixel"
