"""What every part of a recipe is made of: a frozen table, and the numbers that may stand in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, ValidationError

from .refusing import explain, models_of


def no_flag(value: Any) -> Any:
    """Refuse true and false, which Python would take as 1 and 0."""
    if isinstance(value, bool):
        raise ValueError("should be a number")
    return value


def part_or_rows(value: Any) -> float | int:
    """Take a fraction between 0 and 1, or a whole number of rows.

    Example:
        >>> part_or_rows(0.2), part_or_rows(500)
        (0.2, 500)
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("should be a valid number")
    if (isinstance(value, int) and value >= 1) or 0.0 < value < 1.0:
        return value
    raise ValueError("should be a fraction over 0 and under 1, or a whole number of rows from 1")


Integer = Annotated[int, BeforeValidator(no_flag)]
Real = Annotated[float, BeforeValidator(no_flag)]
Fraction = Annotated[Real, Field(ge=0.0, lt=1.0)]
Positive = Annotated[Real, Field(gt=0.0, allow_inf_nan=False)]
NonNegative = Annotated[Real, Field(ge=0.0, allow_inf_nan=False)]
PartOfAll = Annotated[Real, Field(gt=0.0, lt=1.0)]
Count = Annotated[Integer, Field(ge=1)]


@dataclass(frozen=True)
class InWords:
    """What a field may be, in words, where no bound of its type says it."""

    words: str


PartOrRows = Annotated[
    float | int,
    PlainValidator(part_or_rows),
    InWords("a share over 0 and under 1, or a whole number of rows from 1"),
]


def told(text: str) -> Any:
    """Return what a field is, with its unit: ``goodfit explain`` and editors say it.

    Example:
        >>> class Oven(Part):
        ...     heat: Annotated[Count, told("How hot it gets, in degrees.")] = 180
        >>> Oven.model_fields["heat"].description
        'How hot it gets, in degrees.'
    """
    return Field(description=text)


class PartType(type(BaseModel)):
    """Makes parts in Python; what is wrong with one is told as it is for a file."""

    # Type checkers go on by the fields: a call that returns anything would hide them.
    if not TYPE_CHECKING:

        def __call__(cls, *args: Any, **values: Any) -> Any:
            try:
                return super().__call__(*args, **values)
            except ValidationError as error:
                raise explain(error, cls, kinds=kinds_beside(cls)) from None


class Part(BaseModel, metaclass=PartType):
    """A frozen piece of a recipe; names that it does not know are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


def parts_of(kind: type[Part]) -> Iterator[type[Part]]:
    """Yield every kind of part under one, in the order of their making.

    Example:
        >>> [part for part in parts_of(Part) if part.__name__ == "Nothing"]
        []
    """
    for part in kind.__subclasses__():
        yield part
        yield from parts_of(part)


def kinds_beside(part: type[Part]) -> list[type[BaseModel]]:
    """Return the kinds that may stand where a part does, itself among them.

    Example:
        >>> kinds_beside(Part)
        []
    """
    fields = (field for table in parts_of(Part) for field in table.model_fields.values())
    found = (models_of(field.annotation) for field in fields)
    return next((kinds for kinds in found if part in kinds), [])


def named(name: str) -> dict[str, Any]:
    """Return the table that a name alone stands for; a path with a colon is an own network.

    Example:
        >>> named("sgd"), named("my_file:make_net")
        ({'kind': 'sgd'}, {'kind': 'own', 'make': 'my_file:make_net'})
    """
    return {"kind": "own", "make": name} if ":" in name else {"kind": name}


def default_kind(kind: str) -> BeforeValidator:
    """Let a name mean the member with its defaults, and a table without ``kind`` the usual one."""

    def fill(value: Any) -> Any:
        if isinstance(value, str):
            return named(value)
        return {"kind": kind, **value} if isinstance(value, dict) else value

    return BeforeValidator(fill)


def kinds_first(table: dict[str, Any]) -> dict[str, Any]:
    """Let each table begin with its kind, which says what the other names mean."""
    ordered = sorted(table.items(), key=lambda item: item[0] != "kind")
    return {k: kinds_first(v) if isinstance(v, dict) else v for k, v in ordered}
