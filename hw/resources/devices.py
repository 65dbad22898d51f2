"""The FPGA parts that estimates are held against (devices.toml)."""

from __future__ import annotations

import difflib
import re
import tomllib
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from ...errors import UserError


@dataclass(frozen=True)
class Device:
    """What one part offers.

    Attributes:
        part: name without package and speed grade, for example "xck26".
        family: what Yosys's synth_xilinx takes: "xc7", "xcu" or "xcup".
        lut: 6-input look-up tables.
        ff: flip-flops.
        bram36: block RAMs of 36 Kb.
        uram: UltraRAMs of 288 Kb.
        dsp: DSP slices.
        full: name of the part with package and speed grade, one of several; see `vendor_part`.
        boards: boards that carry the part, with its full name there; `device` takes these names too.
        source: data sheet that the numbers come from.
    """

    part: str
    family: str
    lut: int
    ff: int
    bram36: int
    uram: int
    dsp: int
    full: str
    boards: dict[str, str]
    source: str

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)


@cache
def devices() -> dict[str, Device]:
    """All parts by name."""
    table = tomllib.loads(files(__package__).joinpath("devices.toml").read_text(encoding="utf-8"))
    return {part: Device(part=part, **row) for part, row in table.items()}


#: Of a part or a board; nothing else may stand in scripts and reports.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
#: How the vendor's part names begin: commercial, automotive, defence and space grade.
_VENDOR = re.compile(r"x[caqr][a-z0-9]{2}", re.IGNORECASE)


def check_part(name: str) -> str:
    """A name that a project may be built for: a board, a known part, or one that may be the vendor's.

    A part that is not in the table is the vendor tool's to know; see `known`.

    Raises:
        ValueError: it is no such name; says what is allowed.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(
            "a part or board is named by 1 to 64 letters, digits, - and _, for example xck26-sfvc784-2LV-c"
        )
    if not known(name) and not _VENDOR.match(name):
        raise ValueError(_unknown(name))
    return name


def known(name: str) -> bool:
    """Whether the table holds this part or board."""
    try:
        device(name)
    except UserError:
        return False
    return True


#: Bits of the wide factor of a DSP slice: DSP48E1 (UG479), DSP48E2 (UG579).
DSP_WIDTH = {"xc7": 25, "xcu": 27, "xcup": 27}


def dsp_width(name: str) -> int:
    """Bits of the wide factor of a part's DSP slices; the least of all for a part that the table does not hold."""
    return DSP_WIDTH[device(name).family] if known(name) else min(DSP_WIDTH.values())


def device(name: str) -> Device:
    """The part called ``name``, which may be a part ("xc7z020", "xc7z020clg400-1") or a board ("kv260").

    Raises:
        UserError: no such part; names close ones.
    """
    wanted = name.strip().lower()
    parts = devices()
    boards = {b: d for d in parts.values() for b in d.boards}
    if found := parts.get(wanted) or boards.get(wanted):
        return found
    prefixes = [p for p in parts if wanted.startswith(p) and wanted[len(p)] in "-cfsri"]
    if prefixes:
        return parts[max(prefixes, key=len)]
    raise UserError(_unknown(name))


def vendor_part(name: str) -> str:
    """The name that the vendor's tools take, with package and speed grade.

    A board and a part without them get those of the table; any other name stays as it is.
    """
    wanted = name.strip().lower()
    for one in devices().values():
        if full := {one.part: one.full, **one.boards}.get(wanted):
            return full
    return name


def _unknown(name: str) -> str:
    parts = devices()
    names = [*parts, *(b for d in parts.values() for b in d.boards)]
    close = difflib.get_close_matches(name.strip().lower(), names, n=4, cutoff=0.5)
    hint = f"did you mean {', '.join(close)}?" if close else f"known parts: {', '.join(parts)}"
    return f"unknown part or board {name!r}: {hint} (boards work too, for example kv260)"
