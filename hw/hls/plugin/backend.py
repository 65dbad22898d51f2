"""The hls4ml backend XnorVitis: Vitis HLS flavour, packed XNOR-popcount dataflow kernels.

It inherits hls4ml's configuration and vendor call from the Vitis backend. Its flow is its own and short: hls4ml's
precision and layout passes have nothing to do on graphs whose every type is explicit.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from hls4ml.backends import FPGABackend, VitisBackend
from hls4ml.model.flow import register_flow

from ....errors import UserError
from .passes.folding import ApplyFolding
from .passes.supported import CheckSupported

if TYPE_CHECKING:
    from hls4ml.model import ModelGraph

NAME = "XnorVitis"


class XnorVitisBackend(VitisBackend):
    """The backend, as hls4ml keeps it under the name XnorVitis."""

    def __init__(self) -> None:
        FPGABackend.__init__(self, NAME)
        self._register_flows()

    def _init_file_optimizers(self) -> dict[str, Any]:
        """Ours only: the passes of the Vitis backend are for its own layers."""
        return {"check_supported": CheckSupported(), "apply_folding": ApplyFolding()}

    def _register_flows(self) -> None:
        prefix = NAME.lower()
        passes = [f"{prefix}:{name}" for name in ("check_supported", "apply_folding")]
        streaming = register_flow("streaming", passes, backend=prefix)
        self._default_flow = register_flow("ip", None, requires=[streaming], backend=prefix)
        self._writer_flow = register_flow("write", [f"{prefix}:write_hls"], [self._default_flow], backend=prefix)

    def create_initial_config(
        self, io_type: str = "io_stream", port_colors: str | None = None, **kwargs: Any
    ) -> dict[str, Any]:
        """The Vitis backend's configuration, with streams as the default.

        Args:
            port_colors: order of channels in the words of RGB ports, "gbr" (None: the same) or "rgb"; that of arrays
                stays as it is.
        """
        return {**super().create_initial_config(io_type=io_type, **kwargs), "PortColors": port_colors}

    def create_layer_class(self, layer_class: type) -> type:
        """Layers have no attributes of hls4ml's kind: all of them stand in the operator."""
        name = f"{layer_class.__module__}.{layer_class.__qualname__}"
        return type(self.name + layer_class.__name__, (layer_class,), {"_expected_attributes": [], "_wrapped": name})

    def compile(self, model: Any) -> str:
        """Compile the written project for C-simulation; the library's path.

        Raises:
            UserError: there is no C++ compiler, or it fails.
        """
        from ..project import compile_project

        return str(compile_project(Path(model.config.get_output_dir())))

    def predict(self, model: ModelGraph, x: np.ndarray) -> np.ndarray:
        """C-simulation of float images, (N, H, W, C) or (H, W, C); hls4ml's layout of the result.

        Raises:
            UserError: a value is no code of the input's type: nothing rounds in front of the hardware.
        """
        from hls4ml.model import ModelGraph

        port = next(iter(model.get_layers())) if type(model) is ModelGraph else None
        stream = port.get_attr("stream") if port is not None else None
        kind = stream.kind if stream is not None else None
        if kind is not None:
            try:
                kind.to_codes(x)
            except ValueError as error:
                raise UserError(
                    f"predict: the input has values that are no codes of its type. Allowed are k * 2**{-kind.frac} "
                    f"with {kind.lo} <= k <= {kind.hi}; for an 8-bit picture give pixels * 2**{-kind.frac}."
                ) from error
        return model._predict(x)
