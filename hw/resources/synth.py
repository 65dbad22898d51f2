"""Synthesis with Yosys: what each layer of an RTL project really costs, without a vendor tool."""

from __future__ import annotations

import json
import os
import re
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ...errors import UserError
from ...staging import replace_folder
from . import mapping, split
from .split import PLAN, Batch, Plan
from .timing import Timing, analyse
from .timing_delays import DELAYS
from .timing_parts import Part, read_parts
from .yosys import run_module, run_script

FAMILIES = ("xc7", "xcu", "xcup")

#: 6-input LUTs that a cell occupies. Slice RAMs and shift registers are LUTs too.
LUTS = {f"LUT{n}": 1 for n in range(1, 7)} | {
    "LUT6_2": 1,
    "INV": 1,
    "SRL16E": 1,
    "SRLC16E": 1,
    "SRLC32E": 1,
    "RAM32X1S": 1,
    "RAM64X1S": 1,
    "RAM32X1D": 2,
    "RAM64X1D": 2,
    "RAM128X1S": 2,
    "RAM128X1D": 4,
    "RAM256X1S": 4,
    "RAM256X1D": 8,
    "RAM512X1S": 8,
    "RAM32M": 4,
    "RAM64M": 4,
    "RAM32M16": 8,
    "RAM64M8": 8,
}
#: Those of LUTS that are memory.
LUT_MEMORY = tuple(name for name in LUTS if name.startswith(("SRL", "RAM")))
FLIP_FLOPS = ("FDRE", "FDSE", "FDCE", "FDPE", "FDRE_1", "FDSE_1", "FDCE_1", "FDPE_1")
LATCHES = ("LDCE", "LDPE")
BRAM36 = {"RAMB18E1": 0.5, "RAMB18E2": 0.5, "RAMB36E1": 1.0, "RAMB36E2": 1.0}
DSPS = ("DSP48E1", "DSP48E2")

#: ABC9's script for large layers: Yosys's own without what takes time (`&scorr`, `&dch`, `&mfs`). Depth first, like
#: that one; by area first a ROM of 6 address bits was six LUTs deep. No {C}: Yosys 0.70 leaves it as it stands, and
#: ABC reads no option behind it.
LARGE_SCRIPT = "+&sweep;&dc2;&if,{W},{D},{R}"
#: For popcounts with constant weights, which are laid out in LUTs already; the other takes hours (docs/popcount.md).
COVER_SCRIPT = "+&if,-a,{C},{W},{D},{R}"

#: The whole design as Yosys elaborated it.
ELABORATED = "elaborated.il"

#: Constants are computed in initial blocks that loop over outputs, borders and taps; slang's own limit is 4000 rounds.
UNROLL_LIMIT = 1_000_000

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class LayerSynthesis:
    """Cells of one instance in the top module, everything below it included.

    Attributes:
        name: instance name without the prefix ``u_`` (a layer's name), or the top module's for what stands in itself.
        module: module that it is an instance of.
        lut: LUTs, those used as memory included: LUT1 to LUT6 and INV count 1, RAM64M 4 and so on (`LUTS`).
        lut_memory: of these, LUTs used as memory.
        ff, bram36, uram, dsp: flip-flops, block RAMs (an 18 Kb half counts 0.5), UltraRAMs, DSP slices.
        latches: latches; a correct project has none.
        source: report file that the figures come from.
    """

    name: str
    module: str
    lut: int
    lut_memory: int
    ff: int
    bram36: float
    uram: int
    dsp: int
    latches: int
    source: Path


@dataclass(frozen=True)
class Synthesis:
    """Result of `synthesize`.

    Attributes:
        family: "xc7", "xcu" or "xcup".
        tool: Yosys's version.
        seconds: wall time.
        layers: one entry for each instance in the top module, and the top itself last.
        total: the sum; its source is the folder of the reports.
        timing: worst paths by layer, named as in ``layers``, and the clock that they leave.
    """

    family: str
    tool: str
    seconds: float
    layers: tuple[LayerSynthesis, ...]
    total: LayerSynthesis
    timing: Timing

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        plain: dict[str, Any] = json.loads(json.dumps(asdict(self), default=str))
        return plain | {"timing": self.timing.to_dict()}


def count(cells: Mapping[str, int], name: str, module: str, source: Path) -> LayerSynthesis:
    """Resources of a table {cell type: number}, by the counting rule of this module."""

    def total(kinds: Iterable[str]) -> int:
        return sum(cells.get(k, 0) for k in kinds)

    return LayerSynthesis(
        name=name,
        module=module,
        lut=sum(n * cells.get(k, 0) for k, n in LUTS.items()),
        lut_memory=sum(LUTS[k] * cells.get(k, 0) for k in LUT_MEMORY),
        ff=total(FLIP_FLOPS),
        bram36=sum(n * cells.get(k, 0) for k, n in BRAM36.items()),
        uram=total(("URAM288",)),
        dsp=total(DSPS),
        latches=total(LATCHES),
        source=source,
    )


