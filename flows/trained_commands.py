"""Commands on trained networks: what comes with the package, making one to come with it, and enlarging photographs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..errors import UserError
from .console import console, say, table
from .guard import guarded


@guarded()
def zoo(
    network: Annotated[list[str] | None, typer.Option("--network", help="Only this network; may be repeated.")] = None,
    scheme: Annotated[list[str] | None, typer.Option("--scheme", help="Only this scheme; may be repeated.")] = None,
    scale: Annotated[int, typer.Option(help="Enlargement: 2, 3, 4 or 8; networks without it are left out.")] = 2,
    csv: Annotated[Path | None, typer.Option("--csv", help="Write the counted table to this file too.")] = None,
    trained: Annotated[bool, typer.Option("--trained", help="Only the trained ones that come with xnorsr.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace the file of --csv.")] = False,
) -> None:
    """Trained networks that come with xnorsr; networks and schemes in the papers' sizes, counted as papers do."""
    from .output import check_new_file
    from .steps import packing
    from .steps import zoo as steps

    if trained and (network or scheme or csv is not None or scale != 2):
        raise UserError("--trained: the other options have no effect with it. Leave them out.")
    if csv is not None:
        check_new_file(csv, force, "--csv")
    if not (network or scheme):
        _tell_trained(packing.rows(), packing.COLUMNS)
    if trained:
        return
    with console.status("Counting ..."):
        rows = steps.accounts(network, scheme, scale)
    title = f"x{scale}, 320x180 frame: OPs = real MACs + binary/64, params = real + binary/32 (32-bit weights)"
    console.print(table(title, list(steps.COLUMNS), [row.cells() for row in rows], numeric=2))
    if csv is not None:
        steps.write_csv(rows, csv)


def _tell_trained(rows: list[list[str]], columns: tuple[str, ...]) -> None:
    if rows:
        title = "Trained networks that come along: a name stands for a checkpoint everywhere"
        console.print(table(title, list(columns), rows, numeric=2))
    else:
        say("No trained network comes with this version; `xnorsr pack` makes one of a training.")
    console.print()


@guarded()
def pack(
    checkpoint: Annotated[Path, typer.Argument(metavar="TRAINED", help="Output folder of `train`.")],
    name: Annotated[str, typer.Option("--name", help="Its name: lower-case letters, digits and hyphens.")],
    images: Annotated[
        list[str],
        typer.Option("--images", metavar="SET", help="Photographs to measure on, as of eval, a set each; repeat it."),
    ],
    out: Annotated[Path, typer.Option(help="Folder that gets the folder NAME.")] = Path("build/pretrained"),
    terms: Annotated[
        list[str] | None,
        typer.Option("--terms", metavar="SET=TEXT", help="Terms of a training set that are not known here."),
    ] = None,
    hardware: Annotated[
        str | None, typer.Option(help="What it was trained on, where the training did not record that.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the packed network of that name.")] = False,
) -> None:
    """Pack a trained network: weights in few bytes, recipe, course of the training, a card of measured figures."""
    from .steps import packing

    made = packing.pack(checkpoint, name, images, out, terms_of=terms, hardware=hardware, force=force)
    console.print((made / packing.CARD_TEXT).read_text(encoding="utf-8"), markup=False, soft_wrap=True)
    say(f"Packed: {made}")


@guarded("Pictures that were written stay; the one that was being enlarged left nothing.")
def upscale(
    photos: Annotated[list[Path], typer.Argument(metavar="PHOTO...", help="Photographs: 8-bit RGB or grey.")],
    model: Annotated[
        Path,
        typer.Option("--model", metavar="MODEL", help="Name that `xnorsr zoo` lists, or a file or folder of `train`."),
    ],
    out: Annotated[
        Path | None,
        typer.Option(help="File that ends in .png, or a folder. Default: PHOTO-x2.png in the working directory."),
    ] = None,
    self_ensemble: Annotated[
        bool, typer.Option("--self-ensemble", help="Average the network over eight flips and quarter turns.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace pictures that are there.")] = False,
) -> None:
    """Enlarge photographs with a trained network, in Python: the pictures that the hardware makes, code by code."""
    from .steps import enlarging

    enlarging.enlarge(photos, model, out, ensemble=self_ensemble, force=force)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (zoo, pack, upscale):
        app.command()(command)
