"""From a QONNX file to projects, and from a photograph through them."""

from __future__ import annotations

import math
import os
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ... import tools
from ...errors import MismatchError, UserError
from ...hw.build import BuildOptions, BuildResult, reopen
from ...hw.build import build as build_projects
from ...hw.names import Names
from ...hw.resources.devices import known
from ...hw.resources.folding import aim
from ...hw.resources.unrolling import differing
from ...hw.types import StreamType
from ...marks import OUTPUT
from ...sim.compare import compare
from ...sim.conversion import effect, sample_type
from ...sim.frames import check_input
from ...sim.reference import run_frames as reference_frames
from .. import manifest
from ..console import console, say, status
from ..doctor import require_programs
from ..facts import pooling_text, unrolled_text
from ..lock import locked
from ..manifest import recording
from ..output import check_new_file, claim, disk_of, output_folder, tell_kept
from ..pictures import cut, image_codes, is_picture, output_files, sample_codes, write_outputs

LEVELS = ("hls", "rtl")
_LARGE = (
    "a large file: 450 MB for 64x48 pixels at 16 channels. Where liblz4-dev and zlib1g-dev are installed, the small "
    "format FST is taken instead."
)


@dataclass(frozen=True)
class Simulated:
    """One photograph through one project, equal to the reference.

    Attributes:
        outputs: (H, W, C) codes of each output by its identifier (see `output_types`), in the network's order.
        streams: intermediate streams compared, with their number of codes.
        mismatches: codes of each output that differ from the reference, counted once more behind the comparison.
        cycles, predicted_cycles: of one frame; None for C-simulation.
        files: where each output was written, by its identifier; empty where none was.
        frames: how often the photograph went through, until it comes out as it stays; outputs are of the last time,
            all of them were compared.
    """

    outputs: dict[str, np.ndarray]
    streams: dict[str, int] = field(default_factory=dict)
    mismatches: dict[str, int] = field(default_factory=dict)
    cycles: int | None = None
    predicted_cycles: int | None = None
    files: dict[str, Path] = field(default_factory=dict)
    frames: int = 1

    @property
    def output(self) -> np.ndarray:
        """Codes of the network's picture: of the output that our exports call so, or the first one, which most networks
        have alone."""
        return self.outputs.get(OUTPUT, next(iter(self.outputs.values())))

    @property
    def codes(self) -> int:
        """Output codes compared, of all outputs."""
        return sum(codes.size for codes in self.outputs.values())


@dataclass(frozen=True)
class _Ran:
    """What a simulator gave: outputs of each frame by tensor, traced streams of the last one by name where asked for,
    their types, cycles of the first one.
    """

    outputs: list[dict[str, np.ndarray]]
    streams: dict[str, np.ndarray] | None
    types: dict[str, StreamType]
    cycles: int | None = None
    predicted_cycles: int | None = None


def output_types(built: BuildResult) -> dict[str, StreamType]:
    """Types of a network's outputs by their identifiers, which are fit for file names, in the network's order."""
    names = Names()
    return {names(tensor): kind for tensor, kind in built.lowered.output_types.items()}


def build(model: Path, out: Path, options: BuildOptions, *, force: bool = False, within: bool = False) -> BuildResult:
    """Build both projects of a QONNX file into a folder, all or nothing.

    Args:
        within: the folder is a run's, which holds its lock and says itself what --force kept.

    Raises:
        UserError: bad input or output folder, before anything is written.
    """
    with nullcontext() if within else locked(out), output_folder(out, force) as staged:
        built = build_projects(model, staged, options, progress=say)
    built.out_dir = out
    say(f"Folding {aim(built.rtl_network, options.folding, options.clock_mhz).text}.")
    if unrolled := differing(built.rtl_network, built.network):
        say(f"{unrolled_text(unrolled)}.")
    if force and not within:
        tell_kept(out, manifest.owned(out))
    if not known(options.part):
        say(
            f"Part {options.part} is not in the table of parts whose resources are known: the projects are built for "
            "it, the vendor's tool has to know it, and estimates cannot be held against it.",
            "yellow",
        )
    means = pooling_text(built.network.pooling, built.network.frames_to_settle)
    if means:
        say(f"Means and sums over the frame: {means}.")
    if built.lowered.changes:
        _tell_changes(model, built)
    return built


