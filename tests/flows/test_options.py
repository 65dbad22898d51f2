"""Options of a build on the command line: each shown once, and foldings by the layers' names."""

from __future__ import annotations

import json
import re
from pathlib import Path

import onnx
import pytest
from typer.testing import CliRunner

from tests.networks import NetworkSpec, network
from xnorsr.flows.cli import app
from xnorsr.flows.hardware_options import flag
from xnorsr.hw.build import reopen
from xnorsr.hw.options import BuildOptions

FOLDING = {"conv_0": (2, 9), "conv_1": (4, 24)}


@pytest.mark.parametrize("command", ["build", "estimate"])
def test_help_shows_every_build_option_once(command: str) -> None:
    result = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "80", "TERM": "dumb"})
    assert result.exit_code == 0
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line).strip("│ ") for line in result.output.splitlines()]
    assert max(map(len, lines)) <= 80
    shown = [found for line in lines if (found := re.match(r"(--[a-z-]+) +(\S+) +(\S.*)", line))]
    options = [flag(name) for name in BuildOptions.model_fields]
    assert [found[1] for found in shown if found[1] in options] == options, "in the fields' order, each once"
    texts = {found[1]: (found[2], found[3]) for found in shown}
    assert texts["--frame"] == ("WxH", "Low-resolution frame size in pixels, for")
    assert texts["--clock"][0] == "MHZ"
    assert "{layer = [pe, simd]}" in " ".join(lines), "square brackets are no markup"


@pytest.mark.slow
def test_what_is_folded_for_is_said(tmp_path: Path) -> None:
    """Without a word 60 frames per second, or what there is; with one, that."""
    path, out = tmp_path / "net.onnx", tmp_path / "out"
    onnx.save(network(NetworkSpec(channels=4)), path)

    def said(*words: str | Path) -> str:
        result = CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "300"})
        assert result.exit_code == 0, result.output
        return " ".join(result.output.split())

    default = "auto, the default: 60 fps aimed at, "
    assert f"Folding {default}" in said("build", path, "--out", out)
    assert f"folding {default}" in said("estimate", out) and f"folding {default}" in said("estimate", path)
    slow = said("estimate", path, "--clock", "0.1", "--frame", "60x40")
    assert re.search(r"auto, the default: 60 fps are out of reach; [\d.]+ fps at the asked clock of 0.1 MHz", slow)
    port = said("estimate", path, "--folding", "port")
    assert re.search(r"folding port: [\d,]+ fps at the asked clock of 200 MHz", port) and "the default" not in port


@pytest.mark.slow
@pytest.mark.parametrize("frame", [None, "9x8"])
def test_layers_are_called_the_same_for_every_frame(tmp_path: Path, frame: str | None) -> None:
    """A folding by layer is typed with the names that any estimate of the file shows."""
    path = tmp_path / "net.onnx"
    onnx.save(network(NetworkSpec()), path)
    folding = "{" + ", ".join(f"{name} = [{pe}, {simd}]" for name, (pe, simd) in FOLDING.items()) + "}"
    options = ["--folding", folding, *(["--frame", frame] if frame else [])]
    account = tmp_path / "account.json"
    estimated = CliRunner().invoke(app, ["estimate", str(path), "--json", str(account), *options])
    assert estimated.exit_code == 0, estimated.output
    read = json.loads(account.read_text())["estimate"]
    assert read["input_size"] == ([8, 9] if frame else [6, 7])
    layers = {one["name"]: (one["pe"], one["simd"]) for one in read["layers"]}
    assert {name: layers[name] for name in FOLDING} == FOLDING
    built = CliRunner().invoke(app, ["build", str(path), "--out", str(tmp_path / "out"), *options])
    assert built.exit_code == 0, built.output
    nodes = reopen(tmp_path / "out").network.nodes
    assert ["input", *(node.name for node in nodes)] == list(layers)
    spaces = {node.name: node.op.fold_space() for node in nodes}
    for name, fold in FOLDING.items():
        space = spaces[name]
        assert space is not None and (space.now.pe, space.now.simd) == fold
    plain = CliRunner().invoke(app, ["estimate", str(path)])
    for name in layers:
        assert f"\n{name} " in plain.output


@pytest.mark.parametrize(
    ("args", "wanted"),
    [
        (
            ["estimate", "MODEL", "--family", "xc7"],
            "--family: has no effect without --synth. Give both, or leave --family out.",
        ),
        (
            ["estimate", "MODEL", "--synth", "--family", "xc9"],
            "--family xc9: family = 'xc9': input should be 'xc7', 'xcu' or 'xcup'",
        ),
        (
            ["sim", "BUILT", "--image", "x.png", "--waves"],
            "--waves: has no effect with --level hls. Give --level rtl as well, or leave --waves out.",
        ),
    ],
)
def test_option_without_effect(args: list[str], wanted: str) -> None:
    result = CliRunner().invoke(app, args)
    assert result.exit_code == 2
    assert " ".join(result.stderr.split()).startswith(f"error: {wanted}")
