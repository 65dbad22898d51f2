"""The texts of an HLS project. Names no operator.

    firmware/<project>.cpp, .h      the top level: one kernel call per layer, streams between them
    firmware/parameters.h           configuration of each layer
    firmware/weights/<layer>.h      constant arrays of each layer
    firmware/nnet_utils/, ap_types/ the kernels that the project uses; hls4ml's arbitrary precision types
    <project>_bridge.cpp            entry points of the C-simulation library, built by build_lib.sh
    <project>_test.cpp, tb_data/    test bench for C-simulation and co-simulation in the vendor tool
    build_prj.tcl, project.tcl, build_opt.tcl   Vitis HLS scripts
    xnorsr.json                     what the project is: stream types, layers, tensors, depths
    hls4ml_config.yml               hls4ml's configuration

The same network gives the same bytes; the stamp in the library's name is a hash of the texts. Names of a file appear in
xnorsr.json only; C++ holds identifiers of our own (`hw.names`).
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
import shutil
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import yaml  # type: ignore[import-untyped]

from ...errors import UserError
from ..network import Network, Stream
from ..ops.registry import header_folders
from ..ports import order_text
from ..tcl import quoted
from .description import FORMAT
from .design import Call, HlsDesign, design_of
from .kernel import Kernel
from .testdata import write_test_data

TEMPLATES = Path(__file__).parent / "templates"
SHARED = TEMPLATES / "nnet_utils"
#: What a configuration may say of the top function; the first word of each is the default.
TOPS = {"HlsPorts": ("words", "video"), "HlsControl": ("handshake", "none"), "FrameSync": ("tuser", "counted")}
_COMMON = ("xnorsr_common.h", "xnorsr_ports.h", "xnorsr_trace.h", "xnorsr_video.h")


@cache
def ap_types() -> Path:
    """hls4ml's folder of arbitrary precision types; hls4ml itself is not imported."""
    spec = importlib.util.find_spec("hls4ml")
    assert spec is not None and spec.origin is not None, "hls4ml is a dependency"
    return Path(spec.origin).parent / "templates/vivado/ap_types"


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    environment.filters["tcl"] = lambda value: quoted(str(value))
    environment.filters["port_names"] = lambda outputs: [(f"out{n or ''}", one) for n, one in enumerate(outputs)]
    environment.filters["order_text"] = order_text
    return environment


def render(template: str, **values: Any) -> str:
    """Text of one template."""
    return _environment().get_template(template).render(**values)


def shape_text(kernel: Kernel) -> str:
    """Body of the configuration struct of a kernel."""
    lines = [f"    typedef xnorsr::{ctype} {name};" for name, ctype in kernel.types]
    lines += [f"    static const int {name} = {value};" for name, value in kernel.constants]
    return "\n".join(lines)


def shapes_of(calls: tuple[Call, ...]) -> dict[str, str]:
    """Name of each different configuration, by its text, numbered in order of appearance."""
    names: dict[str, str] = {}
    for call in calls:
        names.setdefault(shape_text(call.kernel), f"{call.kernel.function}_shape_{len(names)}")
    return names


def find_header(name: str) -> Path | None:
    """A header of ours: in an operator's folder, or a shared one."""
    places = (folder / name for folder in (*header_folders(), SHARED))
    return next((place for place in places if place.is_file()), None)


def headers_of(names: set[str]) -> dict[str, Path]:
    """Headers of ours by file name: these, those that all projects need, and what they include in turn."""
    found: dict[str, Path] = {}
    waiting = [*names, *_COMMON]
    while waiting:
        name = waiting.pop()
        path = find_header(name)
        if name in found or path is None:
            continue
        found[name] = path
        waiting += re.findall(r'#include "(\w+\.h)"', path.read_text())
    return dict(sorted(found.items()))


def project_files(design: HlsDesign, project: str, config: dict[str, Any]) -> dict[str, str]:
    """Texts of the project by path in it, except for those that hold the stamp."""
    shapes = shapes_of(design.calls)
    values = {
        "project": project,
        "design": design,
        "shapes": [(name, text) for text, name in shapes.items()],
        "shape_of": {call.node.name: shapes[shape_text(call.kernel)] for call in design.calls},
        "headers": sorted({call.kernel.header for call in design.calls}),
        "traced": {stream.name: n for n, stream in enumerate(design.network.traced)},
        "ports": design.ports,
        "config": config,
        **top_of(project, config),
    }
    files = {
        f"firmware/{project}.h": render("project.h.jinja", **values),
        f"firmware/{project}.cpp": render("project.cpp.jinja", **values),
        "firmware/parameters.h": render("parameters.h.jinja", **values),
        f"{project}_bridge.cpp": render("bridge.cpp.jinja", **values),
        f"{project}_test.cpp": render("test.cpp.jinja", **values),
        "build_prj.tcl": render("build_prj.tcl.jinja", **values),
        "project.tcl": render("project.tcl.jinja", **values),
        "build_opt.tcl": render("build_opt.tcl.jinja", **values),
    }
    for call in design.calls:
        if call.kernel.roms:
            files[f"firmware/weights/{call.node.name}.h"] = render("weights.h.jinja", call=call)
    for name, path in headers_of({call.kernel.header for call in design.calls}).items():
        files[f"firmware/nnet_utils/{name}"] = path.read_text()
    return files


