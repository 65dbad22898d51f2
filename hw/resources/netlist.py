"""The elaborated netlist (Yosys's RTLIL text) as modules: what each layer needs, and which layers are the same.

Yosys's LUT mapping takes longer than linear in the number of modules, so each layer is worked on alone or with a few
small ones; layers, and large parts of a layer such as the PEs of a convolution, are worked on once where they are equal
but for names.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

#: Names that Yosys numbers, such as $add$lib/xnorsr_fifo.sv:12$345.
_NUMBERED = re.compile(r"\$\S*\$\d+")
_SOURCE = re.compile(r"^ *attribute \\(?:src|hdlname) .*\n", re.MULTILINE)
_PORT = re.compile(r"^  wire .*\b(?:input|output|inout) \d+ .*\n", re.MULTILINE)
_MODULE = re.compile(r"^module (\S+)", re.MULTILINE)
_CELL = re.compile(r"^  cell (\\\S+) \S+\n((?:    .*\n)*)", re.MULTILINE)
_INPUT = re.compile(r"^  wire .*\binput \d+ (\S+)", re.MULTILINE)
_PIN = re.compile(r"^    connect (\S+) (.*)", re.MULTILINE)
_ASSIGN = re.compile(r"^  connect (\{.*?\}|\S+(?: \[[\d:]+\])?) (.*)", re.MULTILINE)
_BUFFER = re.compile(r"^  cell \$(?:buf|pos|not|neg) \S+\n((?:    .*\n)*)", re.MULTILINE)
_WIRE = re.compile(r"[\\$]\S+")
_CONSTANT = re.compile(r"(?<!\S)\d+'")

#: Characters of a part of a layer from which on it is worked on once, without optimization across its border.
REPEATED = 20_000


@dataclass(frozen=True)
class Netlist:
    r"""Modules of an elaborated design.

    Attributes:
        head: what stands before the first module.
        modules: text of each module by name (with Yosys's leading backslash), its attributes included.
        uses: modules that each module instantiates, in the order of instantiation.
        top: name of the top module.
        repeated: parts of a layer that stand for several and are to be kept apart.
    """

    head: str
    modules: dict[str, str]
    uses: dict[str, list[str]]
    top: str
    repeated: frozenset[str] = frozenset()

    @staticmethod
    def read(path: Path, top: str) -> Netlist:
        """Read what Yosys's write_rtlil wrote."""
        *blocks, _ = path.read_text(encoding="utf-8").split("\nend\n")
        head = re.match(r"(?:#.*\n|autoidx .*\n)*", blocks[0])
        assert head is not None
        blocks[0] = blocks[0][head.end() :]
        modules = {_MODULE.findall(block)[0]: f"{block}\nend\n" for block in blocks}
        return Netlist(head[0], modules, _uses(modules), f"\\{top}")

    def children(self) -> list[str]:
        """Modules of the instances in the top, in their order."""
        return list(dict.fromkeys(self.uses[self.top]))

    def closure(self, module: str) -> list[str]:
        """The module and all modules below it."""
        found = [module]
        for name in found:
            found += [c for c in dict.fromkeys(self.uses[name]) if c not in found]
        return found

    def size(self, module: str) -> int:
        """Characters of a module with all below it."""
        return sum(len(self.modules[m]) for m in self.closure(module))

    def text(self, keep: list[str]) -> str:
        """The top with the children in ``keep``; the other children are black boxes."""
        names = [self.top, *(m for child in keep for m in self.closure(child))]
        boxes = [c for c in self.children() if c not in keep]
        return "".join([self.head, *(self.modules[n] for n in dict.fromkeys(names)), *map(self._box, boxes)])

    def _box(self, module: str) -> str:
        ports = "".join(_PORT.findall(self.modules[module]))
        return f"attribute \\blackbox 1\nmodule {module}\n{ports}end\n"

    def fingerprint(self, module: str) -> str:
        """Equal for modules that differ, with all below them, in names only."""
        path = module.rsplit("$", 1)[-1]
        name = path.rsplit(".", 1)[-1].removeprefix("u_")
        own = re.compile("|".join(rf"{re.escape(n)}\b" for n in (path, f"xnorsr_layer_{name}", f"u_{name}")))
        digest = hashlib.sha256()
        for below in self.closure(module):
            numbers: dict[str, str] = {}

            def number(match: re.Match[str], numbers: dict[str, str] = numbers) -> str:
                return numbers.setdefault(match[0], f"$#{len(numbers)}")

            text = own.sub("@", _SOURCE.sub("", self.modules[below]))
            digest.update(_NUMBERED.sub(number, text).encode())
        return digest.hexdigest()

    def kept(self, children: list[str]) -> list[str]:
        """The children and the repeated parts below them."""
        below = [m for child in children for m in self.closure(child) if m in self.repeated]
        return list(dict.fromkeys([*children, *below]))

    def folded(self) -> Netlist:
        """The netlist with equal parts of a layer as one module.

        Parts with a constant input stay as they are: much of them may be optimized away.
        """
        modules = dict(self.modules)
        repeated: set[str] = set()
        for child in self.children():
            parts: dict[str, list[tuple[str, str]]] = {}
            for parent, part in self._parts(child, set()):
                parts.setdefault(self.fingerprint(part), []).append((parent, part))
            for equal in parts.values():
                first = equal[0][1]
                repeated |= {first} if len(equal) > 1 else set()
                for parent, part in equal[1:]:
                    modules[parent] = modules[parent].replace(f"  cell {part} ", f"  cell {first} ")
        return Netlist(self.head, modules, _uses(modules), self.top, frozenset(repeated))

    def _parts(self, module: str, constant: set[str]) -> Iterator[tuple[str, str]]:
        """(parent, part): the large parts without constant inputs below a module with constant inputs ``constant``."""
        if not self.uses[module]:
            return
        text = self.modules[module]
        drivers: dict[str, str] = {}
        buffers = (dict(_PIN.findall(pins)) for pins in _BUFFER.findall(text))
        for target, source in [*_ASSIGN.findall(text), *((b["\\Y"], b["\\A"]) for b in buffers)]:
            for wire in _WIRE.findall(target):
                drivers[wire] = f"{drivers.get(wire, '')} {source}"

        def is_constant(source: str, seen: frozenset[str] = frozenset()) -> bool:
            wires = set(_WIRE.findall(source)) - seen
            return bool(_CONSTANT.search(source) or wires & constant) or any(
                is_constant(drivers[wire], seen | wires) for wire in wires if wire in drivers
            )

        for part, pins in _CELL.findall(text):
            if part not in self.modules:
                continue
            inputs = set(_INPUT.findall(self.modules[part]))
            tied = {pin for pin, source in _PIN.findall(pins) if pin in inputs and is_constant(source)}
            if not tied and self.size(part) >= REPEATED:
                yield module, part
            yield from self._parts(part, tied)


def _uses(modules: dict[str, str]) -> dict[str, list[str]]:
    return {m: [c for c, _ in _CELL.findall(text) if c in modules] for m, text in modules.items()}
