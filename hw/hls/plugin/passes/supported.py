"""Refuses graphs that are not made of our operators, say of a Keras model. Names no operator."""

from __future__ import annotations

from typing import Any

from hls4ml.model.layers import Input
from hls4ml.model.optimizer import ModelOptimizerPass

from .....errors import UserError
from ..layers import XnorsrLayer


class CheckSupported(ModelOptimizerPass):
    """Changes nothing. Afterwards the first layer is our `Input`, and every other one an `XnorsrLayer`.

    Raises:
        UserError: another layer is there, or the network has several inputs.
    """

    def __init__(self) -> None:
        self.name = "check_supported"

    def transform(self, model: Any) -> bool:
        """Check the graph."""
        for layer in model.get_layers():
            ours = isinstance(layer, XnorsrLayer) or (isinstance(layer, Input) and layer.get_attr("stream") is not None)
            if not ours:
                raise UserError(
                    f"layer '{layer.name}' ({layer.class_name}): the backend XnorVitis builds QONNX models only. "
                    "Use hls4ml.converters.convert_from_onnx_model."
                )
        if len(model.inputs) != 1:
            raise UserError(f"the network has {len(model.inputs)} inputs; supported is one.")
        return False
