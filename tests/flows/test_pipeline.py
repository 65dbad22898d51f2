"""The whole flow on two tiny photographs: interrupted before the RTL simulation, continued, and read."""

from __future__ import annotations

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from xnorsr.flows.cli import app
from xnorsr.flows.steps import cost, hardware, training
from xnorsr.hw.build import reopen
from xnorsr.sim.reference import run as run_reference

pytestmark = [pytest.mark.eda, pytest.mark.slow, pytest.mark.xdist_group("pipeline")]

# Odd sizes, so that the photograph is cut; a trailing row and column that no frame may use.
HIGH = (25, 31)
LOW = (12, 15)


class Finished:
    """What both invocations said, and the folder that they wrote."""

    def __init__(self, out: Path, args: list[str], first: Any, second: Any) -> None:
        self.out, self.args, self.first, self.second = out, args, first, second
        self.results: dict[str, Any] = json.loads((out / "results.json").read_text())


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    root = tmp_path_factory.mktemp("pipeline")
    photos, out = root / "photos", root / "out"
    photos.mkdir()
    rng = np.random.default_rng(11)
    for name in ("a", "b"):
        coarse = rng.integers(0, 256, (8, 10, 3), np.uint8)
        Image.fromarray(coarse).resize(HIGH[::-1], Image.Resampling.BILINEAR).save(photos / f"{name}.png")
    recipe = root / "tiny.toml"
    recipe.write_text(
        f'[data]\nsource = "{photos}"\nholdout = ["b"]\npatch = 8\n'
        "[model]\nchannels = 4\nblocks = 1\n[train]\nsteps = 2\nbatch = 1\n[sim]\nall_tensors = true\n"
    )
    args = ["run", str(recipe), "--out", str(out)]
    real = hardware.simulate_codes

    def interrupted_at_rtl(built: Any, codes: Any, level: str, **options: Any) -> Any:
        if level == "rtl":
            raise KeyboardInterrupt
        return real(built, codes, level, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hardware, "simulate_codes", interrupted_at_rtl)
        first = CliRunner().invoke(app, args)
    assert first.exit_code == 130, first.output
    assert not (out / "results.json").exists()

    def trained_again(*_: Any, **__: Any) -> None:
        raise AssertionError("a finished step ran again")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "train_network", trained_again)
        second = CliRunner().invoke(app, args)
    assert second.exit_code == 0, second.output
    return Finished(out, args, first, second)


def test_interrupt_and_continuation_are_printed(finished: Finished) -> None:
    assert "the same command, without --force, continues after them" in " ".join(finished.first.output.split())
    said = " ".join(finished.second.output.split())
    assert "Continuing the unfinished run" in said
    assert "C-simulation, compared done before" in said
    assert "not written by this program" not in finished.first.output + finished.second.output


def test_results(finished: Finished) -> None:
    r = finished.results
    codes = 4 * LOW[0] * LOW[1] * 3
    assert set(r["psnr_y"]) == {"bicubic", "brevitas", "csim", "csim_bit_true", "rtl"}
    assert r["psnr_y"]["csim"] == r["psnr_y"]["brevitas"] == r["psnr_y"]["rtl"]
    assert (r["csim"]["codes"], r["csim"]["mismatches"]) == (codes, 0)
    assert (r["csim_bit_true"]["codes"], r["csim_bit_true"]["mismatches"]) == (codes, 0)
    assert r["csim_bit_true"]["streams"] == r["csim"]["streams"]
    assert (r["rtl"]["codes"], r["rtl"]["mismatches"]) == (codes, 0)
    assert len(r["csim"]["streams"]) > 5
    assert set(r["csim"]["streams"]) == set(r["rtl"]["streams"])
    assert r["rtl"]["cycles"] == pytest.approx(r["rtl"]["predicted_cycles"], rel=0.01)
    simulated = ["csim", "csim_bit_true", "rtl"]
    assert list(r["times"]) == ["train", "evaluate", "export", "build", *simulated, "estimate", "report"]
    assert min(r["times"].values()) > 0
    assert r["image"] == {"name": "b", "low": [LOW[1], LOW[0]], "high": [2 * LOW[1], 2 * LOW[0]]}
    assert [row["name"] for row in r["holdout"]] == ["b"]
    assert r["versions"]["torch"]


