"""The course of a training is kept through an interrupt, and shown without a terminal."""

from __future__ import annotations

import io
import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from rich.console import Console

from xnorsr.errors import UserError
from xnorsr.flows.config import load_recipe
from xnorsr.quant.config import TrainConfig
from xnorsr.quant.progress import COURSE, MOST_POINTS, Course, Lines, clock

pytestmark = pytest.mark.quick


def _course(folder: Path, first: int, losses: list[float], state: dict | None = None) -> Course:  # type: ignore[type-arg]
    course = Course(folder, TrainConfig(steps=5000))
    if state is not None:
        course.load_state_dict(state)
    for step, loss in enumerate(losses, first + 1):
        course.on_train_batch_end(SimpleNamespace(global_step=step), None, {"loss": torch.tensor(loss)})  # type: ignore[arg-type]
    return course


def test_the_curve_stays_short_and_keeps_its_mean(tmp_path: Path) -> None:
    losses = torch.rand(4 * MOST_POINTS, generator=torch.Generator().manual_seed(3)).tolist()
    whole = _course(tmp_path, 0, losses)
    assert MOST_POINTS // 2 <= len(whole.points) < MOST_POINTS
    assert [step for step, _ in whole.points] == list(range(whole.span, len(losses) + 1, whole.span))
    mean = sum(loss for _, loss in whole.points) / len(whole.points)
    assert mean == pytest.approx(sum(losses) / len(losses), rel=1e-6)


@pytest.mark.parametrize("cut", [1, 399, 400, 403, 1001])
def test_an_interrupt_does_not_show_in_the_curve(cut: int, tmp_path: Path) -> None:
    losses = torch.rand(1200, generator=torch.Generator().manual_seed(cut)).tolist()
    state = json.loads(json.dumps(_course(tmp_path, 0, losses[:cut]).state_dict()))
    assert _course(tmp_path, cut, losses[cut:], state).points == _course(tmp_path, 0, losses).points


def test_the_record_says_steps_done_and_asked(tmp_path: Path) -> None:
    course = _course(tmp_path, 0, [0.5, 0.25])
    course.write(2, 90.0, 45.0)
    record = json.loads((tmp_path / COURSE).read_text())
    assert record["loss"] == [[1, 0.5], [2, 0.25]]
    assert (record["steps"], record["steps_asked"], record["minutes"], record["seed"]) == (2, 5000, 1.5, 1)
    assert record["processor_minutes"] == 0.75


def test_lines_without_a_terminal() -> None:
    out = io.StringIO()
    lines = Lines(Console(file=out, width=40), seconds=1e9)
    for step, progress in ((1, 0.25), (2, 0.5), (3, 1.0)):
        module = SimpleNamespace(progress=progress, elapsed=100.0 * progress, cfg=TrainConfig(steps=4))
        lines.on_train_batch_end(SimpleNamespace(global_step=step), module, {"loss": 0.1 * step})  # type: ignore[arg-type]
    assert out.getvalue().splitlines() == [
        "train: step 1 of 4, 25 %, loss 0.1000, 0:25, about 1:15 left",
        "train: step 3 of 4, 100 %, loss 0.2500, 1:40",
    ]


def test_clock() -> None:
    assert [clock(s) for s in (0, 59.6, 3599, 3600, 36061)] == ["0:00", "1:00", "59:59", "1:00:00", "10:01:01"]


def test_the_limit_of_a_recipe_can_be_taken_away() -> None:
    assert load_recipe("demo").train.max_minutes is not None
    assert load_recipe("demo", ["train.max_minutes=none"]).train.max_minutes is None
    with pytest.raises(
        UserError, match=r"train.max_minutes = 0: input should be greater than 0 \(wall-clock limit, or none"
    ):
        load_recipe("demo", ["train.max_minutes=0"])
