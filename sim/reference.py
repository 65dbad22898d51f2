"""The reference: a QONNX file executed by qonnx, read and written as integer codes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from ..hw.golden import reference
from ..hw.graph.lower import Lowered
from ..hw.graph.states import next_states, states_of
from .frames import check_input


@dataclass
class Execution:
    """Result of one reference execution.

    Attributes:
        outputs: codes of each output by its tensor's name, (H, W, C) int64, in the graph's order.
        tensors: every tensor of the execution by name, float32, NCHW; empty unless asked for.
        states: what the next frame is given, by the reference's inputs; empty for a network that keeps nothing.
    """

    outputs: dict[str, np.ndarray]
    tensors: Mapping[str, np.ndarray]
    states: Mapping[str, np.ndarray] = field(default_factory=dict)

    @property
    def output(self) -> np.ndarray:
        """Codes of the first output, which most networks have alone."""
        return next(iter(self.outputs.values()))


def run(
    lowered: Lowered, codes: np.ndarray, all_tensors: bool = False, states: Mapping[str, np.ndarray] | None = None
) -> Execution:
    """Execute the reference model on one image.

    Args:
        lowered: what `hw.graph.lower.lower` gave; its `reference` is executed.
        codes: input codes, (H, W, C).
        all_tensors: keep every intermediate tensor.
        states: those of the frame before (`Execution.states`); None: of the first frame after reset.

    Raises:
        UserError: the image has another size or code range than the network's input, or qonnx cannot execute it.
    """
    codes = np.asarray(codes)
    check_input(codes, lowered.input_type)
    tensors = reference(lowered.reference, lowered.input_type, codes, all_tensors, states=states)
    outputs = {o: kind.to_codes(tensors[o][0].transpose(1, 2, 0)) for o, kind in lowered.output_types.items()}
    following = next_states(states_of(lowered.reference.model), tensors)
    return Execution(outputs, tensors if all_tensors else {}, following)


def run_frames(lowered: Lowered, frames: Iterable[np.ndarray], all_tensors: bool = False) -> list[Execution]:
    """`run` for frames that follow each other from reset on, each with the states of the one before."""
    found: list[Execution] = []
    for codes in frames:
        found.append(run(lowered, codes, all_tensors, found[-1].states if found else None))
    return found
