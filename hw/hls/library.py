"""A compiled C-simulation library: codes in, codes out."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ...errors import UserError
from ..types import StreamType
from .description import Description

_INT32 = np.ctypeslib.ndpointer(np.int32, flags="C_CONTIGUOUS")
_POINTERS = ctypes.POINTER(ctypes.c_void_p)


class Library:
    """The library of a project that `hw.hls.project.compile_project` compiled.

    Raises:
        UserError: it cannot be loaded.
    """

    def __init__(self, path: Path, description: Description, trace: bool) -> None:
        self.description, self.trace = description, trace
        try:
            self._library = ctypes.CDLL(str(path))
            self._library.xnorsr_run.argtypes = [_INT32, _POINTERS, _POINTERS]
            if trace:
                self._library.xnorsr_run_trace.argtypes = [_INT32, _POINTERS, _POINTERS, _POINTERS]
        except (OSError, AttributeError) as error:
            raise UserError(
                f"{path}: cannot be loaded ({error}). Remove the file to have it compiled again; if a source there "
                "was changed, build it again: xnorsr build"
            ) from error

    def start(self) -> dict[str, np.ndarray]:
        """The states of the first frame after reset: (1, 1, C) int64 codes by name."""
        return {one.name: np.array(one.start, np.int64).reshape(_shape(one.kind)) for one in self.description.states}

    def run(
        self, codes: np.ndarray, states: Mapping[str, np.ndarray]
    ) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Codes of the outputs by their tensors, of the traced streams by their names, and of the next frame's states
        by theirs, each (H, W, C) int64.

        Args:
            codes: (H, W, C) codes of the input's type.
            states: this frame's, as `start` and the run before give them.

        Raises:
            RuntimeError: the streams did not end empty.
        """
        frame = np.ascontiguousarray(codes, np.int32)
        outputs = {port.tensor: np.empty(_shape(port.kind), np.int32) for port in self.description.outputs}
        traced = self.description.traced if self.trace else ()
        streams = {one.name: np.empty(_shape(one.kind), np.int64) for one in traced}
        following = {one.name: np.array(states[one.name], np.int64, order="C") for one in self.description.states}
        if self.trace:
            status = self._library.xnorsr_run_trace(frame, _pointers(outputs), _pointers(following), _pointers(streams))
        else:
            status = self._library.xnorsr_run(frame, _pointers(outputs), _pointers(following))
        if status:
            raise RuntimeError("the streams of the C-simulation did not end empty")
        return {name: out.astype(np.int64) for name, out in outputs.items()}, streams, following


def _shape(kind: StreamType) -> tuple[int, int, int]:
    return kind.height, kind.width, kind.channels


def _pointers(arrays: Mapping[str, np.ndarray]) -> ctypes.Array[ctypes.c_void_p]:
    """A C array of the arrays' addresses; the arrays must outlive the call."""
    return (ctypes.c_void_p * len(arrays))(*(a.ctypes.data for a in arrays.values()))
