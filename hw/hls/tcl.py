"""Words of Tcl scripts: whatever goes into one passes through here, so that nothing in a value can run."""

from __future__ import annotations

_ESCAPED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"} | {c: f"\\{c}" for c in '\\"$[]{};#'}


def tcl_word(value: object) -> str:
    """A value as one quoted Tcl word that stands for its text: nothing in it is substituted or run.

    Raises:
        ValueError: a control character, which no value has a use for.
    """
    text = "".join(_ESCAPED.get(c, c) for c in str(value))
    if any(ord(c) < 32 or ord(c) == 127 for c in text):
        raise ValueError(f"a control character in {value!r}, which is to stand in a Tcl script")
    return f'"{text}"'
