"""The start of a run: all that can be known to fail is refused before its first step and before anything is written."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch

from .. import tools
from ..errors import UserError
from ..hw.build import model_graph, prepare
from ..hw.graph.load import own_frame
from ..hw.resources.devices import device
from ..quant import zoo
from ..quant.data.images import EMBEDDED
from ..quant.export import to_qonnx
from ..quant.pretrained import Card
from . import state
from .config import Recipe
from .output import refuse_non_empty
from .steps import hardware

#: What a run ends with: where it is missing, the run is unfinished.
RESULTS = "results.json"
#: Side of the frame at which an untrained network is exported; its layers are those of any other frame.
_SIDE = 8


def check_tools(recipe: Recipe) -> None:
    """Refuse a run whose programs are missing, or whose part is unknown.

    Raises:
        UserError: names what is missing and how to get it.
    """
    for level in recipe.sim.levels:
        hardware.need_simulator(level)
    if recipe.estimate.synth:
        tools.yosys()
    device(recipe.hardware.part)


def check_training(recipe: Recipe) -> None:
    """Refuse a run whose training leaves no network to use.

    Raises:
        UserError: it is the first one of two trainings; says what to do.
    """
    if not recipe.train.binary_weights:
        raise UserError(
            "train.binary_weights = false: what such a training leaves is the start of a second one, not a network to "
            "export. Train it with `xnorsr train`, train a second one with `xnorsr train --from` its weights.pt, and "
            "go on with export and build; or leave the setting out."
        )


def check_hardware(recipe: Recipe, frame: tuple[int, int]) -> None:
    """Refuse build options that the recipe's network does not allow: an untrained one is lowered and folded.

    Args:
        frame: (width, height) in low-resolution pixels that will be built.

    Raises:
        UserError: the frame, the folding or the pixels per beat do not fit the network.
    """
    options = recipe.hardware.model_copy(update={"frame": recipe.hardware.frame or frame})
    with tempfile.TemporaryDirectory(prefix="xnorsr-") as folder, torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.train.seed)
        network, colors = zoo.build(recipe.model).eval(), recipe.model.image_channels
        every = recipe.export.all_outputs
        untrained = to_qonnx(network, colors, _SIDE, _SIDE, every)
        if own_frame(untrained) is not None:
            width, height = options.frame or frame
            untrained = to_qonnx(network, colors, height, width, every)
        model_graph(prepare(untrained, options), options, Path(folder) / "hls")


def check_idle(overrides: Sequence[str]) -> None:
    """Refuse --set of what says nothing where a trained network is taken.

    Raises:
        UserError: names the override.
    """
    for text in overrides:
        if text.partition("=")[0].partition(".")[0].strip() in ("model", "train"):
            raise UserError(
                f"--set {text}: has no effect with --pretrained, which brings the network as it was trained. Leave one "
                "of them out."
            )


def check_unseen(card: Card, recipe: Recipe, names: Iterable[str]) -> None:
    """Refuse to show a trained network on a photograph that it was trained on.

    Args:
        names: of the photographs, of the recipe's sets or what its sim.image names.

    Raises:
        UserError: names the photograph and its set.
    """
    seen = {one.name for one in card.data}
    source = recipe.data.source
    shown = {"embedded"} if source == "embedded" else {path.resolve().name for path in source}
    image = recipe.sim.image
    if image is not None:
        shown |= {"embedded" if image in EMBEDDED else Path(image).resolve().parent.name}
    for name in names:
        if shown & seen and name not in card.holdout:
            which = " or ".join(sorted(shown & seen))
            raise UserError(
                f"photograph {name}: the network {card.name} was trained on its set, {which}. Name others "
                "in data.source and data.holdout, or with sim.image."
            )


def unfinished(recipe: Recipe, identity: dict[str, Any], out: Path, force: bool) -> dict[str, Any] | None:
    """State of the run in a folder that is to be continued; None where a new run may begin there.

    A finished run whose section [estimate] has changed (Yosys, say) is continued with its estimate.

    Raises:
        UserError: the folder holds something else, and ``force`` is not set.
    """
    if force:
        return None
    found, finished = state.read(out), (out / RESULTS).exists()
    if found is not None:
        again = found["estimate"] != recipe.estimate.model_dump(mode="json")
        if found["recipe"] == identity and (again or not finished):
            if again:
                for step in ("estimate", "report"):
                    found["results"]["times"].pop(step, None)
            return found
        if not finished:
            raise UserError(
                f"output {out}: holds an unfinished run of another recipe or of other settings. Give --force to start "
                "again there, or another folder with --out."
            )
    refuse_non_empty(out, force)
    return None
