"""Frames for the test bench in tb_data: one frame per line, integer codes in (H, W, C) order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ...errors import UserError
from ..types import StreamType
from .design import HlsDesign

INPUT = "tb_input_codes.dat"


def expected_name(output: int) -> str:
    """File of the codes that an output must give."""
    return f"tb_output{output or ''}_codes.dat"


def write_test_data(design: HlsDesign, config: dict[str, Any], folder: Path) -> None:
    """Write what hls4ml's InputData and OutputPredictions name (.npy or text, float values); the folder always.

    Raises:
        UserError: a file does not fit the network, or the network has several outputs and expected ones are given.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if config.get("InputData"):
        write_codes(folder / INPUT, _codes(Path(config["InputData"]), "InputData", design.input.kind))
    if config.get("OutputPredictions"):
        if len(design.outputs) != 1:
            raise UserError(
                "OutputPredictions: the network has several outputs; leave it out and write "
                f"tb_data/{expected_name(0)}, tb_data/{expected_name(1)} and so on yourself."
            )
        codes = _codes(Path(config["OutputPredictions"]), "OutputPredictions", design.outputs[0].kind)
        write_codes(folder / expected_name(0), codes)


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
