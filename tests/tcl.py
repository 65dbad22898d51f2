"""Runs the Tcl scripts that are generated: as much of Tcl as they use, and tclsh beside it where there is one.

`recorded` takes stand-ins for the vendor's commands and returns their calls. What it knows of Tcl is its rules for
words (the manual page Tcl(n)) and the commands of `Tcl.BUILT_IN`; anything else is an error, as in the vendor's tool.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_NAME = re.compile(r"\{([^}]*)\}|((?:\w|::)+(?:\(\w+\))?)")


class TclError(Exception):
    """A script that Tcl does not take."""


def elements(text: str) -> list[str]:
    """Elements of a list; nothing in them is substituted."""
    found, at = [], 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        word, at = _literal(text, at)
        found.append(word)
    return found


def listed(words: Sequence[str]) -> str:
    """A list of words, each as one element."""
    return " ".join(w if re.fullmatch(r"[\w./:<>-]+", w) else "".join(["{", w, "}"]) for w in words)


def _literal(text: str, at: int) -> tuple[str, int]:
    if text[at] == "{":
        end = _brace(text, at)
        return text[at + 1 : end - 1], end
    end = at
    while end < len(text) and not text[end].isspace():
        end += 1
    return text[at:end], end


def _brace(text: str, at: int) -> int:
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
    raise TclError("unbalanced '{'")


class Tcl:
    """An interpreter.

    Attributes:
        script: the file that runs.
        variables: by name.
        commands: what may be called besides `BUILT_IN`.
    """

    def __init__(self, script: Path, commands: Mapping[str, Callable[[list[str]], str]]) -> None:
        self.script, self.variables, self.commands = script, dict[str, str](), dict(commands)

    def run(self, text: str, at: int = 0, closing: str = "") -> tuple[str, int]:
        """Run commands up to ``closing`` (or the end); the last one's value, and the place behind."""
        value, words = "", list[str]()
        while at < len(text):
            char = text[at]
            if char in "\n;" or char == closing:
                value = self._call(words) if words else value
                words, at = [], at + 1
                if char == closing:
                    return value, at
            elif char in " \t":
                at += 1
            elif text.startswith("\\\n", at):
                at += 2
            elif char == "#" and not words:
                at = text.find("\n", at) if "\n" in text[at:] else len(text)
            else:
                word, at = self._word(text, at, closing)
                words.append(word)
        if closing:
            raise TclError(f"unbalanced {closing!r}")
        return (self._call(words) if words else value), at

    def _word(self, text: str, at: int, closing: str) -> tuple[str, int]:
        end = None
        if text[at] == "{":
            end = _brace(text, at)
            word = text[at + 1 : end - 1].replace("\\\n", " ")
        elif text[at] == '"':
            word, end = self._substituted(text, at + 1, '"')
            if end >= len(text) or text[end] != '"':
                raise TclError("unbalanced '\"'")
            end += 1
        if end is None:
            return self._substituted(text, at, " \t\n;" + closing)
        if end < len(text) and text[end] not in f" \t\n;{closing}" and not text.startswith("\\\n", end):
            raise TclError(f"unbalanced: {text[end]!r} behind a closing brace or quote")
        return word, end

    def _substituted(self, text: str, at: int, ends: str) -> tuple[str, int]:
        """Text up to one of ``ends``, with its variables, commands and backslashes substituted."""
        made = ""
        while at < len(text) and text[at] not in ends and not (" " in ends and text.startswith("\\\n", at)):
            if text[at] == "\\":
                part, at = _backslash(text, at + 1)
            elif text[at] == "[":
                part, at = self.run(text, at + 1, "]")
            elif text[at] == "$" and (found := _NAME.match(text, at + 1)):
                part, at = self._value(found[1] if found[1] is not None else found[2]), found.end()
            else:
                part, at = text[at], at + 1
            made += part
        return made, at

    def _value(self, name: str) -> str:
        if name not in self.variables:
            raise TclError(f"can't read {name!r}: no such variable")
        return self.variables[name]

    def _call(self, words: list[str]) -> str:
        name, *args = words
        if name in self.commands:
            return self.commands[name](words)
        method = self.BUILT_IN.get(name)
        if method is None:
            raise TclError(f"invalid command name {name!r}")
        return method(self, args)

    def _set(self, args: list[str]) -> str:
        if len(args) == 2:
            self.variables[args[0]] = args[1]
        return self._value(args[0])

    def _if(self, args: list[str]) -> str:
        condition, body = args
        return self.run(body)[0] if self._true(condition) else ""

    def _true(self, condition: str) -> bool:
        """A comparison of two words, or a number alone."""
        left, at = self._word(condition, 0, "")
        rest = condition[at:].split(maxsplit=1)
        if not rest:
            return int(left) != 0
        right, end = self._word(rest[1], 0, "")
        if rest[0] not in (">", "eq") or rest[1][end:].strip():
            raise TclError(f"no condition: {condition!r}")
        return int(left) > int(right) if rest[0] == ">" else left == right

    def _foreach(self, args: list[str]) -> str:
        name, items, body = args
        for item in elements(items):
            self.variables[name] = item
            self.run(body)
        return ""

    def _file(self, args: list[str]) -> str:
        action, *paths = args
        known = {"dirname": lambda p: os.path.dirname(p[0]), "normalize": lambda p: os.path.abspath(p[0])}
        return os.path.join(*paths) if action == "join" else known[action](paths)

    def _info(self, args: list[str]) -> str:
        if args != ["script"]:
            raise TclError(f"info {args}")
        return str(self.script)

    def _string(self, args: list[str]) -> str:
        if args[0] != "trim":
            raise TclError(f"string {args}")
        return args[1].strip(*args[2:])

    def _array(self, args: list[str]) -> str:
        action, name, pairs = args
        if action != "set":
            raise TclError(f"array {args}")
        words = elements(pairs)
        self.variables |= {f"{name}({key})": value for key, value in zip(words[::2], words[1::2], strict=True)}
        return ""

    BUILT_IN: dict[str, Callable[[Tcl, list[str]], str]] = {
        "set": _set, "if": _if, "foreach": _foreach, "file": _file, "info": _info, "string": _string,
        "list": lambda self, a: listed(a), "lindex": lambda self, a: elements(a[0])[int(a[1])],
        "split": lambda self, a: listed(a[0].split(a[1])), "open": lambda self, a: a[0], "close": lambda self, a: "",
        "read": lambda self, a: Path(a[0]).read_text(encoding="utf-8"), "puts": lambda self, a: "",
        "variable": lambda self, a: "", "array": _array, "eval": lambda self, a: self.run(" ".join(a))[0],
        "source": lambda self, a: self.run(Path(a[0]).read_text(encoding="utf-8"))[0],
    }  # fmt: skip


