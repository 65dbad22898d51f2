"""PE and SIMD of layers from hls4ml's configuration. Names no operator."""

from __future__ import annotations

from typing import Any

from hls4ml.model.optimizer import ModelOptimizerPass

from .....errors import UserError
from ....ops.base import Fold
from ....ops.folds import check_fold


class ApplyFolding(ModelOptimizerPass):
    """Keys PE and SIMD of ``HLSConfig`` replace those of the operator.

    Contract: operators change in their folding only; every folding divides afterwards.

    Raises:
        UserError: a folding that does not divide, a key on a layer without a folding, a layer that does not exist.
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
            space = op.fold_space() if op is not None else None
            keys = {k: v for k, v in model.config.get_layer_config(layer).items() if k in ("PE", "SIMD")}
            if space is not None:
                fold = Fold(keys.get("PE", space.now.pe), keys.get("SIMD", space.now.simd))
                check_fold(layer.name, op, fold)
                layer.set_attr("spec", op.folded(fold))
            elif keys:
                raise UserError(f"HLSConfig, layer '{layer.name}': this layer has no folding, so no PE and SIMD.")
        return False
