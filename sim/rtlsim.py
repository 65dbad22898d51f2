"""RTL simulation of a built project: Verilator compiles it, cocotb drives whole photographs through it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import UserError
from ..hw.hls.description import stream_type
from ..hw.types import StreamType
from . import verilate
from .frames import check_input

BENCH = "xnorsr.sim.benches.frame"
#: Cycles of a frame below which the model is compiled without optimizing, which would take longer than it saves.
_SHORT = 20_000


@dataclass
class RtlResult:
    """What a simulation gave.

    Attributes:
        outputs: for each frame the codes of each output by its tensor's name, (H, W, C) int64, in the graph's order.
        cycles: first pixel in to last pixel out (of the last output) of the first frame, both counted.
        ends: cycle in which each frame's last pixel leaves, at the output where that is latest.
        interval: cycles between the ends of the last two frames; None for one frame.
        occupancy: most beats that each FIFO held, by its stream and reader, with its depth; empty for structures.
        streams: codes of every layer's output stream of the last frame by the stream's name, if traced.
    """

    outputs: list[dict[str, np.ndarray]]
    cycles: int
    ends: list[int]
    interval: int | None
    occupancy: dict[str, tuple[int, int]]
    streams: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def output(self) -> np.ndarray:
        """Codes of the last frame at the first output, which most networks have alone."""
        return next(iter(self.outputs[-1].values()))


@dataclass(frozen=True)
class OutputPort:
    """An output port as project.json records it.

    Attributes:
        tensor, kind, pixels_per_beat: what it carries.
        prefix: of its signals' names.
        channel_order: channels of a pixel from the low bits on.
    """

    tensor: str
    kind: StreamType
    pixels_per_beat: int
    prefix: str
    channel_order: tuple[int, ...]


def _read(project: Path) -> dict[str, Any]:
    """Content of a project's project.json, whose parts that are used here are all there.

    Raises:
        UserError: there is none, it is damaged, or another version wrote it.
    """
    path = project / "project.json"
    if not path.is_file():
        raise UserError(
            f"{project}: no SystemVerilog project (project.json is missing). Make it with: xnorsr build MODEL.onnx"
        )
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if not record.get("outputs"):
            raise ValueError("it records no outputs")
        orders = [(record["input_channel_order"], record["input"])]
        orders += [(o["channel_order"], o["type"]) for o in record["outputs"]]
        if any(sorted(order) != list(range(kind["channels"])) for order, kind in orders):
            raise ValueError("an order of channels is none")
        streams = [record["input"], *(s["type"] for s in (*record["outputs"], *record["streams"].values()))]
        for raw in streams:
            stream_type(raw)
        used = [str(record["top"]), int(record["predicted"]["cycles_per_frame"]), *map(str, record["files"])]
        used += [(o["tensor"], int(o["pixels_per_beat"]), str(o["prefix"])) for o in record["outputs"]]
        used += [(f["stream"], f["reader"], int(f["depth"])) for f in record["fifos"].values()]
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise UserError(
            f"{path}: cannot be read, it is damaged or of another version ({type(error).__name__}: {error}). "
            "Build the project again: xnorsr build MODEL.onnx"
        ) from error
    missing = [name for name in record["files"] if not (project / name).is_file()]
    if missing:
        raise UserError(f"{project}: {missing[0]} is missing. Build the project again: xnorsr build MODEL.onnx")
    return record


class RtlSim:
    """A SystemVerilog project and its compiled simulation.

    Args:
        project: folder that `hw.rtl.emit.write_project` wrote.
        work: folder for the simulator's files; kept, so that a second run need not compile.
        trace: compile the dumps of all streams in.
        waves: compile waveform dumping in.
        structures: compile the popcounts that are synthesized instead of $countones: slower. The sources then have no
            dumps and no counters of FIFOs either.
    """

    def __init__(
        self, project: Path, work: Path, *, trace: bool = False, waves: bool = False, structures: bool = False
    ) -> None:
        assert not (trace and structures), "what is synthesized dumps nothing"
        self.project, self.trace, self.waves, self.structures = project, trace, waves, structures
        self.work = work / ("trace" if trace else "structures" if structures else "plain")
        self.record = _read(project)
        self.input = stream_type(self.record["input"])
        self.outputs = [
            OutputPort(
                o["tensor"], stream_type(o["type"]), o["pixels_per_beat"], o["prefix"], tuple(o["channel_order"])
            )
            for o in self.record["outputs"]
        ]
        self.types = {name: stream_type(s["type"]) for name, s in self.record["streams"].items()}

    @property
    def output(self) -> StreamType:
        """Type of the first output."""
        return self.outputs[0].kind

    @property
    def waveforms(self) -> Path:
        """The file that a run with waveforms writes."""
        return self.work / f"dump.{verilate.wave_format()}"

    @property
    def predicted_cycles(self) -> int:
        """Cycles of a frame alone by the computed schedule."""
        return int(self.record["predicted"]["cycles_per_frame"])

    def compile(self, optimize: str | None = None) -> None:
        """Compile with Verilator.

        Args:
            optimize: the C++ compiler's level; None: -O2, or -O0 where a frame is over before that would pay.

        Raises:
            UserError: Verilator is missing or too old.
            sim.verilate.BenchError: it does not compile.
        """
        verilate.build(
            self.record["top"],
            [self.project / name for name in self.record["files"]],
            self.work,
            defines={"XNORSR_TRACE": 1} if self.trace else {"SYNTHESIS": 1} if self.structures else {},
            waves=self.waves,
            optimize=optimize or ("-O0" if self.predicted_cycles < _SHORT else "-O2"),
        )

    def run(
        self, frames: np.ndarray | Sequence[np.ndarray], *, idle: float = 0.0, stall: float = 0.0, seed: int = 0
    ) -> RtlResult:
        """Simulate one image (H, W, C) or several, back to back, from reset on.

        Args:
            idle, stall: probability of a pause of the source and of the sink in a cycle.
            seed: of the pauses.

        Raises:
            UserError: an image does not fit the built frame.
            sim.verilate.BenchError: the simulation fails or stands still.
        """
        images = [frames] if isinstance(frames, np.ndarray) and frames.ndim == 3 else list(frames)
        for image in images:
            check_input(image, self.input)
        self.work.mkdir(parents=True, exist_ok=True)
        at_port = np.stack(images).astype(np.int64)[..., self.record["input_channel_order"]]
        np.save(self.work / "frames.npy", at_port)
        predicted = self.record["predicted"]
        config = {
            "frames": str(self.work / "frames.npy"),
            "outputs": [
                {
                    "prefix": port.prefix,
                    "file": str(self._codes_of(port)),
                    "bits": port.kind.bits,
                    "shape": (port.kind.height, port.kind.width, port.kind.channels),
                    "pixels_per_beat": port.pixels_per_beat,
                }
                for port in self.outputs
            ],
            "record": str(self.work / "record.json"),
            "fifos": [] if self.structures else list(self.record["fifos"]),
            "in_bits": self.input.bits,
            "idle": idle,
            "stall": stall,
            "seed": seed,
            "wait": predicted.get("start", 0),
            "timeout": 1000 + 4 * predicted["cycles_per_frame"],
        }
        setup = verilate.dump_json(self.work / "frame.json", config)
        for path in (self.work / "record.json", *map(self._codes_of, self.outputs)):
            path.unlink(missing_ok=True)
        plus = [f"+xnorsr_trace={self.work}"] if self.trace else []
        verilate.run(
            self.record["top"], self.work, BENCH, env={"XNORSR_FRAME": str(setup)}, waves=self.waves, plusargs=plus
        )
        return self._result(len(images))

    def _codes_of(self, port: OutputPort) -> Path:
        return self.work / f"{port.prefix}.npy"

    def _result(self, frames: int) -> RtlResult:
        record = json.loads((self.work / "record.json").read_text())
        found = {}
        for port in self.outputs:
            raw = np.load(self._codes_of(port))[..., np.argsort(port.channel_order)]
            sign = 1 << (port.kind.bits - 1)
            found[port.tensor] = (raw ^ sign) - sign if port.kind.signed else raw
        occupancy = {
            f"{f['stream']} -> {f['reader']}": (record["occupancy"][name], f["depth"])
            for name, f in self.record["fifos"].items()
            if name in record["occupancy"]
        }
        ends = [max(at) for at in zip(*record["last_out"], strict=True)]
        return RtlResult(
            outputs=[{tensor: codes[n] for tensor, codes in found.items()} for n in range(frames)],
            cycles=ends[0] - record["first_in"] + 1,
            ends=ends,
            interval=ends[-1] - ends[-2] if len(ends) > 1 else None,
            occupancy=occupancy,
            streams=self._streams(frames) if self.trace else {},
        )

    def _streams(self, frames: int) -> dict[str, np.ndarray]:
        streams = {}
        for name, stream in self.record["streams"].items():
            kind = stream_type(stream["type"])
            lines = (self.work / f"{name}.hex").read_text().split()
            per_beat = stream["pixels_per_beat"]
            beats = kind.height * kind.width // per_beat
            if len(lines) < frames * beats:
                raise verilate.BenchError(f"stream {name}: {len(lines)} of {frames * beats} beats in the dump")
            streams[name] = _codes(lines[(frames - 1) * beats : frames * beats], kind, per_beat)
        return streams


def _codes(lines: list[str], kind: StreamType, per_beat: int = 1) -> np.ndarray:
    """Codes (H, W, C) of a stream's beats, of ``per_beat`` pixels each, as hexadecimal lines."""
    width = kind.word_bits * per_beat
    digits = (width + 7) // 8 * 2
    raw = np.frombuffer(bytes.fromhex("".join(line.zfill(digits) for line in lines)), np.uint8)
    bits = np.unpackbits(raw.reshape(len(lines), -1)[:, ::-1], axis=1, bitorder="little")[:, :width]
    planes = bits.reshape(len(lines) * per_beat, kind.channels, kind.bits).astype(np.int64)
    codes = (planes << np.arange(kind.bits)).sum(-1)
    if kind.signed:
        sign = 1 << (kind.bits - 1)
        codes = (codes ^ sign) - sign
    return codes.reshape(kind.height, kind.width, kind.channels)
