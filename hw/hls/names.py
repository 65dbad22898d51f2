"""Names of layers and tensors that are C identifiers as well."""

from __future__ import annotations

import re

# C++ keywords that a network might use as a name, and what the generated code or hls4ml means something else by.
_TAKEN = frozenset(
    """
    alignas alignof and asm auto bool break case catch char class const constexpr continue default delete do
    double else enum explicit export extern false float for friend goto hls if inline input int long main mutable
    namespace new noexcept not nullptr operator or output private protected public register return short signed
    sizeof static std struct switch template this throw true try typedef typename union unsigned using virtual
    void volatile while xnorsr xor
    """.split()  # noqa: SIM905
)


class Names:
    """Gives each original name one identifier, always the same, no two alike."""

    def __init__(self) -> None:
        self._made: dict[str, str] = {}
        self._used: set[str] = set(_TAKEN)

    def reserve(self, identifier: str) -> None:
        """Never give `identifier` to a name."""
        self._used.add(identifier)

    def __call__(self, name: str) -> str:
        """The identifier of `name`; the empty name becomes ``x``."""
        if name not in self._made:
            base = re.sub(r"\W", "_", name, flags=re.ASCII) or "x"
            base = re.sub(r"__+", "_", base).strip("_") or "x"
            base = f"x{base}" if base[0].isdigit() else base
            made, count = base, 1
            while made in self._used:
                made, count = f"{base}_{count}", count + 1
            self._used.add(made)
            self._made[name] = made
        return self._made[name]
