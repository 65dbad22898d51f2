"""The command line. Heavy packages are imported inside the commands, so that ``--help`` answers at once."""

from __future__ import annotations

import os
import shlex
import sys
import warnings
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from .. import __version__
from ..errors import UserError
from . import trained_commands
from .console import console, say, styled, table
from .guard import guarded
from .hardware_options import HardwareOptions, with_hardware_options

# Read when torch is loaded. Threads that spin while they wait take the cores from those that work: beside other
# programs a training was several times slower.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="From photographs to a bit-exact binarized super-resolution accelerator: train, export, generate HLS and "
    "SystemVerilog, simulate, compare, estimate.",
)

Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="SECTION.FIELD=VALUE", help="Set a field of the recipe; may be repeated."),
]
Force = Annotated[bool, typer.Option("--force", help="Replace what is in the output folder.")]
data = typer.Typer(no_args_is_help=True, help="Data sets to train and measure on.")
app.add_typer(data, name="data")
RecipeArg = Annotated[str, typer.Argument(metavar="RECIPE", help="A TOML file, or the name of a shipped recipe.")]
CheckpointArg = Annotated[
    Path, typer.Argument(metavar="CHECKPOINT", help="File or folder that `train` wrote, or a name that `zoo` lists.")
]


def _typed(path: Path) -> str:
    """A path as one types it in a shell."""
    return shlex.quote(str(path))


def _version(wanted: bool) -> None:
    if wanted:
        console.print(f"xnorsr {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


@app.command()
@guarded("The last checkpoint is kept: the same command, without --force, continues from it.")
def train(
    recipe: RecipeArg,
    out: Annotated[Path | None, typer.Option(help="Output folder. Default: build/RECIPE/train.")] = None,
    source: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="CHECKPOINT",
            help="Begin with this trained network, of the same architecture with another scheme or other bits: what "
            "trained in float becomes fixed point, and is fine-tuned.",
        ),
    ] = None,
    images: Annotated[
        list[str] | None,
        typer.Option(
            "--images",
            help="With --from: photographs, as of eval, to say on what each quantization costs. Default: those held "
            "out.",
        ),
    ] = None,
    overrides: Set = None,
    force: Force = False,
) -> None:
    """Train the network of a recipe; an interrupted training continues from its last checkpoint."""
    from .config import load_recipe, recipe_path
    from .steps import beginning
    from .steps import training as steps

    if images and source is None:
        raise UserError("--images: has no effect without --from. Give both, or leave --images out.")
    config = load_recipe(recipe, overrides)
    folder = out or Path("build") / recipe_path(recipe).stem / "train"
    begin = None
    if source is not None and (force or not steps.continues(folder)):
        with console.status("Converting the trained network and measuring what its quantizations cost ..."):
            begin = beginning.begin_with(config, source, images)
        beginning.tell(begin)
    checkpoint = steps.train(config, folder, force=force, begin=begin)
    if begin is not None:
        beginning.tell_end(begin, checkpoint, config, images)
    say(f"Trained: {checkpoint}. Next: xnorsr eval {_typed(checkpoint)}, xnorsr export {_typed(checkpoint)}")


@app.command("eval")
@guarded()
def evaluate(
    checkpoint: CheckpointArg,
    images: Annotated[
        list[str] | None,
        typer.Option(
            "--images",
            help="Folder of photographs, one file, or the name of a fetched data set or an embedded photograph; may be "
            "repeated. Default: the photographs held out of the training.",
        ),
    ] = None,
    csv: Annotated[Path | None, typer.Option("--csv", help="Write the table to this file too.")] = None,
    figure: Annotated[
        Path | None, typer.Option("--figure", help="Draw PSNR-Y per image into this file: PNG, SVG or PDF.")
    ] = None,
    self_ensemble: Annotated[
        bool, typer.Option("--self-ensemble", help="Average the network over eight flips and quarter turns.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace the files of --csv and --figure.")] = False,
) -> None:
    """Print PSNR-Y and SSIM-Y of bicubic and of a trained network on high-resolution photographs."""
    from .steps import scores, training

    scores.check_files(csv, figure, force)
    rows = training.evaluate(checkpoint, images, ensemble=self_ensemble)
    title = scores.title(training.scale_of(checkpoint), self_ensemble)
    cells = [scores.cells(r) for r in [*rows, training.mean_score(rows)]]
    console.print(table(title, ["image", "bicubic", "ours", "gain", "SSIM bic.", "SSIM ours"], cells))
    if csv is not None:
        scores.write_csv(rows, csv, self_ensemble)
    if figure is not None:
        scores.draw(rows, figure, title)


