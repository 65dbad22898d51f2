"""PSNR-Y and SSIM-Y of bicubic enlargement on a folder: the check that figures here mean what papers' figures mean.

    python -m benchmarks.bicubic FOLDER [--scales 2 3 4]

Y is made from the high-resolution image, then reduced and enlarged in Y by MATLAB's bicubic, `scale` border pixels left
out. On a folder that is called Set5 the means must be those that papers print.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from benchmarks.common import heading, rows
from xnorsr.errors import UserError
from xnorsr.quant.data import read_folder
from xnorsr.quant.data.fetch import resolve
from xnorsr.quant.inference import bicubic_score

SET5 = {2: (33.66, 0.9299), 3: (30.39, 0.8682), 4: (28.42, 0.8104)}
NEAR = (0.02, 0.0005)


def check(scale: int, psnr: float, ssim: float) -> None:
    """Raises where the means on Set5 are not the published ones."""
    wanted = SET5[scale]
    if abs(psnr - wanted[0]) > NEAR[0] or abs(ssim - wanted[1]) > NEAR[1]:
        raise AssertionError(
            f"bicubic x{scale} on Set5: {psnr:.3f} dB, {ssim:.4f}; papers have {wanted[0]}, {wanted[1]}"
        )


def main(arguments: list[str] | None = None) -> None:
    """Run and print; raises where a mean on Set5 is not the published one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder of high-resolution images, or the name of a fetched data set")
    parser.add_argument("--scales", type=int, nargs="+", choices=(2, 3, 4), default=[2, 3, 4])
    args = parser.parse_args(arguments)
    try:
        photos = read_folder(resolve(args.folder))
    except UserError as e:
        parser.error(str(e))
    for scale in args.scales:
        scores = [bicubic_score(photo, scale) for photo in photos]
        psnr, ssim = (float(v) for v in np.mean(scores, 0))
        heading(f"bicubic x{scale} on {len(photos)} images")
        table = [[p.name, f"{s[0]:.3f}", f"{s[1]:.4f}"] for p, s in zip(photos, scores, strict=True)]
        rows(["", "PSNR-Y, dB", "SSIM-Y"], [*table, ["mean", f"{psnr:.3f}", f"{ssim:.4f}"]])
        if args.folder.resolve().name.lower() == "set5":
            check(scale, psnr, ssim)


if __name__ == "__main__":
    main()
