"""C-simulation of an HLS project: integer codes in, integer codes out."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, overload

import numpy as np

from ..errors import UserError
from ..hw.hls.description import Description
from ..hw.hls.project import compile_project
from ..hw.types import StreamType
from .frames import check_input

_INT32 = np.ctypeslib.ndpointer(np.int32, flags="C_CONTIGUOUS")
_POINTERS = ctypes.POINTER(ctypes.c_void_p)


@dataclass
class CSimResult:
    """What a simulation gave.

    Attributes:
        outputs: codes of each output by its tensor's name, (H', W', C') int64, in the graph's order.
        streams: codes of each traced stream by its name, (h, w, c) int64; empty unless asked for.
    """

    outputs: dict[str, np.ndarray]
    streams: dict[str, np.ndarray]

    @property
    def output(self) -> np.ndarray:
        """Codes of the first output, which most networks have alone."""
        return next(iter(self.outputs.values()))


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

    def simulate(self, codes: np.ndarray, trace: bool = False) -> CSimResult:
        """Simulate one frame.

        Args:
            codes: (H, W, C) integer codes of the input's type.
            trace: give the codes of every traced stream as well.

        Raises:
            UserError: the frame has another size than the built one, codes are out of range, or compiling fails.
        """
        codes = np.asarray(codes)
        check_input(codes, self.description.input.kind)
        frame = np.ascontiguousarray(codes, np.int32)
        outputs = {port.tensor: np.empty(_shape(port.kind), np.int32) for port in self.description.outputs}
        traced = self.description.traced if trace else ()
        streams = {one.name: np.empty(_shape(one.kind), np.int64) for one in traced}
        library = self._library(trace)
        if trace:
            status = library.xnorsr_run_trace(frame, _pointers(outputs), _pointers(streams))
        else:
            status = library.xnorsr_run(frame, _pointers(outputs))
        if status:
            raise RuntimeError(f"{self.project_dir}: the streams of the C-simulation did not end empty")
        return CSimResult({name: out.astype(np.int64) for name, out in outputs.items()}, streams)

    @overload
    def run(self, codes: np.ndarray, trace: Literal[False] = False) -> np.ndarray: ...
    @overload
    def run(self, codes: np.ndarray, trace: Literal[True]) -> tuple[np.ndarray, dict[str, np.ndarray]]: ...
    def run(self, codes: np.ndarray, trace: bool = False) -> np.ndarray | tuple[np.ndarray, dict[str, np.ndarray]]:
        """`simulate` for networks with one output: its codes, with ``trace`` also the streams'."""
        result = self.simulate(codes, trace)
        return (result.output, result.streams) if trace else result.output

    def _library(self, trace: bool) -> ctypes.CDLL:
        if trace not in self._libraries:
            path = compile_project(self.project_dir, trace=trace, bit_true=self._bit_true)
            try:
                library = ctypes.CDLL(str(path))
                library.xnorsr_run.argtypes = [_INT32, _POINTERS]
                if trace:
                    library.xnorsr_run_trace.argtypes = [_INT32, _POINTERS, _POINTERS]
            except (OSError, AttributeError) as error:
                raise UserError(
                    f"{path}: cannot be loaded ({error}). Remove the file to have it compiled again; if a source there "
                    "was changed, build it again: xnorsr build"
                ) from error
            self._libraries[trace] = library
        return self._libraries[trace]


def _shape(kind: StreamType) -> tuple[int, int, int]:
    return kind.height, kind.width, kind.channels


def _pointers(arrays: Mapping[str, np.ndarray]) -> ctypes.Array[ctypes.c_void_p]:
    """A C array of the arrays' addresses; the arrays must outlive the call."""
    return (ctypes.c_void_p * len(arrays))(*(a.ctypes.data for a in arrays.values()))
