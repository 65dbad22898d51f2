"""Twins that fold differently: SystemVerilog unrolls what HLS folds; codes are equal, cycles its own."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from tests.flows.report_page import page_of, results_of, text_of
from tests.networks import NetworkSpec, images, network
from tests.test_twins import check_rtl
from xnorsr.hw.build import BuildOptions, build, reopen
from xnorsr.hw.ops.conv import Conv
from xnorsr.hw.resources.folding import aim
from xnorsr.hw.resources.schedule import predict
from xnorsr.hw.resources.unrolling import differing
from xnorsr.sim import reference
from xnorsr.sim.compare import compare
from xnorsr.sim.csim import CSim
from xnorsr.sim.rtlsim import RtlSim

pytestmark = pytest.mark.eda

SPEC = NetworkSpec(channels=16, height=5, width=6, seed=21)


@pytest.mark.parametrize(("folding", "unroll"), [pytest.param(2, "auto", marks=pytest.mark.exhaustive), (8, "first")])
def test_each_twin_keeps_its_own_folding(folding: int, unroll: str, tmp_path: Path) -> None:
    """Two cycles per pixel, where the account finds both binary layers smaller unrolled; and by their names, the first
    binary layer and the head, which takes its pixels' bits one by one.
    """
    options = BuildOptions(folding=folding, unroll="all")
    built = build(network(SPEC), tmp_path / "all", options, hls=False, rtl=False)
    binary = [node.name for node in built.network.nodes if isinstance(node.op, Conv) and node.op.binary]
    every = [node.name for node in built.network.nodes if isinstance(node.op, Conv)]
    assert differing(built.rtl_network, built.network) == every and len(binary) == 2 and every[0] not in binary
    chosen = binary if unroll == "auto" else [every[0], binary[0]]
    options = options.model_copy(update={"unroll": unroll if unroll == "auto" else chosen})
    built = build(network(SPEC), tmp_path / "net", options)
    assert [built.network.node(name).op.timing("hls").interval for name in binary] == [folding] * 2
    assert differing(built.rtl_network, built.network) == chosen
    described = json.loads((tmp_path / "net/hls/xnorsr.json").read_text())
    assert [layer["interval"] for layer in described["layers"] if layer["name"] in binary] == [folding] * 2
    if folding == 8:  # that the predicted cycles are of RTL's own folding shows where they are others
        assert predict(built.rtl_network).cycles_per_frame != predict(built.network).cycles_per_frame

    frames = list(images(SPEC).values())
    truths = [reference.run(built.lowered, frame, all_tensors=True) for frame in frames]
    hls = CSim(tmp_path / "net/hls")
    rtl = RtlSim(tmp_path / "net/rtl", tmp_path / "sim", trace=True)
    assert rtl.predicted_cycles == predict(built.rtl_network).cycles_per_frame
    for frame, truth in zip(frames, truths, strict=True):
        output, streams = hls.run(frame, trace=True)
        compare(built.lowered, truth, output, streams, rtl.types)
    rtl.compile(optimize="-O0")
    check_rtl(built, rtl, truths * 3, rtl.run(frames[0]), rtl.run(np.stack(frames * 3)))

    again = reopen(tmp_path / "net")
    assert differing(again.rtl_network, again.network) == chosen
    results = results_of(built)
    assert results["unrolled"] == chosen and results["folding"] == aim(built.rtl_network, folding, 200.0).to_dict()
    assert results["hls_folding"] == aim(built.network, folding, 200.0).to_dict()
    for layer in results["estimate"]["layers"]:
        if layer["name"] in chosen and layer["name"] in binary:
            assert (layer["pe"], layer["simd"]) == (16, 144)
            assert layer["hls_pe"] * layer["hls_simd"] * folding == 16 * 144 and layer["cycles"] == 1
        elif layer["name"] in chosen:
            assert (layer["rtl_note"], layer["dsp"], layer["cycles"]) == ("1 bit a cycle", 0, 8)
        else:
            assert (layer["pe"], layer["simd"]) == (layer["hls_pe"], layer["hls_simd"])
    page = text_of(page_of(built, results))
    assert f"Constant weights in SystemVerilog alone: {', '.join(chosen)}" in page
    wide = len(set(chosen) & set(binary))
    assert len(re.findall(r"16×144, HLS \d+×\d+", page)) == wide
    assert len(re.findall(r"PE 16, SIMD 144; HLS PE", page)) >= wide
    assert len(re.findall(r"16×27, 1 bit a cycle, HLS \d+×\d+", page)) == len(chosen) - wide
