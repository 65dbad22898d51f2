"""The recipe: one typed, validated configuration of a whole run, read from TOML.

Each table of the file is one section of `Recipe`; unknown fields are refused. `load_recipe` turns everything that
can be wrong with a recipe into one `UserError` that names the file, the field and what is allowed.
"""

from __future__ import annotations

import difflib
import re
import tomllib
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator

from ..errors import UserError
from ..quant.config import DataConfig, ExportConfig, ModelConfig, TrainConfig

RECIPES = Path(__file__).parent / "recipes"

S = TypeVar("S", bound=BaseModel)
Fps = Annotated[str, StringConstraints(pattern=r"^\d+(\.\d+)?fps$")]


class Section(BaseModel):
    """Base of the sections: no field that is not declared."""

    model_config = ConfigDict(extra="forbid")


class HardwareConfig(Section):
    """What is built from the network."""

    frame: tuple[int, int] | None = Field(
        None, description="low-resolution frame [width, height]; left out: the size of the simulated photograph"
    )
    part: str = Field("xck26-sfvc784-2LV-c", description="device, as the vendor names it, or a board")
    clock_mhz: float = Field(200.0, gt=0, description="clock in MHz")
    folding: Annotated[int, Field(ge=1)] | Literal["auto", "full", "min"] | Fps | dict[str, tuple[int, int]] = Field(
        "auto",
        description='cycles a low-resolution pixel, "full" (everything in one cycle), "min" (least hardware), '
        '"auto" (as fast as the output port takes pixels), frames a second as "60fps", or a table layer = [pe, simd]',
    )
    pixels_per_beat: int = Field(
        1,
        ge=1,
        description="neighbouring output pixels a beat of the SystemVerilog output port: a divisor of the scale or a "
        "multiple of it; scale*scale of them keep up with one low-resolution pixel a cycle",
    )
    affine_bits: int | None = Field(
        None, ge=2, le=16, description="bits for float constants that no Quant bounds; left out: refuse them"
    )

    @field_validator("frame")
    @classmethod
    def _frame(cls, frame: tuple[int, int] | None) -> tuple[int, int] | None:
        if frame is not None and min(frame) < 1:
            raise ValueError("width and height must be at least 1")
        return frame


class SimConfig(Section):
    """What is simulated."""

    image: str | None = Field(
        None, description="high-resolution photograph: a held-out embedded one by name, or a file; left out: the first"
    )
    crop: tuple[int, int] | None = Field(
        None,
        description="[width, height] in low-resolution pixels, cut from the middle; left out: the whole photograph",
    )
    levels: list[Literal["hls", "rtl"]] = Field(["hls", "rtl"], description="which of the two projects are simulated")
    all_tensors: bool = Field(False, description="compare every intermediate tensor, not the output pixels alone")
    waves: bool = Field(False, description="write waveforms of the RTL simulation")


class EstimateConfig(Section):
    """What the cost account holds beside the analytic table."""

    synth: bool = Field(False, description="synthesize with Yosys as well")
    family: Literal["xc7", "xcu", "xcup"] | None = Field(
        None, description="device family for Yosys: xc7, xcu or xcup; left out: that of hardware.part"
    )


class Recipe(Section):
    """A whole run: photographs to report. Sections in the order of the flow."""

    data: DataConfig = Field(default_factory=DataConfig)
    model: ModelConfig = Field(default_factory=ModelConfig)
    train: TrainConfig = Field(default_factory=TrainConfig)
    export: ExportConfig = Field(default_factory=ExportConfig)
    hardware: HardwareConfig = Field(default_factory=HardwareConfig)
    sim: SimConfig = Field(default_factory=SimConfig)
    estimate: EstimateConfig = Field(default_factory=EstimateConfig)
    out: str | None = Field(None, description="output folder; left out: build/NAME")


def shipped_recipes() -> list[str]:
    """Names of the recipes that come with the package."""
    return sorted(p.stem for p in RECIPES.glob("*.toml"))


def recipe_path(recipe: str) -> Path:
    """The file of a recipe given as a path or as the name of a shipped one.

    Raises:
        UserError: it is neither.
    """
    path = Path(recipe)
    if path.is_file():
        return path
    names = shipped_recipes()
    if recipe in names:
        return RECIPES / f"{recipe}.toml"
    raise UserError(
        f"recipe {recipe!r}: no such file, and no shipped recipe of that name.{_suggest(recipe, names)} "
        f"Shipped: {', '.join(names)}. Give one of them or the path of a TOML file."
    )


