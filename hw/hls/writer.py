"""Writes the HLS project of a ModelGraph.

    firmware/<project>.cpp, .h      the top level: one kernel call a layer, streams between them
    firmware/parameters.h           configuration of each layer
    firmware/weights/<layer>.h      constant arrays of each layer
    firmware/nnet_utils/, ap_types/ the kernels that the project uses; hls4ml's arbitrary precision types
    <project>_bridge.cpp            entry points of the C-simulation library, built by build_lib.sh
    <project>_test.cpp, tb_data/    test bench for C-simulation and co-simulation in the vendor tool
    build_prj.tcl, project.tcl, build_opt.tcl   Vitis HLS scripts
    xnorsr.json                     what the project is: stream types, layers, tensors, depths
    hls4ml_config.yml               hls4ml's configuration

The same graph gives the same bytes; the stamp in the library's name is a hash of the texts.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import hls4ml
import jinja2
import yaml  # type: ignore[import-untyped]
from hls4ml.writer import Writer

from .depths import interval
from .kernels import Kernel
from .plan import Plan, Step, plan
from .testdata import write_test_data

TEMPLATES = Path(__file__).parent / "templates"
AP_TYPES = Path(hls4ml.__file__).parent / "templates/vivado/ap_types"
COMMON = ("xnorsr_common.h", "xnorsr_pack.h", "xnorsr_requant.h", "xnorsr_trace.h")
NEEDS = {
    "xnorsr_conv_xnor.h": ("xnorsr_conv.h", "xnorsr_window.h"),
    "xnorsr_conv_planes.h": ("xnorsr_conv_mac.h", "xnorsr_conv.h", "xnorsr_window.h"),
    "xnorsr_conv_mac.h": ("xnorsr_conv.h", "xnorsr_window.h"),
    "xnorsr_upsample.h": ("xnorsr_window.h",),
}


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )


def render(template: str, **values: Any) -> str:
    """Text of one template."""
    return _environment().get_template(template).render(**values)


def shape_text(kernel: Kernel) -> str:
    """Body of the configuration struct of a kernel."""
    lines = [f"    typedef xnorsr::{ctype} {name};" for name, ctype in kernel.types]
    lines += [f"    static const int {name} = {value};" for name, value in kernel.constants]
    return "\n".join(lines)


def shapes_of(steps: tuple[Step, ...]) -> dict[str, str]:
    """Name of each different configuration, by its text, numbered in order of appearance."""
    names: dict[str, str] = {}
    for step in steps:
        names.setdefault(shape_text(step.kernel), f"{step.kernel.function}_shape_{len(names)}")
    return names


def project_files(network: Plan, project: str, config: dict[str, Any]) -> dict[str, str]:
    """Texts of the project by path in it, but for copied headers and what names the stamp."""
    shapes = shapes_of(network.steps)
    values = {
        "project": project,
        "plan": network,
        "shapes": [(name, text) for text, name in shapes.items()],
        "shape_of": {s.name: shapes[shape_text(s.kernel)] for s in network.steps},
        "headers": sorted({s.kernel.header for s in network.steps}),
        "depth_of": {s.tensor: s.depth for s in network.streams},
        "traced": [s for s in network.steps if s.op is not None],
        "ports": {network.input_tensor: "pixels_in", network.output_tensor: "pixels_out"},
        "config": config,
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
    for step in network.steps:
        if step.kernel.roms:
            files[f"firmware/weights/{step.name}.h"] = render("weights.h.jinja", step=step)
    for header in _headers(network.steps):
        files[f"firmware/nnet_utils/{header}"] = (TEMPLATES / "nnet_utils" / header).read_text()
    return files


def _headers(steps: tuple[Step, ...]) -> list[str]:
    used = {s.kernel.header for s in steps}
    return sorted(used.union(COMMON, *(NEEDS.get(h, ()) for h in used)))


def stamp_of(files: dict[str, str]) -> str:
    """Eight hexadecimal digits that stand for the project's texts."""
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(f"{path}\0{files[path]}\0".encode())
    return digest.hexdigest()[:8]


def description(network: Plan, project: str, stamp: str) -> dict[str, Any]:
    """What xnorsr.json says."""
    traced = [s for s in network.steps if s.op is not None]
    return {
        "project": project,
        "stamp": stamp,
        "input": {"tensor": network.original_input, **asdict(network.input)},
        "output": {"tensor": traced[-1].original, **asdict(network.output)},
        "layers": [
            {
                "name": s.name,
                "operator": s.op.op_type if s.op else "Clone",
                "what": s.kernel.words,
                "tensor": s.original,
                "interval": interval(s.op),
                "type": asdict(s.output),
            }
            for s in traced
        ],
        "streams": [
            {"tensor": s.tensor, "from": s.producer, "to": s.consumer, "word_bits": s.kind.word_bits, "depth": s.depth}
            for s in network.streams
        ],
    }


def clean_config(config: dict[str, Any]) -> dict[str, Any]:
    """hls4ml's configuration without models in it: plain values that YAML can hold."""
    skipped = {"OnnxModel", "KerasModel", "PytorchModel"}
    return json.loads(json.dumps({k: v for k, v in config.items() if k not in skipped}, default=str, sort_keys=True))


class XnorVitisWriter(Writer):
    """hls4ml's writer of the backend XnorVitis."""

    def write_hls(self, model: Any) -> None:
        """Write the project into the configuration's OutputDir, over what is there, and remember the stamp.

        Raises:
            UserError: a layer cannot be built.
        """
        config = model.config.config
        write_into(model, Path(config["OutputDir"]), str(config["OutputDir"]))


def write_into(model: Any, folder: Path, recorded_dir: str) -> None:
    """Write the project of `model` into `folder`; hls4ml_config.yml says `recorded_dir` for the place."""
    project, config = model.config.get_project_name(), model.config.config
    network = plan(model)
    files = project_files(network, project, config)
    stamp = stamp_of(files)
    config["Stamp"] = stamp
    files["build_lib.sh"] = render("build_lib.sh.jinja", project=project, stamp=stamp)
    files["xnorsr.json"] = json.dumps(description(network, project, stamp), indent=2) + "\n"
    files["hls4ml_config.yml"] = yaml.safe_dump({**clean_config(config), "OutputDir": recorded_dir}, sort_keys=True)
    shutil.rmtree(folder / "firmware", ignore_errors=True)
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    (folder / "build_lib.sh").chmod(0o755)
    shutil.copytree(AP_TYPES, folder / "firmware/ap_types")
    write_test_data(network, config, folder / "tb_data")
