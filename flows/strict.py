"""Values that validation would take for another type: true for 1, "3" for 3, 1 for true. Each is a slip of the pen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

_KINDS = {bool: "true or false", int: "a number", float: "a number", str: "text in quotation marks"}


def reinterpreted(given: Any, made: Any, at: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any, str]]:
    """Fields whose value became one of another type: (the field, the value given, what it should be).

    Args:
        given: the tables, as TOML gives them.
        made: what validation made of them.
    """
    if isinstance(given, dict):
        for key, value in given.items():
            inner = made.get(key) if isinstance(made, dict) else getattr(made, key, None)
            if isinstance(made, dict | BaseModel):
                yield from reinterpreted(value, inner, (*at, str(key)))
    elif isinstance(given, list) and isinstance(made, list | tuple):
        for value, inner in zip(given, made, strict=False):
            yield from reinterpreted(value, inner, at)
    elif type(made) in _KINDS and type(given) in _KINDS and _KINDS[type(made)] != _KINDS[type(given)]:
        yield at, given, _KINDS[type(made)]
