"""From a QONNX file to a project folder: lowering, hls4ml's ModelGraph, folding, and both emitters.

A built folder holds

    model.onnx      the network at the built frame; its execution by qonnx is the reference
    build.json      what it was built with
    hls/            the HLS project          rtl/    the SystemVerilog project
"""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import onnx

from ..errors import UserError
from .graph.load import load, set_frame
from .graph.lower import Lowered, lower

if TYPE_CHECKING:
    from hls4ml.model import ModelGraph

PROJECT = "xnorsr_top"
Folding = int | str | Mapping[str, tuple[int, int] | Mapping[str, int]]


@dataclass(frozen=True)
class BuildOptions:
    """How a network is turned into hardware.

    Attributes:
        frame: (width, height) of the low-resolution image in pixels; None keeps the file's.
        affine_bits: bits for float affine constants; None refuses them.
        folding: "auto" (one output pixel a cycle), "full" (everything unrolled), "min" (least area), a number of
            cycles a low-resolution pixel, frames a second as "60fps", or {layer: {"pe": n, "simd": m}}.
        part: FPGA part, as in hw/resources/devices.toml or any the vendor tool knows.
        clock_mhz: target clock.
        pixels_per_beat: neighbouring output pixels that a beat of the SystemVerilog output port carries; see
            `PixelShuffle.legal_pixels_per_beat`.
    """

    frame: tuple[int, int] | None = None
    affine_bits: int | None = None
    folding: Folding = "auto"
    part: str = "xck26-sfvc784-2LV-c"
    clock_mhz: float = 200.0
    pixels_per_beat: int = 1


@dataclass
class BuildResult:
    """What was built; `graph` is hls4ml's ModelGraph, read by both emitters and the resource account."""

    out_dir: Path
    lowered: Lowered
    graph: ModelGraph
    options: BuildOptions
    changes: list[str] = field(default_factory=list)


def model_graph(lowered: Lowered, options: BuildOptions, out_dir: Path) -> ModelGraph:
    """hls4ml's ModelGraph of a lowered network, folded.

    Raises:
        UserError: the frame, the folding or the pixels a beat do not fit the network.
    """
    from hls4ml.converters import convert_from_onnx_model

    from .resources.folding import fold

    with contextlib.redirect_stdout(io.StringIO()):  # hls4ml prints its topology
        graph = convert_from_onnx_model(
            lowered.model.model,
            output_dir=str(out_dir),
            project_name=PROJECT,
            backend="XnorVitis",
            io_type="io_stream",
            part=options.part,
            clock_period=1000.0 / options.clock_mhz,
        )
    _check_frame(graph)
    _widen_output(graph, options.pixels_per_beat)
    fold(graph, options.folding, options.clock_mhz)
    return graph


def _check_frame(graph: ModelGraph) -> None:
    """Refuse frames in which whole rows or columns of a kernel never meet a pixel, wherever it stands."""
    from .graph.ops import Conv
    from .resources.view import stages

    for stage in stages(graph):
        if not isinstance(stage.op, Conv):
            continue
        k, kind = stage.op.kernel, stage.input
        least = k // 2 + 1
        if min(kind.height, kind.width) < least:
            raise UserError(
                f"layer {stage.name}: its kernel of {k} x {k} does not fit frames of {kind.width} x {kind.height} "
                f"pixels: the outer taps would never see one. Both sides must be at least {least}; build the network "
                "for larger frames with --frame WxH."
            )


