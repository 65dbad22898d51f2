"""C-simulation of an HLS project: integer codes in, integer codes out."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Literal, overload

import numpy as np

from ..hw.hls.description import Description
from ..hw.hls.project import compile_project
from ..hw.types import StreamType
from .frames import check_input

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
        codes = np.asarray(codes)
        check_input(codes, self.description.input)
        frame = np.ascontiguousarray(codes, np.int32)
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


def _shape(kind: StreamType) -> tuple[int, int, int]:
    return kind.height, kind.width, kind.channels
