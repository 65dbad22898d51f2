"""The command-line options of a build, made from the fields of `hw.options.BuildOptions`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

import typer

from ..hw.options import BuildOptions

R = TypeVar("R")
#: Typer takes these types as they are; a field of any other is given as text and read as a TOML value.
_PLAIN = (int, float, str)
#: (metavar, text) of `--help`, where the field has no metavar or its description is about the recipe's form.
_AS_OPTION = {
    "frame": ("WxH", "low-resolution frame size in pixels, for example 320x180; left out: the file's"),
    "folding": ("TARGET", None),
    "part": ("PART", None),
}


@dataclass(frozen=True)
class HardwareOptions:
    """Options that were given on the command line, by the field's name; text is as it was typed."""

    given: dict[str, Any]

    @property
    def flags(self) -> list[str]:
        """The options that were given, as they are typed."""
        return [flag(name) for name in self.given]

    def options(self) -> BuildOptions:
        """Checked, with defaults for the rest.

        Raises:
            UserError: a value that is not allowed; names the option and what is allowed.
        """
        from .config import checked, parse_frame, parse_value

        values = dict(self.given)
        for name, value in values.items():
            if name == "frame":
                values[name] = parse_frame(value)
            elif isinstance(value, str) and _type_of(name) is None:
                values[name] = parse_value(value)
        return checked(BuildOptions, values, {name: f"{flag(name)} {value}" for name, value in self.given.items()})


def flag(name: str) -> str:
    """The option that a field of `BuildOptions` has on the command line."""
    return f"--{(_extra(name).get('flag') or name).replace('_', '-')}"


def _extra(name: str) -> dict[str, Any]:
    extra: Any = BuildOptions.model_fields[name].json_schema_extra
    return extra or {}


def _type_of(name: str) -> Any:
    """The plain type of a field, None where it has several."""
    annotation = BuildOptions.model_fields[name].annotation
    parts = [t for t in getattr(annotation, "__args__", (annotation,)) if t is not type(None)]
    return parts[0] if len(parts) == 1 and parts[0] in _PLAIN else None


def _parameter(name: str) -> inspect.Parameter:
    field = BuildOptions.model_fields[name]
    metavar, text = _AS_OPTION.get(name, (None, None))
    text = text or field.description or ""
    if field.default is not None:
        text += f"; default: {field.default:g}" if isinstance(field.default, float) else f"; default: {field.default}"
    text = text.replace("[", "\\[")  # Rich reads square brackets as markup
    option = typer.Option(
        flag(name), metavar=metavar or _extra(name).get("metavar"), help=f"{text[:1].upper()}{text[1:]}."
    )
    plain: Any = _type_of(name) or str
    annotation = Annotated[plain | None, option]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def with_hardware_options(command: Callable[..., R]) -> Callable[..., R]:
    """Give a command every build option, in the place of its argument ``hardware``, which gets them together."""
    fields = list(BuildOptions.model_fields)
    parameters = inspect.signature(command, eval_str=True).parameters

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> R:
        given = {name: value for name in fields if (value := kwargs.pop(name, None)) is not None}
        return command(*args, hardware=HardwareOptions(given), **kwargs)

    merged: list[inspect.Parameter] = []
    for name, parameter in parameters.items():
        if name == "hardware":
            merged += [_parameter(field) for field in fields]
        else:
            merged.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))
    run.__signature__ = inspect.Signature(merged)  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in merged}
    return run
