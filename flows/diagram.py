"""The pipeline as an inline SVG: one box a layer from top to bottom, stream widths on the wires, skips on the right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

from ..hw.graph.ops import Affine, Conv, Op, PixelShuffle, Residual, Threshold, Upsample
from ..hw.resources.view import Stage
from ..hw.types import StreamType

BOX_W, BOX_H, PITCH, LEFT, LANE_W = 330, 34, 62, 20, 26


@dataclass(frozen=True)
class Skip:
    """A wire that passes over layers: from row to row, on a lane of its own while it overlaps others."""

    start: int
    end: int
    lane: int
    label: str


def describe(op: Op | None, role: str = "op") -> str:
    """What a layer does, in a few words."""
    if op is None:
        return "input port" if role == "input" else "one stream to several"
    if isinstance(op, Conv):
        shape = f"{op.kernel}×{op.kernel}, {op.weight.shape[3]}→{op.weight.shape[0]}"
        if not op.binary:
            return f"{shape}, {op.weight_bits}-bit weights"
        planes = "XNOR-popcount" if op.input.bipolar else f"binary weights, {op.input.bits} bit planes"
        return f"{shape}, {planes}"
    if isinstance(op, Affine):
        parts = ["scale", "bias"] if op.scale is not None else ["bias"] * (op.bias is not None)
        parts += ["PReLU"] * (op.slope is not None) + ["round"] * (op.quant is not None or op.mid is not None)
        return " + ".join(parts) or "pass"
    if isinstance(op, Threshold):
        levels = op.thresholds.shape[1]
        return "sign(x − t) per channel" if op.output.bipolar else f"{levels} thresholds per channel"
    if isinstance(op, Residual):
        return "add" + (" + round" if op.quant is not None else "")
    if isinstance(op, PixelShuffle | Upsample):
        mode = f"{op.mode} " if isinstance(op, Upsample) else ""
        return f"{mode}×{op.factor}"
    return ""


def kind(op: Op | None, role: str = "op") -> str:
    """CSS class of a box: what sort of hardware it is."""
    if op is None:
        return role
    if isinstance(op, Conv):
        return "binary" if op.binary else "fixed"
    return {"Affine": "affine", "Threshold": "affine", "Residual": "residual"}.get(op.op_type, "reshape")


def width_text(stream: StreamType) -> str:
    """Width of one beat, as "32 × 14 b"."""
    sign = "±1" if stream.bipolar else f"{'s' if stream.signed else 'u'}{stream.bits}"
    return f"{stream.channels} × {sign} = {stream.word_bits} bit"


def _reading_order(stages: list[Stage]) -> list[Stage]:
    """Topological order that follows each path to its end, the longest first, so that few wires pass over boxes."""
    by_name = {s.name: s for s in stages}
    readers: dict[str, list[str]] = {s.name: [] for s in stages}
    for stage in stages:
        for producer in stage.producers:
            readers[producer].append(stage.name)
    remaining: dict[str, int] = {}
    for stage in reversed(stages):
        remaining[stage.name] = 1 + max((remaining[r] for r in readers[stage.name]), default=0)
    waiting = {s.name: len(s.producers) for s in stages}
    stack = [s.name for s in reversed(stages) if not s.producers]
    ordered = []
    while stack:
        name = stack.pop()
        ordered.append(by_name[name])
        for reader in sorted(readers[name], key=remaining.__getitem__):
            waiting[reader] -= 1
            if waiting[reader] == 0:
                stack.append(reader)
    return ordered


def _skips(stages: list[Stage], fifos: Mapping[tuple[str, str], int]) -> list[Skip]:
    row = {s.name: i for i, s in enumerate(stages)}
    wires = []
    for stage in stages:
        for producer, tensor in zip(stage.producers, stage.tensors, strict=True):
            if row[producer] + 1 != row[stage.name]:
                depth = fifos.get((tensor, stage.name), 0)
                wires.append((row[producer], row[stage.name], f"FIFO {depth}" if depth else ""))
    lanes: list[int] = []  # the row at which each lane becomes free
    skips = []
    for start, end, label in sorted(wires, key=lambda w: (w[0], -w[1])):
        lane = next((i for i, free in enumerate(lanes) if free <= start), len(lanes))
        lanes[lane : lane + 1] = [end]
        skips.append(Skip(start, end, lane, label))
    return skips


def _box(i: int, stage: Stage) -> str:
    y = i * PITCH
    name, text = escape(stage.name), escape(describe(stage.op, stage.role))
    fold = ""
    if isinstance(stage.op, Conv):
        fold = f" · PE {stage.op.pe}, SIMD {stage.op.simd}"
    elif isinstance(stage.op, Affine):
        fold = f" · PE {stage.op.pe}"
    return (
        f'<g class="box {kind(stage.op, stage.role)}"><title>{name}: {text}{fold}</title>'
        f'<rect x="{LEFT}" y="{y}" width="{BOX_W}" height="{BOX_H}" rx="6"/>'
        f'<rect class="stripe" x="{LEFT}" y="{y}" width="5" height="{BOX_H}" rx="2"/>'
        f'<text class="name" x="{LEFT + 14}" y="{y + 14}">{name}</text>'
        f'<text class="what" x="{LEFT + 14}" y="{y + 27}">{text}{fold}</text></g>'
    )


def _wire(i: int, stream: StreamType, fifo: int) -> str:
    x, y = LEFT + 60, i * PITCH + BOX_H
    label = width_text(stream) + (f" · FIFO {fifo}" if fifo else "")
    return (
        f'<path class="wire" d="M{x} {y}V{y + PITCH - BOX_H - 4}" marker-end="url(#tip)"/>'
        f'<text class="width" x="{x + 10}" y="{y + 18}">{label}</text>'
    )


def _arc(skip: Skip) -> str:
    x0, x1 = LEFT + BOX_W, LEFT + BOX_W + 16 + skip.lane * LANE_W
    y0, y1 = skip.start * PITCH + BOX_H - 9, skip.end * PITCH + 9
    label = (
        f'<text class="width" transform="translate({x1 + 12} {(y0 + y1) // 2}) rotate(-90)" text-anchor="middle">'
        f"{escape(skip.label)}</text>"
    )
    corner = f"Q{x1} {y0} {x1} {y0 + 6}V{y1 - 6}Q{x1} {y1} {x1 - 6} {y1}"
    wire = f'<path class="wire skip" d="M{x0} {y0}H{x1 - 6}{corner}H{x0 + 4}" marker-end="url(#tip)"/>'
    return wire + (label if skip.label else "")


def diagram(stages: list[Stage], fifos: Mapping[tuple[str, str], int]) -> str:
    """SVG of a network; colours come from the page's style sheet, so that it follows light and dark.

    Args:
        stages: layers in topological order.
        fifos: words of the FIFO on each (tensor, reading layer).
    """
    stages = _reading_order(stages)
    skips = _skips(stages, fifos)
    lanes = max((s.lane for s in skips), default=-1) + 1
    width = LEFT + BOX_W + 30 + max(lanes, 1) * LANE_W
    height = len(stages) * PITCH - (PITCH - BOX_H) + 40
    parts = [_box(i, s) for i, s in enumerate(stages)]
    for i, (stage, following) in enumerate(zip(stages, [*stages[1:], None], strict=True)):
        if following is None or stage.name in following.producers:
            fifo = 0
            if following is not None:
                tensor = following.tensors[following.producers.index(stage.name)]
                fifo = fifos.get((tensor, following.name), 0)
            parts.append(_wire(i, stage.output, fifo))
    parts += [_arc(s) for s in skips]
    return (
        f'<svg class="pipeline" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        'aria-label="pipeline of the network"><defs><marker id="tip" viewBox="0 0 8 8" refX="6" refY="4" '
        'markerWidth="7" markerHeight="7" orient="auto-start-reverse"><path d="M0 0L8 4L0 8z"/></marker></defs>'
        + "".join(parts)
        + "</svg>"
    )
