"""The figure of `quality_cost`: PSNR-Y against LUT and against DSP, every network a numbered dot, names beside them."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

_NEAR = 14.0  # points: distance below which two numbers would touch
_ROUNDS = 400
_NAME = 40  # characters of a name on one line


@dataclass(frozen=True)
class Point:
    """One network: its name, PSNR-Y in dB, what it costs, whether it fits its part."""

    name: str
    psnr: float
    lut: int
    dsp: int
    fits: bool


def apart(places: np.ndarray, near: float = _NEAR) -> np.ndarray:
    """Places of numbers, (n, 2) in points, moved as little as pushes it takes until none is within `near` of another.

    Each starts beside its dot, up and to the right, and is pushed off other numbers and off all dots.
    """
    labels = places + 0.6 * near
    # Ones that start at the same place part in directions of their own.
    angles = np.arange(len(labels)) * 2.4
    labels = labels + 0.1 * np.stack([np.cos(angles), np.sin(angles)], 1)
    for _ in range(_ROUNDS):
        push = np.zeros_like(labels)
        for others, reach in ((labels, near), (places, 0.7 * near)):
            gap = labels[:, None] - others[None]
            distance = np.linalg.norm(gap, axis=2)
            if others is labels:
                np.fill_diagonal(distance, np.inf)
            short = np.maximum(reach - distance, 0)
            push += (gap / np.maximum(distance, 1e-6)[..., None] * (short / 2)[..., None]).sum(1)
        if not np.abs(push).max() > 1e-3:
            break
        labels = labels + push
    return labels


def _panel(axes: Axes, points: Sequence[Point], costs: Sequence[int], label: str) -> None:
    """Dots with their numbers; the first point's level is a line."""
    axes.axhline(points[0].psnr, color="0.8", linewidth=0.8, zorder=0)
    for point, cost in zip(points, costs, strict=True):
        axes.plot(cost, point.psnr, "o", color="tab:blue" if point.fits else "tab:red", markersize=4)
    axes.set_xlabel(label)
    axes.margins(0.12, 0.2)
    axes.grid(color="0.93", linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _number(axes: Axes, points: Sequence[Point], costs: Sequence[int]) -> None:
    """Numbers beside the dots; the layout is final, so that distances on the page are known."""
    to_points = 72 / axes.figure.dpi
    dots = np.array([[cost, p.psnr] for cost, p in zip(costs, points, strict=True)], float)
    pixels = axes.transData.transform(dots)
    placed = apart(pixels * to_points)
    for i, (dot, at) in enumerate(zip(pixels * to_points, placed, strict=True), 1):
        axes.annotate(
            str(i),
            xy=tuple(dots[i - 1]),
            xytext=tuple(at - dot),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=8,
            arrowprops={"arrowstyle": "-", "color": "0.6", "linewidth": 0.5, "shrinkA": 4, "shrinkB": 1},
            annotation_clip=False,
        )


def draw(points: Sequence[Point], quality: str, path: Path) -> None:
    """Draws and writes the figure; the first point is what the others are compared with.

    Args:
        quality: what the vertical axis shows.
        path: ends in .svg, .png or .pdf.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.2, 3.9), sharey=True)
    panels = ((left, [p.lut for p in points], "LUT"), (right, [p.dsp for p in points], "DSP slices"))
    for axes, costs, label in panels:
        _panel(axes, points, costs, label)
    left.set_ylabel(quality)
    left.xaxis.set_major_formatter(lambda value, _: f"{value / 1000:g}k")
    figure.subplots_adjust(left=0.075, right=0.68, bottom=0.13, top=0.97, wspace=0.08)
    figure.canvas.draw()
    for axes, costs, _ in panels:
        _number(axes, points, costs)
    listed = []
    for i, p in enumerate(points, 1):
        first, *more = textwrap.wrap(p.name + ("" if p.fits else " (does not fit)"), _NAME) or [""]
        listed += [f"{i:2d}  {first}", *(f"      {line}" for line in more)]
    figure.text(0.695, 0.97, "\n".join(listed), fontsize=7.5, va="top", linespacing=1.35, parse_math=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150, facecolor="white")
    plt.close(figure)
