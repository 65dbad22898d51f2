"""Frames for the test bench in tb_data: one frame a line, integer codes in (H, W, C) order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ...errors import UserError
from ..types import StreamType
from .plan import Plan

INPUT, EXPECTED = "tb_input_codes.dat", "tb_output_codes.dat"


def write_test_data(network: Plan, config: dict[str, Any], folder: Path) -> None:
    """Write what hls4ml's InputData and OutputPredictions name (.npy or text, float values); the folder always.

    Raises:
        UserError: a file does not fit the network.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for key, kind, name in (("InputData", network.input, INPUT), ("OutputPredictions", network.output, EXPECTED)):
        if config.get(key):
            write_codes(folder / name, _codes(Path(config[key]), key, kind))


def write_codes(path: Path, codes: np.ndarray) -> None:
    """Write frames (N, H, W, C) or one frame (H, W, C)."""
    np.savetxt(path, codes.reshape(len(codes) if codes.ndim == 4 else 1, -1), fmt="%d")


def _codes(path: Path, key: str, kind: StreamType) -> np.ndarray:
    shape = (-1, kind.height, kind.width, kind.channels)
    try:
        values = np.load(path) if path.suffix == ".npy" else np.loadtxt(path, ndmin=2)
        return kind.to_codes(values.reshape(shape))
    except (OSError, ValueError) as error:
        wanted = ", ".join(map(str, shape[1:]))
        raise UserError(f"{key} {path}: {error}. Wanted are float values of shape (N, {wanted}).") from error
