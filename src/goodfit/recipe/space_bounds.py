"""Ends of a range that the field of the recipe allows."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_args

from .distributions import IntegerRange, Range
from .distributions_checks import MOST_LAYERS, check_ends
from .parts import Part
from .schema import Recipe


@dataclass(frozen=True)
class Bounds:
    """The least and the greatest value of a field, and whether it must stay off them."""

    low: float = -math.inf
    high: float = math.inf
    low_open: bool = False
    high_open: bool = False


def bounds_of(recipe: Recipe, place: str) -> Bounds:
    """Return the bounds of what stands at a dotted place, as the recipe's own schema has them.

    Example:
        >>> from goodfit.recipe import Recipe
        >>> bounds_of(Recipe(data="digits"), "optimizer.lr")
        Bounds(low=0.0, high=inf, low_open=True, high_open=False)
    """
    part: Any = recipe
    name, *rest = place.split(".")
    while isinstance(getattr(part, name), Part) and rest:
        part, (name, *rest) = getattr(part, name), rest
    field = type(part).model_fields[name]
    limits = list(_limits(field))
    if rest == ["depth"]:
        least = [limit.min_length for limit in limits if hasattr(limit, "min_length")]
        return Bounds(low=max([0, *least]), high=MOST_LAYERS)
    return _narrowest(limits)


def _limits(found: Any) -> Iterator[Any]:
    """Yield an annotation, or a field, and all that stands in it: also what bounds its values."""
    yield found
    inner = (getattr(found, "annotation", None), *get_args(found), *getattr(found, "metadata", ()))
    for one in inner:
        if one is not None:
            yield from _limits(one)


def _narrowest(limits: list[Any]) -> Bounds:
    lows, highs = [(-math.inf, False)], [(math.inf, False)]
    for limit in limits:
        lows += [(limit.gt, True)] if hasattr(limit, "gt") else []
        lows += [(limit.ge, False)] if hasattr(limit, "ge") else []
        highs += [(limit.lt, True)] if hasattr(limit, "lt") else []
        highs += [(limit.le, False)] if hasattr(limit, "le") else []
    (low, low_open), (high, high_open) = max(lows), min(highs, key=lambda end: (end[0], not end[1]))
    return Bounds(low, high, low_open, high_open)


def with_ends(found: Range, ends: tuple[float, float], bounds: Bounds) -> Range:
    """Return the range between new ends, kept inside of the bounds of its field.

    An end beyond a bound that the field allows moves there; beyond one that it does not allow, to
    halfway between the old end (or the other new one, if that is nearer) and the bound. Whole
    numbers are rounded outwards and, where that leaves only one, the next one is taken in.

    Raises:
        RecipeError: the new ends are not finite, or not in their order.

    Example:
        >>> from goodfit.recipe import Uniform
        >>> print(with_ends(Uniform(low=0.1, high=0.6), (-1.0, 1.2), Bounds(0, 1, False, True)))
        uniform from 0 to 0.8
    """
    one = isinstance(found, IntegerRange) and ends[0] == ends[1]
    check_ends(ends[0], ends[1] + one, log=False)
    if isinstance(found, IntegerRange):
        low, high = _whole(ends, bounds, log=found.log)
    else:
        low = _above(ends[0], min(found.low, ends[1]), bounds, log=found.log)
        high = _under(ends[1], max(found.high, ends[0]), bounds)
    return type(found).model_validate({**dict(found), "low": low, "high": high})


def _above(end: float, near: float, bounds: Bounds, *, log: bool) -> float:
    """Return an end, or what is legal between the lower bound and a legal value near to it."""
    floor, is_open = bounds.low, bounds.low_open
    if log and floor <= 0:
        floor, is_open = 0.0, True
    if end > floor or (end == floor and not is_open):
        return end
    return (floor + near) / 2 if is_open else floor


def _under(end: float, near: float, bounds: Bounds) -> float:
    """Return an end, or what is legal between a legal value near to it and the upper bound."""
    if end < bounds.high or (end == bounds.high and not bounds.high_open):
        return end
    return (bounds.high + near) / 2 if bounds.high_open else bounds.high


def _whole(ends: tuple[float, float], bounds: Bounds, *, log: bool) -> tuple[int, int]:
    least, most = bounds.low + bounds.low_open, bounds.high - bounds.high_open
    if log:
        least = max(least, 1)
    low, high = (
        int(min(max(end, least), most)) for end in (math.floor(ends[0]), math.ceil(ends[1]))
    )
    if low < high:
        return low, high
    return (low, high + 1) if high < most else (low - 1, high)
