"""How far around a pixel a network looks."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from ..gates import FrameMean

_SIDE = 8
_SKIP = 1  # bilinear interpolation of the global skip reads the nearest pixels


def convolutions_reach(model: nn.Module, channels: int) -> int | None:
    """Low-resolution pixels on each side that an output pixel depends on at most; None where it is the whole frame.

    The sum over all convolutions that an image passes, as if they stood in one row at low resolution: never too small
    for a network of convolutions, gates and pixelwise work, whose only further reader of neighbours is its skip.

    Args:
        channels: of the input image.
    """
    total, whole = _SKIP, False

    def convolution(module: Any, *_: Any) -> None:
        nonlocal total
        spans = [d * (k - 1) for k, d in zip(module.kernel_size, module.dilation, strict=True)]
        # A transposed convolution reads this many pixels of its smaller input on each side, and others half of it.
        share = module.stride[0] if isinstance(module, nn.ConvTranspose2d) else 2
        total += max(-(-span // share) for span in spans)

    def mean(*_: Any) -> None:
        nonlocal whole
        whole = True

    kinds = nn.Conv2d | nn.ConvTranspose2d
    hooks = [m.register_forward_hook(convolution) for m in model.modules() if isinstance(m, kinds)]
    hooks += [m.register_forward_hook(mean) for m in model.modules() if isinstance(m, FrameMean)]
    was_training = model.training
    weight = next(model.parameters(), torch.empty(0))
    with torch.no_grad():
        model.eval()(torch.zeros(1, channels, _SIDE, _SIDE, device=weight.device))
    model.train(was_training)
    for hook in hooks:
        hook.remove()
    return None if whole else total
