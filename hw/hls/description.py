"""What a written HLS project says of itself: xnorsr.json."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from ...errors import UserError
from ..types import StreamType

FILE = "xnorsr.json"


@dataclass(frozen=True)
class Traced:
    """A stream whose codes a traced run gives: its name, its tensor in the QONNX graph, its type."""

    name: str
    tensor: str
    kind: StreamType


@dataclass(frozen=True)
class Port:
    """A port of the network: the QONNX tensor and its type."""

    tensor: str
    kind: StreamType


@dataclass(frozen=True)
class Description:
    """Project name, stamp of its library, its ports and traced streams."""

    project: str
    stamp: str
    input: Port
    outputs: tuple[Port, ...]
    traced: tuple[Traced, ...]

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
            raw = json.loads(path.read_text())
            traced = tuple(Traced(x["name"], x["tensor"], StreamType(**x["type"])) for x in raw["traced"])
            source, *outputs = (Port(p["tensor"], StreamType(**p["type"])) for p in (raw["input"], *raw["outputs"]))
            return Description(raw["project"], raw["stamp"], source, tuple(outputs), traced)
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(f"{path}: not a project description ({error}). Build the project again.") from error
