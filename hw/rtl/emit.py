"""ModelGraph -> SystemVerilog project. The same graph always gives the same bytes.

xnorsr_top.sv   AXI4-Stream video ports, one instance a layer, FIFOs where the schedule asks for them
layers/*.sv     one module a layer: library modules with parameters and constants filled in
lib/*.sv        the library modules
files.f         file list, in compile order; package_ip.tcl makes a Vivado IP of it
project.json    streams, FIFOs, frame and predicted cycles, for simulation and synthesis
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ..graph.context import identifier
from ..graph.ops import Conv
from ..resources.schedule import fifo_depths, predict
from ..resources.view import Stage, consumers, input_stage, output_stage, stages
from ..types import StreamType
from .layers import CLOCK, Instance, Layer, layer_of, pixels_per_beat
from .popcount_modules import MODULE, popcounts_text

if TYPE_CHECKING:
    from hls4ml.model import ModelGraph

TOP = "xnorsr_top"
HERE = Path(__file__).parent
LIBRARY = HERE / "lib"
POPCOUNTS = f"lib/{MODULE}.sv"


@dataclass
class Stream:
    """Signals of one stream at the top level."""

    name: str
    bits: int
    what: str
    shared: bool = False  # the data of several copies: no handshake of its own


def write_project(graph: ModelGraph, out_dir: Path) -> dict[str, Any]:
    """Write the project into a new or empty folder; returns what project.json holds."""
    network = stages(graph)
    (out_dir / "layers").mkdir(parents=True, exist_ok=True)
    (out_dir / "lib").mkdir(exist_ok=True)
    counted = [s.op for s in network if isinstance(s.op, Conv) and s.op.binary]
    layers = [layer_of(identifier(s.name), s.op, _position(s.op, counted)) for s in network if s.op is not None]
    template = _environment().get_template("layer.sv.jinja")
    top = _Top(network, layers)
    texts = {f"layers/{layer.module}.sv": template.render(layer=layer) for layer in layers}
    texts[f"{TOP}.sv"] = _environment().get_template("top.sv.jinja").render(**top.context())
    for name, text in texts.items():
        (out_dir / name).write_text(text)
    structures = popcounts_text(counted) if counted else ""
    sources = _library([*texts.values(), structures])
    for source in sources:
        shutil.copyfile(source, out_dir / "lib" / source.name)
    files = [f"lib/{s.name}" for s in sources] + list(texts)
    if counted:
        # Simulation counts with $countones and need not read these structures.
        (out_dir / POPCOUNTS).write_text(f"`ifdef SYNTHESIS\n{structures}`endif\n")
        files.insert(len(sources), POPCOUNTS)
    (out_dir / "files.f").write_text("".join(f"{name}\n" for name in files))
    _write_package(out_dir, top)
    record = top.record(files)
    (out_dir / "project.json").write_text(json.dumps(record, indent=1, sort_keys=True) + "\n")
    return record


def _library(texts: Iterable[str]) -> list[Path]:
    """Library modules that these sources use, and those that they use in turn."""
    waiting, used = list(texts), set[Path]()
    while waiting:
        code = re.sub(r"//.*", "", waiting.pop())
        found = {LIBRARY / f"{name}.sv" for name in re.findall(r"\bxnorsr_\w+", code)}
        new = {path for path in found - used if path.is_file()}
        waiting += [path.read_text() for path in new]
        used |= new
    return sorted(used)


def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(HERE / "templates"), trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined,
        keep_trailing_newline=True,
    )  # fmt: skip


def _position(op: object, counted: list[Conv]) -> int:
    """Where an operator stands among the binary convolutions: its PopcountId; -1 for any other."""
    return next((n for n, other in enumerate(counted) if other is op), -1)


def _bytes(bits: int) -> int:
    return (bits + 7) // 8 * 8


class _Top:
    """Instances and streams of the top level."""

    def __init__(self, network: list[Stage], layers: list[Layer]) -> None:
        self.network, self.layers = network, {layer.name: layer for layer in layers}
        self.depths = fifo_depths(network)
        self.prediction = predict(network)
        self.source, self.sink = input_stage(network), output_stage(network)
        self.per_beat = pixels_per_beat(self.sink.op)
        self.streams: list[Stream] = []
        self.instances: list[Instance] = []
        self.fifos: dict[str, dict[str, Any]] = {}
        self.types: dict[str, StreamType] = {}
        self.copies: dict[str, str] = {}
        self._video_in()
        for stage in network:
            if stage.role == "fork":
                self._fork(stage)
            elif stage.role == "op":
                self._layer(stage)
        self._video_out()

    def _stream(self, tensor: str, kind: StreamType, what: str, per_beat: int = 1) -> str:
        name = identifier(tensor)
        what += f"; {per_beat} pixels a beat" if per_beat > 1 else ""
        sign = "bipolar" if kind.bipolar else f"{'signed' if kind.signed else 'unsigned'}, lsb 2^{-kind.frac}"
        self.streams.append(
            Stream(
                name,
                kind.word_bits * per_beat,
                f"{kind.channels} x {kind.bits} bit {sign}, {kind.width} x {kind.height}; {what}",
            )
        )
        self.types[tensor] = kind
        return name

    def _edge(self, tensor: str, reader: str) -> str:
        """Signals that a layer reads a tensor from; with a FIFO between where the schedule gives it a depth."""
        name = identifier(tensor)
        depth = self.depths.get((tensor, reader), 0)
        if not depth:
            return name
        kind = self.types[tensor]
        buffered = f"{name}_to_{identifier(reader)}"
        self.streams.append(Stream(buffered, kind.word_bits, f"{name} behind a FIFO of {depth}"))
        fifo = f"u_fifo_{buffered}"
        self.instances.append(
            Instance(
                "xnorsr_fifo",
                fifo,
                {"Bits": kind.word_bits, "Depth": depth},
                _clock() | _into(name) | _from(buffered),
            )
        )
        self.fifos[fifo] = {"depth": depth, "bits": kind.word_bits, "tensor": tensor, "reader": reader}
        return buffered

    def _video_in(self) -> None:
        kind = self.source.output
        name = self._stream(self.source.outputs[0], kind, "the input")
        ports = {
            "s_axis_tdata_i": "s_axis_tdata",
            "s_axis_tvalid_i": "s_axis_tvalid",
            "s_axis_tready_o": "s_axis_tready",
        }
        ports |= {"s_axis_tuser_i": "s_axis_tuser", "s_axis_tlast_i": "s_axis_tlast"}
        ports |= {"err_line_o": "err_line_o", "err_frame_o": "err_frame_o"}
        parameters = {"Width": kind.width, "Height": kind.height, "Bits": kind.word_bits}
        self.instances.append(
            Instance("xnorsr_video_in", "u_video_in", dict(parameters), _clock() | ports | _from(name))
        )

    def _video_out(self) -> None:
        kind = self.sink.output
        tensor = self.sink.outputs[0]
        ports = {
            "m_axis_tdata_o": "m_axis_tdata",
            "m_axis_tvalid_o": "m_axis_tvalid",
            "m_axis_tready_i": "m_axis_tready",
        }
        ports |= {"m_axis_tuser_o": "m_axis_tuser", "m_axis_tlast_o": "m_axis_tlast"}
        parameters = {
            "Width": kind.width,
            "Height": kind.height,
            "Bits": kind.word_bits,
            "PixelsPerBeat": self.per_beat,
        }
        self.instances.append(
            Instance("xnorsr_video_out", "u_video_out", dict(parameters), _clock() | _into(identifier(tensor)) | ports)
        )

    def _fork(self, stage: Stage) -> None:
        source = self._edge(stage.tensors[0], stage.name)
        names = [self._stream(t, stage.output, f"copy of {source}") for t in stage.outputs]
        # A concatenation's last element is output 0.
        data = f"{identifier(stage.name)}_data"
        self.streams.append(
            Stream(identifier(stage.name), stage.output.word_bits, f"shared by the copies of {source}", shared=True)
        )
        valid = "{" + ", ".join(f"{n}_valid" for n in reversed(names)) + "}"
        ready = "{" + ", ".join(f"{n}_ready" for n in reversed(names)) + "}"
        ports = _clock() | _into(source) | {"data_o": data, "valid_o": valid, "ready_i": ready}
        parameters: dict[str, object] = {"Bits": stage.output.word_bits, "Outputs": len(names)}
        self.instances.append(Instance("xnorsr_fork", f"u_{identifier(stage.name)}", parameters, ports))
        self.copies |= dict.fromkeys(names, data)

    def _layer(self, stage: Stage) -> None:
        layer = self.layers[identifier(stage.name)]
        sources = [self._edge(t, stage.name) for t in stage.tensors]
        target = self._stream(stage.outputs[0], stage.output, layer.title, pixels_per_beat(stage.op))
        ports = _clock()
        for port, source in zip(layer.inputs, sources, strict=True):
            ports |= {f"{port.name}{key}": value for key, value in _into(source).items()}
        self.instances.append(Instance(layer.module, f"u_{layer.name}", {}, ports | _from(target)))

    def context(self) -> dict[str, Any]:
        """What the template of the top level needs."""
        a, b = self.source.output, self.sink.output
        traced = [
            Stream(identifier(s.outputs[0]), s.output.word_bits * pixels_per_beat(s.op), "")
            for s in self.network
            if s.role != "fork"
        ]
        return {
            "name": TOP,
            "title": f"{a.width} x {a.height} to {b.width} x {b.height} pixels, {len(self.layers)} layers",
            "input": a,
            "output": b,
            "in_tdata": _bytes(a.word_bits),
            "out_tdata": _bytes(b.word_bits * self.per_beat),
            "per_beat": self.per_beat,
            "interval": self.prediction.frame_interval,
            "cycles": self.prediction.cycles_per_frame,
            "streams": self.streams,
            "instances": self.instances,
            "copies": self.copies,
            "traced": traced,
        }

    def record(self, files: list[str]) -> dict[str, Any]:
        """Content of project.json."""
        readers = consumers(self.network)
        return {
            "top": TOP,
            "files": files,
            "input": asdict(self.source.output),
            "output": asdict(self.sink.output),
            "pixels_per_beat": self.per_beat,
            "streams": {
                identifier(s.outputs[0]): {
                    "tensor": s.outputs[0],
                    "layer": s.name,
                    "type": asdict(s.output),
                    "pixels_per_beat": pixels_per_beat(s.op),
                }
                for s in self.network
                if s.role == "op"
            },
            "layers": [layer.module for layer in self.layers.values()],
            "fifos": self.fifos,
            "readers": dict(readers.items()),
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


def _write_package(out_dir: Path, top: _Top) -> None:
    template = _environment().get_template("package_ip.tcl.jinja")
    (out_dir / "package_ip.tcl").write_text(template.render(top=TOP))
