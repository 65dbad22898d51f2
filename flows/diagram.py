"""The pipeline as inline SVG: one box per layer from top to bottom, widths on the wires, skips on the right."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from ..hw.network import Network
from ..hw.ops.base import Op
from ..hw.resources.fifos import fifo_depths
from ..hw.resources.schedule import INPUT
from ..hw.resources.slices import SLICE
from ..hw.types import StreamType

BOX_W, BOX_H, PITCH, LEFT, LANE_W = 330, 34, 62, 20, 26


@dataclass(frozen=True)
class Skip:
    """A wire that passes over layers: from row to row, on a lane of its own while it overlaps others."""

    start: int
    end: int
    lane: int
    label: str


@dataclass(frozen=True)
class Box:
    """One box of the diagram: the input port or a layer.

    Attributes:
        name: the layer's.
        kind: CSS class: what sort of hardware it is.
        what: what it does, in a few words, with its folding.
        producers: names of the boxes in front of it, one for each input.
        depths: words of the FIFO on each input, 0 where there is none.
        output: type of its (first) output.
        ports: numbers of the output ports that take its streams, from 0 on.
    """

    name: str
    kind: str
    what: str
    producers: tuple[str, ...]
    depths: tuple[int, ...]
    output: StreamType
    ports: tuple[int, ...]


def boxes(network: Network, hls: Network | None = None) -> list[Box]:
    """The input port and the layers, in topological order; arguments as for `diagram`."""
    depths, several = fifo_depths(network, "rtl"), len(network.outputs) > 1
    twins = {node.name: node.op for node in (hls or network).nodes}
    made = [Box(INPUT, INPUT, "input port", (), (), network.input_type, ())]
    for node in network.nodes:
        ports = tuple(n for n, name in enumerate(network.outputs) if name in node.outputs)
        makers = (network.producers.get(name) for name in node.inputs)
        made.append(
            Box(
                name=node.name,
                kind=node.op.sort,
                what=node.op.describe() + _folding(node.op, twins[node.name]) + _ports(ports if several else ()),
                producers=tuple(INPUT if maker is None else maker.name for maker in makers),
                depths=tuple(depths[name] if depths[name] > SLICE else 0 for name in node.inputs),
                output=node.op.outputs[0],
                ports=ports,
            )
        )
    return made


def _folding(op: Op, twin: Op) -> str:
    space, hls = op.fold_space(), twin.fold_space()
    if space is None or hls is None:
        return ""
    own, other = (f"PE {s.now.pe}" + (f", SIMD {s.now.simd}" if len(s.simd) > 1 else "") for s in (space, hls))
    own += f", {op.rtl_note}" if op.rtl_note else ""
    return f" · {own}" if own == other else f" · {own}; HLS {other}"


def _ports(numbers: tuple[int, ...]) -> str:
    return "".join(f" · to output {n + 1}" for n in numbers)


def width_text(stream: StreamType) -> str:
    """Width of one beat, as "32 × 14 b"."""
    sign = "±1" if stream.bipolar else f"{'s' if stream.signed else 'u'}{stream.bits}"
    return f"{stream.channels} × {sign} = {stream.word_bits} bit"


def _reading_order(stages: list[Box]) -> list[Box]:
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


def _skips(stages: list[Box]) -> list[Skip]:
    row = {s.name: i for i, s in enumerate(stages)}
    wires = []
    for stage in stages:
        for producer, depth in zip(stage.producers, stage.depths, strict=True):
            if row[producer] + 1 != row[stage.name]:
                wires.append((row[producer], row[stage.name], f"FIFO {depth}" if depth else ""))
    lanes: list[int] = []  # the row at which each lane becomes free
    skips = []
    for start, end, label in sorted(wires, key=lambda w: (w[0], -w[1])):
        lane = next((i for i, free in enumerate(lanes) if free <= start), len(lanes))
        lanes[lane : lane + 1] = [end]
        skips.append(Skip(start, end, lane, label))
    return skips


def _box(i: int, stage: Box) -> str:
    y = i * PITCH
    name, text = escape(stage.name), escape(stage.what)
    return (
        f'<g class="box {stage.kind}"><title>{name}: {text}</title>'
        f'<rect x="{LEFT}" y="{y}" width="{BOX_W}" height="{BOX_H}" rx="6"/>'
        f'<rect class="stripe" x="{LEFT}" y="{y}" width="5" height="{BOX_H}" rx="2"/>'
        f'<text class="name" x="{LEFT + 14}" y="{y + 14}">{name}</text>'
        f'<text class="what" x="{LEFT + 14}" y="{y + 27}">{text}</text></g>'
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


def diagram(network: Network, hls: Network | None = None) -> str:
    """SVG of a network; colours come from the page's style sheet, so that it follows light and dark.

    Args:
        hls: the network as HLS has it, whose folding stands beside where it is another.
    """
    stages = _reading_order(boxes(network, hls))
    skips = _skips(stages)
    lanes = max((s.lane for s in skips), default=-1) + 1
    width = LEFT + BOX_W + 30 + max(lanes, 1) * LANE_W
    height = len(stages) * PITCH - (PITCH - BOX_H) + 40
    parts = [_box(i, s) for i, s in enumerate(stages)]
    for i, (stage, following) in enumerate(zip(stages, [*stages[1:], None], strict=True)):
        if following is not None and stage.name in following.producers:
            parts.append(_wire(i, stage.output, following.depths[following.producers.index(stage.name)]))
        elif stage.ports:
            parts.append(_wire(i, stage.output, 0))
    parts += [_arc(s) for s in skips]
    return (
        f'<svg class="pipeline" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        'aria-label="pipeline of the network"><defs><marker id="tip" viewBox="0 0 8 8" refX="6" refY="4" '
        'markerWidth="7" markerHeight="7" orient="auto-start-reverse"><path d="M0 0L8 4L0 8z"/></marker></defs>'
        + "".join(parts)
        + "</svg>"
    )
