"""Seeded mutations of what a person gives to the commands: recipes, options, images, built folders, names.

`cases` writes a case's files and gives the words of the command line; each must end as success or as a clear error.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from PIL import Image

from tests.flows import tiny
from tests.networks import NetworkSpec, network

#: Values and names that have broken programs before.
NUMBERS = [
    "0", "-1", "1", "2", "true", "false", "1.5", "nan", "inf", "-inf", "1e300", "1e-300", str(1 << 31), str(1 << 63),
    str(1 << 64), "9" * 400, "9" * 5000, "0x10", "1_0", "''", "'1'", "[]", "[1]", "[1, 1]", "[0, 0]", "[-1, 4]",
    "[true, 1]", "[100000, 100000]", "{}", "{a = 1}", "{a = [1, 1]}", "{a = [0, 0]}", "[[[[]]]]", "1979-05-27", "0fps",
    "60fps", "1e9fps", "auto", "port", "full", "min",
]  # fmt: skip
NAMES = [
    "[/]", "[bold]", "[exec touch ran]", '"; exec touch ran; #', "$(touch ran)", "`touch ran`", "../up", "/", ".", "..",
    "", " ", "a b",
    "a#b", "a$b", "a:b", 'a"b', "a'b", "a\\b", "a\nb", "a\tb", "\x1b[2J", "\x00", "\udcff", "ü", "x" * 300,
    "-", "--", "--help", "-x", "~", "*", "nul", "kv260", "xc7z020", "xck26-sfvc784-2LV-c", "demo", "coffee",
]  # fmt: skip
FIELDS = [
    "data.source", "data.holdout", "data.patch", "data.augment", "model", "model.name", "model.scale", "model.colors",
    "model.channels", "model.blocks", "model.scheme", "train.steps", "train.max_minutes", "train.batch", "train.lr",
    "train.seed", "train.threads", "train.workers", "train.checkpoint_steps", "train.validate_steps", "train.warmup",
    "export.random_checks", "hardware.frame", "hardware.part", "hardware.clock_mhz", "hardware.folding",
    "hardware.pixels_per_beat", "hardware.affine_bits", "sim.image", "sim.crop", "sim.levels", "sim.waves",
    "estimate.synth", "estimate.family", "out", "nosuch", "train.nosuch", "a.b.c.d",
]  # fmt: skip
OPTIONS = ["--frame", "--part", "--clock", "--folding", "--pixels-per-beat", "--affine-bits", "--family", "--json"]
KINDS = ("recipes", "options", "images", "built folders", "trainings", "names")


@dataclass(frozen=True)
class Case:
    """One command line; ``what`` says what was mutated."""

    what: str
    args: list[str]


@dataclass(frozen=True)
class Ground:
    """What all cases share: photographs, a network, a folder built of it, and an image for it."""

    root: Path

    @property
    def model(self) -> Path:
        return self.root / "net.onnx"

    @property
    def built(self) -> Path:
        return self.root / "built"

    @property
    def image(self) -> Path:
        return self.root / "image.png"

    @property
    def trained(self) -> Path:
        return self.root / "trained"

    @property
    def settings(self) -> list[str]:
        return [f'data.source="{self.root / "photos"}"', *tiny.SETTINGS]


def ground(root: Path) -> Ground:
    """Write it, except for the built folder and the training."""
    made = Ground(root)
    (root / "photos").mkdir(parents=True)
    tiny.photographs(root / "photos")
    onnx.save(network(NetworkSpec()), made.model)
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (6, 7, 3), np.uint8)).save(made.image)
    return made


def cases(kind: str, seed: int, count: int, shared: Ground, folder: Path) -> Iterator[Case]:
    """``count`` cases of a kind; case n depends on (seed, n) only. Each gets a folder of its own below ``folder``."""
    make = {"recipes": _recipe, "options": _option, "images": _image, "built folders": _built, "trainings": _training,
            "names": _name}[kind]  # fmt: skip
    for number in range(count):
        place = folder / str(number)
        place.mkdir(parents=True)
        yield make(random.Random(f"{seed} {kind} {number}"), shared, place)


def _value(rng: random.Random) -> str:
    return rng.choice(NUMBERS) if rng.random() < 0.6 else repr(rng.choice(NAMES))


def mutated(data: bytes, rng: random.Random) -> bytes:
    """Bytes cut, flipped, repeated or replaced."""
    raw = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 8])):
        at, kind = rng.randrange(len(raw) + 1), rng.randrange(5)
        if kind == 0:
            del raw[at:]
        elif kind == 1 and at < len(raw):
            raw[at] ^= 1 << rng.randrange(8)
        elif kind == 2:
            raw[at:at] = rng.randbytes(rng.randrange(1, 9))
        elif kind == 3:
            del raw[at : at + rng.randrange(1, 30)]
        else:
            raw[at:at] = raw[: rng.randrange(100)]
    return bytes(raw)


def _recipe(rng: random.Random, shared: Ground, place: Path) -> Case:
    """A recipe with mutated text, or fields set to what does not belong there."""
    path = place / "r.toml"
    command = rng.choice(["train", "train", "run"])
    base = [word for value in shared.settings for word in ("--set", value)]
    lines = [f"{field} = {value}" for field, value in (s.split("=", 1) for s in shared.settings)]
    text = ("\n".join(lines) + "\n").encode()
    if rng.random() < 0.4:
        path.write_bytes(mutated(text, rng))
        return Case(f"text {path.read_bytes()!r}", [command, str(path), "--out", str(place / "out")])
    chosen = [f"{rng.choice(FIELDS)}={_value(rng)}" for _ in range(rng.choice([1, 1, 2]))]
    words = [word for value in chosen for word in ("--set", value)]
    return Case(f"fields {chosen}", [command, "demo", *base, *words, "--out", str(place / "out")])


def _option(rng: random.Random, shared: Ground, place: Path) -> Case:
    """Options of a build with any value."""
    words: list[str] = []
    for option in rng.sample(OPTIONS[:6], rng.choice([1, 1, 2])):
        words += [option, rng.choice(NUMBERS + NAMES + ["7x6", "0x0", "100000x100000", "3x3", f"{1 << 31}x1"])]
    return Case(f"options {words}", ["estimate", str(shared.model), *words])


def _image(rng: random.Random, shared: Ground, place: Path) -> Case:
    """A mutated image, or one of another size, mode or depth."""
    path = place / f"i{rng.choice(['.png', '.png', '.jpg', '.bmp', '.npy', '.txt'])}"
    if rng.random() < 0.5:
        path.write_bytes(mutated(shared.image.read_bytes(), rng))
    else:
        size = rng.choice([(7, 6), (1, 1), (6, 7), (70, 60), (7, 1)])
        mode = rng.choice(["RGB", "L", "RGBA", "P", "1", "CMYK", "I;16", "F"])
        kind = {"RGBA": "PNG", "P": "PNG", "1": "PNG", "I;16": "PNG", "CMYK": "JPEG", "F": "TIFF"}.get(mode, "PNG")
        Image.new(mode, size).save(path, kind)
    crop = ["--crop"] if rng.random() < 0.5 else []
    words = ["sim", str(shared.built), "--image", str(path), "--out", str(place / "o.png"), *crop]
    return Case(f"image {path.name} {crop}", words)


def _built(rng: random.Random, shared: Ground, place: Path) -> Case:
    """A built folder with one of its descriptions damaged."""
    out = place / "built"
    shutil.copytree(shared.built, out)
    name = rng.choice(["build.json", "build.json", "hls/xnorsr.json", "rtl/project.json", "model.onnx"])
    path = out / name
    path.write_bytes(mutated(path.read_bytes(), rng))
    sim = ["sim", str(out), "--image", str(shared.image), "--out", str(place / "o.png")]
    return Case(f"{name} {place.name}", rng.choice([sim, ["estimate", str(out)]]))


def _training(rng: random.Random, shared: Ground, place: Path) -> Case:
    """A training's folder with its weights, their record or its checkpoint damaged."""
    out = place / "trained"
    shutil.copytree(shared.trained, out)
    name = rng.choice(["weights.pt", "weights.pt", "recipe.json", "checkpoints/last.ckpt"])
    path = out / name
    path.write_bytes(mutated(path.read_bytes(), rng))
    go_on = ["train", "demo", *(word for value in shared.settings for word in ("--set", value)), "--out", str(out)]
    if name == "checkpoints/last.ckpt":
        (out / "weights.pt").unlink()
        return Case(f"{name} {place.name}", go_on)
    export = ["export", str(out), "--out", str(place / "x"), "--frame", "6x5"]
    return Case(f"{name} {place.name}", rng.choice([["eval", str(out)], export]))


def _name(rng: random.Random, shared: Ground, place: Path) -> Case:
    """Names of files, folders and fields in every place of the command line."""
    name, other = rng.choice(NAMES), rng.choice(NAMES)
    below = f"{place}/{name}"
    commands = [
        [name], ["train", name], ["run", name, "--out", below], ["eval", name], ["eval", below, "--images", other],
        ["export", below, "--out", below], ["build", name], ["build", below, "--part", other], ["estimate", below],
        ["estimate", str(shared.model), "--part", name], ["sim", below, "--image", other],
        ["sim", str(shared.built), "--image", name], ["sim", str(shared.built), "--image", below, "--out", other],
        ["train", "demo", "--set", f"{name}={other}"], ["train", "demo", "--set", f"out={name}", name],
        ["estimate", str(shared.model), "--json", f"{below}/{other}", "--folding", name],
    ]  # fmt: skip
    words = rng.choice(commands)
    return Case(f"words {words}", words)
