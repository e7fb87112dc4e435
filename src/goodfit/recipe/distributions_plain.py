"""Values as a file holds them, and short plain names for the options of a choice."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any

from pydantic import BaseModel

from .parts import Part

Label = str | int | float | bool
MOST_LETTERS = 60


class Searched(Part):
    """What every distribution is: a part of a space that is no part of a recipe."""


def plain(value: Any) -> Any:
    """Return a value as a file would hold it: parts of a recipe as tables, tuples as lists.

    Distributions stay what they are; what is None is left out of tables.

    Example:
        >>> plain({"hidden": (8, 8), "dropout": None})
        {'hidden': [8, 8]}
    """
    if isinstance(value, Searched | bool):
        return value
    if isinstance(value, Mapping | BaseModel):
        return {str(name): plain(inner) for name, inner in dict(value).items() if inner is not None}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, Integral):  # NumPy's numbers become bare ones
        return int(value)
    return float(value) if isinstance(value, Real) else value


def has_searched(value: Any) -> bool:
    """Return whether a plain value is a distribution or has one in it."""
    if isinstance(value, dict | list):
        return any(map(has_searched, value.values() if isinstance(value, dict) else value))
    return isinstance(value, Searched)


def labels_of(options: Sequence[Any]) -> tuple[Label, ...]:
    """Name options: short where that tells them apart, else by content, else by number.

    Example:
        >>> labels_of([0.0, [64, 64], {"kind": "sgd", "lr": 0.1}])
        (0.0, '[64, 64]', 'sgd')
        >>> labels_of([{"kind": "sgd", "lr": 0.1}, {"kind": "sgd", "lr": 0.2}])
        ('kind=sgd, lr=0.1', 'kind=sgd, lr=0.2')
    """
    short = [_short(option) for option in options]
    if len(set(short)) == len(short):
        return tuple(short)
    full = [_full(option) for option in options]
    if all(full) and len(set(full)) == len(full):
        return tuple(full)
    return tuple(_numbered(short))


def _short(option: Any) -> Label:
    if isinstance(option, list):
        return "list" if has_searched(option) else json.dumps(option)
    if isinstance(option, dict):
        return str(option.get("kind", "table"))
    return getattr(option, "distribution", option)


def _full(option: Any) -> str:
    """Return all of a plain table in a line, or "" for what is long or searched itself."""
    if not isinstance(option, dict) or has_searched(option):
        return ""
    text = ", ".join(f"{name}={inner}" for name, inner in option.items())
    return text if len(text) <= MOST_LETTERS else ""


def _numbered(short: Sequence[Label]) -> list[Label]:
    """Number the labels that occur more than once: adamw-1, adamw-2."""
    often, seen = Counter(short), Counter[Label]()
    labels = []
    for label in short:
        seen[label] += 1
        labels.append(f"{label}-{seen[label]}" if often[label] > 1 else label)
    return labels
