"""Foreign text in scripts and on the terminal: names of parts, files and layers run nothing and break nothing."""

from __future__ import annotations

import random
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from tests.tcl import recorded
from xnorsr.errors import UserError
from xnorsr.flows.cli import app
from xnorsr.flows.config import load_recipe
from xnorsr.flows.console import plain, say, styled, table
from xnorsr.hw.hls.text import render
from xnorsr.hw.options import BuildOptions
from xnorsr.hw.resources.devices import check_part

pytestmark = pytest.mark.quick

HOSTILE = [
    '[exec touch "{place}"]',
    '"; exec touch "{place}"; #',
    "$::env(HOME)",
    "x\\",
    "{",
    "}",
    '"',
    "a\nexec touch x",
]
MARKUP = ["[/]", "[bold]", "[/bold]", "[link=file:///x]", ":smile:", "a\\", "\\[", "[[", "[@click=x]"]


@pytest.mark.parametrize("text", HOSTILE)
def test_part_outside_the_grammar_is_refused(text: str) -> None:
    for refused in (lambda: load_recipe("demo", [f"hardware.part='''{text}'''"]), lambda: BuildOptions(part=text)):
        with pytest.raises((UserError, ValueError), match="1 to 64 letters, digits, - and _"):
            refused()
    result = CliRunner().invoke(app, ["build", "x.onnx", "--part", text])
    assert result.exit_code == 2 and "1 to 64 letters, digits, - and _" in " ".join(result.stderr.split())


@pytest.mark.parametrize(
    "text", ["xck26-sfvc784-2LV-c", "kv260", "XC7Z020CLG400-1", "xcvu999p-flga2104-2-e", "xa7z020"]
)
def test_parts_that_may_be_built_for(text: str) -> None:
    assert check_part(text) == text


def test_part_that_is_no_vendor_name() -> None:
    with pytest.raises(ValueError, match="unknown part or board 'kv26': did you mean kv260"):
        check_part("kv26")
    with pytest.raises(ValueError, match="1 to 64 letters"):
        check_part("xc" + "7" * 63)


def test_tcl_words_stand_for_their_text(tmp_path: Path) -> None:
    """Run, the project's settings are what they were, and nothing of them has run."""
    seed = 5
    rng = random.Random(seed)
    place = tmp_path / "ran"
    values = [text.replace("{place}", str(place)) for text in HOSTILE]
    values += ["".join(rng.choices('ab"\\$[]{};#\n\t ()', k=rng.randrange(1, 30))) for _ in range(200)]
    config = {"ClockPeriod": 5.0, "ClockUncertainty": "27%", "Version": "1.0.0"}
    script = "".join(
        render("project.tcl.jinja", project="p", top="t", cflags="", config={"Part": value, **config})
        + "\ntold $part\n"
        for value in values
    )
    assert recorded(script, tmp_path, {"told": ""}) == [["told", value] for value in values], seed
    assert not place.exists()


@pytest.mark.parametrize(
    ("override", "wanted"),
    [
        ("hardware.clock_mhz=nan", "finite number"),
        ("hardware.clock_mhz=inf", "finite number"),
        ("hardware.clock_mhz=1e300", "less than or equal to 2000"),
        ("hardware.clock_mhz=true", "valid number"),
        ("hardware.pixels_per_beat=true", "valid integer"),
        ("hardware.frame=[true, 4]", "valid integer"),
        ("hardware.frame=[0, 4]", "at least 1"),
        ("hardware.frame=[100000, 100000]", "at most 8,388,608 low-resolution pixels, and 16,384 on a side"),
        ("hardware.folding=true", "not allowed. Allowed: cycles per low-resolution pixel"),
        ("hardware.folding=" + "9" * 400, "not allowed. Allowed: cycles per low-resolution pixel"),
        ("\udcff=1", "is not UTF-8"),
        ("hardware.folding='0fps'", "not allowed. Allowed: cycles per low-resolution pixel"),
        ("hardware.folding='0.0fps'", "not allowed. Allowed: cycles per low-resolution pixel"),
        ("train.steps=true", "train.steps = True: give a number instead"),
        ("train.steps='3'", "train.steps = '3': give a number instead"),
        ("train.lr=true", "train.lr = True: give a number instead"),
        ("sim.waves=1", "sim.waves = 1: give true or false instead"),
        ("sim.all_tensors='yes'", "sim.all_tensors = 'yes': give true or false instead"),
        ("sim.crop=[0, 4]", "greater than or equal to 1"),
        ("sim.crop=[-3, 4]", "greater than or equal to 1"),
        ("sim.crop=[100000, 100000]", "at most 8,388,608 low-resolution pixels"),
        ("train.seed=18446744073709551616", "less than 18446744073709551616"),
        ("train.threads=100000", "less than or equal to 1024"),
        ('out="a\\u0000b"', "no character of code 0"),
    ],
)
def test_value_of_a_recipe(override: str, wanted: str) -> None:
    with pytest.raises(UserError) as e:
        load_recipe("demo", [override])
    assert str(e.value).startswith(f"--set {override}: ") and wanted in str(e.value)


@pytest.mark.parametrize("frame", ["0x0", "100000x100000", f"{1 << 31}x1", "9" * 13 + "x1", "-3x4", "4x"])
def test_frame_of_an_export(frame: str, tmp_path: Path) -> None:
    for command in (["export", str(tmp_path)], ["build", "x.onnx"]):
        result = CliRunner().invoke(app, [*command, "--frame", frame])
        assert result.exit_code == 2 and f"--frame {frame}" in " ".join(result.stderr.split()), result.output


@pytest.mark.parametrize("text", MARKUP)
def test_text_is_printed_as_it_is(text: str) -> None:
    out = StringIO()
    to = Console(file=out, width=200, emoji=False)
    say(f"a {text} b", "red", to)
    to.print(styled((text, "green"), " end"), soft_wrap=True)
    to.print(table("t", ["x"], [[text]]))
    lines = [line.rstrip() for line in out.getvalue().splitlines()]
    assert lines[:2] == [f"a {text} b", f"{text} end"] and lines[-1].strip() == text


def test_text_commands_no_terminal() -> None:
    assert plain("a\x1b[2Jb\rc\x07\u202e\udcff\tü") == r"a\x1b[2Jb\rc\x07\u202e\udcff ü"
    out = StringIO()
    say("\x1b[2J\udcff", "", Console(file=out, force_terminal=True))
    assert "\x1b[2J" not in out.getvalue()


@pytest.mark.slow
@pytest.mark.parametrize("name", [*MARKUP, "x" * 300, "\x1b[2J", "ü ö"])
def test_name_in_the_command_line(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for args in (
        [name], ["build", name], ["train", name], ["run", name], ["eval", name], ["export", name], ["estimate", name],
        ["sim", name, "--image", name], ["build", "x.onnx", "--folding", name], ["train", "demo", "--set", name],
        ["run", "demo", "--set", f"sim.image='''{name}'''"], ["estimate", "x.onnx", "--json", f"{name}/y"],
    ):  # fmt: skip
        result = CliRunner().invoke(app, args)
        assert result.exit_code == 2, (args, result.output, result.exception)
        assert result.exception is None or isinstance(result.exception, SystemExit), (args, result.exception)
    assert list(tmp_path.iterdir()) == []
