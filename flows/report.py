"""The report: one self-contained HTML page (images as data URIs, inline style, no script)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ..hw.build import BuildResult
from ..marks import OUTPUT
from .diagram import diagram
from .facts import FILES, TCL, VIDEO_FPS, curve, pooling_text, ports, resources, unrolled_text, utilisation
from .tiles import Pictures, crop_places, crop_tiles, further_tiles, whole_tiles
from .timing import clock_text


def _environment() -> Environment:
    env = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters["count"] = lambda n: f"{n:,.0f}"
    env.filters["db"] = lambda x: f"{x:.2f} dB"
    env.filters["si"] = si
    env.filters["rate"] = rate
    env.filters["duration"] = duration
    return env


def si(value: float, unit: str = "") -> str:
    """With a decimal prefix: 12345 -> "12.3 k"."""
    for limit, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= limit:
            return f"{value / limit:.3g} {prefix}{unit}"
    return f"{value:.3g} {unit}".strip()


def rate(value: float) -> str:
    """Three digits, all of those before the point, no exponent: 3048.7 -> "3,049", 24.63 -> "24.6"."""
    digits = max(2 - math.floor(math.log10(abs(value))), 0) if value else 0
    return f"{value:,.{digits}f}"


def duration(seconds: float) -> str:
    """Seconds, or minutes and seconds, as text."""
    return f"{int(seconds // 60)} min {seconds % 60:.0f} s" if seconds >= 60 else f"{seconds:.1f} s"


def render(results: Mapping[str, Any], pictures: Pictures, built: BuildResult) -> str:
    """The page.

    Args:
        results: what results.json holds; "estimate", "timing", "synth" and "synth_by_layer" (the last two are both None
            or neither) as `steps.cost.Account.to_dict` gives them.
        pictures: of the simulated photograph.
        built: what was simulated: for the diagram, the ports and the files.
    """
    network, folder = built.network, built.out_dir
    scores, estimate = results["psnr_y"], results["estimate"]
    ultra = bool(estimate["uram"] or (results["synth"] and results["synth"]["total"]["uram"]))
    notes = {"bicubic": f"{scores['bicubic']:.2f} dB PSNR-Y", "ours": f"{scores['brevitas']:.2f} dB PSNR-Y"}
    template = _environment().get_template("report.html.jinja")
    return template.render(
        results=results,
        main=OUTPUT,  # the output that is scored and compared with Brevitas, where there are several
        tiles=whole_tiles(pictures, results["image"]["name"], notes),
        crops=[crop_tiles(pictures, place) for place in crop_places(pictures)],
        further=[further_tiles(output) for output in pictures.further],
        diagram=diagram(built.rtl_network, network),
        loss_curve=curve(results["training"]["loss"]) if "training" in results else "",
        estimate=estimate,
        unrolled=unrolled_text(results["unrolled"]),
        means=pooling_text(network.pooling, network.frames_to_settle),
        usage=utilisation(results),
        ultra=ultra,
        resources=resources(ultra),
        ports=ports(network, built.options),
        counted=built.options.frame_sync == "counted",
        output_pixels=next(iter(network.output_types.values())).pixels,
        clock=clock_text(results["timing"]),
        timing=results["timing"],
        video_fps=VIDEO_FPS,
        video_clock=estimate["interval_cycles"] * VIDEO_FPS / 1e6,
        files=[(name, what) for name, what in FILES if (folder / name).exists() or name == "results.json"],
        scripts=[(line, what) for name, line, what in TCL if (folder / name).exists()],
        synth=results["synth_by_layer"],
        most_lut=max((layer["lut"] for layer in estimate["layers"]), default=1) or 1,
        total_time=sum(results["times"].values()) or 1.0,
    )