@app.command()
@guarded()
def export(
    checkpoint: CheckpointArg,
    out: Annotated[Path, typer.Option(help="Output folder; gets model.onnx and the golden pair.")] = Path(
        "build/export"
    ),
    frame: Annotated[
        str | None,
        typer.Option(metavar="WxH", help="Low-resolution frame size, for example 320x180. Default: 128x128."),
    ] = None,
    all_outputs: Annotated[
        bool, typer.Option("--all-outputs", help="Keep every output of a network that has several (LapSRN).")
    ] = False,
    force: Force = False,
) -> None:
    """Write a trained network as QONNX, checked to the last code against Brevitas."""
    from .config import parse_frame
    from .steps import training as steps

    say("Writing the QONNX file and executing it on its check images ...")
    path = steps.export(checkpoint, out, parse_frame(frame), all_outputs=all_outputs, force=force)
    say(f"Exported: {path}. Next: xnorsr build {_typed(path)}")


@app.command()
@with_hardware_options
@guarded("An unfinished build leaves nothing. Run the command again; with --force if it was in C-synthesis.")
def build(
    model: Annotated[Path, typer.Argument(metavar="MODEL.onnx", help="QONNX file, ours or any Brevitas user's.")],
    out: Annotated[Path | None, typer.Option(help="Output folder. Default: build/MODEL.")] = None,
    *,
    hardware: HardwareOptions,
    synth: Annotated[
        bool, typer.Option("--synth", help="Run C-simulation and C-synthesis where the vendor's HLS is on PATH.")
    ] = False,
    force: Force = False,
) -> None:
    """Generate the HLS and the SystemVerilog project of a QONNX network."""
    from .steps import csynth
    from .steps import hardware as steps

    folder = out or Path("build") / model.stem
    steps.build(model, folder, hardware.options(), force=force)
    typed = _typed(folder)
    say(f"Built: {folder}. Next: xnorsr sim {typed} --image FILE.png, xnorsr estimate {typed}")
    if synth:
        csynth.vendor_synthesis(folder)


@app.command()
@guarded("What is compiled is kept; run the command again.")
def sim(
    project: Annotated[Path, typer.Argument(metavar="BUILD", help="A folder that `build` wrote.")],
    image: Annotated[Path, typer.Option(help="Low-resolution photograph, 8-bit, of the frame size that was built.")],
    level: Annotated[str, typer.Option(help="hls (C-simulation) or rtl (Verilator).")] = "hls",
    crop: Annotated[bool, typer.Option("--crop", help="Take the middle of a larger photograph.")] = False,
    all_tensors: Annotated[bool, typer.Option("--all-tensors", help="Also compare every intermediate tensor.")] = False,
    waves: Annotated[bool, typer.Option("--waves", help="Write waveforms (rtl only).")] = False,
    bit_true: Annotated[
        bool,
        typer.Option("--bit-true", help="Simulate the code that is synthesized, not its fast form: slow (hls only)."),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            help="File of the result, a PNG picture; a network's further outputs go beside it, with their names "
            "appended. Default: BUILD/sim/IMAGE-LEVEL.png."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that --out names.")] = False,
) -> None:
    """Upscale a photograph in simulation and compare every code with the reference."""
    from .steps import hardware as steps

    if waves and level != "rtl":
        raise UserError(f"--waves: has no effect with --level {level}. Give --level rtl as well, or leave --waves out.")
    if bit_true and level != "hls":
        raise UserError(f"--bit-true: has no effect with --level {level}. Give --level hls, or leave --bit-true out.")
    found = steps.simulate(
        project,
        image,
        level,
        crop=crop,
        all_tensors=all_tensors,
        waves=waves,
        bit_true=bit_true,
        out=out,
        force=force,
    )
    often = f", fed {found.frames} times (mode previous)" if found.frames > 1 else ""
    for name, output in found.outputs.items():
        which = f"Output {name}: " if len(found.outputs) > 1 else ""
        kind = "Codes" if found.files[name].suffix == ".npy" else "Picture"
        console.print(
            styled(
                which,
                (f"0 of {output.size:,} codes differ", "green"),
                f" from the reference{often}. {kind}: {found.files[name]}",
            ),
            soft_wrap=True,
        )
    for name, count in found.streams.items():
        say(f"  {name}: 0 of {count:,}", "dim")
    if found.cycles is not None:
        console.print(f"{found.cycles:,} cycles, predicted {found.predicted_cycles:,}")


@app.command()
@with_hardware_options
@guarded()
def estimate(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="QONNX file, or a folder that `build` wrote.")],
    *,
    hardware: HardwareOptions,
    synth: Annotated[bool, typer.Option("--synth", help="Also synthesize every layer with Yosys.")] = False,
    family: Annotated[
        str | None, typer.Option(help="Device family for Yosys: xc7, xcu or xcup. Default: the part's.")
    ] = None,
    json: Annotated[Path | None, typer.Option("--json", help="Write the whole account to this file.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file that --json names.")] = False,
) -> None:
    """Say what a network costs, layer by layer: operations, memory, cycles, LUT, FF, BRAM, DSP; and its fps."""
    from .config import EstimateConfig, checked
    from .output import check_new_file
    from .steps import cost as steps

    if family is not None and not synth:
        raise UserError("--family: has no effect without --synth. Give both, or leave --family out.")
    config = checked(EstimateConfig, {"synth": synth, "family": family}, {"family": f"--family {family}"})
    if force and json is None:
        raise UserError("--force: has no effect without --json. Give both, or leave --force out.")
    if json is not None:
        check_new_file(json, force, "--json")
    account = steps.estimate(model, hardware, config)
    for one in steps.account_tables(account):
        console.print(one)
    if json is not None:
        steps.write_account(account, json)


