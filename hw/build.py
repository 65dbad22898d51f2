"""From a QONNX file to a project folder: lowering, hls4ml's ModelGraph, folding, and both emitters.

A built folder holds

    model.onnx      the network at the built frame; its execution by qonnx is the reference
    build.json      what it was built with
    hls/            the HLS project          rtl/    the SystemVerilog project
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import onnx

from ..errors import UserError
from . import record
from .golden import prove
from .graph.lower import Lowered, lower
from .network import Network
from .options import BuildOptions
from .parse import check_hls, check_rtl
from .ports import check_colors
from .resources.clock import logic_levels
from .resources.devices import dsp_width
from .resources.folding import fold
from .resources.limits import check_fifos
from .resources.unrolling import unrolled

if TYPE_CHECKING:
    from hls4ml.model import ModelGraph

__all__ = ["BuildOptions", "BuildResult", "build", "model_graph", "prepare", "reopen"]

PROJECT = "xnorsr_top"


@dataclass
class BuildResult:
    """What was built.

    Attributes:
        graph: hls4ml's ModelGraph.
        network: the folded network that it holds, as HLS has it.
    """

    out_dir: Path
    lowered: Lowered
    graph: ModelGraph
    network: Network
    options: BuildOptions

    @cached_property
    def rtl_network(self) -> Network:
        """The network as SystemVerilog has it: the same but for layers that it unrolls. The account is of this one."""
        return unrolled(self.network, self.options.unroll, self.options.folding, self.options.part)


def model_graph(lowered: Lowered, options: BuildOptions, out_dir: Path) -> ModelGraph:
    """hls4ml's ModelGraph of a lowered network, folded.

    Raises:
        UserError: the frame, the folding, the layers to unroll, the pixels per beat or the order of colours do not fit
            the network; its FIFOs hold more than any part does.
    """
    from hls4ml.converters import convert_from_onnx_model

    from .hls.plugin.graph import network_of, set_ops

    with contextlib.redirect_stdout(io.StringIO()):  # hls4ml prints its topology
        graph = convert_from_onnx_model(
            lowered,
            output_dir=str(out_dir),
            project_name=PROJECT,
            backend="XnorVitis",
            io_type="io_stream",
            part=options.part,
            clock_period=1000.0 / options.clock_mhz,
            port_colors=options.port_colors,
            hls_ports=options.hls_ports,
            hls_control=options.hls_control,
            frame_sync=options.frame_sync,
        )
    network = network_of(graph)
    _check_frame(network)
    check_colors([network.input_type, *network.output_types.values()], options.port_colors)
    network = _widen_outputs(network, options.pixels_per_beat)
    levels, width = logic_levels(options.clock_mhz, options.part), dsp_width(options.part)
    network = network.with_ops(
        {node.name: node.op.replace(logic_levels=levels, dsp_width=width) for node in network.nodes}
    )
    network = fold(network, options.folding, options.clock_mhz)
    check_fifos(unrolled(network, options.unroll, options.folding, options.part))
    set_ops(graph, network)
    return graph


def _check_frame(network: Network) -> None:
    """Refuse frames that an operator cannot work on."""
    for node in network.nodes:
        problem = node.op.frame_problem()
        if problem is not None:
            raise UserError(f"layer {node.name}: {problem}")


def _widen_outputs(network: Network, pixels_per_beat: int) -> Network:
    """Let the network's last layers send several pixels per beat.

    Raises:
        UserError: one of them cannot; names what is allowed.
    """
    if pixels_per_beat == 1:
        return network
    ops = {}
    for name in network.outputs:
        sink = network.producers[name]
        widened = sink.op.with_pixels_per_beat(pixels_per_beat)
        if widened is None:
            allowed = sink.op.legal_pixels_per_beat()
            if len(allowed) == 1:
                raise UserError(
                    f"--pixels-per-beat {pixels_per_beat}: more than one pixel per beat needs a pixel shuffle as last "
                    f"layer; the last layer here is {sink.name} ({sink.op.op_type}). Leave the option out."
                )
            raise UserError(
                f"--pixels-per-beat {pixels_per_beat}: allowed for layer {sink.name} are "
                f"{', '.join(map(str, allowed))} (divisors of its scale, and multiples of it that share "
                f"out its line of {sink.op.input.width} low-resolution pixels evenly)."
            )
        ops[sink.name] = widened
    return network.with_ops(ops)


def prepare(source: str | Path | onnx.ModelProto, options: BuildOptions) -> Lowered:
    """Lower a network at the wanted frame.

    Raises:
        UserError: the file or the network cannot be built; see `hw.graph.lower.lower`.
    """
    frame = options.frame and (options.frame[1], options.frame[0])
    return lower(source, options.affine_bits, frame, options.input_scale, options.pooling)


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
        UserError: bad input, before anything is written; a project that a compiler cannot read, which is a bug.
        MismatchError: the lowered network does not compute what the file computes, which is a bug.
    """
    from .hls.plugin.graph import network_of

    progress("lowering the network")
    lowered = prepare(source, options)
    graph = model_graph(lowered, options, out_dir / "hls")
    result = BuildResult(out_dir, lowered, graph, network_of(graph), options)
    progress("comparing the lowered network with the file")
    prove(lowered)
    out_dir.mkdir(parents=True, exist_ok=True)
    onnx.save(lowered.reference.model, str(out_dir / "model.onnx"))
    if hls:
        from .hls.plugin.writer import write_project as write_hls

        progress("writing the HLS project")
        write_hls(graph, out_dir / "hls")
        check_hls(out_dir / "hls")
    if rtl:
        from .rtl.emit import write_project as write_rtl

        progress("writing the SystemVerilog project")
        write_rtl(result.rtl_network, out_dir / "rtl", options)
        check_rtl(out_dir / "rtl")
    record.write(out_dir, lowered, options)
    return result


def reopen(out_dir: Path) -> BuildResult:
    """A built folder read back: its network lowered again, its graph made again (nothing is written).

    Raises:
        UserError: the folder holds no build, one of another version, or one that is damaged.
    """
    from .hls.plugin.graph import network_of

    options, changes = record.read(out_dir)
    lowered = lower(out_dir / "model.onnx")
    lowered.changes = changes
    graph = model_graph(lowered, options, out_dir / "hls")
    return BuildResult(out_dir, lowered, graph, network_of(graph), options)
