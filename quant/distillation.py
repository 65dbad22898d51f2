"""A trained network as the teacher of another one: its picture, and what comes out of the parts of its body."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import UserError
from .config import TrainConfig
from .zoo import Network

_LEAST = 1e-8


@contextmanager
def outputs_of(parts: Sequence[nn.Module]) -> Iterator[list[Tensor]]:
    """A list into which each call of a module appends its output, inside the block."""
    found: list[Tensor] = []

    def keep(_module: nn.Module, _inputs: Any, output: Tensor) -> None:
        found.append(output)

    hooks = [part.register_forward_hook(keep) for part in parts]
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()


def feature_loss(student: Sequence[Tensor], teacher: Sequence[Tensor]) -> Tensor:
    """Mean over points and images of || s/||s|| - t/||t|| ||^2, norms over all values of one image's features; 0 to 4.

    That an image's features are compared as unit vectors is from attention transfer (Zagoruyko & Komodakis, arXiv
    1612.03928, equation 2), which takes sums of squares over the channels; here every channel is compared, since
    student and teacher have the same. The norm takes out that residual streams differ in size.

    Args:
        student, teacher: features of one point each, (N, C, H, W), float.
    """
    distances = [
        (F.normalize(s.flatten(1), dim=1, eps=_LEAST) - F.normalize(t.flatten(1), dim=1, eps=_LEAST)).square().sum(1)
        for s, t in zip(student, teacher, strict=True)
    ]
    return torch.stack(distances).mean()


def picture_loss(student: Mapping[str, Tensor], teacher: Mapping[str, Tensor]) -> Tensor:
    """Mean |difference| of two networks' images, summed over the outputs that both have (levels of a pyramid)."""
    shared = [name for name in student if name in teacher]
    return torch.stack([F.l1_loss(student[name], teacher[name]) for name in shared]).sum()


def _family(student: Network, teacher: Network) -> bool:
    """Whether one network is a kind of the other, as SRGAN's generator is an SRResNet."""
    return isinstance(student, type(teacher)) or isinstance(teacher, type(student))


def _check_fits(name: object, teacher: Network, student: Network, features: bool) -> None:
    """Refuses a teacher whose pictures or, where they count, features are not comparable with the student's."""
    fields = ["scale", "colors"]
    if features:
        if not student.stages():
            raise UserError(
                f"train.distill_features: model {student.cfg.name} does not say what the parts of its body are "
                "(Network.stages); set it to 0 and use train.distill_output, or choose another network"
            )
        fields += ["name"] if not _family(student, teacher) else []
        fields += student.STAGE_FIELDS
    have, want = (network.cfg.model_dump(mode="json") for network in (teacher, student))
    differing = [
        f"model.{field} (teacher {have.get(field, 'without it')}, asked for {want[field]})"
        for field in dict.fromkeys(fields)
        if have.get(field) != want[field]
    ]
    if differing:
        what = "pictures and features" if features else "pictures"
        raise UserError(
            f"train.teacher {name}: its {what} cannot be compared: {', '.join(differing)}; set these fields as "
            "there, or name another teacher" + (", or set train.distill_features to 0" if features else "")
        )


class Teacher:
    """What a training adds to the loss for a teacher. Its network learns nothing and is in eval mode.

    Args:
        network: the teacher; changed in place.
        student: what is trained.
        digest: SHA-256 of the teacher's file, hexadecimal.

    Raises:
        UserError: scale or colours differ or, with features, the architecture, its widths or its number of parts; names
            the fields.
    """

    def __init__(self, network: Network, student: Network, cfg: TrainConfig, digest: str) -> None:
        _check_fits(cfg.teacher, network, student, cfg.distill_features > 0)
        self.network = network.eval().requires_grad_(False)
        self.digest = digest
        self.weights = cfg.distill_output, cfg.distill_features

    def watched(self, network: Network) -> Sequence[nn.Module]:
        """The parts whose outputs are compared; none where features do not count."""
        return network.stages() if self.weights[1] else []

    def term(self, low: Tensor, outputs: Mapping[str, Tensor], features: Sequence[Tensor]) -> Tensor:
        """distill_output * `picture_loss` + distill_features * `feature_loss`, a scalar.

        Args:
            low: the images (N, C, H, W) that the student saw.
            outputs: its pictures, by name.
            features: what its `watched` parts gave.
        """
        with torch.no_grad(), outputs_of(self.watched(self.network)) as known:
            pictures = self.network.outputs(low)
        for_picture, for_features = self.weights
        total = low.new_zeros(())
        if for_picture:
            total = total + for_picture * picture_loss(outputs, pictures)
        if for_features:
            total = total + for_features * feature_loss(features, known)
        return total
