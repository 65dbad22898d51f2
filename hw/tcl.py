"""Foreign text in Tcl scripts."""

from __future__ import annotations

_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_SPECIAL = '\\"$[]{};#'


def quoted(text: str) -> str:
    """One Tcl word, in double quotes, that stands for exactly this text.

    Nothing in it is substituted, it never ends a line, and its braces count nowhere, so that it may stand in a body in
    braces. What is not printable ASCII is written as an escape, so that the script's encoding does not matter. Beyond
    U+FFFF, which Tcl has escapes for since 9.0 only, it is the character itself.
    """
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(char: str) -> str:
    if char in _NAMED:
        return _NAMED[char]
    if char in _SPECIAL:
        return f"\\{char}"
    if " " <= char <= "~" or ord(char) > 0xFFFF:
        return char
    return f"\\u{ord(char):04x}"
