"""What a conversion changed: the original network against its converted form on some pictures, in codes and in dB."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx

from ..hw.golden import picture, reference
from ..hw.graph.execute import DOUBLE
from ..hw.graph.index import Graph
from ..hw.graph.load import load
from ..hw.graph.lower import Lowered
from ..hw.types import StreamType
from .frames import check_input

FRAME = (48, 64)  # rows and columns that are looked at, at most: a network does the same at every place


@dataclass(frozen=True)
class ConversionEffect:
    """Effect of the conversion on some pictures. That nothing differs on them proves nothing for others.

    Attributes:
        pictures: how many were looked at.
        codes: output codes compared, of all of them.
        changed: how many differ.
        largest: greatest difference in codes.
        psnr: of the converted output against the original's, in dB, of the picture and output where it is worst;
            infinite where nothing changed.
    """

    pictures: int
    codes: int
    changed: int
    largest: int
    psnr: float


def sample_type(lowered: Lowered) -> StreamType:
    """Type of the pictures that `effect` takes: the network's input at its own frame or a smaller one."""
    kind = lowered.input_type
    return replace(kind, height=min(kind.height, FRAME[0]), width=min(kind.width, FRAME[1]))


def synthetic(kind: StreamType, count: int = 3, seed: int = 0) -> list[np.ndarray]:
    """Pictures without a camera, each (H, W, C) codes: noise, ramp and extremes, then `count` like photographs.

    Like photographs means: amplitudes fall as 1/frequency, channels go together, edges cut through.
    """
    rng = np.random.default_rng(seed)
    rows, columns = np.fft.fftfreq(kind.height)[:, None], np.fft.fftfreq(kind.width)[None]
    frequency = np.hypot(rows, columns)
    frequency[0, 0] = np.inf
    made = [picture(kind, seed)]
    for _ in range(count):
        noise = (
            rng.normal(size=(kind.height, kind.width, kind.channels)) * 0.3
            + rng.normal(size=frequency.shape)[..., None]
        )
        smooth = np.fft.ifft2(np.fft.fft2(noise, axes=(0, 1)) / frequency[..., None], axes=(0, 1)).real
        angle = rng.uniform(0, np.pi)
        y, x = np.indices(frequency.shape)
        side = np.cos(angle) * (x - kind.width / 2) > np.sin(angle) * (y - kind.height / 2)
        smooth = smooth + smooth.std() * side[..., None]
        low, high = np.quantile(smooth, (0.02, 0.98))
        level = (smooth - low) / max(high - low, 1e-12)
        made.append(np.clip(np.rint(kind.lo + level * (kind.hi - kind.lo)), kind.lo, kind.hi).astype(np.int64))
    return made


def effect(
    original: str | Path | onnx.ModelProto, lowered: Lowered, photographs: Sequence[np.ndarray] = ()
) -> ConversionEffect:
    """Execute the network before and after the conversion on photographs and on synthetic pictures; the one before in
    float64, so that nothing counts but the conversion.

    Args:
        original: QONNX file or model, as given to the lowering, at any frame.
        photographs: codes (H, W, C) of the type that `sample_type` gives.

    Raises:
        UserError: a photograph has another size or code range.
    """
    kind = sample_type(lowered)
    before, after = (load(source, (kind.height, kind.width)) for source in (original, lowered.reference.model))
    # In float32 a sum depends on the order of the processor's threads, and falls on either side of a rounding's tie.
    before.double = frozenset(node.name for node in before.graph.node if node.op_type in DOUBLE)
    pictures = [np.asarray(codes, np.int64) for codes in (*photographs, *synthetic(kind))]
    differences, psnr = [], float("inf")
    for codes in pictures:
        check_input(codes, kind)
        original, converted = _run(before, kind, codes, lowered.units.input), _run(after, kind, codes)
        for (name, out), a, b in zip(lowered.output_types.items(), original, converted, strict=True):
            in_codes = a / np.asarray(lowered.units.outputs.get(name, 1.0), np.float64)
            difference = np.abs(np.rint(in_codes * 2.0**out.frac) - b * 2.0**out.frac)
            mse = float(np.mean(difference**2))
            if mse > 0:
                psnr = min(psnr, 10 * float(np.log10((out.hi - out.lo) ** 2 / mse)))
            differences.append(difference.ravel())
    every = np.concatenate(differences)
    return ConversionEffect(len(pictures), every.size, int((every > 0).sum()), int(np.ceil(every.max())), psnr)


def _run(model: Graph, kind: StreamType, codes: np.ndarray, unit: float = 1.0) -> list[np.ndarray]:
    """Values of each output, float64, in the graph's order."""
    out = reference(model, kind, codes, all_tensors=False, unit=unit)
    return [np.asarray(out[o.name], np.float64) for o in model.graph.output]
