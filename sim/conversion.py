"""What a conversion changed: the original network against its converted form, in codes and in dB."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from qonnx.core.onnx_exec import execute_onnx

from ..hw.graph.load import load
from ..hw.graph.lower import Lowered
from .reference import run


@dataclass(frozen=True)
class ConversionEffect:
    """Effect of the conversion on one image.

    Attributes:
        codes: output codes compared.
        changed: how many differ.
        largest: greatest difference in codes.
        psnr: of the converted output against the original's, in dB; infinite where nothing changed; of several outputs
            the worst.
    """

    codes: int
    changed: int
    largest: int
    psnr: float


def effect(original: object, lowered: Lowered, codes: np.ndarray) -> ConversionEffect:
    """Execute the network before and after the conversion on one image.

    Args:
        original: QONNX file or model at the same frame, as given to the lowering.
        codes: input codes, (H, W, C).
    """
    model = load(original)
    values = lowered.input_type.to_values(np.asarray(codes, np.int64)).astype(np.float32).transpose(2, 0, 1)[None]
    out = execute_onnx(model, {model.graph.input[0].name: np.ascontiguousarray(values)})
    after, before = run(lowered, codes).outputs, list(out.values())  # both in the graphs' order
    differences, psnr = [], float("inf")
    for (name, kind), values in zip(lowered.output_types.items(), before, strict=True):
        difference = np.abs(kind.to_codes(values[0].transpose(1, 2, 0)) - after[name])
        mse = float(np.mean(difference.astype(np.float64) ** 2))
        if mse > 0:
            psnr = min(psnr, 10 * float(np.log10((kind.hi - kind.lo) ** 2 / mse)))
        differences.append(difference.ravel())
    every = np.concatenate(differences)
    return ConversionEffect(every.size, int((every > 0).sum()), int(every.max()), psnr)
