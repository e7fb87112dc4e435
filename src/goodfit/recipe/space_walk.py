"""Walks through the values of a space: a tree of plain values with distributions in it.

The order is the order in the recipe, a choice before what its options hold.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .distributions import Choice, Distribution, Layers, Range
from .distributions_plain import Label, has_searched
from .distributions_points import middle, points_of

Ask = Callable[[str, Distribution], Any]
Condition = tuple[tuple[str, Label], ...]
# What may hold a distribution, or is one; all else in a recipe is a plain value.
BRANCHES = (Choice, Range, Layers, dict, list)


@dataclass(frozen=True)
class Parameter:
    """A searched value: its distribution, its dotted place in the recipe, and when it counts.

    ``condition`` holds the choices, by name and label, that must all have been made.
    """

    distribution: Distribution
    place: str
    condition: Condition = ()

    def counts(self, params: Mapping[str, Any]) -> bool:
        """Return whether the choices in ``params`` are those that this value belongs to."""
        return all(name in params and params[name] == label for name, label in self.condition)


def below(name: str, inner: object) -> str:
    """Return the dotted name of what stands in ``name``."""
    return f"{name}.{inner}" if name else str(inner)


def items_of(value: Any) -> list[tuple[str, Any]]:
    """Return names and values of what stands in a table, a list, or layers."""
    if isinstance(value, Layers):
        return [("depth", value.depth), ("width", value.width)]
    if isinstance(value, dict):
        return list(value.items())
    return [(str(i), inner) for i, inner in enumerate(value)] if isinstance(value, list) else []


def filled(value: Any, ask: Ask, name: str = "") -> Any:
    """Return the plain values, each distribution replaced by what ``ask`` answers for it."""
    if isinstance(value, Choice):
        label = ask(name, value)
        return filled(value.option(label), ask, below(name, label))
    if isinstance(value, Range):
        return ask(name, value)
    inner = {
        key: filled(item, ask, below(name, key)) if isinstance(item, BRANCHES) else item
        for key, item in items_of(value)
    }
    if isinstance(value, Layers):
        return [inner["width"]] * inner["depth"]
    if isinstance(value, list):
        return list(inner.values())
    return inner if isinstance(value, dict) else value


def filled_by(value: Any, params: Mapping[str, Any]) -> Any:
    """Return the plain values with these parameters; for others, the middle."""
    return filled(value, lambda name, found: params[name] if name in params else middle(found))


def parameters_of(
    value: Any, name: str = "", place: str = "", condition: Condition = ()
) -> Iterator[tuple[str, Parameter]]:
    """Yield name and parameter of each searched value."""
    if isinstance(value, Choice | Range):
        yield name, Parameter(value, place, condition)
    if isinstance(value, Choice):
        for label, option in zip(value.labels, value.options, strict=True):
            given = (*condition, (name, label))
            yield from parameters_of(option, below(name, label), place, given)
    for key, inner in items_of(value):
        yield from parameters_of(inner, below(name, key), below(place, key), condition)


def changed(value: Any, change: Callable[[str, Range], Range], name: str = "") -> Any:
    """Return the tree with each range replaced by what ``change`` makes of it."""
    if isinstance(value, Range):
        return change(name, value)
    if isinstance(value, Choice):
        options = zip(value.labels, value.options, strict=True)
        return Choice(
            options=tuple(changed(option, change, below(name, label)) for label, option in options)
        )
    inner = {key: changed(item, change, below(name, key)) for key, item in items_of(value)}
    if isinstance(value, Layers):
        return Layers(**inner)
    if isinstance(value, list):
        return list(inner.values())
    return inner if isinstance(value, dict) else value


def size_of(value: Any, points: int) -> int:
    """Return how many points a grid over the tree has."""
    if isinstance(value, Choice):
        return sum(size_of(option, points) for option in value.options)
    if isinstance(value, Range):
        return len(points_of(value, points))
    return math.prod(size_of(inner, points) for _, inner in items_of(value))


def fixed_of(value: dict[str, Any]) -> dict[str, Any]:
    """Return the tables without whatever is searched."""
    return {
        key: fixed_of(inner) if isinstance(inner, dict) else inner
        for key, inner in value.items()
        if isinstance(inner, dict) or not has_searched(inner)
    }
