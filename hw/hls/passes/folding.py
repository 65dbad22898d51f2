"""PE and SIMD of convolutions and affines from hls4ml's configuration."""

from __future__ import annotations

from typing import Any

from hls4ml.model.optimizer import ModelOptimizerPass

from ....errors import UserError
from ...graph.ops import Affine, Conv
from ...resources.folding import Fold, check, folded, folding_of


class ApplyFolding(ModelOptimizerPass):
    """Keys PE and SIMD of ``HLSConfig`` replace those of the operator.

    Contract: `Conv` and `Affine` operators change in pe and simd only; every folding divides afterwards.

    Raises:
        UserError: a folding that does not divide, a key on another layer, a layer that does not exist.
    """

    def __init__(self) -> None:
        self.name = "apply_folding"

    def transform(self, model: Any) -> bool:
        """Apply the configuration; the graph's shape stays."""
        wanted = model.config.config["HLSConfig"].get("LayerName", {})
        known = {layer.name for layer in model.get_layers()}
        for name, values in wanted.items():  # hls4ml's own keys for layers that the lowering merged mean nothing here
            if name not in known and {"PE", "SIMD"} & values.keys():
                raise UserError(f"HLSConfig LayerName '{name}': no such layer. Layers are: {', '.join(sorted(known))}.")
        for layer in model.get_layers():
            op = layer.get_attr("spec")
            keys = {k: v for k, v in model.config.get_layer_config(layer).items() if k in ("PE", "SIMD")}
            if isinstance(op, Conv | Affine):
                now = folding_of(op)
                chosen = Fold(keys.get("PE", now.pe), keys.get("SIMD", now.simd))
                check(layer.name, op, chosen)
                layer.set_attr("spec", folded(op, chosen))
            elif keys:
                raise UserError(f"HLSConfig, layer '{layer.name}': PE and SIMD are for convolutions and affines.")
        return False
