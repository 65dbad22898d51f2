"""The elaborated netlist, through pyosys: what each layer needs, and which layers are the same.

Yosys's LUT mapping takes longer than linear in the number of modules, so each layer is worked on alone or with a few
small ones; layers, and large parts of a layer such as the PEs of a convolution, are worked on once where they are equal
except for names.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pyosys import libyosys

#: Names that Yosys numbers, such as $add$lib/xnorsr_fifo.sv:12$345.
_NUMBERED = re.compile(r"\$\S*\$\d+")

#: Cells that pass a constant on.
_BUFFERS = ("$buf", "$pos", "$not", "$neg")


class Netlist:
    r"""Modules of an elaborated design. Names have Yosys's leading backslash.

    Attributes:
        modules: pyosys's Module by name, in the order of the file.
        uses: modules that each module instantiates, in the order of instantiation.
        top: name of the top module.
        repeated: parts of a layer that stand for several and are to be kept apart; empty before `fold`.
    """

    def __init__(self, design: Any, top: str) -> None:
        self.design = design
        self.top = f"\\{top}"
        self.modules = {name.str(): module for name, module in _ordered(design.modules_)}
        self.uses = {name: self._types(name) for name in self.modules}
        self.repeated: frozenset[str] = frozenset()
        self._sizes = {name: len(module.to_rtlil_str()) for name, module in self.modules.items()}
        self._bare = self._without_sources(self.modules)

    @staticmethod
    def read(path: Path, top: str) -> Netlist:
        """Read what Yosys's write_rtlil wrote. The path holds no blanks, at which Yosys splits its commands."""
        design = libyosys.Design()
        libyosys.Pass.call(design, f"tee -q read_rtlil {path}")
        return Netlist(design, top)

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
        """Characters of a module with all below it, as RTLIL."""
        return sum(self._sizes[m] for m in self.closure(module))

    def text(self, keep: list[str]) -> str:
        """RTLIL of the top with the children in ``keep``; the other children are black boxes."""
        names = [self.top, *(m for child in keep for m in self.closure(child))]
        # An empty design's text is the counter of names, which Yosys goes on from.
        head = libyosys.Design().to_rtlil_str()
        kept = (self.modules[n].to_rtlil_str() for n in dict.fromkeys(names))
        return "".join([head, *kept, *(self._box(c) for c in self.children() if c not in keep)])

    def _box(self, module: str) -> str:
        scratch, box = libyosys.Design(), self.modules[module].clone()
        scratch.add(box)
        box.makeblackbox()
        return str(box.to_rtlil_str())

    def fingerprint(self, module: str) -> str:
        """Equal for modules that differ, with all below them, in names only.

        Yosys's own text is hashed, with names replaced: it costs a quarter of a walk over all cells through pyosys.
        """
        path = module.rsplit("$", 1)[-1]
        name = path.rsplit(".", 1)[-1].removeprefix("u_")
        own = re.compile("|".join(rf"{re.escape(n)}\b" for n in (path, f"xnorsr_layer_{name}", f"u_{name}")))
        digest = hashlib.sha256()
        for below in self.closure(module):
            numbers: dict[str, str] = {}

            def number(match: re.Match[str], numbers: dict[str, str] = numbers) -> str:
                return numbers.setdefault(match[0], f"$#{len(numbers)}")

            digest.update(_NUMBERED.sub(number, own.sub("@", self._bare[below])).encode())
        return digest.hexdigest()

    def kept(self, children: list[str]) -> list[str]:
        """The children and the repeated parts below them."""
        below = [m for child in children for m in self.closure(child) if m in self.repeated]
        return list(dict.fromkeys([*children, *below]))

    def fold(self, least: int) -> None:
        """Make equal parts of a layer one module.

        Parts with a constant input stay as they are: much of them may be optimized away.

        Args:
            least: characters of RTLIL below which a part is left alone.
        """
        repeated: set[str] = set()
        changed: set[str] = set()
        for child in self.children():
            parts: dict[str, list[tuple[str, str]]] = {}
            for parent, part in self._parts(child, set(), least):
                parts.setdefault(self.fingerprint(part), []).append((parent, part))
            for equal in parts.values():
                first = equal[0][1]
                repeated |= {first} if len(equal) > 1 else set()
                changed |= {parent for parent, _ in equal[1:]}
                for parent, part in equal[1:]:
                    self._use(parent, part, first)
        self.repeated = frozenset(repeated)
        self._bare |= self._without_sources(changed)
        for name in changed:
            self.uses[name] = self._types(name)
            self._sizes[name] = len(self.modules[name].to_rtlil_str())

    def _use(self, parent: str, old: str, new: str) -> None:
        """Let the instances of ``old`` in ``parent`` be instances of ``new``."""
        for _, cell in _ordered(self.modules[parent].cells_):
            if cell.type.str() == old:
                cell.type = libyosys.IdString(new)

    def _types(self, module: str) -> list[str]:
        types = (cell.type.str() for _, cell in _ordered(self.modules[module].cells_))
        return [t for t in types if t in self.modules]

    def _without_sources(self, names: Iterable[str]) -> dict[str, str]:
        """RTLIL of modules without the attributes that say where something stands in the sources."""
        scratch = libyosys.Design()
        copies = {name: self.modules[name].clone() for name in names}
        for copy in copies.values():
            scratch.add(copy)
        for what in ("setattr", "setattr -mod"):
            libyosys.Pass.call(scratch, f"tee -q {what} -unset src -unset hdlname")
        return {name: copy.to_rtlil_str() for name, copy in copies.items()}

    def _parts(self, module: str, constant: set[str], least: int) -> Iterator[tuple[str, str]]:
        """(parent, part): the large parts without constant inputs below a module with constant inputs ``constant``."""
        if not self.uses[module]:
            return
        drivers = _drivers(self.modules[module])

        def is_constant(source: Any, seen: frozenset[str] = frozenset()) -> bool:
            wires = _wires(source) - seen
            return bool(source.has_const() or wires & constant) or any(
                is_constant(driver, seen | wires) for wire in wires for driver in drivers.get(wire, ())
            )

        for _, cell in _ordered(self.modules[module].cells_):
            part = cell.type.str()
            if part not in self.modules:
                continue
            inputs = {name.str() for name, wire in self.modules[part].wires_.items() if wire.port_input}
            pins = ((pin.str(), source) for pin, source in cell.connections_.items())
            tied = {pin for pin, source in pins if pin in inputs and is_constant(source)}
            if not tied and self.size(part) >= least:
                yield module, part
            yield from self._parts(part, tied, least)


def _ordered(objects: Any) -> list[tuple[Any, Any]]:
    """Items of one of Yosys's dictionaries, which hand them out from the last to the first."""
    return list(objects.items())[::-1]


def _wires(signal: Any) -> set[str]:
    """Names of the wires in a signal."""
    return {bit.wire.name.str() for bit in signal.to_sigbit_set() if bit.is_wire()}


def _drivers(module: Any) -> dict[str, list[Any]]:
    """Signals that drive each wire, through assignments and buffers."""
    pairs = [*module.connections()]
    for cell in module.cells_.values():
        if cell.type.str() in _BUFFERS:
            pins = {pin.str(): signal for pin, signal in cell.connections_.items()}
            pairs.append((pins["\\Y"], pins["\\A"]))
    drivers: dict[str, list[Any]] = {}
    for target, source in pairs:
        for wire in _wires(target):
            drivers.setdefault(wire, []).append(source)
    return drivers
