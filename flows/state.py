"""What an unfinished run keeps in its folder, to be continued from: a file with a checksum, so that damage is seen."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from ..errors import UserError
from .output import write_file

FILE, FORMAT = ".run.json", 3


def write(out: Path, state: dict[str, Any]) -> None:
    """Write the state: the recipe that a continuation must have, its section [estimate], the results so far.

    Raises:
        UserError: the folder cannot be written, or the disk is full.
    """
    text = json.dumps(state)
    write_file(out / FILE, json.dumps({"format": FORMAT, "sha256": _digest(text), "state": text}))


def read(out: Path) -> dict[str, Any] | None:
    """The state of the run in a folder, None where there is none.

    Raises:
        UserError: it is damaged, or of another version.
    """
    path = out / FILE
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        text = content["state"]
        if content["format"] == FORMAT and content["sha256"] == _digest(text):
            state: dict[str, Any] = json.loads(text)
            return state
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        pass
    raise UserError(
        f"{path}: is damaged, or another version of xnorsr wrote it, so the run there cannot be continued. Give "
        "--force to start again there, or another folder with --out."
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
