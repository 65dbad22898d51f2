"""What the report says in tables: which figure was measured and which was computed, and how to come to it again."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..hw.network import Network
from ..hw.options import BuildOptions
from ..hw.ports import channel_order, order_text
from ..hw.rtl.top import output_prefix
from ..hw.types import StreamType
from ..quant.pretrained import named

RESOURCES = ("lut", "ff", "bram36", "dsp", "uram")
#: Frames per second that a clock is asked for.
VIDEO_FPS = 60
#: What to open next, in this order: file in the output folder, what it is.
FILES = (
    ("rtl/xnorsr_top.sv", "top level of the SystemVerilog core: ports, layers, FIFOs"),
    ("rtl/files.f", "its files in compile order"),
    ("rtl/project.json", "streams, FIFOs, predicted cycles, which layer stands for which node of the QONNX file"),
    ("hls/firmware/xnorsr_top.cpp", "top function of the HLS project"),
    ("hls/project.tcl", "part and clock that the HLS project is built for"),
    ("model.onnx", "the network; its execution is the reference of both"),
    ("build.json", "options that both were built with"),
    ("results.json", "the figures of this page"),
)
#: What to run with the vendor's tools: file in the output folder, command from that folder, what it does.
TCL = (
    ("rtl/package_ip.tcl", "vivado -mode batch -source rtl/package_ip.tcl", "packages the core as a Vivado IP"),
    ("hls/build_prj.tcl", "cd hls && vitis-run --mode hls --tcl build_prj.tcl", "C-synthesis with Vitis HLS"),
)


@dataclass(frozen=True)
class Usage:
    """One resource of the device.

    Attributes:
        name: LUT, FF, BRAM36 or DSP.
        formula, measured: how many the design takes by formula, and by Yosys where that ran.
        available: of the device.
        share: of the device, by what was measured where that is known; above 1 it does not fit.
    """

    name: str
    formula: float
    measured: float | None
    available: float
    share: float


@dataclass(frozen=True)
class Port:
    """A video port: prefix of its signals, direction, bits of tdata, what a beat is and its layout, and frame size."""

    prefix: str
    direction: str
    bits: int
    beat: str
    order: str
    frame: str


def resources(uses_uram: bool) -> tuple[str, ...]:
    """The resources that tables show: UltraRAM only where a design takes some, since few parts have it."""
    return RESOURCES if uses_uram else RESOURCES[:-1]


def utilisation(results: Mapping[str, Any]) -> list[Usage]:
    """Each resource against the device; empty without a device.

    Yosys's figures count only where it mapped for the device's own family.
    """
    estimate, synth = results["estimate"], results["synth"]
    device = estimate["device"]
    if not device:
        return []
    total = synth["total"] if synth and synth["family"] == device["family"] else None
    rows = []
    for key in resources(device["uram"] > 0):
        measured = total[key] if total else None
        used = estimate[key] if measured is None else measured
        rows.append(Usage(key.upper(), estimate[key], measured, device[key], used / device[key]))
    return rows


def pooling_text(pooling: str | None, frames: int) -> str:
    """Whose means and sums over the frame a frame uses, in words; empty for a network without.

    Args:
        pooling, frames: `Network.pooling` and `Network.frames_to_settle`.
    """
    if pooling == "previous":
        return f"of the frame before (mode previous); a still picture settles with frame {frames}"
    return "of the frame itself (mode frame), which waits for them in FIFOs" if pooling == "frame" else ""


def unrolled_text(names: Sequence[str]) -> str:
    """Which layers have constant weights in SystemVerilog and are folded in HLS, in words; empty for none."""
    return f"Constant weights in SystemVerilog alone: {', '.join(names)}" if names else ""


def ports(network: Network, options: BuildOptions) -> list[Port]:
    """The AXI4-Stream ports of the SystemVerilog core."""
    rows = [_port("s_axis", "in", network.input_type, 1, options)]
    for number, (name, kind) in enumerate(network.output_types.items()):
        rows.append(_port(output_prefix(number), "out", kind, network.beat_pixels(name), options))
    return rows


def _port(prefix: str, direction: str, kind: StreamType, pixels: int, options: BuildOptions) -> Port:
    code = f"{kind.channels} × {kind.bits} {'signed' if kind.signed else 'unsigned'} bits"
    several = f"{pixels} pixels of {code}, the left one in the low bits" if pixels > 1 else f"one pixel of {code}"
    order = order_text(channel_order(kind, options.port_colors))
    bits = -(-kind.word_bits * pixels // 8) * 8
    return Port(prefix, direction, bits, several, order, f"{kind.width} × {kind.height}")


def command(source: str, overrides: Sequence[str], out: Path, packed: Path | None = None) -> str:
    """The command line, quoted for a shell, that makes a run again.

    Args:
        source: the recipe as it was named: shipped, or a file.
        overrides: what --set changed in it.
        packed: folder of the network that was taken instead of training one.
    """
    words = ["xnorsr", "run", source, "--out", str(out)]
    if packed is not None:
        words += ["--pretrained", named(packed)]
    return shlex.join([*words, *(word for text in overrides for word in ("--set", text))])


def curve(points: Sequence[Sequence[float]], width: int = 640, height: int = 150) -> str:
    """SVG of a loss curve, both axes from 0; empty for fewer than two points.

    Args:
        points: (step, loss).
    """
    if len(points) < 2:
        return ""
    steps, losses = [p[0] for p in points], sorted(p[1] for p in points)
    # The first steps are far above the rest; what lies above the upper limit is cut off.
    top, last = min(losses[-1], 2 * losses[int(0.9 * (len(losses) - 1))]) or 1.0, steps[-1]
    left, bottom = 58, 22
    x = [left + (width - left - 6) * step / last for step in steps]
    y = [6 + (height - bottom - 6) * (1 - min(loss / top, 1.0)) for _, loss in points]
    line = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
    floor = height - bottom
    return (
        f'<svg class="curve" viewBox="0 0 {width} {height}" role="img" aria-label="L1 loss per step: from '
        f'{points[0][1]:.4g} at step {steps[0]} to {points[-1][1]:.4g} at step {last}">'
        f'<path class="axis" d="M{left} 6V{floor}H{width - 6}"/><polyline points="{line}"/>'
        f'<text x="{left - 6}" y="14" text-anchor="end">{top:.3g}</text>'
        f'<text x="{left - 6}" y="{floor}" text-anchor="end">0</text>'
        f'<text x="{left}" y="{height - 6}">step 0</text>'
        f'<text x="{width - 6}" y="{height - 6}" text-anchor="end">{last}</text></svg>'
    )
