"""Vitis pragmas: what the vendor's preprocessor would see, read from the preprocessed project."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from hls4ml.converters import convert_from_onnx_model

from tests.networks import NetworkSpec, network
from xnorsr.hw.hls.plugin.writer import write_project

KNOWN = {
    "HLS ARRAY_PARTITION", "HLS BIND_OP", "HLS BIND_STORAGE", "HLS DATAFLOW", "HLS DEPENDENCE",
    "HLS EXPRESSION_BALANCE", "HLS INLINE", "HLS INTERFACE", "HLS LOOP_TRIPCOUNT", "HLS PIPELINE", "HLS RESET",
    "HLS STREAM", "HLS UNROLL",
}  # fmt: skip


def test_pragmas_reach_the_compiler_and_name_what_is_there(tmp_path: Path) -> None:
    # ap_common.h makes INLINE a macro; a pragma that is expanded on its way would lose its name.
    graph = convert_from_onnx_model(
        network(NetworkSpec()), output_dir=str(tmp_path), project_name="net", backend="XnorVitis", io_type="io_stream"
    )
    project = write_project(graph, tmp_path / "project")
    command = ["g++", "-E", "-P", "-std=c++14", "-DXNORSR_BIT_TRUE", "-DXNORSR_PRAGMA(text)=_Pragma(#text)"]
    done = subprocess.run(
        [*command, "-isystem", "firmware/ap_types", "firmware/net.cpp"], cwd=project, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    found = [(n, line.split("#pragma ")[1]) for n, line in enumerate(lines) if "#pragma HLS" in line]
    assert {" ".join(text.split()[:2]) for _, text in found} == KNOWN
    for n, text in found:
        named = re.search(r"(?:variable|port)=(\w+)", text)
        # Declared in the function around it, or a parameter: among the lines above, the nearest that names it.
        assert named is None or re.search(rf"\b{named[1]}\b", "\n".join(lines[max(0, n - 40) : n])), text
    # Each stream between kernels has a depth; each port is AXI4-Stream.
    streams = re.findall(r"hls::stream<\w+::word> (\w+)\(", done.stdout)
    depths = dict(re.findall(r"STREAM variable=(\w+) depth=(\d+)", done.stdout))
    assert set(streams) == set(depths) and min(map(int, depths.values())) >= 2
    assert done.stdout.count("#pragma HLS INTERFACE axis port=") == 2
