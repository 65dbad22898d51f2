"""C-simulation of an HLS project: integer codes in, integer codes out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, overload

import numpy as np

from ..hw.hls.description import Description
from ..hw.hls.library import Library
from ..hw.hls.project import compile_project
from .frames import check_input


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

    Frames follow each other: what the network keeps of one (mode previous) goes into the next, as in hardware.

    Args:
        project_dir: folder that `hw.hls.project.write_project` wrote.
        bit_true: simulate the code that is synthesized instead of its fast form; the same codes, slowly.

    Attributes:
        states: what the next frame is given, (1, 1, C) codes by the name of the stream that carries them; None: the
            start values. Whoever sets it decides where a frame goes on.
    """

    def __init__(self, project_dir: Path, bit_true: bool = False) -> None:
        self.project_dir = Path(project_dir)
        self.description = Description.read(self.project_dir)
        self._bit_true = bit_true
        self._libraries: dict[bool, Library] = {}
        self.states: dict[str, np.ndarray] | None = None

    def reset(self) -> None:
        """Let the next frame be the first one."""
        self.states = None

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
        try:
            library = self._library(trace)
            given = library.start() if self.states is None else self.states
            outputs, streams, self.states = library.run(codes, given)
        except RuntimeError as error:
            raise RuntimeError(f"{self.project_dir}: {error}") from error
        return CSimResult(outputs, streams)

    @overload
    def run(self, codes: np.ndarray, trace: Literal[False] = False) -> np.ndarray: ...
    @overload
    def run(self, codes: np.ndarray, trace: Literal[True]) -> tuple[np.ndarray, dict[str, np.ndarray]]: ...
    def run(self, codes: np.ndarray, trace: bool = False) -> np.ndarray | tuple[np.ndarray, dict[str, np.ndarray]]:
        """`simulate` for networks with one output: its codes, with ``trace`` also the streams'."""
        result = self.simulate(codes, trace)
        return (result.output, result.streams) if trace else result.output

    def _library(self, trace: bool) -> Library:
        if trace not in self._libraries:
            path = compile_project(self.project_dir, trace=trace, bit_true=self._bit_true)
            self._libraries[trace] = Library(path, self.description, trace)
        return self._libraries[trace]
