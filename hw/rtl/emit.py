"""Network -> SystemVerilog project. The same network always gives the same bytes. Names no operator.

xnorsr_top.sv   AXI4-Stream video ports, one instance per layer, FIFOs where the schedule asks for them
layers/*.sv     one module per layer: library modules with parameters and constants filled in
lib/*.sv        the library modules
files.f         file list, in compile order; package_ip.tcl makes a Vivado IP of it
project.json    streams, FIFOs, frame and predicted cycles, for simulation and synthesis; which layer stands for which
node

Identifiers are those of the network (`hw.names`); names of a file stand in project.json only.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ..network import Network
from ..ops.base import Op
from ..ops.registry import module_folders
from ..options import BuildOptions
from ..resources.devices import vendor_part
from ..tcl import quoted
from .module import LayerModule
from .top import STATUS, TOP, Top

HERE = Path(__file__).parent
LIBRARY = HERE / "lib"


def write_project(network: Network, out_dir: Path, options: BuildOptions = BuildOptions()) -> dict[str, Any]:
    """Write the project into a new or empty folder; returns what project.json holds.

    Args:
        options: the build's; its part, port_colors and frame_sync count here.
    """
    (out_dir / "layers").mkdir(parents=True, exist_ok=True)
    (out_dir / "lib").mkdir(exist_ok=True)
    layers, shared = layer_modules(network)
    top = Top(network, layers, options)
    texts = {f"layers/{layer.module}.sv": layer_text(layer) for layer in layers.values()}
    texts[f"{TOP}.sv"] = environment().get_template("top.sv.jinja").render(**top.context())
    sources = library([*texts.values(), *shared.values()])
    for source in sources:
        shutil.copyfile(source, out_dir / "lib" / source.name)
    # Simulation does not read what is written for synthesis.
    synthesis = {f"lib/{name}.sv": f"`ifdef SYNTHESIS\n{text}`endif\n" for name, text in shared.items()}
    for name, text in (texts | synthesis).items():
        (out_dir / name).write_text(text)
    files = [*(f"lib/{s.name}" for s in sources), *synthesis, *texts]
    (out_dir / "files.f").write_text("".join(f"{name}\n" for name in files))
    (out_dir / "package_ip.tcl").write_text(packaging_script(vendor_part(options.part), top.output_prefixes))
    record = top.record(files)
    (out_dir / "project.json").write_text(json.dumps(record, indent=1, sort_keys=True) + "\n")
    return record


def packaging_script(part: str, outputs: list[str]) -> str:
    """Tcl that makes a Vivado IP of the project.

    Args:
        part: FPGA part, any text.
        outputs: prefixes of the output ports.
    """
    template = environment().get_template("package_ip.tcl.jinja")
    return template.render(top=TOP, part=quoted(part), outputs=outputs, status=STATUS)


def layer_modules(network: Network) -> tuple[dict[str, LayerModule], dict[str, str]]:
    """(module of each layer by its name, modules for synthesis that layers of one operator share, by name)."""
    alike: dict[type[Op], list[Op]] = {}
    layers = {}
    for node in network.nodes:
        before = alike.setdefault(type(node.op), [])
        layers[node.name] = node.op.module(node.name, len(before))
        before.append(node.op)
    shared: dict[str, str] = {}
    for kind, ops in alike.items():
        shared |= kind.shared_modules(ops)
    return layers, shared


def layer_text(layer: LayerModule) -> str:
    """SystemVerilog of a layer."""
    return environment().get_template("layer.sv.jinja").render(layer=layer)


def library_folders() -> list[Path]:
    """Folders of library modules: the shared ones, and each operator's."""
    return [LIBRARY, *module_folders()]


def library(texts: Iterable[str]) -> list[Path]:
    """Library modules that these sources use, and those that they use in turn."""
    waiting, used = list(texts), set[Path]()
    while waiting:
        code = re.sub(r"//.*", "", waiting.pop())
        names = set(re.findall(r"\bxnorsr_\w+", code))
        found = {folder / f"{name}.sv" for name in names for folder in library_folders()}
        new = {path for path in found - used if path.is_file()}
        waiting += [path.read_text() for path in new]
        used |= new
    return sorted(used, key=lambda path: path.name)


@cache
def environment() -> Environment:
    """The templates' environment."""
    return Environment(
        loader=FileSystemLoader(HERE / "templates"), trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined,
        keep_trailing_newline=True,
    )  # fmt: skip