def _tell_changes(model: Path, built: BuildResult) -> None:
    """Print each conversion, and how much all of them change on some pictures, in codes and in dB."""
    lowered = built.lowered
    kind = sample_type(lowered)
    scale = max(1, *(out.width // lowered.input_type.width for out in lowered.output_types.values()))
    found = effect(model, lowered, [sample_codes(kind, scale)] if is_picture(kind) else [])
    console.print("[yellow]The network was converted; from here on the converted one is the reference (model.onnx):[/]")
    for change in lowered.changes:
        say(f"  {change}")
    apart = "" if math.isinf(found.psnr) else f", by at most {found.largest}; PSNR at the worst {found.psnr:.2f} dB"
    say(f"  {found.changed:,} of {found.codes:,} codes differ on {found.pictures} pictures{apart}")


def need_simulator(level: str) -> None:
    """Refuse to simulate without the programs for it.

    Raises:
        UserError: an unknown level, or a missing program and how to get it.
    """
    if level not in LEVELS:
        raise UserError(f"--level {level}: allowed are {' and '.join(LEVELS)}.")
    compiler = os.environ.get("CXX", "g++")
    require_programs([compiler] if level == "hls" else [compiler, "make", "perl"], f"simulation at level {level}")
    if level == "rtl":
        tools.verilator()


def simulate(
    project: Path,
    image: Path,
    level: str,
    *,
    crop: bool = False,
    all_tensors: bool = False,
    waves: bool = False,
    bit_true: bool = False,
    out: Path | None = None,
    force: bool = False,
) -> Simulated:
    """Upscale a photograph through a built project; each output is compared with the reference and written to a file.

    Args:
        bit_true: at level hls, simulate the code that is synthesized instead of its fast form.

    Raises:
        UserError: bad image, project or output; a missing compiler. Nothing is written then.
        MismatchError: a code differs.
    """
    need_simulator(level)
    if out is not None and out.suffix.lower() not in (".png", ".npy"):
        raise UserError(f"--out {out}: the result is a PNG picture or a NumPy array; give a name that ends in .png.")
    built = reopen(project)
    kinds = output_types(built)
    files = output_files(kinds, out or project / "sim" / f"{image.stem}-{level}.png")
    for path in files.values():
        ours = out is None and path.relative_to(project).as_posix() in manifest.listed(project)
        check_new_file(path, force or ours, "--out")
    stream = built.lowered.input_type
    codes = image_codes(image, stream)
    if crop:
        codes = cut(codes, stream.width, stream.height, str(image))
    check_input(codes, stream)
    with locked(project), disk_of(project):
        found = simulate_codes(built, codes, level, all_tensors=all_tensors, waves=waves, bit_true=bit_true)
        if out is None:
            claim(project, (path.relative_to(project).as_posix() for path in files.values()))
        write_outputs(found.outputs, files, kinds)
    return replace(found, files=files)


def simulate_codes(
    built: BuildResult,
    codes: np.ndarray,
    level: str,
    *,
    all_tensors: bool = False,
    waves: bool = False,
    bit_true: bool = False,
) -> Simulated:
    """Run (H, W, C) codes through a project and compare them with the reference; arguments as for `simulate`.

    Where the network keeps something from frame to frame, the photograph is fed until it comes out as it stays.

    Raises:
        UserError: the codes do not fit the built frame.
        MismatchError: a code differs; names layer, pixel, channel and both codes.
    """
    with status("executing the reference ..."):
        frames = [codes] * built.network.frames_to_settle
        truths = reference_frames(built.lowered, frames, all_tensors)
    ran = _csim(built, frames, all_tensors, bit_true) if level == "hls" else _rtlsim(built, frames, all_tensors, waves)
    for truth, given in zip(truths[:-1], ran.outputs[:-1], strict=True):
        compare(built.lowered, truth, given)
    expected, given = truths[-1], ran.outputs[-1]
    found = compare(built.lowered, expected, given, ran.streams, ran.types)
    names = dict(zip(output_types(built), expected.outputs, strict=True))
    outputs = {name: given[tensor] for name, tensor in names.items()}
    differing = {name: int((outputs[name] != expected.outputs[tensor]).sum()) for name, tensor in names.items()}
    return Simulated(outputs, found.streams, differing, ran.cycles, ran.predicted_cycles, frames=len(frames))


def _csim(built: BuildResult, frames: list[np.ndarray], all_tensors: bool, bit_true: bool) -> _Ran:
    from ...sim.csim import CSim

    hls = built.out_dir / "hls"
    with status("C-simulation ..."), recording(built.out_dir, hls):
        project = CSim(hls, bit_true)
        results = [project.simulate(codes, trace=all_tensors) for codes in frames]
    types = {one.name: one.kind for one in project.description.traced}
    return _Ran([one.outputs for one in results], results[-1].streams if all_tensors else None, types)


def _rtlsim(built: BuildResult, frames: list[np.ndarray], all_tensors: bool, waves: bool) -> _Ran:
    from ...sim.rtlsim import RtlSim
    from ...sim.verilate import BenchError

    work = built.out_dir / ("sim/rtl-waves" if waves else "sim/rtl")
    project = RtlSim(built.out_dir / "rtl", work.resolve(), trace=all_tensors, waves=waves)
    with recording(built.out_dir, work):
        if waves:
            vcd = project.waveforms.suffix == ".vcd"
            say(f"Waveforms: {f'VCD, {_LARGE}' if vcd else 'FST.'}")
        try:
            with status("Verilator compiles ..."):
                project.compile()
        except BenchError as e:
            raise UserError(
                f"{built.out_dir / 'rtl'}: does not compile; Verilator's output is in {project.work / 'build.log'}. If "
                f"a file there was changed, build it again: xnorsr build. {_first_error(str(e))}"
            ) from e
        try:
            with status(f"RTL simulation, {project.predicted_cycles:,} cycles ..."):
                result = project.run(frames)
        except BenchError as e:
            raise MismatchError(f"the RTL simulation came to no result; its output is in {project.work}. {e}") from e
    if waves:
        say(f"Waveforms: {project.waveforms}, {project.waveforms.stat().st_size / 1e6:,.1f} MB")
    streams = result.streams if all_tensors else None
    return _Ran(result.outputs, streams, project.types, result.cycles, project.predicted_cycles)


def _first_error(text: str) -> str:
    return next((line for line in text.splitlines() if "rror" in line and "cannot compile" not in line), "")
