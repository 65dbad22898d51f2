"""hls4ml's configuration of layers: what acts, what does nothing and is named, what is refused. Names no operator."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from ....errors import UserError
from ...graph.lower import lower
from ...network import Network
from ...options import BuildOptions, Folding
from ...resources.folding import aim, fold

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


def checked(values: Mapping[str, Any]) -> BuildOptions:
    """Options of a build by the names that hls4ml's users give them; None takes the default.

    Raises:
        UserError: a value that is not allowed.
    """
    given = {name: value for name, value in values.items() if value is not None}
    if isinstance(given.get("frame"), list):
        given["frame"] = tuple(given["frame"])
    period = given.pop("clock_period", None)
    if period is not None:
        if not isinstance(period, (int, float)) or isinstance(period, bool) or not period > 0:
            raise UserError(f"clock_period={period!r}: give nanoseconds, more than 0.")
        given["clock_mhz"] = 1000.0 / period
    try:
        return BuildOptions(**given)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        about = BuildOptions.model_fields[name].description
        raise UserError(f"{name}={given[name]!r}: {first['msg']}. It is: {about}.") from error


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


def folded(network: Network, options: BuildOptions, tell: bool = True) -> Network:
    """The network with the folding of the options, for their clock.

    Args:
        tell: warn where fewer frames per second come of it than it names.

    Raises:
        UserError: as `hw.resources.folding.plan`.
    """
    made = fold(network, options.folding, options.clock_mhz)
    found = aim(made, options.folding, options.clock_mhz)
    if tell and found.asked_fps is not None and found.fps < found.asked_fps:
        warnings.warn(f"folding {found.text}.", stacklevel=2)
    return made


def layer_config(
    model: Any,
    granularity: str,
    *,
    clock_period: float | None = None,
    folding: Folding | None = None,
    frame: tuple[int, int] | None = None,
    affine_bits: int | None = None,
) -> dict[str, Any]:
    """What ``hls4ml.utils.config_from_onnx_model`` gives for this backend.

    Args:
        model: QONNX file or model.
        granularity: "name", PE and SIMD of each layer that has a folding; "model", nothing of layers.
        clock_period, folding, frame, affine_bits: as the conversion takes them; foldings depend on them.

    Raises:
        UserError: another granularity, a value that is not allowed, or a model that cannot be built.
    """
    model_keys = {"Precision": "ap_fixed<16,6>", "ReuseFactor": 1}  # hls4ml wants them
    if granularity.lower() == "model":
        return {"Model": model_keys}
    if granularity.lower() != "name":
        raise UserError(
            f"granularity={granularity!r}: with the backend XnorVitis take 'name' (PE and SIMD of layers) or 'model'."
        )
    given = {"clock_period": clock_period, "folding": folding, "frame": frame, "affine_bits": affine_bits}
    chosen = checked(given)
    size = chosen.frame and (chosen.frame[1], chosen.frame[0])
    network = folded(lower(model, chosen.affine_bits, size).network, chosen)
    spaces = {node.name: node.op.fold_space() for node in network.nodes}
    folds = {name: {"PE": s.now.pe, "SIMD": s.now.simd} for name, s in spaces.items() if s is not None}
    return {"Model": model_keys, "LayerName": folds}
