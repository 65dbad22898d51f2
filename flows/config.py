"""The recipe: one typed, validated configuration of a whole run, read from TOML.

Each table of the file is one section of `Recipe`; unknown fields are refused. `load_recipe` turns everything that
can be wrong with a recipe into one `UserError` that names the file, the field and what is allowed.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from ..errors import UserError
from ..hw.options import BuildOptions, Whole, check_frame
from ..quant.config import DataConfig, ExportConfig, NetworkConfig, TrainConfig
from ..quant.registry import Choice, choice_of, section_of, suggestion
from .strict import reinterpreted

RECIPES = Path(__file__).parent / "recipes"
NETWORK = Choice("xnorsr.quant.zoo:NETWORKS")

S = TypeVar("S", bound=BaseModel)


def _path(text: str) -> str:
    if not text or "\0" in text:
        raise ValueError("a path has at least one character, and no character of code 0")
    return text


class Section(BaseModel):
    """Base of the sections: no field that is not declared."""

    model_config = ConfigDict(extra="forbid")


class SimConfig(Section):
    """What is simulated."""

    image: str | None = Field(
        None,
        description="high-resolution photograph: name of an embedded one, or a file; left out: the first held-out one",
    )
    crop: tuple[Whole, Whole] | None = Field(
        None,
        description="[width, height] in low-resolution pixels, cut from the middle; left out: the whole photograph",
    )
    levels: list[Literal["hls", "rtl"]] = Field(
        ["hls", "rtl"], description="which of the two projects to simulate: hls, rtl"
    )
    bit_true: bool = Field(
        True,
        description="also C-simulate the code that is synthesized, not only its fast form: some 2,000 pixels a second",
    )
    all_tensors: bool = Field(False, description="compare every intermediate tensor, not only the output pixels")
    waves: bool = Field(False, description="write waveforms of the RTL simulation")

    @field_validator("image")
    @classmethod
    def _image(cls, image: str | None) -> str | None:
        return image if image is None else _path(image)

    @field_validator("crop")
    @classmethod
    def _crop(cls, crop: tuple[int, int] | None) -> tuple[int, int] | None:
        return crop if crop is None else check_frame(crop)


class EstimateConfig(Section):
    """What the cost account contains besides the analytic estimate."""

    synth: bool = Field(False, description="synthesize with Yosys as well")
    family: Literal["xc7", "xcu", "xcup"] | None = Field(
        None, description="device family for Yosys: xc7, xcu or xcup; left out: the family of hardware.part"
    )


class Recipe(Section):
    """A whole run: photographs to report. Sections in the order of the flow."""

    data: DataConfig = Field(default_factory=DataConfig)
    model: Annotated[NetworkConfig, NETWORK] = Field(
        default_factory=lambda: NETWORK.registry.default_config(), description="a network's name, or a table with it"
    )
    train: TrainConfig = Field(default_factory=TrainConfig)
    export: ExportConfig = Field(default_factory=ExportConfig)
    hardware: BuildOptions = Field(default_factory=BuildOptions)
    sim: SimConfig = Field(default_factory=SimConfig)
    estimate: EstimateConfig = Field(default_factory=EstimateConfig)
    out: str | None = Field(None, description="output folder; left out: build/NAME")

    @field_validator("out")
    @classmethod
    def _out(cls, out: str | None) -> str | None:
        return out if out is None else _path(out)


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
    if path.is_dir():
        raise UserError(f"recipe {path}: is a folder. Give a TOML file, or the name of a shipped recipe.")
    names = shipped_recipes()
    if recipe in names:
        return RECIPES / f"{recipe}.toml"
    raise UserError(
        f"recipe {recipe!r}: no such file, and no shipped recipe of that name.{suggestion(recipe, names)} "
        f"Shipped: {', '.join(names)}. Give one of them or the path of a TOML file."
    )


def load_recipe(recipe: str, overrides: list[str] | None = None) -> Recipe:
    """Read a recipe and apply ``--set`` overrides ("section.field=value") in order.

    Raises:
        UserError: not TOML, an unknown or ill-typed field, a field without effect, or an override of another form.
    """
    path = recipe_path(recipe)
    tree = _read_toml(path)
    origin: dict[tuple[str, ...], str] = {}
    for text in overrides or []:
        keys, value = _parse_override(text)
        _assign(tree, keys, value, text)
        origin[keys] = f"--set {text}"
    try:
        made = Recipe.model_validate(tree)
    except ValidationError as e:
        raise UserError("\n".join(_explain(e.errors(), Recipe, f"recipe {path}", origin))) from e
    problems = _slips(tree, made, f"recipe {path}", origin)
    problems += [f"{_blamed(f, f'recipe {path}', origin)}: {problem}" for f, problem in _without_effect(made)]
    if problems:
        raise UserError("\n".join(problems))
    return made


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as e:  # ValueError: TOML, UTF-8, and numbers of thousands of digits
        why = "nested too deeply" if isinstance(e, RecursionError) else e
        raise UserError(f"recipe {path}: not valid TOML: {why}. Correct the file at that place.") from e
    except OSError as e:
        raise UserError(f"recipe {path}: cannot be read ({e.strerror}). Give a file that can.") from e


def _slips(given: dict[str, Any], made: BaseModel, source: str, origin: dict[tuple[str, ...], str]) -> list[str]:
    """One line for each value that validation took for one of another type."""
    return [
        f"{_blamed(field, source, origin)}: {'.'.join(field)} = {value!r}: give {wanted} instead."
        for field, value, wanted in reinterpreted(given, made)
    ]


def _without_effect(recipe: Recipe) -> Iterator[tuple[tuple[str, str], str]]:
    """Fields that were set and change nothing, each with what to do."""
    if recipe.sim.waves and "rtl" not in recipe.sim.levels:
        yield (
            ("sim", "waves"),
            "sim.waves has no effect without the level rtl. Add 'rtl' to sim.levels, or leave sim.waves out.",
        )
    if recipe.sim.crop is not None and recipe.hardware.frame is not None:
        yield (
            ("sim", "crop"),
            "sim.crop has no effect beside hardware.frame, which says already how much of the photograph is taken. "
            "Leave one of them out.",
        )
    if recipe.estimate.family is not None and not recipe.estimate.synth:
        yield (
            ("estimate", "family"),
            "estimate.family has no effect without Yosys. Set estimate.synth = true, or leave estimate.family out.",
        )


def checked(section: type[S], values: dict[str, Any], typed: dict[str, str]) -> S:
    """One section from options of the command line.

    Args:
        typed: by the field's name, the option as it was typed, which an error begins with.

    Raises:
        UserError: an option has a value that the section does not allow.
    """
    origin: dict[tuple[str, ...], str] = {(name,): text for name, text in typed.items()}
    try:
        return section.model_validate(values)
    except ValidationError as e:
        raise UserError("\n".join(_explain(e.errors(), section, "option", origin))) from e


def parse_value(text: str) -> Any:
    """A TOML value; a bare word is taken as a string, because shells remove quotation marks."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        return text.strip()


