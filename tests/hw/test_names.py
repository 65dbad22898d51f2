"""Identifiers: legal in C++ and SystemVerilog, short, unique, whatever a file calls its nodes and tensors."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.networks import NetworkSpec, images, network
from xnorsr.hw.build import BuildOptions, build
from xnorsr.hw.names import LONGEST, Names
from xnorsr.sim import reference, verilate
from xnorsr.sim.compare import compare
from xnorsr.sim.csim import CSim

HOSTILE = [
    "1", "42", "conv.0", 'a"b', "a[0]", "Größe", "../up", "end\\", "??/", "line\nint main(){}", "*/ int x; /*", "$(id)",
    "${HOME}", "[exec id]", "`define", "Conv", "conv", "CONV", "class", "always_ff", "logic", "video_in", "video_out",
    "network_in", "pixels_out", "lr_copy0", "u_video_in", "spec", "input", "x" * 300, "[/]", "[bold]", " ", "", "_",
    "__", "id", "size", "time",
]  # fmt: skip


@pytest.mark.slow
@given(st.lists(st.one_of(st.text(max_size=80), st.sampled_from(HOSTILE)), max_size=30))
def test_identifiers(names: list[str]) -> None:
    give = Names()
    made = [give.fresh(name) for name in names]
    assert len({one.lower() for one in made}) == len(made)
    for one in made:
        assert re.fullmatch(r"[a-z][a-z0-9_]*", one) and "__" not in one
        assert len(one) <= LONGEST + 8


def test_a_name_keeps_its_identifier_and_roles_keep_apart() -> None:
    give = Names()
    assert give("body.0", "layer") == give("body.0", "layer") == "body_0"
    assert give("body.0", "stream") == "body_0_1"
    assert give("class") == "class_1" and give("always_comb") == "always_comb_1"


def renamed(model: onnx.ModelProto, shift: int) -> onnx.ModelProto:
    """The same network; its nodes and tensors, input and output included, called by hostile names."""
    tensors: dict[str, str] = {"": ""}
    every = [name for node in model.graph.node for name in (*node.input, *node.output) if name]
    for n, name in enumerate(dict.fromkeys(every)):
        hostile = HOSTILE[(n + shift) % len(HOSTILE)] or "\t"  # ONNX reads an empty name as no tensor
        tensors[name] = hostile + "~" * (n // len(HOSTILE))
    assert len(set(tensors.values())) == len(tensors)
    for n, node in enumerate(model.graph.node):
        node.name = HOSTILE[(n + 2 * shift) % len(HOSTILE)] + "~" * (n // len(HOSTILE))
        node.input[:] = [tensors[i] for i in node.input]
        node.output[:] = [tensors[o] for o in node.output]
    for value in (*model.graph.input, *model.graph.output, *model.graph.initializer):
        value.name = tensors[value.name]
    return model


@pytest.mark.eda
@pytest.mark.parametrize("shift", [0, *(pytest.param(n, marks=pytest.mark.exhaustive) for n in (11, 23))])
def test_hostile_names_change_nothing(shift: int, tmp_path: Path) -> None:
    """Every stream is compared, the SystemVerilog is clean, and no name of the file is in any generated source."""
    spec = NetworkSpec(channels=4, height=4, width=4, seed=3)
    built = build(renamed(network(spec), shift), tmp_path / "net", BuildOptions())
    codes = images(spec)["random"]
    truth = reference.run(built.lowered, codes, all_tensors=True)
    simulator = CSim(tmp_path / "net/hls")
    found = simulator.simulate(codes, trace=True)
    types = {one.name: one.kind for one in simulator.description.traced}
    counted = compare(built.lowered, truth, found.outputs, found.streams, types)
    plain = reference.run(build(network(spec), tmp_path / "plain", BuildOptions()).lowered, codes)
    np.testing.assert_array_equal(truth.output, plain.output)
    assert len(counted.streams) == len(built.lowered.references)
    rtl = tmp_path / "net/rtl"
    verilate.lint("xnorsr_top", [rtl / name for name in (rtl / "files.f").read_text().split()])
    texts = [p.read_text() for kind in ("*.cpp", "*.h", "*.sv", "*.tcl") for p in (tmp_path / "net").rglob(kind)]
    for name in HOSTILE:
        if len(name) > 2 and not re.fullmatch(r"\w+", name):
            assert not any(name in text for text in texts), name