def _elaborate(files: Path, top: str, folder: Path, defines: tuple[str, ...], timeout: float) -> None:
    macros = " ".join(f"-D {d}" for d in defines)
    # Yosys splits its commands at blanks, slang's command files know quotes.
    (folder / "sources.f").write_text(f'-F "{files.resolve()}"\n', encoding="utf-8")
    read = f"read_slang --top {top} --keep-hierarchy --unroll-limit {UNROLL_LIMIT} {macros} -f sources.f"
    run_script([read, f"hierarchy -check -top {top}", f"write_rtlil {ELABORATED}"], folder, "elaborate", timeout)


@dataclass(frozen=True)
class _Mapped:
    """A batch after mapping: its report and what stands there, and the modules of its netlist by name."""

    report: Path
    content: dict[str, Any]
    parts: dict[str, Part]


@dataclass(frozen=True)
class _Run:
    """What all batches have in common; see `synthesize`."""

    top: str
    folder: Path
    family: str
    timeout: float
    keep_netlist: bool


def _run_batches(run: _Run, batches: list[Batch], jobs: int, progress: Progress | None) -> dict[str, _Mapped]:
    """What Yosys made of each batch, by the batch's name."""
    found: dict[str, _Mapped] = {}
    stop = threading.Event()
    with ThreadPoolExecutor(jobs) as pool:
        work = {pool.submit(_run_batch, run, b, stop): b for b in batches}
        try:
            for done, future in enumerate(as_completed(work), 1):
                batch = work[future]
                found[batch.name] = future.result()
                if progress:
                    names = ", ".join(_instance(c, run.top)[0] for c in batch.counted)
                    progress(names or run.top, done, len(batches))
        except BaseException:
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise
    return found


def _counted(top: str, batches: list[Batch], mapped: dict[str, _Mapped]) -> dict[str, LayerSynthesis]:
    """Cells of the batches' children and of the top itself, by module."""
    found: dict[str, LayerSynthesis] = {}
    for batch in batches:
        modules, report = mapped[batch.name].content["modules"], mapped[batch.name].report
        for child in batch.counted:
            found[child] = count(_cells(modules, child), *_instance(child, top), report)
        found[f"\\{top}"] = count(_cells(modules, f"\\{top}", batch.counted), top, top, report)
    return found


def _timing(top: str, plan: Plan, mapped: dict[str, _Mapped], family: str) -> Timing:
    """Worst paths of all batches together, in which a layer that stands for several stands at each of their places."""
    batch_of = {child: batch.name for batch in plan.batches for child in batch.counted}
    first = {child.removeprefix("\\"): same for child, same in plan.first.items()}

    def find(scope: str, module: str) -> tuple[str, Part]:
        if not scope:
            return top, mapped[plan.batches[0].name].parts[module]
        if scope == top and module in first:
            module = first[module]
            scope = batch_of[module]
        elif scope == top:
            scope = plan.batches[0].name
        return scope, mapped[scope].parts[module.removeprefix("\\")]

    found = analyse(find, top, family)
    named = {name.removeprefix("u_") or top: layer for name, layer in found.layers.items()}
    return replace(found, layers=named)


def _mapping(batch: Batch) -> list[str]:
    """How ABC9 maps the batch; nothing for small layers, which take Yosys's own script."""
    if batch.constant:
        return [f'scratchpad -set abc9.script "{COVER_SCRIPT}"']
    return [f'scratchpad -set abc9.script "{LARGE_SCRIPT}"'] if batch.large else []


def _run_batch(run: _Run, batch: Batch, stop: threading.Event) -> _Mapped:
    """Synthesize the top with a batch's children, the others being black boxes."""
    report, netlist = run.folder / f"{batch.name}.json", run.folder / f"{batch.name}_netlist.json"
    commands = [
        f"read_rtlil {batch.name}.il",
        f"hierarchy -top {run.top}",
        *(f"setattr -mod -set keep_hierarchy 1 {m}" for m in batch.kept),
        *_mapping(batch),
        *mapping.commands(run.family, run.top, run.folder),
        f"tee -q -o {report.name} stat -json",
        "setattr -unset src a:src",
        f"write_json {netlist.name}",
        *([f"write_verilog -noattr -noexpr {batch.name}_netlist.v"] if run.keep_netlist else []),
    ]
    run_script(commands, run.folder, batch.name, run.timeout, stop)
    parts = read_parts(json.loads(netlist.read_text(encoding="utf-8"))["modules"], DELAYS[run.family])
    netlist.unlink()  # tens of megabytes, which the script makes again
    return _Mapped(report, json.loads(report.read_text(encoding="utf-8")), parts)


def _cells(modules: dict[str, Any], name: str, apart: list[str] | None = None) -> Counter[str]:
    """Cells of a module with those of modules that Yosys kept below it, except the ones in ``apart``."""
    found: Counter[str] = Counter()
    for kind, number in modules[name]["num_cells_by_type"].items():
        below = kind if kind in modules else f"\\{kind}"
        if below not in modules:
            found[kind] += number
        elif below not in (apart or []):
            found.update({k: number * n for k, n in _cells(modules, below).items()})
    return found