def parse_frame(text: str | None) -> tuple[int, int] | None:
    """(width, height) of "320x180"; None stays None.

    Raises:
        UserError: another form.
    """
    if text is None:
        return None
    found = re.fullmatch(r"([0-9]{1,12})\s*[xX×]\s*([0-9]{1,12})", text.strip())
    if found is None:
        raise UserError(f"--frame {text}: give width and height in low-resolution pixels, for example --frame 320x180.")
    try:
        return check_frame((int(found[1]), int(found[2])))
    except ValueError as e:
        raise UserError(f"--frame {text}: {e}. For example: --frame 320x180.") from e


def _parse_override(text: str) -> tuple[tuple[str, ...], Any]:
    try:
        text.encode()
    except UnicodeEncodeError as e:
        raise UserError(f"--set {text}: is not UTF-8. Type it in a terminal that uses UTF-8.") from e
    name, equals, raw = text.partition("=")
    keys = tuple(k.strip() for k in name.split("."))
    if not equals or not all(keys):
        raise UserError(f"--set {text}: not of the form section.field=value, for example --set train.steps=2000")
    return keys, parse_value(raw)


def _assign(tree: dict[str, Any], keys: tuple[str, ...], value: Any, text: str) -> None:
    section: type[BaseModel] | None = Recipe
    for key in keys[:-1]:
        choice = choice_of(section, key) if section is not None else None
        if choice is not None and isinstance(tree.get(key), str):
            # The short form, scheme = "bnn", is opened so that a field can be put beside the name.
            tree[key] = choice.registry.opened(tree[key])
        tree = tree.setdefault(key, {})
        if not isinstance(tree, dict):
            raise UserError(f"--set {text}: {key!r} is a value, not a section")
        section = _chosen(section, key, tree) if section is not None else None
    tree[keys[-1]] = value


