"""Equality of integer codes. There is no tolerance, and a difference raises."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..errors import MismatchError
from ..hw.graph.lower import Lowered
from ..hw.types import StreamType
from .reference import Execution, stream_codes


@dataclass(frozen=True)
class Comparison:
    """How many codes were compared; mismatches is 0, or `compare` would have raised.

    Attributes:
        codes: output codes compared.
        mismatches: of the output.
        streams: intermediate streams compared, by name, with their number of codes.
    """

    codes: int
    mismatches: int
    streams: dict[str, int]


def compare_codes(layer: str, expected: np.ndarray, found: np.ndarray) -> int:
    """Number of codes of two (H, W, C) arrays, all equal.

    Raises:
        MismatchError: the first pixel and channel in raster order that differ, with both codes.
    """
    if expected.shape != found.shape:
        raise MismatchError(
            f"layer '{layer}': the reference has the shape {expected.shape}, found {found.shape} (H, W, C)"
        )
    different = np.asarray(expected, np.int64) != np.asarray(found, np.int64)
    if different.any():
        y, x, c = (int(i) for i in np.argwhere(different)[0])
        raise MismatchError(
            f"layer '{layer}': {int(different.sum())} of {different.size} codes differ; first at pixel (x={x}, y={y}), "
            f"channel {c}: reference {int(expected[y, x, c])}, found {int(found[y, x, c])}"
        )
    return int(expected.size)


def compare(
    lowered: Lowered,
    reference: Execution,
    output: np.ndarray,
    streams: Mapping[str, np.ndarray] | None = None,
    types: Mapping[str, StreamType] | None = None,
) -> Comparison:
    """Compare a simulation with the reference, stream by stream in the network's order, then the output.

    Args:
        output: codes (H, W, C) of the simulation.
        streams: codes of intermediate streams by tensor name, if the simulation traced them.
        types: the streams' types, by the same names.

    Raises:
        MismatchError: names the first layer, pixel, channel and both codes.
        KeyError: a stream of the lowering that has a place in the reference was not traced.
    """
    counts: dict[str, int] = {}
    if streams is not None:
        assert types is not None and reference.tensors
        for name, place in lowered.references.items():
            counts[name] = compare_codes(name, stream_codes(reference.tensors, place, types[name]), streams[name])
    return Comparison(compare_codes("output", reference.output, output), 0, counts)
