"""What a built folder says of itself: build.json, with the hashes of the files that a simulation believes."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ..errors import UserError
from .graph.lower import Lowered
from .options import BuildOptions

FILE, MODEL, FORMAT = "build.json", "model.onnx", 4
#: The network, and the descriptions from which simulators take the sizes of their buffers.
_HASHED = (MODEL, "hls/xnorsr.json", "rtl/project.json")


def write(folder: Path, lowered: Lowered, options: BuildOptions) -> None:
    """Write the record; the last file of a build."""
    record: dict[str, Any] = {
        "format": FORMAT,
        "options": options.record(),
        "changes": lowered.changes,
        "sha256": {name: _hash(folder / name) for name in _HASHED if (folder / name).is_file()},
    }
    (folder / FILE).write_text(json.dumps(record, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def read(folder: Path) -> tuple[BuildOptions, list[str]]:
    """(options, changes by conversion) of a built folder whose files are as they were written.

    Raises:
        UserError: the folder holds no build, one of another version, or one that is damaged.
    """
    if not (folder / FILE).is_file() or not (folder / MODEL).is_file():
        raise UserError(f"{folder}: no {FILE} and {MODEL} in it. Make it with: xnorsr build MODEL.onnx --out {folder}")
    try:
        record = json.loads((folder / FILE).read_text(encoding="utf-8"))
        if record.get("format", 1) != FORMAT:
            raise _broken(folder, f"{FILE} is of format {record.get('format', 1)}, this version reads {FORMAT}")
        options = BuildOptions.model_validate(record["options"])
        changes, hashes = [str(change) for change in record["changes"]], dict(record["sha256"])
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as e:
        why = "its options are not allowed" if isinstance(e, ValidationError) else f"{type(e).__name__}: {e}"
        raise _broken(folder, f"{FILE} is damaged ({why})") from e
    for name in {MODEL, *hashes}:
        if name not in _HASHED or not (folder / name).is_file() or _hash(folder / name) != hashes.get(name):
            raise _broken(folder, f"{name} is not as it was built")
    return options, changes


def _broken(folder: Path, what: str) -> UserError:
    return UserError(f"{folder}: {what}. Build it again: xnorsr build MODEL.onnx --out {folder} --force")


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
