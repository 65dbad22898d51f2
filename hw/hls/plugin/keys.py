"""hls4ml's configuration of layers: what acts, what does nothing and is named, what is refused. Names no operator."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

from ....errors import UserError
from ...graph.lower import lower
from ...network import Network
from ...resources.folding import fold

#: Keys of a layer that act.
ACTING = ("PE", "SIMD")
#: hls4ml's keys that mean nothing here: every type stands in the QONNX file, every folding is PE and SIMD.
IGNORED = (
    "Precision", "ReuseFactor", "Strategy", "TargetCycles", "ConvImplementation", "Compression", "BramFactor",
    "ParallelizationFactor", "PipelineStyle", "PipelineInterval", "BitExact", "TableSize", "Trace", "TraceOutput",
)  # fmt: skip
#: What hls4ml puts into every configuration; nobody asked for it.
_DEFAULTS: dict[str, Callable[[Any], bool]] = {
    "Precision": lambda v: str(v.get("default") if isinstance(v, Mapping) else v).removeprefix("ap_") == "fixed<16,6>",
    "ReuseFactor": lambda v: v == 1,
    "Strategy": lambda v: str(v).lower() == "latency",
    "BramFactor": lambda v: v == 1_000_000_000,
    "BitExact": lambda v: v is None,
    "Trace": lambda v: True,  # trace() gives every layer
    "TraceOutput": lambda v: True,
}


def tell_ignored(config: Mapping[str, Any], network: Network) -> None:
    """Warn of keys of ``HLSConfig`` that change nothing, by name, and refuse those that there are not.

    Raises:
        UserError: a key that neither hls4ml nor this backend has.
    """
    layers = {node.name for node in network.nodes} | {network.input}
    places = [("Model", config.get("Model") or {})]
    places += [(f"LayerType '{name}'", keys) for name, keys in (config.get("LayerType") or {}).items()]
    for name, keys in (config.get("LayerName") or {}).items():
        gone = "" if name in layers or set(keys) & set(ACTING) else ", which is no layer of the lowered network"
        places.append((f"LayerName '{name}'{gone}", keys))
    for place, keys in places:
        acting = () if place == "Model" else ACTING
        if unknown := [key for key in keys if key not in (*acting, *IGNORED)]:
            raise UserError(
                f"HLSConfig {place}: unknown key {unknown[0]!r}. Keys that act: PE and SIMD of a layer "
                "(LayerName); those of hls4ml that are known and do nothing: " + ", ".join(IGNORED) + "."
            )
        idle = [key for key in keys if key not in acting and not _DEFAULTS.get(key, lambda v: False)(keys[key])]
        if idle:
            warnings.warn(
                f"HLSConfig {place}: {', '.join(idle)} changes nothing with the backend XnorVitis. Types stand in the "
                "QONNX file; cycles are chosen by PE and SIMD of each layer.",
                stacklevel=2,
            )


def layer_config(model: Any, granularity: str) -> dict[str, Any]:
    """What ``hls4ml.utils.config_from_onnx_model`` gives for this backend.

    Args:
        model: QONNX file or model.
        granularity: "name", PE and SIMD of each layer that has a folding, those of the target "auto" (as fast as the
            output port takes pixels); "model", nothing of layers.

    Raises:
        UserError: another granularity, or a model that cannot be built.
    """
    model_keys = {"Precision": "ap_fixed<16,6>", "ReuseFactor": 1}  # hls4ml wants them
    if granularity.lower() == "model":
        return {"Model": model_keys}
    if granularity.lower() != "name":
        raise UserError(
            f"granularity={granularity!r}: with the backend XnorVitis take 'name' (PE and SIMD of layers) or 'model'."
        )
    spaces = {node.name: node.op.fold_space() for node in fold(lower(model).network, "auto").nodes}
    folds = {name: {"PE": s.now.pe, "SIMD": s.now.simd} for name, s in spaces.items() if s is not None}
    return {"Model": model_keys, "LayerName": folds}