def _backslash(text: str, at: int) -> tuple[str, int]:
    """What stands for the escape whose backslash is in front of ``at``, and the place behind it."""
    if found := re.compile(r"u([0-9a-fA-F]{1,4})|x([0-9a-fA-F]{1,2})").match(text, at):
        return chr(int(found[1] or found[2], 16)), found.end()
    if at == len(text):
        return "\\", at
    if text[at] == "\n":
        return " ", at + 1
    return _ESCAPES.get(text[at], text[at]), at + 1


def recorded(text: str, folder: Path, stand_ins: Mapping[str, str | None], argv: Sequence[str] = ()) -> list[list[str]]:
    """Run a script; the calls of stand-ins, each with its arguments, the same from `Tcl` and from a tclsh.

    Args:
        folder: the script is written there as ``script.tcl``.
        stand_ins: what each command returns; None for ``<its name>``.

    Raises:
        TclError: the script is no Tcl, or calls what there is not.
    """
    script = folder / "script.tcl"
    script.write_text(text, encoding="utf-8")
    values = {name: f"<{name}>" if value is None else value for name, value in stand_ins.items()}
    calls: list[list[str]] = []

    def record(words: list[str]) -> str:
        calls.append(words)
        return values[words[0]]

    tcl = Tcl(script, dict.fromkeys(values, record))
    tcl.variables |= {"argv": listed(argv), "argc": str(len(argv))}
    failed = None
    try:
        tcl.run(text)
    except TclError as e:
        failed = e
    if (tclsh := shutil.which("tclsh")) is not None:
        real = _tclsh(tclsh, script, values, argv)
        assert (real is None) == (failed is not None), (failed, real)
        assert real is None or real == calls, (real, calls)
    if failed is not None:
        raise failed
    return calls


def _tclsh(tclsh: str, script: Path, values: Mapping[str, str], argv: Sequence[str]) -> list[list[str]] | None:
    """The calls by tclsh, as code points, so that no encoding helps or hurts; None where it stopped with an error."""
    record = "foreach w $words { set p {}; foreach c [split $w {}] { lappend p [scan $c %c] }; lappend r [join $p .] }"
    made = ["set calls {}", "namespace eval ipx {}"]
    made.append(f"proc record {{words}} {{ {record}; lappend ::calls [join $r ,] }}")
    for name, value in values.items():
        made.append(f"proc {name} args {{ record [linsert $args 0 {name}]; return {{{value}}} }}")
    made += [f"set argv [list {listed(argv)}]", f"set argc {len(argv)}", "rename exit {}"]
    made += [f"source -encoding utf-8 {{{script}}}", "puts -nonewline \\x1d[join $calls /]"]
    harness = script.with_name("harness.tcl")
    harness.write_text("\n".join(made) + "\n", encoding="utf-8")
    done = subprocess.run([tclsh, harness], capture_output=True, text=True, timeout=60)
    if done.returncode:
        return None
    said = done.stdout.partition("\x1d")[2]
    return [[_text(word) for word in call.split(",")] for call in said.split("/") if call]


def _text(points: str) -> str:
    return "".join(chr(int(p)) for p in points.split(".") if p)
