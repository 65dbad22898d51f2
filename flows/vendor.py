"""The vendor's HLS compiler, where it is installed: runs C-synthesis of a generated project and reads its report."""

from __future__ import annotations

import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from .. import children
from ..errors import UserError
from ..hw.hls.csynth import Loop, check_intervals, without_loop

LOG = "csynth.log"
MISSING = (
    "C-synthesis was skipped: none of vitis_hls, vitis-run and v++ is on PATH. Install AMD Vitis, put its bin folder "
    "on PATH and run the same command again, with --force; everything else works without it."
)
_STEPS = ("reset", "csim", "synth", "cosim", "validation", "export", "vsynth", "fifo_opt")


@dataclass(frozen=True)
class CSynthesis:
    """What C-synthesis reports about the top function.

    Attributes:
        tool: the program that ran.
        part: device it was run for.
        clock_target_ns, clock_estimated_ns: clock periods.
        latency_cycles: (best, worst) of one frame; None where the compiler could not tell.
        interval_cycles: (least, greatest) between frames; None where the compiler could not tell.
        used, available: resources by the report's names: BRAM_18K, DSP, FF, LUT, URAM.
        source: report file that the figures come from.
        loops: the loops of all reports; each takes a step per cycle, or `synthesize` raises.
        unseen: layers for which the reports have no loop.
        csim_codes: codes that its C-simulation compared, all equal; None where it did not simulate.
    """

    tool: str
    part: str
    clock_target_ns: float
    clock_estimated_ns: float
    latency_cycles: tuple[int, int] | None
    interval_cycles: tuple[int, int] | None
    used: dict[str, int]
    available: dict[str, int]
    source: Path
    loops: tuple[Loop, ...] = ()
    unseen: tuple[str, ...] = ()
    csim_codes: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self) | {"source": str(self.source)}


def find_compiler() -> Path | None:
    """The vendor's compiler on PATH: vitis_hls, else vitis-run, else v++."""
    found = (shutil.which(name) for name in ("vitis_hls", "vitis-run", "v++"))
    return next((Path(path) for path in found if path), None)


def synthesize(project: Path, compiler: Path) -> CSynthesis:
    """Run only C-synthesis, on an HLS project with the files that hls4ml writes (project.tcl, build_prj.tcl, firmware).

    Raises:
        UserError: the compiler fails, or leaves no report, names its log; or a loop misses its initiation interval.
    """
    _run(project, compiler, "synth", project / LOG)
    log = project / LOG
    reports = sorted(project.glob("**/syn/report/*csynth.xml"))
    name = _setting(project, "top")
    mine = [r for r in reports if r.name in (f"{name}_csynth.xml", "csynth.xml")]
    if not mine:
        raise UserError(f"{compiler.name} left no C-synthesis report of {name} below {project}. Its log: {log}")
    found = check_intervals(mine[0].parent)
    return replace(read_report(mine[0], compiler.name), loops=tuple(found), unseen=tuple(without_loop(project, found)))


def c_simulate(project: Path, compiler: Path) -> bool:
    """Run only C-simulation: the project's test bench with the code that is synthesized.

    Returns:
        Whether it ran: v++ alone cannot.

    Raises:
        UserError: the compiler fails, or a code differs; shows the end of its output.
    """
    if compiler.name not in ("vitis_hls", "vitis-run"):
        return False
    _run(project, compiler, "csim", project / "csim.log")
    return True


def _run(project: Path, compiler: Path, step: str, log: Path) -> None:
    """One step of the project's script."""
    options = "".join(f"    {one:<10} {int(one in (step, 'reset'))}\n" for one in _STEPS)
    (project / "build_opt.tcl").write_text(f"array set opt {{\n{options}}}\n")
    with log.open("wb") as out:
        done = children.run(_command(project, compiler), cwd=project, stdout=out, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        tail = " / ".join(log.read_text(errors="replace").strip().splitlines()[-3:])
        where = f" The whole log: {log}" if step == "synth" else ""
        raise UserError(f"{compiler.name} failed in {step} with exit code {done.returncode}: {tail}.{where}")


def _command(project: Path, compiler: Path) -> list[str]:
    if compiler.name == "vitis_hls":
        return [str(compiler), "-f", "build_prj.tcl"]
    if compiler.name == "vitis-run":
        return [str(compiler), "--mode", "hls", "--tcl", "build_prj.tcl"]
    config = project / "hls_config.cfg"
    config.write_text(_unified_config(project))
    work = f"{_setting(project, 'project_name')}_prj"
    return [str(compiler), "--compile", "--mode", "hls", "--config", config.name, "--work_dir", work]


def _unified_config(project: Path) -> str:
    """Configuration of the compiler's newer command line, from the same settings as the Tcl script."""
    name, top = _setting(project, "project_name"), _setting(project, "top")
    return (
        f"part={_setting(project, 'part')}\n\n[hls]\nflow_target=vivado\n"
        f"clock={_setting(project, 'clock_period')}ns\nsyn.top={top}\n"
        f"syn.file=firmware/{name}.cpp\nsyn.cflags={_setting(project, 'cflags')}\n"
    )


def _setting(project: Path, name: str) -> str:
    text = (project / "project.tcl").read_text()
    found = re.search(rf'^set {name}\s+"?([^"\n]+)"?', text, re.MULTILINE)
    if found is None:
        raise UserError(f"{project / 'project.tcl'}: no line `set {name} ...`. Build the project again.")
    return found[1]


def read_report(path: Path, tool: str) -> CSynthesis:
    """Read the XML report of C-synthesis.

    Raises:
        UserError: the file is no such report.
    """
    try:
        root = ET.parse(path).getroot()
        overall = "PerformanceEstimates/SummaryOfOverallLatency/"
        return CSynthesis(
            tool=tool,
            part=_text(root, "UserAssignments/Part"),
            clock_target_ns=float(_text(root, "UserAssignments/TargetClockPeriod")),
            clock_estimated_ns=float(_text(root, "PerformanceEstimates/SummaryOfTimingAnalysis/EstimatedClockPeriod")),
            latency_cycles=_pair(root, overall + "Best-caseLatency", overall + "Worst-caseLatency"),
            interval_cycles=_pair(root, overall + "Interval-min", overall + "Interval-max"),
            used=_table(root, "AreaEstimates/Resources"),
            available=_table(root, "AreaEstimates/AvailableResources"),
            source=path,
        )
    except (ET.ParseError, ValueError) as e:
        raise UserError(f"{path}: not a C-synthesis report that can be read ({e}). Run the synthesis again.") from e


def _text(root: ET.Element, place: str) -> str:
    node = root.find(place)
    if node is None or node.text is None:
        raise ValueError(f"{place} is missing")
    return node.text.strip()


def _pair(root: ET.Element, low: str, high: str) -> tuple[int, int] | None:
    """Two numbers of cycles; the compiler writes "undef" or "?" where loops have no static bound."""
    texts = _text(root, low), _text(root, high)
    return (int(texts[0]), int(texts[1])) if all(t.isdigit() for t in texts) else None


def _table(root: ET.Element, place: str) -> dict[str, int]:
    node = root.find(place)
    if node is None:
        raise ValueError(f"{place} is missing")
    return {"DSP" if child.tag == "DSP48E" else child.tag: int((child.text or "0").strip()) for child in node}
