"""What each field of a recipe is: its line is made of its declaration, and of nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from .parts import InWords
from .refusing import models_of
from .schema import Recipe

# How a bound is said: the annotation's attribute, and the words before its number.
BOUNDS = (("gt", "over"), ("ge", "from"), ("le", "to"), ("lt", "under"))


@dataclass(frozen=True)
class Field:
    """A field of a recipe: the kinds of its table that have it, and what it is in words.

    ``kinds`` is empty where the table has one kind only; ``defaults`` stand beside the kinds.
    """

    table: str
    name: str
    kinds: tuple[str, ...]
    description: str
    values: str
    defaults: tuple[str, ...]

    @property
    def path(self) -> str:
        """Its dotted name, as in an assignment."""
        return f"{self.table}.{self.name}" if self.table else self.name

    @property
    def is_common(self) -> bool:
        """Whether every kind of its table has it and means the same."""
        return len(self.kinds) in (0, len(kinds_of(self.table)))

    @property
    def line(self) -> str:
        """What it is, its range and default, in a line.

        Example:
            >>> fields_of("early_stopping")[1].line.split(": ", 1)[0]
            'early_stopping.patience'
        """
        of = f" ({', '.join(self.kinds)})" if self.kinds and not self.is_common else ""
        return f"{self.path}{of}: {self.description} {self.values}; {self._default}."

    @property
    def _default(self) -> str:
        told = list(dict.fromkeys(self.defaults))
        if told == [""]:
            return "must be given"
        if len(told) == 1:
            return f"default {told[0]}"
        by_value = {value: [] for value in told}
        for kind, value in zip(self.kinds, self.defaults, strict=True):
            by_value[value].append(kind)
        return "default " + ", ".join(f"{v} ({', '.join(by_value[v])})" for v in told)


def fields_of(table: str) -> list[Field]:
    """Return the fields of a table, "" for those of the recipe itself, in their order.

    A name that means different things in two kinds of a table, as ``schedule.rise``, is there
    once for each meaning.

    Example:
        >>> [field.name for field in fields_of("evaluate")], len(fields_of("clip"))
        (['views', 'margin'], 3)
    """
    models = [Recipe] if not table else models_of(Recipe.model_fields[table].annotation)
    found: dict[tuple[str, str, str], list[tuple[str, str]]] = {}
    for model in models:
        for name, info in model.model_fields.items():
            if name != "kind":
                meaning = (name, info.description or "", _sentence(values_of(info)))
                found.setdefault(meaning, []).append((_kind(model), _default(info)))
    several = len(models) > 1
    return [
        Field(
            table,
            *(name, tuple(kind for kind, _ in given) if several else ()),
            *(description, values, tuple(default for _, default in given)),
        )
        for (name, description, values), given in found.items()
    ]


def kinds_of(table: str) -> list[str]:
    """Return the kinds of a table that has several, else none.

    Example:
        >>> kinds_of("clip"), kinds_of("split")
        (['none', 'value', 'norm', 'percentile'], [])
    """
    models = models_of(Recipe.model_fields[table].annotation)
    return [_kind(model) for model in models] if len(models) > 1 else []


def all_fields() -> list[Field]:
    """Return every field of a recipe and of its tables."""
    return [field for table in ("", *Recipe.model_fields) for field in fields_of(table)]


def values_of(given: Any) -> str:
    """Say what an annotation, or a field, may be.

    Example:
        >>> from goodfit.recipe.parts import Count, Fraction
        >>> values_of(Count), values_of(tuple[Fraction, Fraction])
        ('a whole number from 1', '2 values, each a number from 0 and under 1')
    """
    annotation, limits = _taken_apart(given)
    for limit in limits:
        if isinstance(limit, InWords):
            return limit.words
    if models_of(annotation):
        return "a table" if len(models_of(annotation)) == 1 else "a kind, or a table with its kind"
    arguments, origin = get_args(annotation), get_origin(annotation)
    if origin is Literal:
        return "one of " + ", ".join(f'"{argument}"' for argument in arguments)
    if origin in (Union, UnionType):
        return " or ".join(values_of(one) for one in arguments if one is not type(None))
    if origin is tuple:
        several = "a list" if ... in arguments else f"{len(arguments)} values"
        return f"{several}, each {values_of(arguments[0])}"
    if origin is dict:
        return f"a table of names, each with {values_of(arguments[1])}"
    words = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
    return f"{words[annotation]} {_joined(list(_bounds(limits)))}".rstrip()


def _taken_apart(given: Any) -> tuple[Any, list[Any]]:
    """Return the bare annotation, and all that was said beside it."""
    if isinstance(given, FieldInfo):
        return given.annotation, list(_flat(given.metadata))
    if get_origin(given) is not Annotated:
        return given, []
    annotation, *beside = get_args(given)
    inner, more = _taken_apart(annotation)
    return inner, [*more, *_flat(beside)]


def _flat(beside: Any) -> Iterator[Any]:
    for one in beside:
        yield from one.metadata if isinstance(one, FieldInfo) else (one,)


def _joined(bounds: list[str]) -> str:
    return (" " if bounds[-1:] and bounds[-1].startswith("to") else " and ").join(bounds)


def _bounds(limits: list[Any]) -> Iterator[str]:
    for attribute, word in BOUNDS:
        numbers = [getattr(limit, attribute, None) for limit in limits]
        given = [number for number in numbers if number is not None]
        if given:
            number = max(given) if attribute in ("gt", "ge") else min(given)
            yield f"{word} {'2^63' if number == 2**63 else f'{number:g}'}"


def _default(info: FieldInfo) -> str:
    if info.is_required():
        return ""
    value = info.default
    if isinstance(value, BaseModel):
        return _kind(type(value)) or "its own defaults"
    return "none" if value is None else _plain(value)


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(map(_plain, value))}]"
    if isinstance(value, float):
        return f"{value:g}"
    return f'"{value}"' if isinstance(value, str) else str(value)


def _kind(model: type[BaseModel]) -> str:
    field = model.model_fields.get("kind")
    return str(field.default) if field else ""


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]