def _chosen(section: type[BaseModel], key: str, tree: dict[str, Any]) -> type[BaseModel] | None:
    """The section that `tree` is, found as `key` of another one."""
    choice = choice_of(section, key)
    if choice is None:
        return section_of(section, key)
    name = tree.get("name", choice.registry.default)
    return choice.registry.config_of(name) if name in choice.registry.names() else None


@dataclass(frozen=True)
class _Place:
    """Where an error is: the field as a person writes it, the section it belongs to, and what chose that section."""

    field: tuple[str, ...]
    section: type[BaseModel]
    choice: Choice | None


def _place(top: type[BaseModel], loc: tuple[str, ...]) -> _Place:
    """The place of an error at pydantic's `loc`, which holds the names of chosen sections too, and parts of values."""
    section, choice, keys = top, None, list(loc)
    field: tuple[str, ...] = ()
    while keys:
        key = keys.pop(0)
        field = (*field, key)
        inner, chooser = section_of(section, key), choice_of(section, key)
        if inner is None or not keys:
            break
        section, choice = inner, chooser
        if chooser is not None and keys[0] in chooser.registry:
            section = chooser.registry.config_of(keys.pop(0))
    return _Place(field, section, choice)


def _explain(errors: Sequence[Any], top: type[BaseModel], source: str, origin: dict[tuple[str, ...], str]) -> list[str]:
    """One line for each wrong field: where, what is wrong, what is allowed."""
    grouped: dict[tuple[str, ...], tuple[_Place, list[Any]]] = {}
    for error in errors:
        place = _place(top, tuple(str(k) for k in error["loc"]))
        grouped.setdefault(place.field, (place, []))[1].append(error)
    return [_explain_field(place, found, source, origin) for place, found in grouped.values()]


def _blamed(field: tuple[str, ...], source: str, origin: dict[tuple[str, ...], str]) -> str:
    """The last override that set the field, something in it, or a section around it; the source where none did."""
    return ([source] + [o for keys, o in origin.items() if keys[: len(field)] == field[: len(keys)]])[-1]


def _explain_field(place: _Place, errors: list[Any], source: str, origin: dict[tuple[str, ...], str]) -> str:
    field, section = place.field, place.section
    head = f"{_blamed(field, source, origin)}: {'.'.join(field)}"
    if errors[0]["type"] == "extra_forbidden":
        names = list(section.model_fields)
        title = f"[{'.'.join(field[:-1])}]" if field[:-1] else "a recipe"
        if place.choice is not None:
            title += f" with name = {section.model_fields['name'].default!r}"
        hint = _elsewhere(place) or suggestion(field[-1], names)
        return f"{head}: unknown field.{hint} Fields of {title}: {', '.join(names)}."
    info = section.model_fields.get(field[-1])
    about = info.description if info is not None else None
    value = errors[0].get("input")
    if len(errors) > 1 and about:  # a field of several types: each of them complains, none says enough
        return f"{head} = {value!r}: not allowed. Allowed: {about}."
    message = str(errors[0]["msg"]).removeprefix("Value error, ")
    return f"{head} = {value!r}: {message[:1].lower()}{message[1:]}{f' ({about})' if about else ''}."


def _options(choice: Choice) -> list[str]:
    """Names that may be chosen, the default first."""
    registry = choice.registry
    return sorted(registry.names(), key=lambda name: (name != registry.default, name))


def _elsewhere(place: _Place) -> str:
    """Says where an unknown field does exist: in a section of this one, or in another choice than this one."""
    *parents, name = place.field
    for key in place.section.model_fields:
        choice, inner = choice_of(place.section, key), section_of(place.section, key)
        if inner is None:
            continue
        for option in _options(choice) if choice is not None else [None]:
            fields = choice.registry.config_of(option).model_fields if choice and option else inner.model_fields
            if name in fields:
                of = f", with name = {option!r}" if option else ""
                return f" It is a field of [{'.'.join([*parents, key])}]{of}."
    if place.choice is not None:
        registry = place.choice.registry
        having = [n for n in registry.names() if name in registry.config_of(n).model_fields]
        if having:
            return f" It is a field of {registry.kind} {' and '.join(having)}."
    return ""
