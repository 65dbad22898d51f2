"""The registry: which operators there are. Every list of operators in the project is derived from it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import numpy as np

from ..graph.rewrite import Conversion, Pass, Rewrite, ScaleRule
from ..resources.cost import Coefficient
from .base import Op

_CLASS_FIELDS = ("op_type", "summary", "hardware", "coefficients")


@dataclass(frozen=True)
class Operator:
    """One registered operator.

    Attributes:
        op: its class.
        folder: its folder; ``hls`` in it holds headers, ``rtl`` modules.
        rewrites, conversions, passes, scales: what it tells the lowering.
        made: it comes from no QONNX node; the lowering makes it.
    """

    op: type[Op]
    folder: Path
    rewrites: tuple[Rewrite, ...]
    conversions: tuple[Conversion, ...]
    passes: tuple[Pass, ...]
    made: bool
    scales: tuple[ScaleRule, ...] = ()


_OPERATORS: dict[str, Operator] = {}


class IncompleteOperatorError(TypeError):
    """An operator does not say all that the project asks of one."""


def register(
    op: type[Op],
    folder: Path,
    *,
    rewrites: Sequence[Rewrite] = (),
    conversions: Sequence[Conversion] = (),
    passes: Sequence[Pass] = (),
    made: bool = False,
    scales: Sequence[ScaleRule] = (),
) -> None:
    """Make an operator known to the whole project.

    Args:
        op: a concrete subclass of `Op`.
        folder: holds ``hls/*.h`` and ``rtl/*.sv``.
        rewrites: from QONNX nodes; at least one, except where `made` is set.
        conversions, passes: run in the order of registration.
        made: the lowering makes the operator; no QONNX node stands for it.
        scales: how scales that are no powers of two move behind it.

    Raises:
        IncompleteOperatorError: names everything that is missing or taken.
    """
    problems = _missing(op, folder)
    name = getattr(op, "op_type", op.__name__)
    if name in _OPERATORS:
        problems.append(f"op_type '{name}' is registered already, by {_OPERATORS[name].op.__module__}")
    if not rewrites and not made:
        problems.append("a rewrite from QONNX (or made=True, where the lowering makes it)")
    taken = {r.name for o in _OPERATORS.values() for r in o.rewrites}
    for rewrite in rewrites:
        problems += [f"rewrite '{rewrite.name}' is registered already"] if rewrite.name in taken else []
        problems += [] if rewrite.takes else [f"rewrite '{rewrite.name}': the ONNX operators that it takes"]
    if not problems:
        problems = _broken_case(op)
    if problems:
        raise IncompleteOperatorError(f"operator {name} ({op.__module__}) lacks: {'; '.join(problems)}.")
    _OPERATORS[name] = Operator(op, folder, tuple(rewrites), tuple(conversions), tuple(passes), made, tuple(scales))


def _missing(op: type[Op], folder: Path) -> list[str]:
    problems = [f"attribute {field}" for field in _CLASS_FIELDS if not hasattr(op, field)]
    if inspect.isabstract(op):
        problems += [f"method {name}" for name in sorted(op.__abstractmethods__)]
    for kind, pattern in (("hls", "*.h"), ("rtl", "*.sv")):
        if not any((folder / kind).glob(pattern)):
            problems.append(f"a file {kind}/{pattern} in {folder}")
    return problems


def _broken_case(op: type[Op]) -> list[str]:
    """What is wrong with a random case."""
    case = op.random(np.random.default_rng(0))
    if not isinstance(case, op):
        return [f"random() that gives a {op.__name__}, found {type(case).__name__}"]
    return [] if case.describe() else ["text from describe()"]


def unregister(op_type: str) -> None:
    """Forget an operator."""
    del _OPERATORS[op_type]


@contextmanager
def registered(op: type[Op], folder: Path, rewrites: Sequence[Rewrite]) -> Iterator[None]:
    """An operator that is known inside a block only."""
    register(op, folder, rewrites=rewrites)
    try:
        yield
    finally:
        unregister(op.op_type)


def operators() -> dict[str, Operator]:
    """All operators by op_type, in the order of registration."""
    return dict(_OPERATORS)


def rewrites() -> list[Rewrite]:
    """All rewrites in the order in which they are tried."""
    named = {r.name: r for o in _OPERATORS.values() for r in o.rewrites}
    order: TopologicalSorter[str] = TopologicalSorter({name: set() for name in named})
    for rewrite in named.values():
        for later in rewrite.before:
            if later in named:
                order.add(later, rewrite.name)
    try:
        return [named[name] for name in order.static_order()]
    except CycleError as error:
        raise IncompleteOperatorError(f"rewrites that are to come before each other: {error.args[1]}") from error


def conversions() -> list[Conversion]:
    """All conversions of the QONNX graph, in order."""
    return [c for o in _OPERATORS.values() for c in o.conversions]


def scale_rules() -> list[ScaleRule]:
    """How scales move behind operators."""
    return [rule for o in _OPERATORS.values() for rule in o.scales]


def passes() -> list[Pass]:
    """All passes over lowered operators, in order."""
    return [p for o in _OPERATORS.values() for p in o.passes]


def supported_onnx() -> list[str]:
    """ONNX operator types that the lowering takes, sorted."""
    return sorted({name for r in rewrites() for name in r.takes})


def header_folders() -> list[Path]:
    """Folders of the operators' HLS headers."""
    return [o.folder / "hls" for o in _OPERATORS.values()]


def module_folders() -> list[Path]:
    """Folders of the operators' SystemVerilog modules."""
    return [o.folder / "rtl" for o in _OPERATORS.values()]


def coefficients() -> dict[str, Coefficient]:
    """The numbers of all operators' own cost formulas."""
    return {name: c for o in _OPERATORS.values() for name, c in o.op.coefficients.items()}


def table() -> str:
    """The operators as a Markdown table, for README and docs."""
    lines = ["| operator | from QONNX | what | hardware |", "| --- | --- | --- | --- |"]
    for name, entry in _OPERATORS.items():
        source = ", ".join(dict.fromkeys(t for r in entry.rewrites for t in r.takes)) or "made by the lowering"
        lines.append(f"| {name} | {source} | {entry.op.summary} | {entry.op.hardware} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    # Under this name the module is another one than that which the operators registered with.
    from xnorsr.hw.ops import registry

    print(registry.table(), end="")
