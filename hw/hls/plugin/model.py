"""hls4ml's ModelGraph as this backend makes it: trace() and what profiling reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from hls4ml.model import ModelGraph

from ....errors import UserError
from ...types import StreamType
from ..description import Description
from ..library import Library
from ..project import compile_project


def check_shape(x: Any, shape: tuple[int, ...], what: str) -> None:
    """Refuse images of another shape than (H, W, C) or (N, H, W, C).

    Raises:
        UserError: names the shape that is allowed.
    """
    if not isinstance(x, np.ndarray) or x.dtype not in (np.float32, np.float64):
        given = f"made of {x.dtype} numbers" if isinstance(x, np.ndarray) else f"a {type(x).__name__}"
        raise UserError(f"{what}: the input is {given}; give a NumPy array of float32 or float64.")
    if x.shape[-3:] != shape or x.ndim not in (3, 4):
        channels_first = (shape[2], *shape[:2])
        hint = " Its channels come first: give np.moveaxis(x, -3, -1)." if x.shape[-3:] == channels_first else ""
        raise UserError(
            f"{what}: the input has the shape {x.shape}; allowed are {shape}, that is (H, W, C), and "
            f"(N, {', '.join(map(str, shape))}).{hint}"
        )


def frames_of(x: Any, kind: StreamType, what: str) -> np.ndarray:
    """Float images as an array (N, H, W, C).

    Raises:
        UserError: another shape, say channels first, or a value that is no code of the input's type: nothing rounds in
            front of the hardware.
    """
    shape = (kind.height, kind.width, kind.channels)
    check_shape(x, shape, what)
    try:
        kind.to_codes(x)
    except ValueError as error:
        raise UserError(
            f"{what}: the input has values that are no codes of its type. Allowed are k * 2**{-kind.frac} "
            f"with {kind.lo} <= k <= {kind.hi}; for an 8-bit picture give pixels * 2**{-kind.frac}."
        ) from error
    return np.ascontiguousarray(x.reshape(-1, *shape))


class XnorModelGraph(ModelGraph):
    """A ModelGraph of the backend XnorVitis."""

    def trace(self, x: np.ndarray) -> tuple[Any, dict[str, np.ndarray]]:
        """C-simulation with every layer's values.

        Args:
            x: as for `predict`.

        Returns:
            What `predict` gives, and for each traced layer (N, H, W, C) float values by its name, of frames that follow
            each other from reset on. A layer with several outputs has the first one's. Streams that a tensor of the
            QONNX graph stands for are traced.

        Raises:
            UserError: as `predict`.
        """
        self.compile()
        kind = next(iter(self.get_layers())).get_attr("stream").kind
        frames = frames_of(x, kind, "trace")
        folder = Path(self.config.get_output_dir())
        library = Library(compile_project(folder, trace=True), Description.read(folder), trace=True)
        makers = {name: layer.name for layer in self.get_layers() for name in reversed(layer.outputs)}
        found: dict[str, list[np.ndarray]] = {}
        states = library.start()
        for frame in frames:
            _, streams, states = library.run(kind.to_codes(frame), states)
            for one in library.description.traced:
                if one.name in makers:
                    found.setdefault(makers[one.name], []).append(one.kind.to_values(streams[one.name]))
        return self.predict(x), {name: np.stack(values) for name, values in found.items()}
