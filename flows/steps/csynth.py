"""The vendor's HLS compiler on a built folder: C-simulation of a small frame, C-synthesis, its figures beside ours."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from ...errors import UserError
from ...hw.build import BuildResult, model_graph, prepare, reopen
from ...hw.hls.plugin.writer import write_project
from ...hw.hls.testdata import INPUT, expected_name, write_codes
from ...hw.resources.account import estimate
from ...hw.resources.folding import foldings
from ...sim.reference import run_frames
from ...staging import temporary_folder
from ..console import console, say, status, table
from ..lock import locked
from ..manifest import recording
from ..output import claim, write_file
from ..vendor import MISSING, CSynthesis, c_simulate, find_compiler, synthesize

#: Width and height of the frame that the vendor's C-simulation gets, at most: it runs the code that is synthesized.
SMALL = (24, 16)


def small_project(built: BuildResult, out: Path) -> int:
    """Write a built network's HLS project for a small frame, with test data: a random frame, or two where a network
    keeps something from frame to frame, and the reference's codes.

    Returns:
        How many output codes the test bench compares.
    """
    kind = built.lowered.input_type
    frame = (min(kind.width, SMALL[0]), min(kind.height, SMALL[1]))
    folding = foldings(built.network)  # of the frame that was built: a target would mean others on a small one
    options = built.options.model_copy(update={"frame": frame, "affine_bits": None, "folding": folding})
    try:
        lowered = prepare(built.out_dir / "model.onnx", options)
        graph = model_graph(lowered, options, out)
    except UserError:  # a frame that the network, its folding or its ports do not fit: its own one
        lowered, graph = built.lowered, built.graph
    write_project(graph, out)
    kind = lowered.input_type
    # What a network keeps from frame to frame shows with the second one.
    frames = 1 + bool(lowered.network.states)
    codes = np.random.default_rng(1).integers(kind.lo, kind.hi + 1, (frames, *kind.shape))
    write_codes(out / "tb_data" / INPUT, codes)
    executed = run_frames(lowered, codes)
    outputs = [np.stack([one.outputs[name] for one in executed]) for name in executed[0].outputs]
    for number, expected in enumerate(outputs):
        write_codes(out / "tb_data" / expected_name(number), expected)
    return sum(expected.size for expected in outputs)


def vendor_synthesis(folder: Path) -> CSynthesis | None:
    """C-simulation and C-synthesis of a built folder with the vendor's compiler. Without one: says so, returns None.

    Raises:
        UserError: the compiler fails, a code differs in its C-simulation, or a loop misses its cycles; see
            `flows.vendor`.
    """
    compiler = find_compiler()
    if compiler is None:
        say(MISSING, "yellow")
        return None
    built = reopen(folder)
    with locked(folder), recording(folder, folder / "hls"):
        with status(f"C-simulation with {compiler.name} ..."), temporary_folder(folder / "hls-csim") as staged:
            compared = small_project(built, staged / "hls")
            simulated = c_simulate(staged / "hls", compiler)
        with status(f"C-synthesis with {compiler.name} ..."):
            found = synthesize(folder / "hls", compiler)
    found = replace(found, csim_codes=compared if simulated else None)
    claim(folder, ["csynth.json"])
    write_file(folder / "csynth.json", json.dumps(found.to_dict(), indent=2) + "\n")
    _tell(found, built)
    return found


def _tell(found: CSynthesis, built: BuildResult) -> None:
    if found.csim_codes is None:
        say(f"{found.tool} does not C-simulate; vitis_hls and vitis-run do.", "yellow")
    else:
        say(f"C-simulation by {found.tool}: 0 of {found.csim_codes:,} codes differ.")
    latency = f"{found.latency_cycles[1]:,}" if found.latency_cycles else "unknown"
    interval = f"{found.interval_cycles[1]:,}" if found.interval_cycles else "unknown"
    say(
        f"C-synthesis for {found.part}: latency {latency} cycles, interval {interval}; clock "
        f"{found.clock_estimated_ns:g} ns estimated for {found.clock_target_ns:g} ns. {len(found.loops)} loops, each "
        f"with the initiation interval that was asked for. Report: {found.source}"
    )
    if found.unseen:
        say(f"No loop in the reports for: {', '.join(found.unseen)}. Look for them in {found.source.parent}.", "yellow")
    ours = estimate(built.network, built.options.clock_mhz, built.options.part)
    own = {"LUT": ours.lut, "FF": ours.ff, "DSP": ours.dsp, "BRAM_18K": 2 * ours.bram36}
    rows = [
        [name, f"{found.used[name]:,}", f"{count:,.0f}", f"{found.available.get(name, 0):,}"]
        for name, count in own.items()
        if name in found.used
    ]
    console.print(table("Resources", ["", found.tool, "formulas, SystemVerilog", "device"], rows, numeric=1))
