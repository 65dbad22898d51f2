"""The reference: a QONNX file executed by qonnx, read and written as integer codes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..hw.golden import reference
from ..hw.graph.lower import Lowered
from .frames import check_input


@dataclass
class Execution:
    """Result of one reference execution.

    Attributes:
        outputs: codes of each output by its tensor's name, (H, W, C) int64, in the graph's order.
        tensors: every tensor of the execution by name, float32, NCHW; empty unless asked for.
    """

    outputs: dict[str, np.ndarray]
    tensors: Mapping[str, np.ndarray]

    @property
    def output(self) -> np.ndarray:
        """Codes of the first output, which most networks have alone."""
        return next(iter(self.outputs.values()))


def run(lowered: Lowered, codes: np.ndarray, all_tensors: bool = False) -> Execution:
    """Execute the reference model on one image.

    Args:
        lowered: what `hw.graph.lower.lower` gave; its `reference` is executed.
        codes: input codes, (H, W, C).
        all_tensors: keep every intermediate tensor.

    Raises:
        UserError: the image has another size or code range than the network's input, or qonnx cannot execute it.
    """
    codes = np.asarray(codes)
    check_input(codes, lowered.input_type)
    tensors = reference(lowered.reference, lowered.input_type, codes, all_tensors)
    outputs = {o: kind.to_codes(tensors[o][0].transpose(1, 2, 0)) for o, kind in lowered.output_types.items()}
    return Execution(outputs, tensors if all_tensors else {})
