"""A training of one step on two small photographs, for tests of what comes after a training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from xnorsr.flows.config import load_recipe
from xnorsr.flows.steps import training

SETTINGS = [
    "data.patch=8", "model.channels=4", "model.blocks=1", "train.steps=1", "train.batch=1", "train.max_minutes=1",
    'data.holdout=["b"]',
]  # fmt: skip


def photographs(folder: Path) -> Path:
    """Writes a.png and b.png, 48 x 40 pixels of noise."""
    rng = np.random.default_rng(1)
    for name in ("a", "b"):
        Image.fromarray(rng.integers(0, 256, (40, 48, 3), np.uint8)).save(folder / f"{name}.png")
    return folder


def train(photos: Path, out: Path, *settings: str) -> Path:
    """Trains into a folder."""
    training.train(load_recipe("demo", [f'data.source="{photos}"', *SETTINGS, *settings]), out)
    return out
