"""C-simulation of an HLS project: integer codes in, integer codes out."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Literal, overload

import numpy as np

from ..errors import UserError
from ..hw.hls.description import Description
from ..hw.hls.project import compile_project
from ..hw.types import StreamType

_INT32 = np.ctypeslib.ndpointer(np.int32, flags="C_CONTIGUOUS")


class CSim:
    """A compiled HLS project. Compiles on first use; frames are (H, W, C) codes.

    Args:
        project_dir: folder that `hw.hls.project.write_project` wrote.
        bit_true: simulate the code that is synthesized instead of its fast form; the same codes, slowly.
    """

    def __init__(self, project_dir: Path, bit_true: bool = False) -> None:
        self.project_dir = Path(project_dir)
        self.description = Description.read(self.project_dir)
        self._bit_true = bit_true
        self._libraries: dict[bool, ctypes.CDLL] = {}

    @overload
    def run(self, codes: np.ndarray, trace: Literal[False] = False) -> np.ndarray: ...
    @overload
    def run(self, codes: np.ndarray, trace: Literal[True]) -> tuple[np.ndarray, dict[str, np.ndarray]]: ...
    def run(self, codes: np.ndarray, trace: bool = False) -> np.ndarray | tuple[np.ndarray, dict[str, np.ndarray]]:
        """Simulate one frame.

        Args:
            codes: (H, W, C) integer codes of the input's type.
            trace: give every layer's output as well.

        Returns:
            (H', W', C') int64 codes; with `trace` also a dict from tensor name to its (h, w, c) int64 codes.

        Raises:
            UserError: the frame has another size than the built one, codes are out of range, or compiling fails.
        """
        frame = self._checked(codes)
        out = np.empty(_shape(self.description.output), np.int32)
        library = self._library(trace)
        if not trace:
            status = library.xnorsr_run(frame, out)
            traces = {}
        else:
            traces = {layer.tensor: np.empty(_shape(layer.kind), np.int64) for layer in self.description.layers}
            pointers = (ctypes.c_void_p * len(traces))(*(a.ctypes.data for a in traces.values()))
            status = library.xnorsr_run_trace(frame, out, pointers)
        if status:
            raise RuntimeError(f"{self.project_dir}: the streams of the C-simulation did not end empty")
        result = out.astype(np.int64)
        return (result, traces) if trace else result

    def _library(self, trace: bool) -> ctypes.CDLL:
        if trace not in self._libraries:
            library = ctypes.CDLL(str(compile_project(self.project_dir, trace=trace, bit_true=self._bit_true)))
            library.xnorsr_run.argtypes = [_INT32, _INT32]
            if trace:
                library.xnorsr_run_trace.argtypes = [_INT32, _INT32, ctypes.POINTER(ctypes.c_void_p)]
            self._libraries[trace] = library
        return self._libraries[trace]

    def _checked(self, codes: np.ndarray) -> np.ndarray:
        kind = self.description.input
        codes = np.asarray(codes)
        if codes.ndim != 3 or codes.shape[2] != kind.channels:
            raise UserError(f"the input has shape {codes.shape}; the network takes (H, W, {kind.channels}).")
        if codes.shape[:2] != (kind.height, kind.width):
            height, width = codes.shape[:2]
            raise UserError(
                f"the image is {width}x{height} pixels, {self.project_dir} is built for {kind.width}x{kind.height}. "
                f"Build it for this size with --frame {width}x{height}."
            )
        if not np.issubdtype(codes.dtype, np.integer) or codes.min() < kind.lo or codes.max() > kind.hi:
            raise UserError(f"the input is not made of integer codes from {kind.lo} to {kind.hi}.")
        return np.ascontiguousarray(codes, np.int32)


def _shape(kind: StreamType) -> tuple[int, int, int]:
    return kind.height, kind.width, kind.channels
