"""One operator alone as a SystemVerilog project, through Yosys: for benchmarks that look at a layer, not a network."""

from __future__ import annotations

import tempfile
from pathlib import Path

from xnorsr.hw.network import Network, Node, Stream
from xnorsr.hw.ops.base import Op
from xnorsr.hw.resources.clock import logic_levels
from xnorsr.hw.resources.devices import dsp_width
from xnorsr.hw.resources.synth import LayerSynthesis, synthesize
from xnorsr.hw.resources.timing import LayerTiming
from xnorsr.hw.rtl.emit import write_project

#: A part of each family, for the width of its DSP slices and its levels.
PARTS = {"xc7": "xc7k325t", "xcu": "xcku040", "xcup": "xck26"}
LAYER = "layer"


def for_family(op: Op, family: str, clock: float = 200.0) -> Op:
    """The operator as a build for a part of this family has it."""
    part = PARTS[family]
    return op.replace(logic_levels=logic_levels(clock, part), dsp_width=dsp_width(part))


def lone(op: Op) -> Network:
    """A network of one operator with one input and one output."""
    streams = {"pixels": Stream("pixels", "pixels", op.input), "result": Stream("result", "result", op.outputs[0])}
    return Network("pixels", ("result",), (Node(LAYER, op, ("pixels",), ("result",), LAYER),), streams)


def measured(op: Op, family: str) -> tuple[LayerSynthesis, LayerTiming]:
    """What Yosys makes of an operator (`for_family`) without the ports around it, and the worst paths into it."""
    with tempfile.TemporaryDirectory() as folder:
        write_project(lone(op), Path(folder) / "rtl")
        found = synthesize(Path(folder) / "rtl", family, jobs=1)
    (row,) = (one for one in found.layers if one.name == LAYER)
    return row, found.timing.layers[LAYER]
