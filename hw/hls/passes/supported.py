"""Refuses graphs that are not made of our operators, say of a Keras model."""

from __future__ import annotations

from typing import Any

from hls4ml.backends.fpga.passes.clone import Clone
from hls4ml.model.layers import Input
from hls4ml.model.optimizer import ModelOptimizerPass

from ....errors import UserError
from ..layers import XnorsrLayer


class CheckSupported(ModelOptimizerPass):
    """Changes nothing. Afterwards every layer is `Input`, `Clone` or an `XnorsrLayer`; one input and one output port.

    Raises:
        UserError: another layer is there.
    """

    def __init__(self) -> None:
        self.name = "check_supported"

    def transform(self, model: Any) -> bool:
        """Check the graph."""
        for layer in model.get_layers():
            if not isinstance(layer, Input | Clone | XnorsrLayer) or (
                isinstance(layer, Input) and layer.get_attr("stream_type") is None
            ):
                raise UserError(
                    f"layer '{layer.name}' ({layer.class_name}): the backend XnorVitis builds QONNX models only. "
                    "Use hls4ml.converters.convert_from_onnx_model."
                )
        if len(model.inputs) != 1 or len(model.outputs) != 1:
            ports = f"{len(model.inputs)} inputs and {len(model.outputs)} outputs"
            raise UserError(f"the network has {ports}; supported is one of each.")
        return False
