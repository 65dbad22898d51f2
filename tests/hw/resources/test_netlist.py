"""The elaborated netlist: what a layer needs, what is equal but for names, what may be worked on once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from xnorsr.hw.resources import split
from xnorsr.hw.resources.netlist import Netlist


def _leaf(path: str, cell: str = "$add", line: int = 1) -> str:
    """A module of one cell; its names and lines of source differ from place to place."""
    return (
        f'attribute \\src "a.sv:{line}"\nmodule \\leaf$top.{path}\n  wire width 4 input 1 \\a\n'
        f"  wire width 4 input 2 \\b\n  wire width 4 output 3 \\y\n"
        f"  cell {cell} {cell}$a.sv:{line}$10{line}\n"
        "    connect \\A \\a\n    connect \\B \\b\n    connect \\Y \\y\n  end\nend\n"
    )


def _layer(name: str, pins: list[str], before: str = "") -> str:
    """A layer with a leaf a pin; input b of leaf number i is pins[i]."""
    cells = "".join(
        f"  cell \\leaf$top.u_{name}.pe[{i}].u_leaf \\pe[{i}].u_leaf\n"
        f"    connect \\a \\x\n    connect \\b {pin}\n    connect \\y \\y{i}\n  end\n"
        for i, pin in enumerate(pins)
    )
    wires = "".join(f"  wire width 4 \\{wire}\n" for wire in ["v", "w", *(f"y{i}" for i in range(1, len(pins)))])
    return (
        f"module \\layer$top.u_{name}\n  wire width 4 input 1 \\x\n  wire width 4 output 2 \\y0\n{wires}{before}{cells}"
        "end\n"
    )


def _design(tmp_path: Path, layers: dict[str, tuple[list[str], str]], kinds: dict[str, str] | None = None) -> Netlist:
    """A top with these layers: {name: (pins of b, statements before)}."""
    cells = "".join(
        f"  cell \\layer$top.u_{name} \\u_{name}\n    connect \\x \\x\n    connect \\y0 \\y\n  end\n" for name in layers
    )
    ports = "  wire width 4 input 1 \\x\n  wire width 4 \\y\n"
    text = f"# Yosys\nautoidx 99\nattribute \\top 1\nmodule \\top\n{ports}{cells}end\n"
    line = 0
    for name, (pins, before) in layers.items():
        text += _layer(name, pins, before)
        for i in range(len(pins)):
            line += 1
            text += _leaf(f"u_{name}.pe[{i}].u_leaf", (kinds or {}).get(name, "$add"), line)
    path = tmp_path / "design.il"
    path.write_text(text)
    return Netlist.read(path, "top")


def test_modules_below_a_layer(tmp_path: Path) -> None:
    made = _design(tmp_path, {"a": (["\\x", "\\x"], ""), "b": (["\\x"], "")})
    assert made.children() == ["\\layer$top.u_a", "\\layer$top.u_b"]
    assert made.closure("\\layer$top.u_a")[1:] == [f"\\leaf$top.u_a.pe[{i}].u_leaf" for i in (0, 1)]
    text = made.text(made.children())
    number = re.match(r"\nautoidx (\d+)\nattribute \\top 1\nmodule \\top\n", text)
    assert number is not None and int(number[1]) >= 99, "names go on from the number in the file"
    blocks = [block + "end\n" for block in re.split(r"(?<=\n)end\n", text)]
    own = [block for block in blocks if re.search(r"^module .*u_b(?:\.|$)", block, re.MULTILINE)]
    assert len(own) == 2 and made.size("\\layer$top.u_b") == sum(map(len, own))


def test_other_layers_become_black_boxes(tmp_path: Path) -> None:
    """A batch's text holds the top and its own layers whole, of the others the ports alone."""
    text = _design(tmp_path, {"a": (["\\x"], ""), "b": (["\\x"], "")}).text(["\\layer$top.u_a"])
    assert text.count("\nend\n") == 4 and "leaf$top.u_a.pe[0]" in text and "leaf$top.u_b" not in text
    box = text[text.index("attribute \\blackbox 1\nmodule \\layer$top.u_b") :]
    assert "wire width 4 input 1 \\x" in box and "wire width 4 output 2 \\y0" in box and "cell" not in box


