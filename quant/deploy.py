"""A trained network as the start of another form of it: weights taken over, and what each quantization costs.

The usual way is from the float form of a scheme to its deployed one. BatchNorm becomes the affine that it folds to,
scales of activations follow the float network's statistics on photographs, everything else has the same names in both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import UserError
from . import zoo
from .config import NetworkConfig
from .data import Photo
from .gates import FrameMean, Sigmoid
from .inference import low_resolution, score, upscale
from .layers import PIXEL_SCALE, Affine, BatchNorm, BinaryConv, Computed, FixedConv, QuantParameter, trunk_scale
from .quantizers import ConstantQuant, FrameQuant, ParameterQuant, StatisticsQuant, TensorQuant
from .scaled import ScaledConv, form_of, real_convolution, states_of
from .schemes import BinaryUnit
from .zoo import Network

#: Fields of a network that may differ from those of the network that it starts from.
_MAY_DIFFER = {"scheme", "numerics", "tail_bits", "residual_bits", "head_weights", "tail_weights", "tail_channels"}
_ROUNDING = (ConstantQuant, FrameQuant, ParameterQuant, StatisticsQuant)


def check_start(path: object, source: NetworkConfig, wanted: NetworkConfig) -> None:
    """Refuses to start from a network of another architecture.

    Args:
        path: what to call the source in the message.

    Raises:
        UserError: names the fields that differ.
    """
    have, want = source.model_dump(mode="json"), wanted.model_dump(mode="json")
    differing = [
        f"model.{k} (there {have.get(k, 'without it')}, asked for {want.get(k, 'without it')})"
        for k in {**have, **want}
        if k not in _MAY_DIFFER and have.get(k) != want.get(k)
    ]
    if differing:
        raise UserError(
            f"{path} is of another architecture: {', '.join(differing)}; set these fields as there. Only scheme "
            "and bits may differ"
        )


@torch.no_grad()
def _folded(source: Network, model: Network) -> dict[str, Tensor]:
    """Latent scales and biases of the affines that stand in a deployed form where the float form has BatchNorm."""
    made, affines = {}, dict(model.named_modules())
    for name, unit in source.named_modules():
        target = affines.get(f"{name}.affine")
        norm = getattr(unit, "affine", None)
        if isinstance(unit, BinaryUnit) and isinstance(norm, BatchNorm) and isinstance(target, Affine):
            assert norm.running_mean is not None and norm.running_var is not None
            factor = norm.weight / (norm.running_var + norm.eps).sqrt()
            bias = norm.bias - norm.running_mean * factor
            scale = factor.reshape(1, -1, 1, 1) * unit.before_norm()
            made[f"{name}.affine.scale.weight"] = scale / target.scale.unit
            made[f"{name}.affine.bias.weight"] = bias.reshape(1, -1, 1, 1)
    return made


@torch.no_grad()
def _narrowed(weight: Tensor, channels: int) -> tuple[Tensor, Tensor]:
    """(O, C, K, K) as a 1x1 convolution to fewer channels, and one behind it: the nearest pair, by singular values."""
    rows = weight.permute(0, 2, 3, 1).reshape(-1, weight.shape[1])
    kept = torch.linalg.svd(rows, full_matrices=False).Vh[:channels]
    return kept[:, :, None, None], torch.einsum("ocyx,nc->onyx", weight, kept)


@torch.no_grad()
def _rewritten(source: Network, model: Network) -> dict[str, Tensor]:
    """Parameters of real convolutions whose weights have another form in `model`, or fewer channels in."""
    there = {name: held for name, m in source.named_modules() if (held := real_convolution(m)) is not None}
    here = {name: m for name, m in model.named_modules() if isinstance(m, FixedConv | ScaledConv)}
    alike = {n for n, m in here.items() if n in there and form_of(m) == form_of(source.get_submodule(n))}
    if "reduce" in here and "reduce" not in there and "tail" in there:
        weight, bias = there["tail"]
        first, second = _narrowed(weight, form_of(here["reduce"])[-1][0])
        there |= {"reduce": (first, torch.zeros(1, len(first), 1, 1)), "tail": (second, bias)}
        alike.discard("tail")
    made: dict[str, Tensor] = {}
    for name, module in here.items():
        if name in there and name not in alike:
            made |= {f"{name}.{part}": value for part, value in states_of(module, *there[name]).items()}
    return made


@torch.no_grad()
def take_over(source: Network, model: Network) -> list[str]:
    """Copies every parameter and statistic that both have, BatchNorm folded; returns the parameters that start anew.

    Real convolutions become those of the form that `model` has them in.
    """
    taken = source.state_dict() | _rewritten(source, model) | _folded(source, model)
    own = model.state_dict()
    fits = {name: value for name, value in taken.items() if name in own and own[name].shape == value.shape}
    model.load_state_dict(fits, strict=False)
    return [name for name, _ in model.named_parameters() if name not in fits]


@dataclass(frozen=True)
class Kind:
    """Quantizers of one kind that a form has and its source has not."""

    name: str
    quantizers: tuple[TensorQuant, ...]

    @property
    def label(self) -> str:
        """The name with the bits, for a table."""
        bits = sorted({q.bits for q in self.quantizers})
        return f"{self.name}, {bits[0]} bits" if len(bits) == 1 else f"{self.name}, {bits[0]} to {bits[-1]} bits"


#: In the order of `kinds`.
KINDS = (
    "weights of real convolutions",
    "scales",
    "biases",
    "slopes",
    "residual stream",
    "activations of real and n-bit convolutions",
    "gates",
    "residual image",
)


def _owner(model: nn.Module, path: str) -> tuple[nn.Module, str, list[nn.Module]]:
    """The layer that a quantizer belongs to, its name inside the module around it, and all modules around it."""
    parts = path.split(".")
    layer = next(i for i, p in enumerate(parts) if p in ("act_quant", "weight_quant"))
    chain = [model.get_submodule(".".join(parts[:i])) for i in range(layer)]
    return model.get_submodule(".".join(parts[:layer])), parts[layer - 1], chain


def _kind(model: Network, path: str, quant: TensorQuant) -> str | None:
    """One of `KINDS`; None for what is no rounding of its own: signs, and the pixels that every form rounds."""
    layer, name, around = _owner(model, path)
    if not isinstance(quant, _ROUNDING) or isinstance(layer, BinaryConv):
        return None
    if isinstance(layer, QuantParameter | Computed):
        return {"scale": "scales", "bias": "biases", "slope": "slopes"}.get(name, "scales")
    if isinstance(quant, ParameterQuant) or path.endswith("weight_quant.tensor_quant"):
        return "weights of real convolutions"
    if any(isinstance(m, Sigmoid | FrameMean) for m in around):
        return "gates"
    if isinstance(quant, StatisticsQuant):
        return "activations of real and n-bit convolutions"
    numerics = model.cfg.numerics
    assert isinstance(quant, ConstantQuant)
    if (quant.bits, quant.scale) == (numerics.trunk_bits, trunk_scale(numerics)):
        return "residual stream"
    return None if (quant.lo, quant.scale) == (0, PIXEL_SCALE) else "residual image"


def kinds(source: Network, model: Network) -> list[Kind]:
    """The quantizers that `model` has and `source` has not, by kind."""
    there = {name for name, m in source.named_modules() if isinstance(m, TensorQuant)}
    found: dict[str, list[TensorQuant]] = {}
    for name, module in model.named_modules():
        if isinstance(module, TensorQuant) and name not in there and (kind := _kind(model, name, module)) is not None:
            found.setdefault(kind, []).append(module)
    return [Kind(name, tuple(found[name])) for name in KINDS if name in found]


@contextmanager
def without(some: Iterable[Kind]) -> Iterator[None]:
    """Lets values pass the quantizers of some kinds as they are, inside the block."""
    quantizers = [q for kind in some for q in kind.quantizers]
    for q in quantizers:
        q.passing = True
    try:
        yield
    finally:
        for q in quantizers:
            q.passing = False


def _settle(model: Network, new: Sequence[Kind], batches: Iterable[Tensor]) -> None:
    """Statistics of the activation scales from low-resolution images (N, C, H, W), with nothing rounded."""
    with without(new), torch.no_grad():
        for low in batches:
            model.train()(low)
    model.eval()


def converted(source: Network, cfg: NetworkConfig, batches: Iterable[Tensor]) -> tuple[Network, list[str]]:
    """The network of `cfg` with the weights of `source`; and the names of parameters that start anew.

    Args:
        batches: low-resolution images (N, C, H, W), float32 of code / 256, for the scales of activations.
    """
    model = zoo.build(cfg)
    anew = take_over(source, model)
    _settle(model, kinds(source, model), batches)
    return model, anew


@dataclass(frozen=True)
class Cost:
    """PSNR-Y in dB: with one kind of quantization alone, and with it and all before it."""

    label: str
    alone: float
    together: float


def quality(model: nn.Module, photos: Sequence[Photo], cfg: NetworkConfig) -> float:
    """Mean PSNR-Y in dB."""
    scores = [
        score(upscale(model, low_resolution(p, cfg.scale, cfg.colors)), p, cfg.scale, cfg.colors)[0] for p in photos
    ]
    return float(np.mean(scores))


def costs(source: Network, model: Network, photos: Sequence[Photo]) -> list[Cost]:
    """What every kind of quantization of a converted network costs on photographs."""
    every, found = kinds(source, model), []
    for i, kind in enumerate(every):
        with without(k for k in every if k is not kind):
            alone = quality(model, photos, model.cfg)
        with without(every[i + 1 :]):
            together = quality(model, photos, model.cfg)
        found.append(Cost(kind.label, alone, together))
    return found