def load_recipe(recipe: str, overrides: list[str] | None = None) -> Recipe:
    """Read a recipe and apply ``--set`` overrides ("section.field=value") in order.

    Raises:
        UserError: not TOML, an unknown or ill-typed field, or an override that is none.
    """
    path = recipe_path(recipe)
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as e:
        raise UserError(f"recipe {path}: not valid TOML: {e}. Correct the file at that place.") from e
    origin: dict[tuple[str, ...], str] = {}
    for text in overrides or []:
        keys, value = _parse_override(text)
        _assign(tree, keys, value, text)
        origin[keys] = f"--set {text}"
    try:
        return Recipe.model_validate(tree)
    except ValidationError as e:
        raise UserError("\n".join(_explain(e.errors(), Recipe, f"recipe {path}", origin))) from e


def checked(section: type[S], values: dict[str, Any]) -> S:
    """One section from options of the command line.

    Raises:
        UserError: an option has a value that the section does not allow.
    """
    try:
        return section.model_validate(values)
    except ValidationError as e:
        raise UserError("\n".join(_explain(e.errors(), section, "option", {}))) from e


def parse_value(text: str) -> Any:
    """A TOML value; a bare word stands for a string, as shells eat quotation marks."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text.strip()


def parse_frame(text: str | None) -> tuple[int, int] | None:
    """(width, height) of "320x180"; None stays None.

    Raises:
        UserError: another form.
    """
    if text is None:
        return None
    found = re.fullmatch(r"(\d+)\s*[xX×]\s*(\d+)", text.strip())
    if found is None:
        raise UserError(f"--frame {text}: give width and height in low-resolution pixels, for example --frame 320x180.")
    return int(found[1]), int(found[2])


def _parse_override(text: str) -> tuple[tuple[str, ...], Any]:
    name, equals, raw = text.partition("=")
    keys = tuple(k.strip() for k in name.split("."))
    if not equals or not all(keys):
        raise UserError(f"--set {text}: not of the form section.field=value, for example --set train.steps=2000")
    return keys, parse_value(raw)


def _assign(tree: dict[str, Any], keys: tuple[str, ...], value: Any, text: str) -> None:
    for key in keys[:-1]:
        tree = tree.setdefault(key, {})
        if not isinstance(tree, dict):
            raise UserError(f"--set {text}: {key!r} is a value, not a section")
    tree[keys[-1]] = value


def _explain(errors: Sequence[Any], top: type[BaseModel], source: str, origin: dict[tuple[str, ...], str]) -> list[str]:
    """One line for each wrong field: where, what is wrong, what is allowed."""
    grouped: dict[tuple[str, ...], list[Any]] = {}
    for error in errors:
        loc = tuple(str(k) for k in error["loc"])
        grouped.setdefault(loc[: _section_of(top, loc)[1] + 1], []).append(error)
    return [_explain_field(field, found, top, source, origin) for field, found in grouped.items()]


def _explain_field(
    field: tuple[str, ...],
    errors: list[Any],
    top: type[BaseModel],
    source: str,
    origin: dict[tuple[str, ...], str],
) -> str:
    section, depth = _section_of(top, field)
    where = next((o for keys, o in origin.items() if keys[: len(field)] == field), source)
    head = f"{where}: {'.'.join(field)}"
    if errors[0]["type"] == "extra_forbidden":
        names = list(section.model_fields)
        title = f"[{'.'.join(field[:depth])}]" if depth else "a recipe"
        return f"{head}: unknown field.{_suggest(field[-1], names)} Fields of {title}: {', '.join(names)}."
    info = section.model_fields.get(field[-1])
    about = info.description if info is not None else None
    value = errors[0].get("input")
    if len(errors) > 1 and about:  # a field of several types: each of them complains, none says enough
        return f"{head} = {value!r}: not allowed. Allowed: {about}."
    message = str(errors[0]["msg"]).removeprefix("Value error, ")
    return f"{head} = {value!r}: {message[:1].lower()}{message[1:]}{f' ({about})' if about else ''}."


def _section_of(top: type[BaseModel], loc: tuple[str, ...]) -> tuple[type[BaseModel], int]:
    """The innermost section that an error's place runs through, and how many keys lead to it."""
    section = top
    for depth, key in enumerate(loc):
        info = section.model_fields.get(key)
        inner = [info.annotation, *typing.get_args(info.annotation)] if info is not None else []
        found = next((t for t in inner if isinstance(t, type) and issubclass(t, BaseModel)), None)
        if found is None or depth + 1 == len(loc):
            return section, depth
        section = found
    return section, max(len(loc) - 1, 0)


def _suggest(word: str, known: list[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f" Did you mean {close[0]!r}?" if close else ""
