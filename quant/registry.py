"""Named kinds of things (schemes, networks), each with a typed configuration of its own.

A class joins by a decorator, and with that a configuration may choose it: `Choice` is a field whose value is the
configuration of whatever is registered when the value is validated, a pydantic union discriminated by `name`.
No heavy import here, so that the command line can be described without torch.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Generic, TypeVar, get_args, get_origin

from pydantic import BaseModel, GetCoreSchemaHandler, ValidationError
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError, SchemaValidator, core_schema

T = TypeVar("T")


def suggestion(word: str, known: list[str]) -> str:
    """The words " Did you mean 'x'?" with the nearest known word, or nothing."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f" Did you mean {close[0]!r}?" if close else ""


class Registry(Generic[T]):
    """Implementations by name.

    Args:
        kind: what they are called in messages, "scheme" for example.
        base: the abstract class that each one derives from.
        config: the configuration that each one's `Config` derives from.
        default: name that is taken where a configuration gives none.
        needed: class attributes that each one must have.
    """

    def __init__(
        self, kind: str, base: type[Any], config: type[BaseModel], default: str, needed: tuple[str, ...] = ()
    ) -> None:
        self.kind, self.base, self.config, self.default, self.needed = kind, base, config, default, needed
        self._classes: dict[str, type[T]] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._classes

    def __getitem__(self, name: str) -> type[T]:
        return self._classes[name]

    def names(self) -> list[str]:
        """Registered names in alphabetical order."""
        return sorted(self._classes)

    def config_of(self, name: str) -> type[BaseModel]:
        """The configuration class of a registered name."""
        found: type[BaseModel] = self._classes[name].Config  # type: ignore[attr-defined]
        return found

    def default_config(self) -> Any:
        """The default configuration of the default name."""
        return self.config_of(self.default)()

    def add(self, cls: type[T]) -> type[T]:
        """Register a class under the name that its `Config` gives.

        Raises:
            TypeError: the class is incomplete; names what is missing.
            ValueError: the name is taken by another class.
        """
        missing = self._missing(cls)
        if missing:
            raise TypeError(f"{self.kind} {cls.__name__} is incomplete: {'; '.join(missing)}")
        name = _literal_name(cls.Config)  # type: ignore[attr-defined]
        assert name is not None
        taken = self._classes.get(name)
        if taken is not None:
            raise ValueError(
                f"{self.kind} {name!r} is registered already, by {taken.__module__}.{taken.__qualname__}: "
                f"choose another `name` in {cls.Config.__name__}"  # type: ignore[attr-defined]
            )
        self._classes[name] = cls
        return cls

    def _missing(self, cls: type[T]) -> list[str]:
        found = [] if issubclass(cls, self.base) else [f"it does not derive from {self.base.__name__}"]
        methods = sorted(getattr(cls, "__abstractmethods__", ())) if inspect.isabstract(cls) else []
        found += [f"method {m} is missing" for m in methods]
        found += [f"class attribute {a} is missing" for a in self.needed if not hasattr(cls, a)]
        config = getattr(cls, "Config", None)
        if not (isinstance(config, type) and issubclass(config, self.config)):
            found.append(f"class attribute Config, a {self.config.__name__}, is missing")
        elif _literal_name(config) is None:
            found.append(f'{config.__name__} has no field `name: Literal["..."] = "..."`')
        return found

    @contextmanager
    def restored(self) -> Iterator[None]:
        """Undoes at the end whatever is registered inside; for tests."""
        before = dict(self._classes)
        try:
            yield
        finally:
            self._classes = before

    def validate(self, value: object) -> Any:
        """The configuration that a value stands for: itself, a table with a `name`, or a bare name.

        Raises:
            ValidationError: no such name, or a field that the named configuration does not allow.
        """
        if isinstance(value, self.config) and any(isinstance(value, self.config_of(n)) for n in self._classes):
            return value
        table = self.opened(dict(value) if isinstance(value, self.config) else value)
        if not isinstance(table, dict):
            raise self._error("kind", f"give the name of a {self.kind}, or a table with a name", (), value)
        name = table["name"]
        if not isinstance(name, str) or name not in self._classes:
            known = self.names()
            close = suggestion(name, known) if isinstance(name, str) else ""
            text = f"no {self.kind} of that name is registered.{close} Registered: {', '.join(known)}"
            raise self._error("name", text, ("name",), name)
        # Made now, not once: whatever is registered later counts too. Core schema, as typing knows no union of one.
        choices = {n: self.config_of(n).__pydantic_core_schema__ for n in self._classes}
        return SchemaValidator(core_schema.tagged_union_schema(choices, discriminator="name")).validate_python(table)

    def opened(self, value: object) -> object:
        """A bare name as the table that it stands for, a table with the default name if it has none."""
        if isinstance(value, str):
            return {"name": value}
        return {"name": self.default, **value} if isinstance(value, dict) else value

    def _error(self, what: str, text: str, loc: tuple[str, ...], value: object) -> ValidationError:
        # Without a context pydantic takes the text as it is.
        custom = PydanticCustomError(f"unknown_{what}", text)
        return ValidationError.from_exception_data(self.kind, [InitErrorDetails(type=custom, loc=loc, input=value)])


def _literal_name(config: type[BaseModel]) -> str | None:
    """The one value of a configuration's field `name`, if it is a Literal with that default."""
    field = config.model_fields.get("name")
    values = get_args(field.annotation) if field is not None else ()
    one = len(values) == 1 and isinstance(values[0], str) and field is not None and field.default == values[0]
    return values[0] if one else None


class Choice:
    """Annotation of a field that holds the configuration of one registered class.

    Args:
        place: "module:REGISTRY"; imported at the first use, since the module may be heavy.
    """

    def __init__(self, place: str) -> None:
        self.place = place

    @property
    def registry(self) -> Registry[Any]:
        """The registry."""
        module, _, name = self.place.partition(":")
        found: Registry[Any] = getattr(importlib.import_module(module), name)
        return found

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        # A plain validator serializes by the value's own type, so that no field of it is lost.
        return core_schema.no_info_plain_validator_function(lambda value: self.registry.validate(value))


def choice_of(section: type[BaseModel], field: str) -> Choice | None:
    """The `Choice` of a section's field; None where the field is no such choice."""
    info = section.model_fields.get(field)
    return next((m for m in info.metadata if isinstance(m, Choice)), None) if info is not None else None


def section_of(section: type[BaseModel], field: str) -> type[BaseModel] | None:
    """The section that a field holds whatever is chosen; None where it holds a value."""
    info = section.model_fields.get(field)
    if info is None:
        return None
    inner = [info.annotation, *(t for t in get_args(info.annotation) if get_origin(t) is None)]
    return next((t for t in inner if isinstance(t, type) and issubclass(t, BaseModel)), None)
