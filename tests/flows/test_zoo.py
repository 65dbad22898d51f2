"""`xnorsr zoo`: the table, the file, what is refused."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from typer.testing import CliRunner

from xnorsr.flows.cli import app


@pytest.mark.slow
def test_table_and_file(tmp_path: Path) -> None:
    file = tmp_path / "zoo.csv"
    done = CliRunner().invoke(
        app, ["zoo", "--network", "srresnet", "--scheme", "bbcu", "--scheme", "float", "--csv", str(file)]
    )
    assert done.exit_code == 0, done.output
    lines = [line.split() for line in done.output.splitlines() if line.startswith("srresnet")]
    assert [line[:6] for line in lines] == [
        ["srresnet", "bbcu", "18.55", "224.6", "899", "83.6"],
        ["srresnet", "float", "85.43", "1367.4", "5470", "0.0"],
    ]
    with file.open() as f:
        rows = list(csv.DictReader(f))
    assert [(r["network"], r["scheme"]) for r in rows] == [("srresnet", "bbcu"), ("srresnet", "float")]
    assert float(rows[0]["operations"]) == pytest.approx(18.55e9, rel=0.001)


@pytest.mark.slow
def test_networks_without_the_scale_are_left_out() -> None:
    done = CliRunner().invoke(
        app, ["zoo", "--network", "srresnet", "--network", "lapsrn", "--scheme", "sign", "--scale", "8"]
    )
    assert done.exit_code == 0 and "lapsrn" in done.output and "srresnet" not in done.output


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        (["--network", "srresnt"], "--network srresnt: no network of that name. Did you mean 'srresnet'? There are: "),
        (["--scheme", "bnm"], "--scheme bnm: no scheme of that name. Did you mean 'bnn'? There are: bbcu, bireal, bnn"),
        (
            ["--scale", "5"],
            "--scale 5: nothing to count (edsr: Input should be 2, 3 or 4; hat_small: Input should ",
        ),
    ],
)
def test_refusals(options: list[str], wanted: str) -> None:
    done = CliRunner().invoke(app, ["zoo", *options])
    assert done.exit_code == 2
    assert wanted in " ".join(done.output.split())