def test_layers_equal_but_for_names(tmp_path: Path) -> None:
    """Instance names, numbers and lines do not matter; a cell's type and a constant do."""
    plain = (["\\x"], "")
    made = _design(tmp_path, {"a": plain, "b": plain, "c": (["4'0001"], ""), "add": plain}, {"add": "$sub"})
    prints = [made.fingerprint(child) for child in made.children()]
    assert prints[0] == prints[1]
    assert len(set(prints)) == 3


def test_equal_parts_become_one(tmp_path: Path) -> None:
    made = _design(tmp_path, {"a": (["\\x", "\\x", "\\x"], "")})
    before = made.size("\\layer$top.u_a")
    made.fold(1)
    first = "\\leaf$top.u_a.pe[0].u_leaf"
    assert made.uses["\\layer$top.u_a"] == [first] * 3
    assert made.kept(["\\layer$top.u_a"]) == ["\\layer$top.u_a", first]
    assert made.size("\\layer$top.u_a") < before
    text = made.text(["\\layer$top.u_a"])
    assert text.count(f"  cell {first} ") == 3 and text.count("module \\leaf") == 1


@pytest.mark.parametrize(
    ("pin", "before"),
    [
        ("4'0101", ""),
        ("{ \\x [2:0] 1'1 }", ""),
        ("\\w", "  connect \\w 4'1111\n"),
        ("\\w [3:0]", "  connect { \\v \\w } 8'00001111\n"),
        ("\\w", "  connect \\w \\v\n  connect \\v { \\x [1:0] 2'00 }\n"),
        ("\\w", "  cell $buf $1\n    parameter \\WIDTH 4\n    connect \\A 4'0110\n    connect \\Y \\w\n  end\n"),
    ],
)
def test_parts_with_constants_stay_apart(tmp_path: Path, pin: str, before: str) -> None:
    """Optimization may make little of a part with a constant input, however far away the constant stands."""
    made = _design(tmp_path, {"a": ([pin, pin], before)})
    made.fold(1)
    assert not made.repeated and len(set(made.uses["\\layer$top.u_a"])) == 2


@pytest.mark.parametrize(("source", "repeated"), [("\\x", 1), ("4'0000", 0)])
def test_constants_are_followed_downwards(tmp_path: Path, source: str, repeated: int) -> None:
    """The leaves' inputs are those of the module between, which may be constant."""
    _design(tmp_path, {"a": (["\\x", "\\x"], "")})
    text = (tmp_path / "design.il").read_text().replace("connect \\x \\x", f"connect \\x {source}", 1)
    root = "module \\root\n  wire width 4 \\x\n  cell \\top \\u_top\n    connect \\x \\x\n  end\nend\n"
    (tmp_path / "root.il").write_text(text.replace("attribute \\top 1\n", "") + root)
    nested = Netlist.read(tmp_path / "root.il", "root")
    nested.fold(1)
    assert len([m for m in nested.repeated if "leaf" in m]) == repeated


def test_small_parts_are_left(tmp_path: Path) -> None:
    made = _design(tmp_path, {"a": (["\\x", "\\x"], "")})
    made.fold(10_000)
    assert not made.repeated


def test_constant_weights_are_mapped_by_themselves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their popcounts are mapped for area: a small layer in the same batch would get deep."""
    made = _design(tmp_path, {name: (["\\x"] * n, "") for n, name in enumerate(("a", "b", "c"), 1)})
    together = split.plan(made, 1_000_000).batches
    assert [len(batch.children) for batch in together] == [3] and not together[0].constant
    monkeypatch.setattr(split, "CONSTANT", "u_b")
    apart = split.plan(made, 1_000_000).batches
    assert [(batch.name, sorted(batch.children), batch.constant) for batch in apart] == [
        ("batch0", ["\\layer$top.u_a", "\\layer$top.u_c"], False),
        ("batch1", ["\\layer$top.u_b"], True),
    ]
