"""PE and SIMD of convolutions from hls4ml's configuration."""

from __future__ import annotations

from typing import Any

from hls4ml.model.optimizer import ModelOptimizerPass

from ....errors import UserError
from ...graph.ops import Conv


class ApplyFolding(ModelOptimizerPass):
    """Keys PE and SIMD of ``HLSConfig`` replace those of the operator.

    Contract: `Conv` operators change in pe and simd only; every folding divides afterwards.

    Raises:
        UserError: a folding that does not divide, a key on another layer, a layer that does not exist.
    """

    def __init__(self) -> None:
        self.name = "apply_folding"

    def transform(self, model: Any) -> bool:
        """Apply the configuration; the graph's shape stays."""
        wanted = model.config.config["HLSConfig"].get("LayerName", {})
        known = {layer.name for layer in model.get_layers()}
        for name in wanted:
            if name not in known:
                raise UserError(f"HLSConfig LayerName '{name}': no such layer. Layers are: {', '.join(sorted(known))}.")
        for layer in model.get_layers():
            op = layer.get_attr("spec")
            keys = {k: v for k, v in model.config.get_layer_config(layer).items() if k in ("PE", "SIMD")}
            if isinstance(op, Conv):
                op = op.replace(pe=keys.get("PE", op.pe), simd=keys.get("SIMD", op.simd))
                check_folding(layer.name, op)
                layer.set_attr("spec", op)
            elif keys:
                raise UserError(f"HLSConfig of layer '{layer.name}': PE and SIMD are for convolutions only.")
        return False


def check_folding(name: str, op: Conv) -> None:
    """Raise UserError unless pe divides the outputs and simd the synapses of `op`."""
    out, _, _, channels = op.weight.shape
    synapses = op.kernel**2 * channels
    for key, value, whole, what in (
        ("PE", op.pe, out, "output channels"),
        ("SIMD", op.simd, synapses, "synapses (K*K*channels)"),
    ):
        if not isinstance(value, int) or value < 1 or whole % value:
            legal = ", ".join(str(d) for d in range(1, whole + 1) if whole % d == 0)
            raise UserError(f"layer '{name}': {key} = {value} does not divide its {whole} {what}. Legal values: {legal}.")
