"""Distributions made in Python, and from the tables of a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from ..errors import RecipeError, nearest
from .distributions import Choice, IntegerRange, Layers, LogUniform, Uniform
from .distributions_plain import Searched, plain
from .refusing import sentence

Place = Callable[[str], str]
D = TypeVar("D", bound=Searched)
_TABLES: dict[str, type[Searched]] = {
    "loguniform": LogUniform,
    "uniform": Uniform,
    "integer": IntegerRange,
    "choice": Choice,
    "layers": Layers,
}


def loguniform(low: float, high: float) -> LogUniform:
    """Search a float between two ends above 0, each factor as likely as any other.

    Example:
        >>> print(loguniform(1e-4, 1e-1))
        loguniform from 0.0001 to 0.1

    Raises:
        RecipeError: the ends are equal, swapped, not finite, or not above 0.
    """
    return _made(LogUniform, {"low": low, "high": high})


def uniform(low: float, high: float) -> Uniform:
    """Search a float between two ends, each value as likely as any other.

    Example:
        >>> print(uniform(0, 0.5))
        uniform from 0 to 0.5

    Raises:
        RecipeError: the ends are equal, swapped, or not finite.
    """
    return _made(Uniform, {"low": low, "high": high})


def integer(low: int, high: int, *, log: bool = False) -> IntegerRange:
    """Search a whole number, both ends included; with ``log``, each factor as likely as any other.

    Example:
        >>> print(integer(16, 256, log=True))
        integer from 16 to 256 on a log scale

    Raises:
        RecipeError: the ends are equal, swapped, no whole numbers, or below 1 on a log scale.
    """
    return _made(IntegerRange, {"low": low, "high": high, "log": log})


def choice(*options: Any) -> Choice:
    """Search among options: plain values, lists, parts of a recipe, tables with distributions.

    Example:
        >>> choice("relu", "tanh").labels
        ('relu', 'tanh')
        >>> choice({"kind": "sgd", "lr": loguniform(0.01, 1)}, {"kind": "adamw"}).labels
        ('sgd', 'adamw')

    Raises:
        RecipeError: there are fewer than two options, or the same one twice.
    """
    return _made(Choice, {"options": parsed(options, "option")})


def layers(depth: int | IntegerRange | Choice, width: int | IntegerRange | Choice) -> Layers:
    """Search a stack of ``depth`` layers of one ``width``, for ``net.hidden`` or ``net.channels``.

    Example:
        >>> print(layers(integer(1, 4), 64))
        layers (depth: integer from 1 to 4; width: 64)

    Raises:
        RecipeError: neither is searched, or one is made of anything but whole numbers.
    """
    return _made(Layers, {"depth": depth, "width": width})


def parsed(value: Any, name: str = "", place: Place = lambda name: "") -> Any:
    """Return a plain value in which each table with a ``distribution`` has become one.

    ``name`` is its dotted place in the recipe, and ``place`` tells where in a file a name stands.

    Example:
        >>> print(parsed({"lr": {"distribution": "uniform", "low": 0, "high": 1}})["lr"])
        uniform from 0 to 1
    """
    value = plain(value)
    if isinstance(value, list):
        names = (_below(name, _kind(inner, index)) for index, inner in enumerate(value))
        return [parsed(inner, full, place) for inner, full in zip(value, names, strict=True)]
    if not isinstance(value, dict):
        return value
    skipped = value.get("distribution") == "choice"  # the word "options" is no part of a name
    inner = {
        key: parsed(item, name if skipped else _below(name, key), place)
        for key, item in value.items()
    }
    return _from_table(inner, name, place) if "distribution" in value else inner


def _below(name: str, inner: str) -> str:
    return f"{name}.{inner}" if name else inner


def _kind(option: Any, index: int) -> str:
    return str(option["kind"]) if isinstance(option, dict) and "kind" in option else str(index)


def _from_table(table: Mapping[str, Any], name: str, place: Place) -> Searched:
    kind = table["distribution"]
    if not isinstance(kind, str) or kind not in _TABLES:
        unknown = RecipeError(
            f'There is no distribution "{kind}".',
            given=f'distribution = "{kind}"',
            do=nearest(str(kind), _TABLES),
        )
        raise _placed(unknown, name, place)
    return _made(_TABLES[kind], table, name, place)


def _made(
    model: type[D], values: Mapping[str, Any], name: str = "", place: Place = lambda name: ""
) -> D:
    """Make a distribution, or say what is wrong with it and where it stands."""
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        found = _told(model, error.errors(include_url=False)[0])
    except RecipeError as error:
        found = error
    raise _placed(found, name, place)


def _placed(error: RecipeError, name: str, place: Place) -> RecipeError:
    if not name:
        return error
    what = error.what[0].lower() + error.what[1:]
    return RecipeError(f"{place(name)}{name}: {what}", given=error.given, do=error.do)


def _told(model: type[Searched], first: Any) -> RecipeError:
    kind, field = model.model_fields["distribution"].default, str(first["loc"][0])
    known = [name for name in model.model_fields if name != "distribution"]
    if first["type"] == "missing":
        return RecipeError(
            f'The distribution "{kind}" needs "{field}".', do=f"Give {' and '.join(known)}."
        )
    if first["type"] == "extra_forbidden":
        return RecipeError(
            f'The distribution "{kind}" has no "{field}".',
            given=f"{field} = {first['input']!r}",
            do='For a log scale take "loguniform".' if field == "log" else nearest(field, known),
        )
    return RecipeError(
        f"The {field} of {kind}: {sentence(first)}",
        given=repr(first["input"]),
        do="Give a value of that type.",
    )
