"""The top level of a SystemVerilog project: video ports, layers, register slices and FIFOs between them. Names no
operator.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from ..network import Network, Node
from ..options import BuildOptions
from ..ports import GBR, channel_order, order_text
from ..resources.devices import device, known
from ..resources.fifos import fifo_depths
from ..resources.memories import ATTRIBUTES, fifo_styles
from ..resources.schedule import predict
from ..resources.slices import SLICE
from ..types import StreamType
from .module import CLOCK, Instance, LayerModule, flag

TOP = "xnorsr_top"
#: Outputs of the top level besides the video streams.
STATUS = ("err_line_o", "err_frame_o", "dropped_o")


@dataclass
class Signals:
    """Signals of one stream at the top level: <name>_data, <name>_valid, <name>_ready."""

    name: str
    bits: int
    what: str


def _bytes(bits: int) -> int:
    return (bits + 7) // 8 * 8


def fifo_instance(stream: str) -> str:
    """Name of the FIFO or register slice on a stream; identifiers of layers never hold two underscores in a row, so it
    is free.
    """
    return f"u_{stream}__fifo"


def output_prefix(number: int) -> str:
    """Prefix of an output port's signals: m_axis, m_axis1, m_axis2 and so on."""
    return f"m_axis{number or ''}"


class Top:
    """Instances and signals of the top level."""

    def __init__(self, network: Network, layers: dict[str, LayerModule], options: BuildOptions) -> None:
        self.network, self.layers, self.options = network, layers, options
        self.depths = fifo_depths(network, "rtl")
        self.styles = fifo_styles(network, self.depths, device(options.part) if known(options.part) else None)
        self.prediction = predict(network)
        self.signals: list[Signals] = []
        self.instances: list[Instance] = []
        self.fifos: dict[str, dict[str, Any]] = {}
        self._video_in()
        for node in network.nodes:
            self._layer(node)
        for number, name in enumerate(network.outputs):
            self._video_out(number, name)

    @property
    def output_prefixes(self) -> list[str]:
        """Prefixes of the output ports."""
        return [output_prefix(n) for n in range(len(self.network.outputs))]

    def _order(self, kind: StreamType) -> tuple[int, ...]:
        """Channels of a port's pixel, from the low bits on."""
        return channel_order(kind, self.options.port_colors)

    def _video_parameters(self, kind: StreamType) -> dict[str, object]:
        """Parameters that both video modules have."""
        gbr = flag(self._order(kind) == GBR)
        return {"Width": kind.width, "Height": kind.height, "Bits": kind.word_bits, "Gbr": gbr}

    def _stream(self, name: str, what: str) -> str:
        kind, per_beat = self.network.streams[name].kind, self.network.beat_pixels(name)
        what += f"; {per_beat} pixels per beat" if per_beat > 1 else ""
        sign = "bipolar" if kind.bipolar else f"{'signed' if kind.signed else 'unsigned'}, lsb 2^{-kind.frac}"
        size = f"{kind.channels} x {kind.bits} bit {sign}, {kind.width} x {kind.height}"
        self.signals.append(Signals(name, kind.word_bits * per_beat, f"{size}; {what}"))
        return name

    def _edge(self, stream: str, reader: str) -> str:
        """Signals that a layer reads a stream from: behind the slice or the FIFO that the schedule gives it."""
        depth = self.depths[stream]
        if not depth:
            return stream
        bits = self.network.streams[stream].kind.word_bits
        buffered, name = f"{stream}__fifo", fifo_instance(stream)
        sliced = depth <= SLICE
        style = self.styles[stream]
        what = "a register slice" if sliced else f"a FIFO of {depth}, ram_style {ATTRIBUTES[style]}"
        self.signals.append(Signals(buffered, bits, f"{stream} behind {what}"))
        ports = _clock() | _into(stream) | _from(buffered)
        if depth == SLICE:
            self.instances.append(Instance("xnorsr_skid", name, {"Bits": bits}, ports))
        else:
            self.instances.append(Instance("xnorsr_fifo", name, {"Bits": bits, "Depth": depth, "Style": style}, ports))
        if not sliced:
            self.fifos[name] = {"depth": depth, "bits": bits, "stream": stream, "reader": reader}
        return buffered

    def _video_in(self) -> None:
        kind = self.network.input_type
        stream = self._stream(self.network.input, "the input")
        ports = {
            f"s_axis_{key}": f"s_axis_{key[:-2]}" for key in ("tdata_i", "tvalid_i", "tready_o", "tuser_i", "tlast_i")
        }
        ports |= {name: name for name in STATUS}
        parameters = self._video_parameters(kind) | {"Counted": flag(self.options.frame_sync == "counted")}
        self.instances.append(Instance("xnorsr_video_in", "u_video_in", parameters, _clock() | ports | _from(stream)))

    def _video_out(self, number: int, stream: str) -> None:
        kind, prefix = self.network.streams[stream].kind, self.output_prefixes[number]
        keys = ("tdata_o", "tvalid_o", "tready_i", "tuser_o", "tlast_o")
        ports = {f"m_axis_{key}": f"{prefix}_{key[:-2]}" for key in keys}
        parameters = self._video_parameters(kind) | {"PixelsPerBeat": self.network.beat_pixels(stream)}
        name = f"u_video_out{number or ''}"
        self.instances.append(Instance("xnorsr_video_out", name, parameters, _clock() | _into(stream) | ports))

    def _layer(self, node: Node) -> None:
        layer = self.layers[node.name]
        ports = _clock()
        for port, stream in zip(layer.inputs, node.inputs, strict=True):
            source = self._edge(stream, node.name)
            ports |= {f"{port.name}{key}": value for key, value in _into(source).items()}
        for port, stream in zip(layer.outputs, node.outputs, strict=True):
            target = self._stream(stream, layer.title)
            ports |= {f"{port.name}{key}": value for key, value in _from(target).items()}
        self.instances.append(Instance(layer.module, f"u_{node.name}", {}, ports))

    def _outputs(self) -> list[dict[str, Any]]:
        streams = self.network.streams
        return [
            {
                "name": name,
                "tensor": streams[name].tensor,
                "type": asdict(streams[name].kind),
                "pixels_per_beat": self.network.beat_pixels(name),
                "prefix": prefix,
                "channel_order": self._order(streams[name].kind),
            }
            for name, prefix in zip(self.network.outputs, self.output_prefixes, strict=True)
        ]

    def context(self) -> dict[str, Any]:
        """What the template of the top level needs."""
        kinds = self.network.output_types
        sizes = " and ".join(f"{kind.width} x {kind.height}" for kind in kinds.values())
        source, traced = self.network.input_type, {stream.name for stream in self.network.traced}

        def port(prefix: str, name: str, kind: StreamType) -> dict[str, Any]:
            per_beat = self.network.beat_pixels(name)
            bits, order = _bytes(kind.word_bits * per_beat), order_text(self._order(kind))
            return {"prefix": prefix, "kind": kind, "per_beat": per_beat, "bits": bits, "order": order}

        return {
            "name": TOP,
            "title": f"{source.width} x {source.height} to {sizes} pixels, {len(self.layers)} layers",
            "input": port("s_axis", self.network.input, source),
            "outputs": [port(p, n, kinds[n]) for p, n in zip(self.output_prefixes, self.network.outputs, strict=True)],
            "counted": self.options.frame_sync == "counted",
            "interval": self.prediction.frame_interval,
            "cycles": self.prediction.cycles_per_frame,
            "streams": self.signals,
            "instances": self.instances,
            "traced": [s for s in self.signals if s.name in traced],
        }

    def record(self, files: list[str]) -> dict[str, Any]:
        """Content of project.json."""
        return {
            "top": TOP,
            "files": files,
            "input": asdict(self.network.input_type),
            "input_channel_order": self._order(self.network.input_type),
            "frame_sync": self.options.frame_sync,
            "outputs": self._outputs(),
            "streams": {
                stream.name: {
                    "tensor": stream.tensor,
                    "layer": self.network.producers[stream.name].name,
                    "type": asdict(stream.kind),
                    "pixels_per_beat": self.network.beat_pixels(stream.name),
                }
                for stream in self.network.traced
            },
            "layers": {
                node.name: {"source": node.source, "operator": node.op.op_type, "module": self.layers[node.name].module}
                for node in self.network.nodes
            },
            "fifos": self.fifos,
            "predicted": asdict(self.prediction),
        }


def _clock() -> dict[str, str]:
    return dict(zip(CLOCK, ("aclk", "aresetn"), strict=True))


def _into(name: str) -> dict[str, str]:
    """Ports of a module that reads a stream."""
    return {"data_i": f"{name}_data", "valid_i": f"{name}_valid", "ready_o": f"{name}_ready"}


def _from(name: str) -> dict[str, str]:
    """Ports of a module that makes a stream."""
    return {"data_o": f"{name}_data", "valid_o": f"{name}_valid", "ready_i": f"{name}_ready"}
