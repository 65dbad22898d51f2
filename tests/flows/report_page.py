"""The report of a network that was not trained here: figures of a training and pictures are made up."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from xnorsr.flows.config import EstimateConfig
from xnorsr.flows.pipeline import simulation_results
from xnorsr.flows.report import render
from xnorsr.flows.steps import cost
from xnorsr.flows.steps.hardware import Simulated
from xnorsr.flows.tiles import FurtherOutput, Pictures
from xnorsr.hw.build import BuildResult


def results_of(built: BuildResult, rtl: Simulated | None = None) -> dict[str, Any]:
    """What results.json would hold."""
    low, (high, *_) = built.network.input_type, built.network.output_types.values()
    results: dict[str, Any] = {
        "recipe": "two", "command": "xnorsr run two", "model": {"name": "two", "scale": high.width // low.width},
        "times": {"build": 1.0}, "versions": {"xnorsr": "0"},
        "image": {"name": "photo", "low": [low.width, low.height], "high": [high.width, high.height]},
        "psnr_y": {"bicubic": 20.0, "brevitas": 21.0}, "ssim_y": {"bicubic": 0.8, "brevitas": 0.9}, "holdout": [],
        "qonnx": {"codes": high.pixels * high.channels, "mismatches": 0},
        "data": {"source": "photos", "photographs": 4, "holdout": []},
        "training": {
            "steps": 7, "steps_asked": 9, "minutes": 0.5, "max_minutes": 0.5, "batch": 1, "seed": 5, "threads": 1,
            "loss": [[n, 1 / n] for n in range(1, 8)],
        },
        **cost.account(built, None, EstimateConfig()).to_dict(),
    }  # fmt: skip
    if rtl is not None:
        results["rtl"] = simulation_results(rtl)
        results["psnr_y"]["rtl"], results["ssim_y"]["rtl"] = 21.0, 0.9
    return results


def page_of(built: BuildResult, results: dict[str, Any], further: tuple[FurtherOutput, ...] = ()) -> str:
    """The page's HTML."""
    low, (high, *_) = built.network.input_type, built.network.output_types.values()
    rng = np.random.default_rng(4)
    small, *large = (
        rng.integers(0, 256, (kind.height, kind.width, kind.channels), np.uint8) for kind in (low, high, high, high)
    )
    return render(results, Pictures(small, *large, further), built)


def text_of(html: str) -> str:
    """The page's text, blanks and tags as one blank."""
    return " ".join(re.sub(r"<[^>]*>", " ", re.sub(r"<style>.*?</style>", "", html, flags=re.S)).split())
