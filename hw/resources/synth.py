"""Synthesis with Yosys: what each layer of an RTL project really costs, without a vendor tool."""

from __future__ import annotations

import json
import os
import re
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ...errors import UserError
from .yosys import run_script

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

#: Characters of netlist below which a process of its own costs more time than it saves.
SMALL = 300_000

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
    """

    family: str
    tool: str
    seconds: float
    layers: tuple[LayerSynthesis, ...]
    total: LayerSynthesis

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        plain: dict[str, Any] = json.loads(json.dumps(asdict(self), default=str))
        return plain


def count(cells: dict[str, int], name: str, module: str, source: Path) -> LayerSynthesis:
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


@dataclass(frozen=True)
class _Elaborated:
    """The design before synthesis: where it lies, and the size in characters of each child of the top."""

    netlist: Path
    children: dict[str, int]


def _children(netlist: Path, top: str) -> dict[str, int]:
    """{child module of the top: size of its text with everything below it}, in the order of instantiation."""
    size: dict[str, int] = {}
    uses: dict[str, list[str]] = {}
    module = ""
    with netlist.open(encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("module "):
                module = line.split()[1]
                size[module], uses[module] = 0, []
            elif module:
                size[module] += len(line)
                if line.startswith("  cell \\"):
                    uses[module].append(line.split()[1])

    def whole(name: str) -> int:
        return size[name] + sum(whole(child) for child in uses[name] if child in size)

    return {child: whole(child) for child in uses[f"\\{top}"] if child in size}


def _elaborate(files: Path, top: str, folder: Path, defines: tuple[str, ...], timeout: float) -> _Elaborated:
    netlist = folder / "elaborated.il"
    macros = " ".join(f"-D {d}" for d in defines)
    # Yosys splits its commands at blanks, slang's command files know quotes.
    (folder / "sources.f").write_text(f'-F "{files.resolve()}"\n', encoding="utf-8")
    read = f"read_slang --top {top} --keep-hierarchy --unroll-limit {UNROLL_LIMIT} {macros} -f sources.f"
    run_script([read, f"hierarchy -check -top {top}", f"write_rtlil {netlist.name}"], folder, "elaborate", timeout)
    return _Elaborated(netlist, _children(netlist, top))


def _batches(children: dict[str, int], jobs: int) -> list[list[str]]:
    """Children grouped so that no group is longer than the longest child or the share of one job."""
    if not children:
        return [[]]
    limit = max(max(children.values()), sum(children.values()) / max(jobs, 1) / 2, SMALL)
    batches: list[list[str]] = []
    room = 0.0
    for child in sorted(children, key=lambda c: -children[c]):
        if children[child] > room:
            batches.append([])
            room = limit
        batches[-1].append(child)
        room -= children[child]
    return batches


def _run_batch(
    elaborated: _Elaborated, batch: list[str], index: int, top: str, family: str, timeout: float, stop: threading.Event
) -> tuple[Path, dict[str, Any]]:
    """Synthesize the top with the batch's children kept apart and the others as black boxes. (report, its content)."""
    folder = elaborated.netlist.parent
    report = folder / f"batch{index}.json"
    others = [c for c in elaborated.children if c not in batch]
    commands = [
        f"read_rtlil {elaborated.netlist.name}",
        *(f"blackbox {c}" for c in others),
        f"hierarchy -top {top}",
        *(f"setattr -mod -set keep_hierarchy 1 {c}" for c in batch),
        f"synth_xilinx -family {family} -top {top} -flatten -noiopad -noclkbuf",
        f"tee -q -o {report.name} stat -json",
    ]
    run_script(commands, folder, f"batch{index}", timeout, stop)
    return report, json.loads(report.read_text(encoding="utf-8"))


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
    progress: Progress | None = None,
) -> Synthesis:
    """Synthesize an RTL project with `synth_xilinx` and count cells layer by layer.

    Instances in the top module are kept apart, what is below them is flattened, so nothing is shared between layers.
    They are worked on in batches, in processes of their own.

    Args:
        rtl: folder of the project.
        family: Yosys's name of the FPGA family: xc7, xcu or xcup.
        top: top module; default what project.json says, else "top".
        files: file list; default ``rtl/files.f``. Paths in it are relative to it.
        out: folder for scripts, logs and reports; default ``rtl/synth_FAMILY``.
        per_layer: False flattens everything into one entry.
        defines: macros set while reading.
        jobs: processes at once; default the number of cores.
        timeout: seconds that one process may take.
        progress: called as (what was finished, number finished, number of all) after each batch.

    Raises:
        UserError: no such project, unknown family, Yosys missing, failed or too slow.
    """
    files = files or rtl / "files.f"
    _check_input(rtl, files, family)
    top = top or _top_of(rtl)
    folder = out or rtl / f"synth_{family}"
    folder.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    elaborated = _elaborate(files, top, folder, defines, timeout)
    workers = jobs or os.cpu_count() or 1
    batches = _batches(elaborated.children, workers) if per_layer else [[]]
    if not per_layer:
        elaborated = _Elaborated(elaborated.netlist, {})
    layers: dict[str, LayerSynthesis] = {}
    tool, stop = "", threading.Event()
    with ThreadPoolExecutor(workers) as pool:
        work = {pool.submit(_run_batch, elaborated, b, i, top, family, timeout, stop): b for i, b in enumerate(batches)}
        try:
            for done, future in enumerate(as_completed(work), 1):
                report, content = future.result()
                tool = content["creator"].split(" (")[0]
                for module, figures in content["modules"].items():
                    name, kind = _instance(module, top)
                    if f"\\{name}" == f"\\{top}" or module in work[future]:
                        layers[name] = count(figures["num_cells_by_type"], name, kind, report)
                if progress:
                    progress(", ".join(_instance(c, top)[0] for c in work[future]) or top, done, len(batches))
        except BaseException:
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise
    order = [_instance(c, top)[0] for c in elaborated.children] + [top]
    rows = tuple(layers[name] for name in order)
    result = Synthesis(family, tool, time.monotonic() - start, rows, _sum(rows, top, folder))
    (folder / "report.json").write_text(json.dumps(result.to_dict(), indent=2) + "\n", encoding="utf-8")
    return result
