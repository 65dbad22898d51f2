"""Equality of integer codes. There is no tolerance, and a difference raises."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..errors import MismatchError
from ..hw.golden import compare_codes, stream_codes
from ..hw.graph.lower import Lowered
from ..hw.types import StreamType
from .reference import Execution

__all__ = ["Comparison", "compare", "compare_codes"]


@dataclass(frozen=True)
class Comparison:
    """How many codes were compared, all equal.

    Attributes:
        codes: output codes compared, of all outputs.
        streams: intermediate streams compared, by name, with their number of codes.
    """

    codes: int
    streams: dict[str, int]


def compare(
    lowered: Lowered,
    reference: Execution,
    outputs: Mapping[str, np.ndarray] | np.ndarray,
    streams: Mapping[str, np.ndarray] | None = None,
    types: Mapping[str, StreamType] | None = None,
) -> Comparison:
    """Compare a simulation with the reference, stream by stream in the network's order, then the outputs.

    Args:
        outputs: codes (H, W, C) of the simulation by the outputs' names; of a network with one output the codes alone.
        streams: codes of intermediate streams by the names in ``lowered.references``, if the simulation traced them.
        types: the streams' types, by the same names.

    Raises:
        MismatchError: names the first layer or output, pixel, channel and both codes; or an output that is missing.
        KeyError: a stream of the lowering that has a place in the reference was not traced.
    """
    names = list(reference.outputs)
    if isinstance(outputs, np.ndarray):
        if len(names) > 1:
            raise MismatchError(f"the network has the outputs {', '.join(names)}; found one without a name")
        outputs = {names[0]: outputs}
    if set(outputs) != set(names):
        raise MismatchError(f"the reference has the outputs {', '.join(names)}; found {', '.join(outputs) or 'none'}")
    counts: dict[str, int] = {}
    if streams is not None:
        assert types is not None and reference.tensors
        for name, place in lowered.references.items():
            wanted = stream_codes(reference.tensors, place, types[name])
            counts[name] = compare_codes(f"layer '{name}'", wanted, streams[name])
    codes = sum(compare_codes(f"output '{name}'", reference.outputs[name], outputs[name]) for name in names)
    return Comparison(codes, counts)
