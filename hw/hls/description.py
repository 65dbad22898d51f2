"""What a written HLS project says of itself: xnorsr.json."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import UserError
from ..types import StreamType

FILE, FORMAT = "xnorsr.json", 3


def stream_type(raw: Mapping[str, Any]) -> StreamType:
    """The type of a stream that a project's description records.

    Raises:
        ValueError, TypeError: it is none.
    """
    kind = StreamType(**raw)
    numbers = (kind.height, kind.width, kind.channels, kind.bits)
    if any(type(n) is not int for n in (*numbers, kind.frac)) or min(numbers) < 1 or kind.bits > 64:
        raise ValueError(f"{dict(raw)} is no type of a stream")
    return kind


def _word(text: object) -> str:
    """A name that may be part of a path."""
    if not isinstance(text, str) or not re.fullmatch(r"\w+", text):
        raise ValueError(f"{text!r} is no name")
    return text


@dataclass(frozen=True)
class Traced:
    """A stream whose codes a traced run gives: its name, its tensor in the QONNX graph, its type."""

    name: str
    tensor: str
    kind: StreamType


@dataclass(frozen=True)
class Kept:
    """A state: what the network keeps from frame to frame.

    Attributes:
        name: of the stream that carries it.
        kind: its type, a vector.
        start: codes in the first frame, one for each channel.
    """

    name: str
    kind: StreamType
    start: tuple[int, ...]


@dataclass(frozen=True)
class Port:
    """A port of the network: the QONNX tensor and its type."""

    tensor: str
    kind: StreamType


def _kept(raw: Mapping[str, Any]) -> Kept:
    kept = Kept(raw["name"], stream_type(raw["type"]), tuple(raw["start"]))
    fits = kept.kind.pixels == 1 and len(kept.start) == kept.kind.channels
    if not fits or any(type(n) is not int or not kept.kind.lo <= n <= kept.kind.hi for n in kept.start):
        raise ValueError(f"the start of state {kept.name} is none")
    return kept


@dataclass(frozen=True)
class Description:
    """Project name, stamp of its library, its ports, traced streams and states."""

    project: str
    stamp: str
    input: Port
    outputs: tuple[Port, ...]
    traced: tuple[Traced, ...]
    states: tuple[Kept, ...]

    @staticmethod
    def read(folder: Path) -> Description:
        """Read it from a project folder.

        Raises:
            UserError: there is no project in the folder, or its description is broken.
        """
        path = folder / FILE
        if not path.is_file():
            raise UserError(f"{folder}: no HLS project in it (no {FILE}). Make one with: xnorsr build MODEL.onnx")
        try:
            raw = json.loads(path.read_text(encoding="utf-8"))
            if raw.get("format") != FORMAT:
                raise ValueError(f"it is of format {raw.get('format')}, this version reads {FORMAT}")
            traced = tuple(Traced(x["name"], x["tensor"], stream_type(x["type"])) for x in raw["traced"])
            source, *outputs = (Port(p["tensor"], stream_type(p["type"])) for p in (raw["input"], *raw["outputs"]))
            states = tuple(_kept(x) for x in raw["states"])
            return Description(_word(raw["project"]), _word(raw["stamp"]), source, tuple(outputs), traced, states)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise UserError(f"{path}: not a project description ({error}). Build the project again.") from error
