"""A network made ready for C++ text: each layer's kernel call, the FIFOs between them. Names no operator."""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import UserError
from ..network import Network, Node, Stream
from ..ports import GBR, channel_order, check_colors
from ..resources.fifos import LEAST, fifo_depths
from ..resources.limits import check_fifos
from .kernel import Kernel

#: Bits per channel at a port: the C-simulation's entry takes and gives int32.
PORT_BITS = 31


@dataclass(frozen=True)
class Fifo:
    """A stream between two layers, or at a port: depth 0 where the port itself is the stream."""

    stream: Stream
    depth: int
    producer: str
    consumer: str


@dataclass(frozen=True)
class Call:
    """One kernel call, in topological order."""

    node: Node
    kernel: Kernel
    description: str


@dataclass(frozen=True)
class HlsDesign:
    """All that the project's texts say."""

    network: Network
    calls: tuple[Call, ...]
    fifos: tuple[Fifo, ...]
    colors: str | None

    @property
    def input(self) -> Stream:
        """The input port's stream."""
        return self.network.streams[self.network.input]

    @property
    def outputs(self) -> list[Stream]:
        """The output ports' streams."""
        return [self.network.streams[name] for name in self.network.outputs]

    @property
    def states(self) -> dict[str, int]:
        """Number of each layer with a state among them, by the layer's name."""
        return {self.network.producers[name].name: n for n, name in enumerate(self.network.states)}

    @property
    def ports(self) -> dict[str, str]:
        """Name of the top function's argument for each stream that is a port, its words as they are."""
        names = {name: f"pixels_out{n or ''}" for n, name in enumerate(self.network.outputs)}
        names = {self.network.input: "pixels_in"} | names
        return {name: port for name, port in names.items() if not self.is_gbr(self.network.streams[name])}

    def order(self, stream: Stream) -> tuple[int, ...]:
        """Channels of the pixels at a stream's port, from the low bits on."""
        return channel_order(stream.kind, self.colors)

    def is_gbr(self, stream: Stream) -> bool:
        """Whether a stream's port has another order than the stream."""
        return self.order(stream) == GBR


def design_of(network: Network, colors: str | None = None) -> HlsDesign:
    """The design of a network.

    Args:
        colors: order of channels at the ports; see `hw.ports.channel_order`.

    Raises:
        UserError: a layer cannot be built (see `Op.kernel`), a port is too wide, or cannot have that order; the FIFOs
            hold more than any part does.
    """
    check_fifos(network)
    check_colors([network.input_type, *network.output_types.values()], colors)
    for what, name in (("input", network.input), *(("output", name) for name in network.outputs)):
        stream = network.streams[name]
        if stream.kind.bits > PORT_BITS:
            raise UserError(
                f"the {what} '{stream.tensor}' has {stream.kind.bits} bits per channel; a port has at most "
                f"{PORT_BITS}. Quantize it to fewer."
            )
    depths = fifo_depths(network, "hls")
    fifos = []
    for name, stream in network.streams.items():
        maker, reader = network.producers.get(name), network.readers.get(name)
        at_port = LEAST["hls"] if channel_order(stream.kind, colors) == GBR else 0
        depth = depths[name] if maker is not None and reader is not None else at_port
        fifos.append(Fifo(stream, depth, maker.name if maker else "", reader[0].name if reader else ""))
    calls = tuple(Call(node, node.op.kernel(node.name), node.op.describe()) for node in network.nodes)
    return HlsDesign(network, calls, tuple(fifos), colors)