@app.command()
@guarded("Finished steps are kept: the same command, without --force, continues after them.")
def run(
    recipe: RecipeArg,
    out: Annotated[Path | None, typer.Option(help="Output folder. Default: the recipe's, or build/RECIPE.")] = None,
    pretrained: Annotated[
        Path | None,
        typer.Option(metavar="NAME", help="Do not train: take this trained network, by its name or packed folder."),
    ] = None,
    overrides: Set = None,
    force: Force = False,
) -> None:
    """Do the whole flow: train, export, build, simulate HLS and RTL, compare, estimate, report."""
    from . import pipeline
    from .config import load_recipe, recipe_path

    config = load_recipe(recipe, overrides)
    name = recipe_path(recipe).stem
    folder = out or Path(config.out or f"build/{name}")
    results = pipeline.run(
        config, name, folder, source=recipe, overrides=overrides or [], packed=pretrained, force=force
    )
    console.print(pipeline.summary(results))
    say(f"Report: {folder / 'report.html'}")


@data.command("get")
@guarded("What came is kept: the same command goes on from there.")
def data_get(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Names that `xnorsr data list` gives.")],
) -> None:
    """Fetch data sets from their own hosts, check and unpack them; recipes then take their names as data.source."""
    from .steps import data as steps

    for name in names:
        say(f"{name}: {steps.get(name)}")


@data.command("list")
@guarded()
def data_list() -> None:
    """The data sets that can be fetched, and which are here."""
    from .steps import data as steps

    console.print(table("", ["name", "", "what", "images"], steps.rows(), numeric=3))


trained_commands.register(app)


@app.command()
@guarded()
def recipes(
    recipe: Annotated[
        str | None, typer.Argument(metavar="[RECIPE]", help="Print every field of this one, as TOML.")
    ] = None,
    overrides: Set = None,
) -> None:
    """List the shipped recipes; or print one with every field, its value and what is allowed, to start your own."""
    from .config import load_recipe
    from .recipe_text import every_field, listing

    if recipe is not None:
        console.print(every_field(load_recipe(recipe, overrides)), markup=False, soft_wrap=True, end="")
    elif overrides:
        raise UserError("--set: has no effect on the list of recipes. Name a recipe as well, or leave --set out.")
    else:
        console.print(table("", ["recipe", "what it is for"], listing(), numeric=9))


@app.command()
@guarded()
def doctor() -> None:
    """List the tools with their versions, what is missing and how to get it. Exit code 1 if the flow needs it."""
    from .doctor import examine

    findings = examine()
    good, bad, less = Text("✓", "green"), Text("✗", "red"), Text("–", "yellow")
    rows: list[list[str | Text]] = [
        [good if f.ok else bad if f.required else less, f.name, f.version or "missing", f.where, f.needed_for]
        for f in findings
    ]
    console.print(table("", ["", "tool", "version", "where", "needed for"], rows, numeric=9))
    remedies: dict[tuple[str, bool], list[str]] = {}
    for f in findings:
        if not f.ok:
            remedies.setdefault((f.remedy, f.required), []).append(f.name)
    for (remedy, required), names in remedies.items():
        style = "red" if required else "yellow"
        say(f"{', '.join(names)}: {remedy}", style)
    if any(f.required and not f.ok for f in findings):
        raise typer.Exit(1)


def main() -> None:
    """Entry point of ``xnorsr``."""
    # Brevitas warns about missing packages that would speed up what is not used here.
    warnings.filterwarnings("ignore", module="brevitas")
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # terminals without UTF-8
    app()
