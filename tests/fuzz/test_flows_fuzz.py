"""Whatever is given to the commands, they end in time, with success or with a clear error: never with a traceback."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.fuzz.flows_kinds import KINDS, Ground, cases, ground
from xnorsr.flows.cli import app
from xnorsr.flows.steps import training

pytestmark = pytest.mark.xdist_group("fuzz")

SEED = int(os.environ.get("XNORSR_FUZZ_SEED", "20"))
TIMES = int(os.environ.get("XNORSR_FUZZ_TIMES", "1"))
#: Of each kind, times TIMES: as many as one core does in about ten seconds.
COUNTS = {"recipes": 100, "options": 80, "images": 60, "built folders": 50, "names": 100}
LIMIT_S = 30


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    made = ground(tmp_path_factory.mktemp("ground") / "g")
    built = CliRunner().invoke(app, ["build", str(made.model), "--out", str(made.built)])
    assert built.exit_code == 0, built.output
    args = ["sim", str(made.built), "--image", str(made.image), "--out", str(made.root / "sr.png")]
    assert CliRunner().invoke(app, args).exit_code == 0
    return made


@pytest.mark.parametrize("kind", KINDS)
def test_a_clear_error_or_success(
    kind: str, shared: Ground, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt  # good settings: training itself is not what is tried here

    monkeypatch.setattr(training, "train_network", stopped)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    ends: dict[int, int] = {}
    for number, case in enumerate(cases(kind, SEED, TIMES * COUNTS[kind], shared, tmp_path / "cases")):
        about = f"seed {SEED}, kind {kind}, number {number}: {case.what}"
        start = time.monotonic()
        result = CliRunner().invoke(app, case.args)
        assert result.exception is None or isinstance(result.exception, SystemExit), (about, result.exception)
        assert result.exit_code in (0, 2, 130), (about, result.output)
        assert "Traceback" not in result.output, about
        assert result.exit_code != 2 or len(result.stderr.strip()) > 20, about
        assert time.monotonic() - start < LIMIT_S, about
        assert not list(tmp_path.rglob("ran")) and not list(tmp_path.rglob(".xnorsr-lock")), about
        ends[result.exit_code] = ends.get(result.exit_code, 0) + 1
    assert ends.get(2, 0) > TIMES * COUNTS[kind] // 5, (kind, ends)
    with capsys.disabled():
        print(f"\nseed {SEED}, {kind}: {ends}")