def top_of(project: str, config: dict[str, Any]) -> dict[str, str]:
    """The top function that the configuration asks for, and the compiler's flags that make it the top.

    Raises:
        UserError: HlsPorts, HlsControl or FrameSync is none of the allowed words.
    """
    chosen = {}
    for key, allowed in TOPS.items():
        chosen[key] = config.get(key) or allowed[0]
        if chosen[key] not in allowed:
            raise UserError(f"{key} = {chosen[key]!r}: allowed are {' and '.join(map(repr, allowed))}.")
    flags = ["-std=c++14"]
    flags += ["-DXNORSR_VIDEO"] * (chosen["HlsPorts"] == "video")
    flags += ["-DXNORSR_FREE_RUNNING"] * (chosen["HlsControl"] == "none")
    return {"top": f"{project}_video" if chosen["HlsPorts"] == "video" else project, "cflags": " ".join(flags)}


def stamp_of(files: dict[str, str]) -> str:
    """Eight hexadecimal digits that stand for the project's texts."""
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(f"{path}\0{files[path]}\0".encode())
    return digest.hexdigest()[:8]


def description(design: HlsDesign, project: str, stamp: str) -> dict[str, Any]:
    """What xnorsr.json says."""

    def port(stream: Stream) -> dict[str, Any]:
        return {"tensor": stream.tensor, "type": asdict(stream.kind), "channel_order": design.order(stream)}

    return {
        "format": FORMAT,
        "project": project,
        "stamp": stamp,
        "input": port(design.input),
        "outputs": [port(stream) for stream in design.outputs],
        "traced": [{"name": s.name, "tensor": s.tensor, "type": asdict(s.kind)} for s in design.network.traced],
        "states": [
            {"name": name, "type": asdict(design.network.streams[name].kind), "start": start.ravel().tolist()}
            for name, start in design.network.states.items()
        ],
        "layers": [
            {
                "name": call.node.name,
                "source": call.node.source,
                "operator": call.node.op.op_type,
                "what": call.description,
                "interval": call.node.op.timing("hls").interval,
                "initiation_interval": dict(call.kernel.constants).get("II", 1),
            }
            for call in design.calls
        ],
        "streams": [
            {
                "name": fifo.stream.name,
                "tensor": fifo.stream.tensor,
                "from": fifo.producer,
                "to": fifo.consumer,
                "word_bits": fifo.stream.kind.word_bits,
                "depth": fifo.depth,
            }
            for fifo in design.fifos
        ],
    }


def clean_config(config: dict[str, Any]) -> dict[str, Any]:
    """hls4ml's configuration without models in it: plain values that YAML can hold."""
    skipped = {"OnnxModel", "KerasModel", "PytorchModel"}
    return json.loads(json.dumps({k: v for k, v in config.items() if k not in skipped}, default=str, sort_keys=True))


def write_into(network: Network, project: str, config: dict[str, Any], folder: Path, recorded_dir: str) -> str:
    """Write a project into `folder`, over what is there; returns its stamp.

    Args:
        project: its name.
        config: hls4ml's configuration.
        recorded_dir: the place that hls4ml_config.yml says.

    Raises:
        UserError: a layer cannot be built.
    """
    design = design_of(network, config.get("PortColors"))
    files = project_files(design, project, config)
    stamp = stamp_of(files)
    files["build_lib.sh"] = render("build_lib.sh.jinja", project=project, stamp=stamp)
    files["xnorsr.json"] = json.dumps(description(design, project, stamp), indent=2) + "\n"
    recorded = {**clean_config(config), "OutputDir": recorded_dir, "Stamp": stamp}
    files["hls4ml_config.yml"] = yaml.safe_dump(recorded, sort_keys=True)
    shutil.rmtree(folder / "firmware", ignore_errors=True)
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    (folder / "build_lib.sh").chmod(0o755)
    shutil.copytree(ap_types(), folder / "firmware/ap_types")
    write_test_data(design, config, folder / "tb_data")
    return stamp