def test_files(finished: Finished) -> None:
    out = finished.out
    for name in ("model.onnx", "export/model.golden.npz", "hls/xnorsr.json", "rtl/project.json", "train/weights.pt"):
        assert (out / name).is_file(), name
    golden = np.load(out / "export" / "model.golden.npz")
    picture = np.asarray(Image.open(out / "sr.png"))
    np.testing.assert_array_equal(picture, golden["sr"].transpose(1, 2, 0))
    reference = run_reference(reopen(out).lowered, golden["lr"].transpose(1, 2, 0).astype(np.int64))
    np.testing.assert_array_equal(picture, reference.output)


def test_finished_run_is_not_overwritten(finished: Finished) -> None:
    before = (finished.out / "results.json").read_bytes()
    result = CliRunner().invoke(app, finished.args)
    assert result.exit_code == 2
    assert "the folder is not empty. Give --force" in " ".join(result.stderr.split())
    assert (finished.out / "results.json").read_bytes() == before


class _Page(HTMLParser):
    """Everything that a browser would fetch, the tags seen, and the text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.fetched += [value or "" for key, value in attrs if key in ("src", "href", "data", "srcset", "poster")]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_report(finished: Finished) -> None:
    html = (finished.out / "report.html").read_text()
    page = _Page(html)
    assert {f.partition(",")[0] for f in page.fetched} == {"data:image/png;base64"}
    assert "script" not in page.tags
    assert "link" not in page.tags
    assert not re.search(r"@import|url\(\s*['\"]?http", html)
    text = " ".join(page.text.split())
    codes = f"{finished.results['csim']['codes']:,}"
    assert text.count(f"0 of {codes} codes differ") == 4, "QONNX, HLS in both forms, RTL"
    assert "2 of 2 asked" in text
    assert f"1 from {finished.results['data']['source']}; held out: b" in text
    for label in ("Low resolution", "Bicubic", "Ours", "Original", "Ours − original"):
        assert label in text
    assert f"{finished.results['psnr_y']['bicubic']:.2f} dB" in text
    for layer in finished.results["estimate"]["layers"]:
        assert layer["name"] in text
    assert finished.results["command"] in text
    assert page.tags.count("svg") == 2, "loss and pipeline"
    assert "prefers-color-scheme: dark" in html
    assert re.search(r"FIFO \d+", text)


def test_built_folder_simulates_other_photographs(finished: Finished, tmp_path: Path) -> None:
    image = tmp_path / "other.png"
    pixels = np.random.default_rng(3).integers(0, 256, (LOW[0] + 3, LOW[1] + 2, 3), np.uint8)
    Image.fromarray(pixels).save(image)
    out = tmp_path / "sr.png"
    # Traced, since that library is compiled already.
    args = ["sim", str(finished.out), "--image", str(image), "--out", str(out), "--all-tensors"]
    assert CliRunner().invoke(app, args).exit_code == 2
    result = CliRunner().invoke(app, [*args, "--crop"])
    assert result.exit_code == 0, result.output
    middle = pixels[1 : 1 + LOW[0], 1 : 1 + LOW[1]].astype(np.int64)
    np.testing.assert_array_equal(
        np.asarray(Image.open(out)), run_reference(reopen(finished.out).lowered, middle).output
    )


def test_eval_and_export_of_the_training(finished: Finished, tmp_path: Path) -> None:
    said = CliRunner().invoke(app, ["eval", str(finished.out / "train")])
    assert said.exit_code == 0, said.output
    assert f"{finished.results['psnr_y']['bicubic']:.2f}" in said.output
    args = ["export", str(finished.out / "train"), "--out", str(tmp_path / "x"), "--frame", "9x5"]
    done = CliRunner().invoke(app, args)
    assert done.exit_code == 0, done.output
    assert np.load(tmp_path / "x" / "model.golden.npz")["lr"].shape == (3, 5, 9)


@pytest.mark.exhaustive
def test_an_interrupted_new_estimate_is_continued(finished: Finished, tmp_path: Path) -> None:
    """A finished run with another section [estimate] is unfinished until its report is written anew."""
    out = tmp_path / "out"
    shutil.copytree(finished.out, out)
    args = ["run", finished.args[1], "--out", str(out), "--set", "estimate.synth=true"]

    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cost, "account", interrupted)
        assert CliRunner().invoke(app, args).exit_code == 130
    result = CliRunner().invoke(app, args)
    assert result.exit_code == 0, result.output
    assert "C-simulation, compared done before" in " ".join(result.output.split())
    results = json.loads((out / "results.json").read_text())
    assert results["synth"]["total"]["lut"] > 0 and results["csim"] == finished.results["csim"]
    assert results["command"].endswith("--set estimate.synth=true")
    assert results["command"] in " ".join(_Page((out / "report.html").read_text()).text.split())
