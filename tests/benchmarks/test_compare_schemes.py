"""The comparisons of many trainings: continued, written into the page, and what they refuse."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import compare_schemes, cost_figure, quality_cost, runs, training_choices
from tests.flows.tiny import photographs
from xnorsr.errors import UserError
from xnorsr.quant.config import TrainConfig
from xnorsr.quant.zoo import NETWORKS

PAGE = Path(__file__).parents[2] / "docs" / "results.md"


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    """The programs set the number of torch's threads."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def run(seed: int = 1, steps: int = 2) -> runs.Run:
    model = {**compare_schemes.model("E2FIF", False, "rgb"), "channels": 4, "blocks": 1}
    return runs.Run("E2FIF", seed, model, {"steps": steps, "batch": 1}, {"patch": 8})


def with_photos(folder: Path, one: runs.Run) -> tuple[runs.Run, dict[str, list[runs.Photo]]]:
    one.data["source"], one.data["holdout"] = [str(folder / "photos")], []
    (folder / "photos").mkdir(exist_ok=True)
    return one, runs.folders([photographs(folder / "photos")])


def test_quick(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    page, readme = tmp_path / "page.md", tmp_path / "README.md"
    readme.write_text("<!-- schemes -->\n<!-- /schemes -->\n")
    page.write_text("above\n<!-- compare_schemes -->\nold\n<!-- /compare_schemes -->\nbelow\n")
    given = ["--quick", "--only", "SCALES", "full precision", "--seeds", "1", "--write", str(page)]
    compare_schemes.main([*given, "--short", str(readme)])
    out, text = capsys.readouterr().out, page.read_text()
    assert [line.split("  ")[0] for line in out.splitlines()[-3:-1]] == ["SCALES", "full precision"]
    assert "old" not in text and text.startswith("above\n<!-- compare_schemes -->") and text.endswith("-->\nbelow\n")
    assert f"    python -m benchmarks.compare_schemes {' '.join(given[:3])} 'full precision'" in text
    assert "2 steps, seeds 1 " in text and "| SCALES | " in text and " cores, 1 threads" in text
    full, brief = (p.read_text().splitlines() for p in (page, readme))
    psnr = {line.split(" | ")[0]: line.split(" | ")[1].split(" / ")[0] for line in full if line.startswith("| ")}
    assert brief[-2] == f"| full precision | {psnr['| full precision']} | 38.00 / 33.59 |"
    assert brief[-3].startswith("| SCALES |") and "2 steps of 1 patches" in brief[1]


def test_luminance_beside_colours(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("<!-- colors -->\n<!-- /colors -->\n")
    compare_schemes.main(["--quick", "--only", "E2FIF", "--colors", "y", "rgb", "--seeds", "1", "--write", str(page)])
    rows = [[c.strip() for c in r.strip("|").split("|")] for r in page.read_text().splitlines() if r.startswith("| ")]
    _, _, rgb, luminance, gain = rows
    assert [rgb[0], luminance[0], gain[0]] == [
        "E2FIF, RGB",
        "E2FIF, luminance",
        "E2FIF, what luminance alone is worth",
    ]
    psnr = [float(row[1].split(" / ")[0]) for row in (rgb, luminance, gain)]
    assert psnr[2] == pytest.approx(psnr[1] - psnr[0], abs=0.011)
    assert "E2FIF, what luminance alone is worth" in capsys.readouterr().out


def test_what_is_finished_is_read_and_other_settings_are_refused(tmp_path: Path) -> None:
    one, sets = with_photos(tmp_path, run())
    first = runs.execute(one, tmp_path, sets)
    weights = tmp_path / "E2FIF-1" / "weights.pt"
    stamp = weights.stat().st_mtime_ns
    again = runs.execute(one, tmp_path, sets)
    assert again.sets == first.sets and again.minutes == first.minutes > 0 and weights.stat().st_mtime_ns == stamp
    more = runs.execute(one, tmp_path, {**sets, "twice": sets["photos"] * 2})
    assert more.sets["twice"] == pytest.approx(first.sets["photos"]), "a new set is measured, not trained for"
    assert weights.stat().st_mtime_ns == stamp
    other, _ = with_photos(tmp_path, run(steps=3))
    with pytest.raises(UserError, match=r"E2FIF-1: was begun with other settings of train; name another folder"):
        runs.execute(other, tmp_path, sets)


@pytest.mark.slow
def test_a_run_may_begin_with_another_training(tmp_path: Path) -> None:
    one, sets = with_photos(tmp_path, run())
    before = {**one.model, "scheme": {"name": "float"}}
    begun = runs.Run("warm", 1, one.model, one.train, one.data, (before, 3))
    runs.execute(begun, tmp_path, sets)
    assert json.loads((tmp_path / "warm-1" / "before" / "training.json").read_text())["steps"] == 3
    assert json.loads((tmp_path / "warm-1" / "training.json").read_text())["steps"] == 2


def test_the_order_is_looked_at() -> None:
    assert compare_schemes.order({"SCALES": {"Set5": 36.5}, "E2FIF": {"Set5": 36.4}, "plain BNN": {"Set5": 35}}) == []
    assert compare_schemes.order({"SCALES": {"Set5": 36.4}, "E2FIF": {"Set5": 36.5}}) == [
        "SCALES is not above E2FIF on Set5: 36.40 and 36.50 dB"
    ]


@pytest.mark.parametrize("deployed", [False, True])
def test_every_configuration_is_one_network(deployed: bool) -> None:
    found = [NETWORKS.validate(compare_schemes.model(name, deployed, "y")) for name in compare_schemes.SCHEMES]
    assert len({cfg.model_dump_json(exclude={"scheme", "numerics"}) for cfg in found}) == 1
    starts = sum("latent_start" in row for row in compare_schemes.FACTORS.values())  # another row has their scheme, too
    assert len({cfg.scheme.model_dump_json() for cfg in found}) == len(found) - starts  # type: ignore[attr-defined]
    assert found[0].numerics.deployed is False  # type: ignore[attr-defined]


def test_options(capsys: pytest.CaptureFixture[str]) -> None:
    for given, text in (
        (["--only", "nothing"], "--only nothing: there are full precision, 8 bit"),
        ([], "--train-data and --test-data are needed"),
    ):
        with pytest.raises(SystemExit):
            compare_schemes.main(given)
        assert text in capsys.readouterr().err


def test_the_page_has_the_places() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for mark in ("colors", "compare_schemes", "quality_cost", "training_choices"):
        assert text.index(f"<!-- {mark} -->") < text.index(f"<!-- /{mark} -->")
    with pytest.raises(UserError, match="has no lines <!-- x --> and <!-- /x -->"):
        runs.write(PAGE, "x", [], [["a"]])
    readme = (PAGE.parents[1] / "README.md").read_text(encoding="utf-8")
    assert readme.index("<!-- schemes -->") < readme.index("<!-- /schemes -->")


@pytest.mark.slow
def test_training_choices(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("<!-- training_choices -->\n<!-- /training_choices -->\n")
    names = ["base", "half the steps", "activations first with weight decay", "teacher's picture and features"]
    training_choices.main(["--quick", "--only", *names, "--seeds", "1", "--write", str(page)])
    assert [line.split("  ")[0] for line in capsys.readouterr().out.splitlines()[-6:-1]] == [*names, "teacher"]
    text = page.read_text()
    assert "    python -m benchmarks.training_choices --quick" in text and "Learning rate of `base` 0.001." in text
    cells = {name: next(line for line in text.splitlines() if f"| {name} |" in line).split(" | ") for name in names}
    assert cells["base"][-4:] == ["-", "-", "-", "- |"]
    assert cells[names[2]][-4] == "-" and float(cells[names[2]][-2]) and cells[names[2]][-1] == "- |"
    assert all(float(cell.rstrip("| ")) is not None for cell in cells[names[3]][-5:])


def test_a_choices_worth_is_against_the_first_row_at_its_pixels_and_at_its_time() -> None:
    course = [(2.0, 35.0), (1.0, 34.0), (4.0, 35.5)]
    assert [training_choices.base_at(t, course) for t in (1.0, 2**0.5, 2.0, 4.0)] == pytest.approx([34, 34.5, 35, 35.5])
    assert training_choices.base_at(0.5, course) == pytest.approx(33) and training_choices.base_at(
        16.0, course
    ) == pytest.approx(36.5), "it goes on beyond both ends"

    def result(name: str, psnr: float, minutes: float, teaching: float = 0.0) -> list[runs.Result]:
        one = training_choices.run(name, 1, 10, [])
        return [runs.Result(one, {"a": (psnr, 0.9), "b": (psnr + 2, 0.9)}, 9.0, minutes, teaching)]

    made = training_choices.table(
        [
            result("base", 33.0, 2.0),
            result("half the steps", 32.0, 1.0),
            result("teacher's picture", 33.4, 2 * 2**0.5, 1.2),
        ]
    )
    assert made[1][-5:] == ["2.00", "-", "-", "-", "-"]
    assert made[3][-5:] == ["2.83", "1.20", "+0.40", "-0.10", "-0.61"]


@pytest.mark.slow
def test_a_teacher_is_trained_once(tmp_path: Path) -> None:
    one, sets = with_photos(tmp_path, run())
    data = {**one.data}
    teacher = runs.Run("teacher", 1, one.model, {"steps": 3, "batch": 1}, data)
    taught = [
        runs.Run("taught", s, one.model, {**one.train, "distill_output": 1.0}, data, teacher=teacher) for s in (1, 2)
    ]
    first = runs.execute(taught[0], tmp_path, sets)
    stamp = (tmp_path / "teacher-1" / "weights.pt").stat().st_mtime_ns
    runs.execute(taught[1], tmp_path, sets)
    assert (tmp_path / "teacher-1" / "weights.pt").stat().st_mtime_ns == stamp
    told = json.loads((tmp_path / "teacher-1" / "training.json").read_text())
    assert told["steps"] == 3 and first.teaching == told["processor_minutes"] > 0 and first.processor > 0
    taught[0].teacher.train["steps"] = 4  # type: ignore[union-attr]
    with pytest.raises(UserError, match=r"taught-1: was begun with other settings of teacher; name another folder"):
        runs.execute(taught[0], tmp_path, sets)


@pytest.mark.slow
def test_quality_cost(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """One training for the names that mean the base; resources of every network; a figure; a base that is given."""
    page, figure = tmp_path / "page.md", tmp_path / "new" / "figure.svg"
    page.write_text("<!-- quality_cost -->\n<!-- /quality_cost -->\n")
    quality_cost.main(
        ["--quick", "--only", "base", "tail 8 bits", "all cheap", "--write", str(page), "--figure", str(figure)]
    )
    lines = [line for line in page.read_text().splitlines() if line.startswith("| ")]
    assert [line.split(" | ")[0] for line in lines] == [
        "| PSNR-Y in dB / SSIM-Y",
        "| ---",
        "| base; tail 8 bits",
        "| all cheap",
    ]
    assert capsys.readouterr().out.count("seed 1: ") == 2
    assert "Account: 32x18 pixels in on xck26-sfvc784-2LV-c at 200 MHz, folding 60fps: " in page.read_text()
    assert "</svg>" in figure.read_text()


def test_settings_are_of_the_network_that_is_given() -> None:
    base = NETWORKS.validate({**quality_cost.NETWORK, "tail_bits": 6, "numerics": {"param_bits": 7}}).model_dump()
    found = quality_cost.distinct(base, list(quality_cost.SETTINGS))
    assert found[0][0] == ["base", "tail input 6 bits", "head 8 bits", "tail 8 bits", "trunk 14 bits"]
    assert all(model["numerics"]["param_bits"] == 7 and model["channels"] == 32 for _, model in found)
    assert sum(len(names) for names, _ in found) == len(quality_cost.SETTINGS)


def test_a_checkpoint_is_a_network_too(tmp_path: Path) -> None:
    one, sets = with_photos(tmp_path, run())
    one.model["numerics"] = {"deployed": True}
    one.train["ema"] = 0.9
    runs.execute(one, tmp_path, sets)
    folder = tmp_path / one.folder
    wanted = runs.trained(folder).state_dict()
    found = runs.trained(folder / "checkpoints" / "last.ckpt").state_dict()
    assert all(torch.equal(found[k], v) for k, v in wanted.items())
    args = argparse.Namespace(begin=folder, out=tmp_path / "cost")
    quality_cost.base_network(args, {}, {})
    args.begin = tmp_path / "other"
    with pytest.raises(UserError, match=r"was begun with the network .*E2FIF-1; name another folder"):
        quality_cost.base_network(args, {}, {})


def test_numbers_of_a_figure_do_not_touch() -> None:
    places = np.array([[0.0, 0], [0, 0], [3, 1], [60, 0], [4, 4], [61, 2]])
    labels = cost_figure.apart(places, 14)
    gaps = np.linalg.norm(labels[:, None] - labels[None], axis=2) + np.eye(len(labels)) * 99
    assert gaps.min() > 13.5 and np.linalg.norm(labels - places, axis=1).max() < 60


def test_choices_have_one_budget() -> None:
    """Each sees as many pixels in all as it says, in training before it and in itself, and differs from the first."""
    made = [training_choices.run(name, 1, 1000, []) for name in training_choices.CHOICES]
    pixels = [
        (r.train["steps"] + (r.begin[1] if r.begin else 0)) * r.train["batch"] * r.data["patch"] ** 2 for r in made
    ]
    shares = [training_choices.CHOICES[r.name].budget for r in made]
    assert pixels == [share * pixels[0] for share in shares] and {*shares} == {0.5, 1.0, 2.0}
    settings = [{k: v for k, v in r.settings().items() if k != "name"} for r in made]
    assert all(one != settings[0] for one in settings[1:])
    for r in made:
        NETWORKS.validate(r.model)
        taught = {} if r.teacher is None else {"teacher": "weights.pt"}
        TrainConfig.model_validate({**r.train, **taught})
        early = {k: v for k, v in {**r.train, **(r.early or {})}.items() if v is not None}
        assert r.begin is None or TrainConfig.model_validate(early)
