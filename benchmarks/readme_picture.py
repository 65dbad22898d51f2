"""The picture at the head of the README, from a finished demo: low resolution, bicubic, network, RTL, and the equality.

    python -m benchmarks.readme_picture [--demo build/demo] [--out docs/images/demo.png]

Reads results.json and sr.png of the run, and reduces and enlarges the original for the first two tiles.
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
from xnorsr.quant.data import imresize, to_uint8

BOX = 0.34  # share of the picture's width and height that the detail shows


def main() -> None:
    """Draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--demo", type=Path, default=Path("build/demo"))
    parser.add_argument("--out", type=Path, default=Path("docs/images/demo.png"))
    args = parser.parse_args()
    results = json.loads((args.demo / "results.json").read_text())
    ours = np.asarray(Image.open(args.demo / "sr.png"))
    scale, (width, height) = results["model"]["scale"], results["image"]["low"]
    original = photograph(results["image"]["name"]).pixels[: height * scale, : width * scale]
    low = to_uint8(imresize(original, 1 / scale))
    psnr, rtl = results["psnr_y"], results["rtl"]
    tiles = [
        ("low resolution", np.kron(low, np.ones((scale, scale, 1), np.uint8)), f"{width} x {height}"),
        ("bicubic", to_uint8(imresize(low, scale)), f"{psnr['bicubic']:.2f} dB"),
        ("trained network (Brevitas)", ours, f"{psnr['brevitas']:.2f} dB"),
        ("SystemVerilog core (Verilator)", ours, f"{psnr['rtl']:.2f} dB"),
    ]
    h, w = ours.shape[:2]
    y, x, dy, dx = int(0.12 * h), int(0.28 * w), int(BOX * h), int(BOX * w)
    figure, axes = plt.subplots(1, 4, figsize=(14, 3.6), constrained_layout=True)
    for axis, (title, image, note) in zip(axes, tiles, strict=True):
        axis.imshow(image[y : y + dy, x : x + dx], interpolation="nearest")
        axis.set_title(f"{title}\n{note}", fontsize=12)
        axis.set_axis_off()
    figure.suptitle(
        f"{rtl['mismatches']} of {rtl['codes']:,} codes differ between the trained network and the hardware "
        f"(PSNR-Y of the whole photograph “{results['image']['name']}”, x{scale})",
        fontsize=13,
    )
    args.out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(args.out, dpi=110)


if __name__ == "__main__":
    main()