def _widen_output(graph: ModelGraph, pixels_per_beat: int) -> None:
    """Let the network's last layer, a pixel shuffle, send several pixels a beat."""
    if pixels_per_beat == 1:
        return
    from .graph.ops import PixelShuffle
    from .resources.view import output_stage

    sink = output_stage(graph)
    if not isinstance(sink.op, PixelShuffle):
        kind = sink.op.op_type if sink.op is not None else sink.role
        raise UserError(
            f"--pixels-per-beat {pixels_per_beat}: more than one pixel a beat needs a pixel shuffle as last layer; "
            f"the last layer here is {sink.name} ({kind}). Leave the option out."
        )
    allowed = sink.op.legal_pixels_per_beat()
    if pixels_per_beat not in allowed:
        raise UserError(
            f"--pixels-per-beat {pixels_per_beat}: allowed are {', '.join(map(str, allowed))} "
            f"(divisors of the scale {sink.op.factor}, and its multiples that share a line of {sink.op.input.width} "
            "low-resolution pixels out evenly)."
        )
    layer = next(layer for layer in graph.get_layers() if layer.name == sink.name)
    layer.set_attr("spec", sink.op.replace(pixels_per_beat=pixels_per_beat))


def prepare(source: str | Path | onnx.ModelProto, options: BuildOptions) -> Lowered:
    """Lower a network at the wanted frame.

    Raises:
        UserError: the file or the network cannot be built; see `hw.graph.lower.lower`.
    """
    if options.frame is None:
        return lower(source, options.affine_bits)
    width, height = options.frame
    if width < 1 or height < 1:
        raise UserError(f"--frame {width}x{height}: width and height are at least 1.")
    model = onnx.load(str(source)) if _readable(source) else source
    if isinstance(model, onnx.ModelProto):
        model = set_frame(model, height, width)
    return lower(model, options.affine_bits)


def _readable(source: object) -> bool:
    """Whether `source` is a file that onnx can read; `load` says what is wrong with one that is not."""
    if not isinstance(source, str | Path) or not Path(source).is_file():
        return False
    try:
        onnx.load(str(source))
    except Exception:
        return False
    return True


def build(
    source: str | Path | onnx.ModelProto,
    out_dir: Path,
    options: BuildOptions = BuildOptions(),
    *,
    hls: bool = True,
    rtl: bool = True,
    progress: Callable[[str], None] = lambda text: None,
) -> BuildResult:
    """Build a project folder. `out_dir` must be empty or new; the caller stages and renames it (flows.output).

    Args:
        source: QONNX file or model.
        progress: called with a line of text as each step begins.

    Raises:
        UserError: bad input, before anything is written.
    """
    progress("lowering the network")
    lowered = prepare(source, options)
    graph = model_graph(lowered, options, out_dir / "hls")
    out_dir.mkdir(parents=True, exist_ok=True)
    onnx.save(lowered.reference.model, str(out_dir / "model.onnx"))
    if hls:
        from .hls.project import write_project as write_hls

        progress("writing the HLS project")
        write_hls(graph, out_dir / "hls")
    if rtl:
        from .rtl.emit import write_project as write_rtl

        progress("writing the SystemVerilog project")
        write_rtl(graph, out_dir / "rtl")
    _write_record(out_dir, lowered, options)
    return BuildResult(out_dir, lowered, graph, options, lowered.changes)


def _write_record(out_dir: Path, lowered: Lowered, options: BuildOptions) -> None:
    record: dict[str, Any] = {
        "options": asdict(options),
        "input": asdict(lowered.input_type),
        "output": asdict(lowered.output_type),
        "changes": lowered.changes,
    }
    (out_dir / "build.json").write_text(json.dumps(record, indent=2, sort_keys=True) + "\n")


def reopen(out_dir: Path) -> BuildResult:
    """A built folder read back: its network lowered again, its graph made again (nothing is written).

    Raises:
        UserError: the folder holds no build.
    """
    record_file = out_dir / "build.json"
    if not record_file.is_file() or not (out_dir / "model.onnx").is_file():
        raise UserError(
            f"{out_dir}: no build.json and model.onnx in it. Make it with: xnorsr build MODEL.onnx --out {out_dir}"
        )
    record = json.loads(record_file.read_text())
    raw = record["options"]
    raw["frame"] = tuple(raw["frame"]) if raw["frame"] else None
    options = BuildOptions(**raw)
    lowered = lower(load(out_dir / "model.onnx"))
    lowered.changes = record["changes"]
    return BuildResult(out_dir, lowered, model_graph(lowered, options, out_dir / "hls"), options, record["changes"])
