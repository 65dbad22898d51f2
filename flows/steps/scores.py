"""Scores as a table, a file and a figure."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from ...errors import UserError
from ..console import plain
from ..output import check_new_file, write_file
from .training import Score, mean_score

FORMATS = (".png", ".svg", ".pdf")


def title(scale: int, ensemble: bool) -> str:
    """What a table or figure of scores is headed with; says where the network was averaged."""
    ours = ", ours averaged over 8 flips and turns (self-ensemble)" if ensemble else ""
    return f"x{scale}, PSNR-Y in dB and SSIM-Y, {scale} border pixels left out{ours}"


def cells(score: Score) -> list[str]:
    """One row of the table."""
    return [
        score.name,
        f"{score.bicubic_psnr:.2f}",
        f"{score.psnr:.2f}",
        f"{score.psnr - score.bicubic_psnr:+.2f}",
        f"{score.bicubic_ssim:.4f}",
        f"{score.ssim:.4f}",
    ]


def check_files(table: Path | None, figure: Path | None, force: bool) -> None:
    """Refuse places where the table or the figure cannot be written, before anything is scored.

    Raises:
        UserError: there is a file already, without ``force``; or the figure's name does not end in one of `FORMATS`.
    """
    if figure is not None and figure.suffix.lower() not in FORMATS:
        raise UserError(f"--figure {figure}: give a file name that ends in {', '.join(FORMATS)}.")
    for path, option in ((table, "--csv"), (figure, "--figure")):
        if path is not None:
            check_new_file(path, force, option)


def write_csv(scores: list[Score], path: Path, ensemble: bool) -> None:
    """One line per photograph and one of the means; the columns of a self-ensemble have names of their own."""
    ours = "self_ensemble" if ensemble else "ours"
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["image", "bicubic_psnr_y", f"{ours}_psnr_y", "bicubic_ssim_y", f"{ours}_ssim_y"])
    for s in [*scores, mean_score(scores)]:
        writer.writerow([s.name, s.bicubic_psnr, s.psnr, s.bicubic_ssim, s.ssim])
    write_file(path, text.getvalue())


def draw(scores: list[Score], path: Path, heading: str) -> None:
    """PSNR-Y of every photograph, bicubic beside the network, and the means as lines.

    Raises:
        UserError: the file cannot be written.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(max(5.0, 0.5 * len(scores) + 2), 4.5), layout="constrained")
    axes = figure.subplots()
    mean = mean_score(scores)
    series = (
        ("bicubic", [s.bicubic_psnr for s in scores], mean.bicubic_psnr, "tab:gray", -0.2),
        ("ours", [s.psnr for s in scores], mean.psnr, "tab:blue", 0.2),
    )
    for name, values, average, colour, offset in series:
        axes.bar([i + offset for i in range(len(scores))], values, 0.4, color=colour, label=f"{name}, {average:.2f} dB")
        axes.axhline(average, color=colour, linewidth=0.8, linestyle="--")
    low = min(min(s.bicubic_psnr, s.psnr) for s in scores)
    axes.set_ylim(bottom=max(low - 3, 0))
    axes.set_xticks(range(len(scores)), [plain(s.name) for s in scores], parse_math=False, rotation=60, ha="right")
    axes.set_ylabel("PSNR-Y in dB")
    axes.set_title(heading, fontsize="small")
    axes.legend()
    buffer = io.BytesIO()
    # The heading in the file's own words too: a cropped figure still says how it was made.
    figure.savefig(buffer, format=path.suffix[1:].lower(), metadata={"Title": heading})
    write_file(path, buffer.getvalue())
