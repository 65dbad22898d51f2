"""A stranger's operator, scheme and network, each in a folder of its own, through the whole flow."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image
from typer.testing import CliRunner

from tests.flows.report_page import page_of, results_of
from tests.hw.ops.test_contract import cases
from tests.hw.toys.absolute import absolute
from tests.networks import Builder
from tests.quant.toys import RECIPE, toys
from xnorsr.flows.cli import app
from xnorsr.hw.build import reopen

pytestmark = [pytest.mark.eda, pytest.mark.slow]


def network(height: int = 5, width: int = 6) -> onnx.ModelProto:
    """Head, |x|, tail, shuffle, with a skip around the absolute value: the toy stands beside a FIFO."""
    b = Builder(height, width, 3, 7)
    x = b.quant(b.fixed_conv(b.quant("lr", 8, 8, signed=False), 3, 5, 3), 8, 6)
    y = b.quant(b.node("Abs", [x]), 6, 6, signed=False)
    y = b.quant(b.fixed_conv(y, 5, 5, 3), 8, 6)
    x = b.quant(b.node("Add", [x, y]), 8, 6)
    x = b.quant(b.fixed_conv(x, 5, 12, 3), 8, 8, signed=False)
    return b.model(b.node("DepthToSpace", [x], blocksize=2, mode="CRD"), 3, 2 * height, 2 * width)


def _call(*args: str) -> str:
    done = CliRunner().invoke(app, list(args))
    assert done.exit_code == 0, done.output
    return " ".join(done.output.split())


def test_an_operator_through_build_simulation_cost_and_report(tmp_path: Path) -> None:
    model, out, photo = tmp_path / "net.onnx", str(tmp_path / "out"), str(tmp_path / "photo.png")
    onnx.save(network(), model)
    rng = np.random.default_rng(3)
    Image.fromarray(rng.integers(0, 256, (5, 6, 3), np.uint8)).save(photo)
    with absolute():
        _call("build", str(model), "--out", out, "--folding", "9")
        for level in ("hls", "rtl"):
            said = _call("sim", out, "--image", photo, "--level", level, "--all-tensors")
            assert "0 of 360 codes differ" in said
        assert "predicted" in said
        _call("estimate", out, "--synth", "--family", "xc7", "--json", str(tmp_path / "account.json"))
        built = reopen(tmp_path / "out")
        (toy,) = [node for node in built.network.nodes if node.op.op_type == "Absolute"]
        page = page_of(built, results_of(built))
    account = json.loads((tmp_path / "account.json").read_text())
    (row,) = [one for one in account["estimate"]["layers"] if one["op"] == "Absolute"]
    assert row["name"] == toy.name and row["lut"] > 0
    assert account["synth_by_layer"][toy.name]["lut"] > 0
    assert f'title="{toy.name}"' in page and "absolute value up to 63" in page
    firmware = tmp_path / "out/hls/firmware"
    assert (firmware / "nnet_utils/xnorsr_toy_absolute.h").is_file()
    assert (tmp_path / "out/rtl/lib/xnorsr_toy_absolute.sv").is_file()


def test_an_operator_keeps_the_contract(tmp_path: Path) -> None:
    """The contract test's own checks, on an operator that is registered for a while only."""
    from tests.hw.ops import test_contract as contract

    with absolute():
        assert len(cases("Absolute")) == contract.CASES
        contract.test_what_an_operator_says_of_itself("Absolute")
        for bit_true in (False, True):
            folder = tmp_path / f"hls{bit_true}"
            folder.mkdir()
            contract.test_hls_equals_golden("Absolute", bit_true, folder)
        for check in (
            contract.test_hls_with_bounded_streams,
            contract.test_rtl_equals_golden_in_the_cycles_of_the_schedule,
            contract.test_lint,
        ):
            folder = tmp_path / check.__name__
            folder.mkdir()
            check("Absolute", folder)


def test_a_scheme_and_a_network_from_photographs_to_the_report(tmp_path: Path) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    photos.mkdir()
    rng = np.random.default_rng(12)
    for name in ("a", "b"):
        coarse = Image.fromarray(rng.integers(0, 256, (7, 8, 3), np.uint8))
        coarse.resize((26, 22), Image.Resampling.BILINEAR).save(photos / f"{name}.png")
    recipe = tmp_path / "toy.toml"
    scheme = "".join(f"{key} = {json.dumps(value)}\n" for key, value in RECIPE["scheme"].items())
    plain = "".join(f"{key} = {json.dumps(value)}\n" for key, value in RECIPE.items() if key != "scheme")
    recipe.write_text(
        f'[data]\nsource = "{photos}"\nholdout = ["b"]\npatch = 8\n[model]\n{plain}[model.scheme]\n{scheme}'
        "[train]\nsteps = 4\nbatch = 1\n[sim]\nall_tensors = true\n"
    )
    with toys():
        said = _call("run", str(recipe), "--out", str(out))
    assert "RTL against reference 0 of" in said and "HLS against reference 0 of" in said
    results = json.loads((out / "results.json").read_text())
    assert results["model"]["name"] == "toynet" and results["model"]["scheme"]["name"] == "toy"
    width, height = results["image"]["high"]
    for level in ("csim", "rtl"):
        assert (results[level]["codes"], results[level]["mismatches"]) == (width * height, 0), "one colour, Y"
    assert results["rtl"]["streams"] == results["csim"]["streams"] != {}
    assert results["rtl"]["cycles"] == results["rtl"]["predicted_cycles"]
    assert (out / "report.html").is_file()
