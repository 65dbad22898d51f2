"""What a network costs: the analytic account, and Yosys's beside it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from ... import tools
from ...errors import UserError
from ...hw.build import BuildResult, model_graph, prepare, reopen
from ...hw.hls.plugin.graph import network_of
from ...hw.network import Network
from ...hw.resources.account import Estimate
from ...hw.resources.account import estimate as analytic
from ...hw.resources.devices import device
from ...hw.resources.folding import Aim, aim
from ...hw.resources.synth import Synthesis, synthesize
from ...hw.resources.unrolling import differing
from ...hw.rtl.emit import write_project
from ...hw.rtl.top import TOP, fifo_instance
from ..config import EstimateConfig
from ..console import console, plain, status, table
from ..facts import RESOURCES, pooling_text, resources, unrolled_text, utilisation
from ..hardware_options import HardwareOptions
from ..lock import locked
from ..manifest import recording
from ..output import disk_of, write_file
from ..report import rate, si
from ..timing import Clock, clock_text, path_text

#: Characters of a layer's name on one line, in a terminal of fewer than `WIDE` columns.
NAME_COLUMN, WIDE = 25, 100


@dataclass(frozen=True)
class Account:
    """Both accounts of one network; ``synthesis`` is None where it was not asked for.

    The estimate's clock is the asked one; see `clock`. ``aim`` is what the folding was asked for and what it gives in
    SystemVerilog, whose network this is; ``hls_aim`` what it gives in HLS, None where both fold alike; ``unrolled`` the
    layers that SystemVerilog alone unrolls.
    """

    network: Network
    estimate: Estimate
    synthesis: Synthesis | None
    aim: Aim
    hls_aim: Aim | None = None
    unrolled: tuple[str, ...] = ()

    @property
    def uses_uram(self) -> bool:
        """Whether the estimate or the synthesis has UltraRAM."""
        return self.estimate.uram > 0 or (self.synthesis is not None and self.synthesis.total.uram > 0)

    @property
    def measured(self) -> dict[str, dict[str, float]] | None:
        """Synthesized LUT, FF, BRAM36, DSP and UltraRAM by the estimate's layers, divided as the estimate does it.

        A FIFO counts as part of the layer that reads it; the video ports and whatever else is in the top module count
        as part of the input, which is the first layer. So the rows add up to the synthesis's total.
        """
        if self.synthesis is None:
            return None
        owners = self._owners([row.name for row in self.synthesis.layers])
        sums = {one.name: dict.fromkeys(RESOURCES, 0.0) for one in self.estimate.layers}
        for row in self.synthesis.layers:
            layer = sums[owners[row.name]]
            for key in layer:
                layer[key] += getattr(row, key)
        return sums

    def _owners(self, rows: Iterable[str]) -> dict[str, str]:
        """For each row of the synthesis the estimate's layer that it counts to."""
        first, *_ = (one.name for one in self.estimate.layers)
        owner = {one.name: one.name for one in self.estimate.layers}
        owner |= {fifo_instance(name): node.name for name, (node, _) in self.network.readers.items()}
        return {row: owner.get(f"u_{row}", owner.get(row, first)) for row in rows}

    @property
    def clock(self) -> Clock:
        """The clock that was asked for, and the one that the netlist leaves."""
        timing = self.synthesis.timing if self.synthesis is not None else None
        return Clock(self.estimate.clock_mhz, timing, self._owners(timing.layers if timing is not None else ()))

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; frames per second and latency at the lower of both clocks."""
        return {
            "folding": self.aim.to_dict(),
            "hls_folding": self.hls_aim.to_dict() if self.hls_aim is not None else None,
            "unrolled": list(self.unrolled),
            "estimate": self.clock.at(self.estimate).to_dict(),
            "timing": self.clock.to_dict(),
            "synth": self.synthesis.to_dict() if self.synthesis is not None else None,
            "synth_by_layer": self.measured,
        }


def account(built: BuildResult, rtl: Path | None, config: EstimateConfig) -> Account:
    """Account of a network that was built.

    Args:
        rtl: its SystemVerilog project; needed where ``config.synth`` is set.

    Raises:
        UserError: the part is unknown, or Yosys is missing.
    """
    chosen, network = built.options, built.rtl_network
    made = analytic(network, chosen.clock_mhz, chosen.part, built.network)
    found_aim = aim(network, chosen.folding, chosen.clock_mhz)
    apart = tuple(differing(network, built.network))
    hls_aim = aim(built.network, chosen.folding, chosen.clock_mhz) if apart else None
    if not config.synth:
        return Account(network, made, None, found_aim, hls_aim, apart)
    tools.yosys()
    assert rtl is not None
    family = config.family or device(chosen.part).family
    with status(f"Yosys, {family} ...") as shown, recording(rtl.parent, rtl), disk_of(rtl):
        found = synthesize(
            rtl,
            family,
            TOP,
            progress=lambda what, n, of: shown.update(Text(plain(f"Yosys, {family}: batch {n} of {of} done ({what})"))),
        )
    return Account(network, made, found, found_aim, hls_aim, apart)


def estimate(model: Path, hardware: HardwareOptions, config: EstimateConfig) -> Account:
    """Account of a QONNX file, or of a folder that `build` wrote.

    Args:
        hardware: build options that were given; none for a built folder.

    Raises:
        UserError: bad input; see `hw.build.prepare` and `account`.
    """
    if model.is_dir():
        if hardware.given:
            raise UserError(
                f"{model}: what was built keeps its own {', '.join(hardware.flags)}. Leave that out, or give the QONNX "
                "file."
            )
        with locked(model) if config.synth else nullcontext():
            return account(reopen(model), model / "rtl", config)
    chosen = hardware.options()
    with tempfile.TemporaryDirectory(prefix="xnorsr-") as folder:
        lowered = prepare(model, chosen)
        graph = model_graph(lowered, chosen, Path(folder) / "hls")
        built = BuildResult(Path(folder), lowered, graph, network_of(graph), chosen)
        rtl = None
        if config.synth:
            rtl = Path(folder) / "rtl"
            write_project(built.rtl_network, rtl, chosen)
        return account(built, rtl, config)


def write_account(account: Account, path: Path) -> None:
    """Write both accounts as JSON."""
    write_file(path, json.dumps(account.to_dict(), indent=2, default=str) + "\n")


def broken(name: str, width: int) -> str:
    """A name that is longer than a column, on several lines: broken behind underscores, never inside a word."""
    lines, rest = [], name
    while len(rest) > width:
        at = rest.rfind("_", 1, width) + 1 or width
        lines.append(rest[:at])
        rest = "  " + rest[at:]
    return "\n".join([*lines, rest])


def account_tables(account: Account) -> list[Table]:
    """The account for the terminal: work and resources layer by layer, then sums."""
    layers = account.estimate.layers
    column = NAME_COLUMN if console.width < WIDE else WIDE
    work = [
        [
            broken(one.name, column),
            one.op,
            one.folding,
            f"{one.macs_binary + one.macs_fixed:,.0f}",
            f"{one.weight_bits:,}",
            f"{one.cycles_per_pixel:g}",
        ]
        for one in layers
    ]
    shown = resources(account.uses_uram)
    titles = ["LUT", "FF", "BRAM", "DSP", "URAM"][: len(shown)]
    cost = [[broken(one.name, column), *(f"{getattr(one, key):,.9g}" for key in shown)] for one in layers]
    title = "Resources, estimated (BRAM: of 36 Kbit)"
    measured = account.measured
    if account.synthesis is not None and measured is not None:
        for row, one in zip(cost, layers, strict=True):
            row += [f"{measured[one.name][key]:,.9g}" for key in shown]
        title = f"Resources, estimated (BRAM: of 36 Kbit), then by Yosys for {account.synthesis.family}"
        titles = titles + titles
    return [
        table("Layer by layer", ["layer", "op", "PE×SIMD", "MAC/px", "weight bits", "cycles/px"], work, numeric=3),
        table(title, ["layer", *titles], cost),
        *_paths(account, column),
        _sums(account),
    ]


def _paths(account: Account, column: int) -> list[Table]:
    """The worst path into each layer; nothing without synthesis."""
    clock = account.clock
    if clock.timing is None:
        return []
    found = clock.layers()
    rows = [
        [
            broken(one.name, column),
            f"{(path := found[one.name].worst).delay:.2f}",
            str(found[one.name].levels),
            str(path.carry_bits),
            f"{path.fan_out:,}",
            path_text(path),
        ]
        for one in account.estimate.layers
        if one.name in found
    ]
    title = f"Slowest path into each layer, estimated for {clock.timing.grade}, before placement"
    return [table(title, ["layer", "ns", "levels", "carry bits", "fan-out", "from"], rows, numeric=1)]


def _resources(of: Any) -> str:
    """LUT, FF, block RAM, DSP slices, and UltraRAM where there is some, in one line."""
    ultra = f", {of.uram} URAM" if of.uram else ""
    return f"{of.lut:,} LUT, {of.ff:,} FF, {of.bram36:g} BRAM36, {of.dsp} DSP{ultra}"


def _sums(account: Account) -> Table:
    timing = account.clock.to_dict()
    e = account.clock.at(account.estimate)
    rows = [
        ["frame", f"{e.input_size[1]}×{e.input_size[0]} to " + " and ".join(f"{w}×{h}" for h, w in e.output_sizes)],
        ["folding", account.aim.text],
        *([["constant weights", unrolled_text(account.unrolled)]] if account.unrolled else []),
        *([["folding in HLS", account.hls_aim.text]] if account.hls_aim is not None else []),
        ["cycles per frame", f"{e.interval_cycles:,} ({rate(e.fps)} fps {clock_text(timing)})"],
        ["latency", f"{e.latency_cycles:,} cycles ({e.latency_us:.3g} µs)"],
        *([["means over the frame", means]] if (means := pooling_text(e.pooling, e.frames_to_settle)) else []),
        ["MACs per frame", f"{si(e.macs_binary)} binary, {si(e.macs_fixed)} fixed point"],
        ["operations, published rule", f"{si(e.ops_rule)}OPs for 320×180 (real + binary/64)"],
        ["parameters, published rule", f"{si(e.params_rule)} (real + binary/32)"],
        ["model size", f"{e.model_bits / 8:,.0f} bytes, {100 * e.size_reduction:.1f} % below float"],
        ["buffers", f"{si(e.line_buffer_bits)}bit line buffers, {si(e.fifo_bits)}bit FIFOs"],
        ["estimate", _resources(e)],
    ]
    if account.synthesis is not None:
        rows.append([f"Yosys, {account.synthesis.family}", _resources(account.synthesis.total)])
    if e.device is not None:
        for one in utilisation(account.to_dict()):
            source = "Yosys" if one.measured is not None else "formula"
            excess = ": does not fit" if one.share > 1 else ""
            rows.append([f"{one.name} of {e.device.part}", f"{100 * one.share:.0f} %, by {source}{excess}"])
    return table("", ["", ""], rows, numeric=9)
