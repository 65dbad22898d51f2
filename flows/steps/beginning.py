"""Training that begins with a trained network: what is taken over, and what each quantization costs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import UserError
from ...quant import deploy
from ...quant.data import PatchDataset
from ...quant.data.images import load_source
from ...quant.pretrained import told
from ...quant.training import load_trained
from ...quant.zoo import Network
from ..config import Recipe
from ..console import console, say, table
from ..pictures import check_scorable
from .training import check_photographs, config_of, held_out, named_photographs, weights_file

_SETTLING = 32  # batches that the scales of activations are settled on


@dataclass(frozen=True)
class Beginning:
    """A trained network in the form that a recipe asks for.

    Attributes:
        source: the file of the trained network.
        network: the form that the recipe asks for, with its weights.
        anew: parameters that it had no weights for.
        parameters: number of all.
        before, after: mean PSNR-Y in dB of the trained network and of this form of it.
        costs: what each quantization that is new costs.
    """

    source: Path
    network: Network
    anew: list[str]
    parameters: int
    before: float
    after: float
    costs: list[deploy.Cost]

    def record(self) -> dict[str, Any]:
        """What the training's folder keeps of it."""
        return {
            "source": told(self.source),
            "anew": self.anew,
            "psnr_y": self.before,
            "psnr_y_here": self.after,
            "costs": [vars(cost) for cost in self.costs],
        }


def begin_with(recipe: Recipe, checkpoint: Path, images: list[str] | None = None) -> Beginning:
    """The network of a recipe with the weights of a trained one, of another form or scheme of the same architecture.

    Args:
        images: photographs to say on what quantization costs; None takes those held out of the recipe's training.

    Raises:
        UserError: bad checkpoint or images, or another architecture.
    """
    weights, cfg = weights_file(checkpoint), recipe.model
    source = load_trained(weights)
    deploy.check_start(weights, config_of(source), cfg)
    photos, held = load_source(recipe.data, cfg.colors)
    check_photographs(recipe, photos, held)
    shown = named_photographs(images) if images else held
    if not shown:
        raise UserError("data.holdout is empty: name photographs to say on what quantization costs with --images.")
    for photo in shown:
        check_scorable(photo, cfg.scale)
    patches = PatchDataset(photos, recipe.data, cfg.scale, cfg.colors, recipe.train.batch, recipe.train.seed)
    network, anew = deploy.converted(source, cfg, (patches.batch_at(i)[0] for i in range(_SETTLING)))
    return Beginning(
        weights,
        network,
        anew,
        len(list(network.parameters())),
        deploy.quality(source, shown, cfg),
        deploy.quality(network, shown, cfg),
        [] if anew else deploy.costs(source, network, shown),
    )


def quality_of(weights: Path, recipe: Recipe, images: list[str] | None = None) -> float:
    """Mean PSNR-Y in dB of a trained network on the photographs that `begin_with` takes."""
    model = load_trained(weights)
    photos = named_photographs(images) if images else held_out(recipe.data, model)
    return deploy.quality(model, photos, config_of(model))


def cost_rows(begin: Beginning) -> list[list[str]]:
    """A table's rows: quantization, PSNR-Y with it alone and what it costs, with it and all before and what they do."""
    rows = [["none: as it was trained", f"{begin.before:.3f}", "", f"{begin.before:.3f}", ""]]
    for cost in begin.costs:
        lost = [f"{value - begin.before:+.3f}" for value in (cost.alone, cost.together)]
        rows.append([cost.label, f"{cost.alone:.3f}", lost[0], f"{cost.together:.3f}", lost[1]])
    return rows


def tell(begin: Beginning) -> None:
    """Print what a training begins with."""
    if begin.anew:
        parts = ", ".join(sorted({".".join(name.split(".")[-2:]) for name in begin.anew}))
        say(
            f"{begin.parameters - len(begin.anew)} of {begin.parameters} parameters are those of {told(begin.source)}; "
            f"the others start anew: {parts}"
        )
        return
    columns = ["quantization", "alone", "change", "with all before", "change"]
    console.print(table("PSNR-Y in dB, before fine-tuning", columns, cost_rows(begin)))


def tell_end(begin: Beginning, weights: Path, recipe: Recipe, images: list[str] | None) -> None:
    """Print what fine-tuning made of it."""
    after = quality_of(weights, recipe, images)
    say(f"PSNR-Y in dB: {begin.before:.3f} as it was trained, {begin.after:.3f} converted, {after:.3f} now")
