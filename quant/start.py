"""What a training changes in a network before its first step: start weights, and how signs are differentiated."""

from __future__ import annotations

import torch
from torch import nn

from ..errors import UserError
from .config import TrainConfig
from .layers import Affine, BatchNorm, BinaryConv, MeanScaledConv
from .quantizers import SignQuant, SignWeightQuant
from .schemes import BinaryUnit
from .zoo import Network


def _signs(model: nn.Module) -> tuple[list[SignQuant], list[SignWeightQuant]]:
    """The quantizers of binary activations and of binary weights."""
    every = [m for m in model.modules() if isinstance(m, SignQuant)]
    weights = [m for m in every if isinstance(m, SignWeightQuant)]
    return [m for m in every if not isinstance(m, SignWeightQuant)], weights


def prepare(model: Network, cfg: TrainConfig) -> list[SignQuant]:
    """Sets the estimators of a network's signs and whether weights are binary; returns all quantizers with signs.

    Raises:
        UserError: a setting has no effect on this network; names it.
    """
    activations, weights = _signs(model)
    for name, some, what in (
        ("activation_gradient", activations, "activations"),
        ("weight_gradient", weights, "weights"),
        ("binary_weights", weights, "weights"),
        ("weight_decay", weights, "weights"),
    ):
        value = getattr(cfg, name)
        if value != type(cfg).model_fields[name].default and not some:
            raise UserError(
                f"train.{name} = {value}: has no effect, model {model.cfg.name} has no binary {what}; leave it out, or "
                "choose another model.scheme"
            )
    for quant in activations:
        if cfg.activation_gradient != "scheme":
            quant.estimator = cfg.activation_gradient
    for quant in weights:
        quant.real = not cfg.binary_weights
        if cfg.weight_gradient != "scheme":
            quant.estimator = cfg.weight_gradient
    return [*activations, *weights]


def _unchanged(cfg: TrainConfig) -> bool:
    return cfg.latent_start == cfg.gain_start == 1


@torch.no_grad()
def change_start(model: Network, cfg: TrainConfig) -> None:
    """Multiplies the start weights of a new network: latent ones by `latent_start`, what scales sums by `gain_start`.

    The gain is the factor of the affine or BatchNorm behind a binary convolution. Where it is mean|W|, latent weights
    and gain are one thing, and both settings multiply the same.

    Raises:
        UserError: a setting has no effect on this network, or cannot be zero in it.
    """
    if _unchanged(cfg):
        return
    found = False
    for name, unit in model.named_modules():
        conv = getattr(unit, "conv", None)
        if not isinstance(unit, BinaryUnit) or not isinstance(conv, BinaryConv):
            continue
        found = True
        conv.weight.mul_(cfg.latent_start)
        affine = getattr(unit, "affine", None)
        if cfg.gain_start == 1:
            continue
        if cfg.gain_start == 0 and not unit.has_skip:
            raise UserError(
                f"train.gain_start = 0: {name} has no skip of its own, and where one unit's zero is the next one's "
                "input no gradient reaches the gain of either; give a value above 0, or choose another model.scheme"
            )
        if isinstance(conv, MeanScaledConv) and cfg.gain_start:
            conv.weight.mul_(cfg.gain_start)
        elif isinstance(affine, Affine):
            affine.scale.weight.mul_(cfg.gain_start)
        elif isinstance(affine, BatchNorm):
            affine.weight.mul_(cfg.gain_start)
        else:
            why = "its sums are scaled by mean|W|" if isinstance(conv, MeanScaledConv) else "nothing scales its sums"
            raise UserError(
                f"train.gain_start = {cfg.gain_start}: {name} has no gain that could be set to that, {why}; give "
                f"{'a value above 0' if isinstance(conv, MeanScaledConv) else '1'}, or choose another model.scheme"
            )
    if not found:
        raise UserError(
            f"train.latent_start, train.gain_start: have no effect, model {model.cfg.name} has no binary convolution; "
            "leave them out, or choose another model.scheme"
        )


def refuse_start(cfg: TrainConfig) -> None:
    """Refuses start weights for a network that begins with another's.

    Raises:
        UserError: one is asked for.
    """
    if not _unchanged(cfg):
        raise UserError(
            "train.latent_start, train.gain_start: have no effect on a network that begins with the weights of "
            "another; leave them out, or leave --from out"
        )
