"""The house: who may know what. Read from the sources, so that a new file falls under the rules by itself."""

from __future__ import annotations

import ast
import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from xnorsr.hw.ops import operators

ROOT = Path(__file__).parents[1]
ROOMS = ("quant", "hw", "sim", "flows")
FILES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))

#: Code outside an operator's own folder that may name an operator, and why.
MAY_NAME = {
    "hw/ops/__init__.py": "registers those that come with the package",
    "hw/graph/lower.py": "puts a Fork where a tensor has several readers",
    "hw/ops/maximum/rewrite.py": "a max pool is a PixelUnshuffle and a Maximum",
    "hw/ops/resize/rewrite.py": "a resize is its phases and a PixelShuffle",
    "hw/ops/table/rewrite.py": "a function that only rises or only falls may be a Threshold",
    "sim/benches/bench_shuffle.py": "the cycles of a shuffle that sends several pixels per beat",
}
MAX_LINES = 400


def _module(path: Path) -> str:
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    return f"xnorsr.{name}".removesuffix(".__init__")


def _imports(path: Path, top_level: bool = True) -> set[str]:
    """Modules of ours that a file imports, absolute; those under TYPE_CHECKING are no imports."""
    package = _module(path) if path.name == "__init__.py" else _module(path).rpartition(".")[0]
    known = {_module(p) for p in FILES} | {"xnorsr.errors", "xnorsr.staging", "xnorsr.tools"}
    found: set[str] = set()

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            return
        if top_level and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            return
        if isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                up = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*up, *([node.module] if node.module else [])])
            for alias in node.names:
                deeper = f"{base}.{alias.name}"
                found.update({deeper} & known or {base} & known)
        elif isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names if alias.name in known)
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(path.read_text()))
    return found - {_module(path)}


def _room(module: str) -> str:
    return module.removeprefix("xnorsr.").partition(".")[0]


@pytest.mark.slow
def test_imports_run_in_one_direction() -> None:
    allowed = {"quant": {"quant"}, "hw": {"hw"}, "sim": {"sim", "hw"}, "flows": set(ROOMS)}
    for path in FILES:
        room = path.relative_to(ROOT).parts[0]
        for module in _imports(path, top_level=False):
            if _room(module) in ROOMS:
                assert _room(module) in allowed[room], f"{path.relative_to(ROOT)} imports {module}"


@pytest.mark.slow
def test_imports_never_run_in_a_circle() -> None:
    graph = {_module(path): _imports(path) for path in FILES}
    # A package's __init__ is not imported for the sake of its members alone.
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(f"imports in a circle: {' -> '.join(error.args[1])}")


def test_no_file_is_too_long() -> None:
    sources = [*FILES, *(p for kind in ("*.sv", "*.h", "*.jinja") for p in (ROOT / "hw").rglob(kind))]
    sources += list((ROOT / "tests").rglob("*.py"))
    long = {str(p.relative_to(ROOT)): n for p in sources if (n := len(p.read_text().splitlines())) > MAX_LINES}
    assert not long


@pytest.mark.slow
@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_only_its_own_folder_knows_an_operator(path: Path) -> None:
    """Neither by importing its class, nor by asking for its name or its attributes."""
    place = str(path.relative_to(ROOT))
    if place in MAY_NAME:
        return
    own = re.match(r"hw/ops/(\w+)/", place)
    folders = {entry.folder.name for entry in operators().values()} - {own[1] if own else ""}
    for module in _imports(path, top_level=False):
        named = re.match(r"xnorsr\.hw\.ops\.(\w+)", module)
        assert named is None or named[1] not in folders, f"{place} imports {module}"
    if own or not place.startswith(("hw/", "flows/", "sim/")):
        return
    text = path.read_text()
    for name in operators():
        assert not re.search(rf"isinstance\([^)]*\b{name}\b|\bop\.op_type *(==|!=|in) *[\"(].*{name}", text), (
            f"{place}: {name}"
        )


def test_the_exceptions_are_needed() -> None:
    for place in MAY_NAME:
        folders = "|".join(entry.folder.name for entry in operators().values())
        assert re.search(rf"\b({folders})\b", (ROOT / place).read_text()), f"{place} no longer needs to be named here"