def _instance(module: str, top: str) -> tuple[str, str]:
    r"""(instance without its prefix, module) of a name such as ``\xnorsr_fifo$top.u_fifo``."""
    plain = module.removeprefix("\\")
    match = re.fullmatch(rf"(.+)\${re.escape(top)}\.(.+)", plain)
    return (match[2].removeprefix("u_"), match[1]) if match else (plain, plain)


def _sum(layers: Iterable[LayerSynthesis], top: str, folder: Path) -> LayerSynthesis:
    rows = list(layers)
    fields = ("lut", "lut_memory", "ff", "bram36", "uram", "dsp", "latches")
    return LayerSynthesis(
        name="total", module=top, source=folder, **{f: sum(getattr(r, f) for r in rows) for f in fields}
    )


def _top_of(rtl: Path) -> str:
    record = rtl / "project.json"
    return str(json.loads(record.read_text(encoding="utf-8"))["top"]) if record.is_file() else "top"


def _check_input(rtl: Path, files: Path, family: str) -> None:
    if family not in FAMILIES:
        raise UserError(f"synthesis family {family!r}: take one of {', '.join(FAMILIES)}")
    if not files.is_file():
        raise UserError(f"no file list {files}: {rtl} is no RTL project; make one with `xnorsr build`")


def synthesize(
    rtl: Path,
    family: str = "xc7",
    top: str | None = None,
    *,
    files: Path | None = None,
    out: Path | None = None,
    per_layer: bool = True,
    defines: tuple[str, ...] = ("SYNTHESIS",),
    jobs: int | None = None,
    timeout: float = 1800.0,
    keep_netlist: bool = False,
    progress: Progress | None = None,
) -> Synthesis:
    """Synthesize an RTL project with `synth_xilinx`, count cells layer by layer and find the worst paths.

    Instances in the top module are kept apart, what is below them is flattened, so nothing is shared between layers.
    They are worked on in batches, in processes of their own (see `split`); instances that differ in names only, and
    equal large parts of an instance such as PEs, once.

    Args:
        rtl: folder of the project.
        family: Yosys's name of the FPGA family: xc7, xcu or xcup.
        top: top module; default what project.json says, else "top".
        files: file list; default ``rtl/files.f``. Paths in it are relative to it.
        out: folder for scripts, logs and reports; default ``rtl/synth_FAMILY``. What it held is replaced at the end;
            until then, and after a failure, they are in ``OUT.part``.
        per_layer: False flattens everything into one entry.
        defines: macros set while reading.
        jobs: processes at once; default the number of cores.
        timeout: seconds that one process may take.
        keep_netlist: leave each batch's netlist there as Verilog, in NAME_netlist.v.
        progress: called as (what was finished, number finished, number of all) after each batch.

    Raises:
        UserError: no such project, unknown family, Yosys missing, failed or too slow.
    """
    files = files or rtl / "files.f"
    _check_input(rtl, files, family)
    top = top or _top_of(rtl)
    folder = out or rtl / f"synth_{family}"
    if folder.is_dir() and any(folder.iterdir()) and not (folder / "elaborate.ys").is_file():
        raise UserError(f"output {folder}: holds something else than a synthesis; empty it, or give another folder")
    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    run = _Run(top, part, family, timeout, keep_netlist)
    start = time.monotonic()
    try:
        # Yosys has UltraRAM for UltraScale+ alone
        _elaborate(files, top, part, defines if family == "xcup" else (*defines, "XNORSR_NO_ULTRA"), timeout)
        found, timing, tool = _layers(run, per_layer, jobs or os.cpu_count() or 1, progress)
    except KeyboardInterrupt:
        shutil.rmtree(part, ignore_errors=True)
        raise
    rows = tuple(replace(row, source=folder / row.source.name) for row in found)
    result = Synthesis(family, tool, time.monotonic() - start, rows, _sum(rows, top, folder), timing)
    (part / ELABORATED).unlink()  # the batches have what their scripts read; elaborate.ys makes it again
    (part / "report.json").write_text(json.dumps(result.to_dict(), indent=2) + "\n", encoding="utf-8")
    replace_folder(part, folder)
    return result


def _layers(
    run: _Run, per_layer: bool, jobs: int, progress: Progress | None
) -> tuple[list[LayerSynthesis], Timing, str]:
    """One row for each instance in the top and one for the top itself; worst paths; Yosys's version."""
    least = str(split.REPEATED) if per_layer else "whole"
    top = run.top
    run_module(split.__name__, [ELABORATED, top, least], run.folder, "split", run.timeout)
    plan = Plan.read(run.folder / PLAN)
    mapped = _run_batches(run, plan.batches, jobs, progress)
    found = _counted(top, plan.batches, mapped)
    tool = mapped[plan.batches[0].name].content["creator"].split(" (")[0]
    rows = []
    for child, same in plan.first.items():
        name, module = _instance(child, top)
        rows.append(replace(found[same], name=name, module=module))
    return [*rows, found[f"\\{top}"]], _timing(top, plan, mapped, run.family), tool
