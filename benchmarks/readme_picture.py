"""The picture at the head of the README, from a finished run of the recipe demo: a detail of the held-out photograph.

    python -m benchmarks.readme_picture [--demo build/demo] [--out docs/images/demo.png]

Upper row: low resolution, bicubic, trained network, SystemVerilog core, original; lower row: what bicubic and network
miss, and where the core's picture differs from the network's. Reads results.json, sr.png and model.golden.npz of the
run: the execution of the exported network and the core's picture, which are compared here once more.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

from xnorsr.flows.pictures import photograph
from xnorsr.flows.tiles import DIFFERENCE_GAIN, Pictures, crop_places, difference, enlarge
from xnorsr.quant.data import imresize, to_uint8

SIDE = 96  # high-resolution pixels of the detail


def main() -> None:
    """Draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--demo", type=Path, default=Path("build/demo"))
    parser.add_argument("--out", type=Path, default=Path("docs/images/demo.png"))
    args = parser.parse_args()
    results = json.loads((args.demo / "results.json").read_text())
    core = np.asarray(Image.open(args.demo / "sr.png"))
    network = np.moveaxis(np.load(args.demo / "export" / "model.golden.npz")["sr"], 0, -1)
    scale, (width, height) = results["model"]["scale"], results["image"]["low"]
    original = photograph(results["image"]["name"]).pixels[: height * scale, : width * scale]
    low = to_uint8(imresize(original, 1 / scale))
    bicubic = to_uint8(imresize(low, scale))
    ((top, left, side),) = crop_places(Pictures(low, bicubic, network, original), count=1, side=SIDE)
    differing, psnr = int((core != network).sum()), results["psnr_y"]
    if differing:
        raise AssertionError(f"{differing} codes of the core's picture differ from the network's: it is of another run")
    gain = f"difference from the original × {DIFFERENCE_GAIN}"
    tiles = [
        (f"low resolution\n{width} × {height}", enlarge(low, scale)),
        (f"bicubic\n{psnr['bicubic']:.2f} dB", bicubic),
        (f"network (Brevitas)\n{psnr['brevitas']:.2f} dB", network),
        (f"RTL (Verilator)\n{psnr['rtl']:.2f} dB", core),
        (f"original\n{width * scale} × {height * scale}", original),
        None,
        (f"bicubic: {gain}", difference(bicubic, original)),
        (f"network: {gain}", difference(network, original)),
        (f"RTL − network × {DIFFERENCE_GAIN}:\n{differing} of {core.size:,} codes differ", difference(core, network)),
        None,
    ]
    figure, axes = plt.subplots(2, 5, figsize=(15, 6.9), constrained_layout=True)
    for axis, tile in zip(axes.ravel(), tiles, strict=True):
        axis.set_axis_off()
        if tile is None:
            continue
        title, image = tile
        axis.imshow(image[top : top + side, left : left + side], interpolation="nearest")
        axis.set_title(title.replace("difference", "\ndifference"), fontsize=13)
    name = results["image"]["name"]
    figure.suptitle(
        f"{side} × {side} pixels of the held-out photograph “{name}”, ×{scale}; PSNR-Y of all of it", fontsize=13
    )
    args.out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(args.out, dpi=100)


if __name__ == "__main__":
    main()
