"""Where a training first left the numbers: the layer or the parameter that is to blame for a loss of NaN."""

from __future__ import annotations

import contextlib
from typing import Any

import torch
from torch import Tensor, nn


def wrong_parameter(model: nn.Module) -> str | None:
    """The name of the first parameter that holds an infinity or a NaN; None where all are numbers."""
    for name, p in model.named_parameters():
        if not bool(torch.isfinite(p).all()):
            return name
    return None


def wrong_layer(model: nn.Module, image: Tensor) -> str | None:
    """The name of the first layer that makes an infinity or a NaN of numbers, for an image; None where none does.

    Layers are the innermost modules, in the order in which they end. The model runs once more and may fail in that.
    """
    found: list[str] = []

    def watch(name: str) -> Any:
        def hook(_: nn.Module, inputs: Any, output: Any) -> None:
            if isinstance(output, Tensor) and not bool(torch.isfinite(output).all()):
                found.append(name)

        return hook

    # Quantizers stand inside the layers that Brevitas makes of them; a person knows those.
    names = {n: m for n, m in model.named_modules() if n and ".tensor_quant" not in n and "_quant." not in f"{n}."}
    hooks = [m.register_forward_hook(watch(n)) for n, m in names.items()]
    try:
        # A scale that is to be computed from NaN fails; the layer in front of it was recorded before.
        with torch.no_grad(), contextlib.suppress(ValueError, OverflowError):
            model(image)
    finally:
        for hook in hooks:
            hook.remove()
    return found[0] if found else None


def blame(model: nn.Module, image: Tensor) -> str | None:
    """What to name in a message: a parameter, else a layer; None where everything is a number."""
    parameter = wrong_parameter(model)
    if parameter is not None:
        return f"parameter {parameter} is no number any more"
    layer = wrong_layer(model, image)
    return None if layer is None else f"layer {layer} is the first whose output is no number"
