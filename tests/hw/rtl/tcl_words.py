"""Commands of a Tcl script, read by Tcl's rules for words, for machines without a Tcl: nothing is executed."""

from __future__ import annotations

_BODIES = {"foreach": -1, "if": 2, "while": 2}


def commands(text: str) -> list[list[str]]:
    """All commands as lists of words, those in brackets and in the bodies of loops behind the command that holds them.

    Raises:
        ValueError: a brace, bracket or quote is unbalanced, or something follows a closing one.
    """
    found, end = _script(text, 0, "")
    assert end == len(text)
    return found


def _script(text: str, at: int, closing: str) -> tuple[list[list[str]], int]:
    """Commands up to ``closing`` (or the end), and the place behind it."""
    made: list[list[str]] = []
    words: list[str] = []
    inner: list[list[str]] = []

    def end_command() -> None:
        if words:
            body = words[_BODIES[words[0]]] if words[0] in _BODIES else ""
            made.extend([list(words), *inner, *(commands(body[1:-1]) if body.startswith("{") else [])])
        words.clear()
        inner.clear()

    while at < len(text):
        char = text[at]
        if char == closing:
            end_command()
            return made, at + 1
        if char in "\n;":
            end_command()
            at += 1
        elif char in " \t":
            at += 1
        elif text.startswith("\\\n", at):
            at += 2
        elif char == "#" and not words:
            line_end = text.find("\n", at)
            at = line_end if line_end >= 0 else len(text)
        else:
            start = at
            at, below = _word(text, at, closing)
            words.append(text[start:at])
            inner += below
    end_command()
    if closing:
        raise ValueError(f"unbalanced {closing!r}")
    return made, at


def _word(text: str, at: int, closing: str) -> tuple[int, list[list[str]]]:
    """The end of a word, and the commands in its brackets."""
    if text[at] == "{":
        at = _braces(text, at)
        if at < len(text) and text[at] not in f" \t\n;\\{closing}":
            raise ValueError(f"unbalanced: {text[at]!r} behind a closing brace")
        return at, []
    quoted, below = text[at] == '"', []
    at += quoted
    while at < len(text):
        char = text[at]
        if char == "\\":
            at += 2
        elif char == "[":
            made, at = _script(text, at + 1, "]")
            below += made
        elif text.startswith("${", at):
            at = _braces(text, at + 1)
        elif quoted and char == '"':
            return at + 1, below
        elif not quoted and (char in " \t\n;" or char == closing):
            return at, below
        else:
            at += 1
    if quoted:
        raise ValueError("unbalanced '\"'")
    return at, below


def _braces(text: str, at: int) -> int:
    """The place behind the brace that closes the one at ``at``."""
    depth = 0
    while at < len(text):
        if text[at] == "\\":
            at += 1
        elif text[at] in "{}":
            depth += 1 if text[at] == "{" else -1
            if depth == 0:
                return at + 1
        at += 1
    raise ValueError("unbalanced '{'")
