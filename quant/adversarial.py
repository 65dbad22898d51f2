"""Training against a discriminator: SRGAN's losses (Ledig et al., arXiv 1609.04802)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import UserError
from .config import TrainConfig
from .distillation import Teacher
from .learner import Learner, parameter_groups
from .zoo import Network
from .zoo.srgan import SRGAN

# Channels of VGG19's convolutions up to the fourth behind the fourth pooling, "M" for a pooling.
_VGG19 = (64, 64, "M", 128, 128, "M", 256, 256, 256, 256, "M", 512, 512, 512, 512, "M", 512, 512, 512, 512)
_VGG_SCALE = 1 / 12.75  # features become as large as pixels: 0.006 for their squares
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Discriminator(nn.Sequential):
    """Real or made? (N, C, H, W) in [0, 1), at least 16x16, to (N, 1, 1, 1): above zero says real.

    Eight convolutions, every second one of stride 2, with BatchNorm and LeakyReLU of slope 0.2. The published one ends
    in layers for images of 96x96; here the features' mean over the image goes on, so that patches may have any size.
    """

    def __init__(self, colors: int, channels: int) -> None:
        layers: list[nn.Module] = [nn.Conv2d(colors, channels, 3, padding=1), nn.LeakyReLU(0.2)]
        cin = channels
        for i in range(1, 8):
            cout = channels << i // 2
            layers += [nn.Conv2d(cin, cout, 3, 1 + i % 2, 1, bias=False), nn.BatchNorm2d(cout), nn.LeakyReLU(0.2)]
            cin = cout
        top = [nn.AdaptiveAvgPool2d(1), nn.Conv2d(cin, 2 * cin, 1), nn.LeakyReLU(0.2), nn.Conv2d(2 * cin, 1, 1)]
        super().__init__(*layers, *top)


class GradientContent(nn.Module):
    """Mean |error| of pixels and of the differences of neighbouring pixels, both directions; needs no file."""

    def forward(self, got: Tensor, wanted: Tensor) -> Tensor:
        error = got - wanted
        return error.abs().mean() + error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean()


class VGGContent(nn.Module):
    """Mean squared error of VGG19's features behind the fourth convolution of its fifth group, over 12.75 each.

    Args:
        path: state dict of torchvision's vgg19, whose convolutions are called features.0.weight and so on.

    Raises:
        UserError: no such file, or another one.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, path: Path) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        cin = 3
        for cout in _VGG19:
            if isinstance(cout, int):
                layers += [nn.Conv2d(cin, cout, 3, padding=1), nn.ReLU()]
                cin = cout
            else:
                layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        wanted = self.features.state_dict()
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
            self.features.load_state_dict({k: state[f"features.{k}"] for k in wanted})
        except Exception as e:
            # torch.load and load_state_dict raise many classes on what is no such file. Torch's texts are not quoted:
            # they advise to switch the safety off.
            raise UserError(
                f"model.vgg {path}: cannot be read as torchvision's vgg19 "
                f"({type(e).__name__}); name the file of its state dict, or set "
                "model.content to gradient"
            ) from e
        self.register_buffer("mean", torch.tensor(_MEAN).reshape(1, 3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(_DEVIATION).reshape(1, 3, 1, 1), persistent=False)
        self.requires_grad_(False)

    def seen(self, image: Tensor) -> Tensor:
        """The features, (N, 512, H / 16, W / 16), of images (N, 3 or 1, H, W) in [0, 1)."""
        rgb = image.expand(-1, 3, -1, -1)
        return cast(Tensor, self.features((rgb - self.mean) / self.deviation)) * _VGG_SCALE

    def forward(self, got: Tensor, wanted: Tensor) -> Tensor:
        return F.mse_loss(self.seen(got), self.seen(wanted))


class AdversarialLearner(Learner):
    """Generator and discriminator in turns, a step each per batch; only the generator's steps count.

    The generator makes content + adversarial * -log D(made) small, the discriminator -log D(real) - log(1 - D(made)).
    A teacher's term is added to the generator's.
    """

    def __init__(self, model: SRGAN, cfg: TrainConfig, started: float, teacher: Teacher | None = None) -> None:
        super().__init__(model, cfg, started, teacher)
        self.automatic_optimization = False
        options = model.cfg
        self.discriminator = Discriminator(options.image_channels, options.discriminator)
        # In a list: it is no part of what is trained, and its weights have no place in checkpoints.
        self.content = [VGGContent(options.vgg) if options.vgg and options.content == "vgg" else GradientContent()]
        self.weight = options.adversarial

    def configure_optimizers(self) -> Any:
        networks = (self.model, self.discriminator)
        return [torch.optim.Adam(parameter_groups(m, self.cfg), lr=self.cfg.lr) for m in networks]

    def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
        low, high = batch
        generator, discriminator = cast(list[Any], self.optimizers())
        outputs, taught = self.guarded(low, lambda: self.taught(low))
        made = outputs["sr"]
        told = self.discriminator(torch.cat([high, made.detach()]))
        truth = torch.cat([torch.ones_like(told[: len(high)]), torch.zeros_like(told[len(high) :])])
        verdict = F.binary_cross_entropy_with_logits(told, truth)
        discriminator.optimizer.zero_grad()
        self.manual_backward(verdict)
        # Lightning's own wrapper would count it as a step of the training.
        discriminator.optimizer.step()

        believed = self.discriminator(made)
        fooled = F.binary_cross_entropy_with_logits(believed, torch.ones_like(believed))
        loss = self.content[0](made, high) + self.weight * fooled + taught
        self.check_loss(low, loss + verdict)
        generator.zero_grad()
        self.manual_backward(loss)
        generator.step()
        self.log_dict({"loss": loss, "discriminator": verdict, "adversarial": fooled})
        return loss.detach()


def learner_for(model: Network, cfg: TrainConfig, started: float, teacher: Teacher | None = None) -> Learner:
    """What trains a network; arguments as of `Learner`.

    Raises:
        UserError: the file of VGG's weights cannot be read, or a setting has no effect on this network.
    """
    if isinstance(model, SRGAN):
        return AdversarialLearner(model, cfg, started, teacher)
    return Learner(model, cfg, started, teacher)
