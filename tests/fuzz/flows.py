"""One command line out of `flows_cases`: it ends in time, with success or with a clear error, and runs nothing."""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from typer.testing import CliRunner

from tests.flows import tiny
from tests.fuzz.flows_cases import KINDS, Ground, cases, ground
from xnorsr.flows.cli import app
from xnorsr.flows.steps import training

#: Seconds that a case may take; the first one builds what all share.
LIMIT_S = 90.0


@functools.cache
def _shared() -> Ground:
    root = Path(tempfile.mkdtemp(prefix="xnorsr-fuzz-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    made = ground(root / "g")
    args = ["sim", str(made.built), "--image", str(made.image), "--out", str(made.root / "sr.png")]
    for words in (["build", str(made.model), "--out", str(made.built)], args):
        result = CliRunner().invoke(app, words)
        assert result.exit_code == 0, result.output
    tiny.train(made.root / "photos", made.trained)
    return made


def _stopped(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt  # good settings: training itself is not what is tried here


@contextlib.contextmanager
def _inside(folder: Path) -> Any:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def case(rng: np.random.Generator) -> str:
    """One case; returns its kind and how it ended."""
    shared, kind = _shared(), KINDS[int(rng.integers(len(KINDS)))]
    with tempfile.TemporaryDirectory(prefix="xnorsr-fuzz-") as name:
        folder = Path(name)
        (work := folder / "work").mkdir()
        one = next(cases(kind, int(rng.integers(1 << 32)), 1, shared, folder / "cases"))
        with mock.patch.object(training, "train_network", _stopped), _inside(work):
            result = CliRunner().invoke(app, one.args)
        assert result.exception is None or isinstance(result.exception, SystemExit), (one.what, result.exception)
        assert result.exit_code in (0, 2, 130), (one.what, result.output)
        assert "Traceback" not in result.output, one.what
        assert result.exit_code != 2 or len(result.stderr.strip()) > 20, one.what
        assert not list(folder.rglob("ran")) and not list(folder.rglob(".xnorsr-lock")), one.what
    ends = {0: "success", 2: "refused", 130: "would have trained"}
    return f"{kind}: {ends[result.exit_code]}"
