"""The zoo's W1A1 SRResNet in plain PyTorch: no Brevitas, no Lightning, sign gradients by hand, nothing else quantized.

It is what a researcher would write to try an idea; `training` compares quantization-aware training's speed with it.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn import functional as F

from xnorsr.quant.zoo import SRResNetConfig


class SignActivation(Function):
    """sign(x), sign(0) = +1; gradient max(0, 2 - 2|x|)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return torch.where(x >= 0, 1.0, -1.0)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return grad * (2 - 2 * x.abs()).clamp(min=0)


class SignWeight(Function):
    """sign(w); gradient identity."""

    @staticmethod
    def forward(ctx: Any, w: Tensor) -> Tensor:
        return torch.where(w >= 0, 1.0, -1.0)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return grad


class BinaryUnit(nn.Module):
    """x + PReLU(norm(sign(W) conv sign(x + o))); norm is an affine per channel, or BatchNorm."""

    def __init__(self, channels: int, kernel: int, batch_norm: bool) -> None:
        super().__init__()
        self.offset = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.weight = nn.Parameter(torch.empty(channels, channels, kernel, kernel).uniform_(-0.1, 0.1))
        self.norm: nn.Module = nn.BatchNorm2d(channels) if batch_norm else Affine(channels, kernel)
        self.act = nn.PReLU(channels)

    def forward(self, x: Tensor) -> Tensor:
        s = F.conv2d(SignActivation.apply(x + self.offset), SignWeight.apply(self.weight), padding="same")
        y: Tensor = self.act(self.norm(s)) + x
        return y


class Affine(nn.Module):
    """a*s + b per channel."""

    def __init__(self, channels: int, kernel: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.full((1, channels, 1, 1), (channels * kernel**2) ** -0.5))
        self.bias = nn.Parameter(torch.zeros(1, channels, 1, 1))

    def forward(self, s: Tensor) -> Tensor:
        return s * self.scale + self.bias


class PlainSRResNet(nn.Module):
    """(N, C, H, W) to (N, C, r*H, r*W), images in [0, 1)."""

    def __init__(self, cfg: SRResNetConfig, batch_norm: bool = False) -> None:
        super().__init__()
        if cfg.scheme.name != "w1a1":
            raise ValueError(f"the plain network is W1A1, not {cfg.scheme.name}")
        colors, r = cfg.image_channels, cfg.scale
        self.cfg = cfg
        self.head = nn.Conv2d(colors, cfg.channels, cfg.head_kernel, padding="same")
        units = [BinaryUnit(cfg.channels, cfg.body_kernel, batch_norm) for _ in range(2 * cfg.blocks)]
        self.units = nn.Sequential(*units)
        self.tail = nn.Conv2d(cfg.channels, colors * r * r, cfg.tail_kernel, padding="same")

    def forward(self, x: Tensor) -> Tensor:
        y = F.pixel_shuffle(self.tail(self.units(self.head(x))), self.cfg.scale)
        mode = {"mode": "bilinear", "align_corners": False} if self.cfg.skip == "bilinear" else {"mode": "nearest"}
        return y + F.interpolate(x, scale_factor=self.cfg.scale, **mode)


class PlainTrainer:
    """L1, Adam, latent weights clipped: one `step` after the other."""

    def __init__(self, model: PlainSRResNet, lr: float, clip: float) -> None:
        self.model = model
        self.clip = clip
        self.optimizer = torch.optim.Adam(model.parameters(), lr=lr)

    def step(self, low: Tensor, high: Tensor) -> None:
        """One training step on a batch."""
        loss = F.l1_loss(self.model(low), high)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        with torch.no_grad():
            for unit in self.model.units:
                unit.weight.clamp_(-self.clip, self.clip)
