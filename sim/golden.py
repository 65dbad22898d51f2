"""NumPy goldens of the hardware operators, for module and layer tests only.

Networks are checked against the QONNX file itself (`sim.reference`); these functions let one kernel or one
SystemVerilog module be tested alone. Arrays are integer codes, (H, W, C).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..hw.graph.ops import Affine, Conv, Op, PixelShuffle, Residual, Threshold, Upsample


def _conv(op: Conv, x: np.ndarray) -> np.ndarray:
    k, p = op.kernel, op.kernel // 2
    values = 2 * x - 1 if op.input.bipolar else x
    weight = 2 * op.weight - 1 if op.binary else op.weight
    padded = np.pad(values, ((p, p), (p, p), (0, 0)), constant_values=op.pad_value)
    h, w, _ = x.shape
    acc = np.zeros((h, w, weight.shape[0]), np.int64)
    for i in range(k):
        for j in range(k):
            acc += padded[i : i + h, j : j + w] @ weight[:, i, j].T
    return acc + op.bias


def _affine(op: Affine, x: np.ndarray) -> np.ndarray:
    y = x if op.scale is None else x * op.scale
    y = y if op.bias is None else y + op.bias
    y = y if op.mid is None else op.mid(y)
    y = y if op.slope is None else np.where(y >= 0, y << op.slope_frac, y * op.slope)
    return y if op.quant is None else op.quant(y)


def _threshold(op: Threshold, x: np.ndarray) -> np.ndarray:
    return op.base + ((op.sign * x)[..., None] >= op.thresholds).sum(-1)


def _residual(op: Residual, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    y = (a << op.shift_a) + (b << op.shift_b)
    return y if op.quant is None else op.quant(y)


def _pixel_shuffle(op: PixelShuffle, x: np.ndarray) -> np.ndarray:
    h, w, _ = x.shape
    r, c = op.factor, op.output.channels
    if op.mode == "CRD":
        return x.reshape(h, w, c, r, r).transpose(0, 3, 1, 4, 2).reshape(h * r, w * r, c)
    return x.reshape(h, w, r, r, c).transpose(0, 2, 1, 3, 4).reshape(h * r, w * r, c)


def _upsample(op: Upsample, x: np.ndarray) -> np.ndarray:
    h, w, c = x.shape
    taps, _ = op.phase_weights()
    padded = np.pad(x, ((1, 1), (1, 1), (0, 0)), mode="edge")
    phases = [
        sum(ty[a] * tx[b] * padded[a : a + h, b : b + w] for a in range(3) for b in range(3))
        for ty in taps
        for tx in taps
    ]
    y = np.stack(phases, -1).reshape(h, w, c * op.factor**2)
    return y if op.quant is None else op.quant(y)


_MODELS: dict[type[Op], Callable[..., np.ndarray]] = {
    Conv: _conv,
    Affine: _affine,
    Threshold: _threshold,
    Residual: _residual,
    PixelShuffle: _pixel_shuffle,
    Upsample: _upsample,
}


def golden(op: Op, *inputs: np.ndarray) -> np.ndarray:
    """Output codes, (H, W, C) int64, of one operator for the codes of its inputs."""
    out = _MODELS[type(op)](op, *(np.asarray(x, np.int64) for x in inputs))
    assert out.min() >= op.output.lo and out.max() <= op.output.hi, f"{op.op_type} leaves {op.output}"
    return out
