"""Values of a distribution: its middle, evenly spaced points, and where a recipe may refuse."""

from __future__ import annotations

import math
from typing import Any

from ..errors import RecipeError, check_count
from .distributions import Choice, Distribution, IntegerRange, Range

MOST_POINTS = 10_000


def at(found: Range, part: float) -> float | int:
    """Return the value at a part (0 to 1) of the way from low to high, on the range's scale.

    Geometric on a log scale, low^(1 - part) * high^part; rounded for whole numbers.

    Example:
        >>> from goodfit.recipe import IntegerRange, Uniform
        >>> at(Uniform(low=0, high=1), 0.5), at(IntegerRange(low=1, high=16, log=True), 0.5)
        (0.5, 4)
    """
    low, high = found.low, found.high
    if part in (0.0, 1.0):
        return high if part else low
    if found.log:
        value = math.exp((1 - part) * math.log(low) + part * math.log(high))
    else:
        value = (1 - part) * low + part * high
    value = round(value) if isinstance(found, IntegerRange) else value
    return min(max(value, low), high)


def middle(found: Distribution) -> Any:
    """Return the middle of a range on its scale, or the label of a choice's first option."""
    return found.labels[0] if isinstance(found, Choice) else at(found, 0.5)


def points_of(found: Distribution, points: int) -> list[Any]:
    """Return so many values from end to end; every label; every whole number where these are few.

    Example:
        >>> from goodfit.recipe import IntegerRange, Uniform
        >>> points_of(IntegerRange(low=1, high=3), 5), points_of(Uniform(low=0, high=1), 3)
        ([1, 2, 3], [0.0, 0.5, 1.0])
    """
    if isinstance(found, Choice):
        return list(found.labels)
    if isinstance(found, IntegerRange) and found.high - found.low < points:
        return list(range(found.low, found.high + 1))
    if points == 1:
        return [middle(found)]
    return list(dict.fromkeys(at(found, index / (points - 1)) for index in range(points)))


def check_points(points: int) -> None:
    """Raise unless a range can be given so many points."""
    check_count("points", points, kind=RecipeError)
    if not 1 <= points <= MOST_POINTS:
        raise RecipeError(
            f"A grid takes 1 to {MOST_POINTS:,} points of each range.",
            given=f"points = {points}",
            do="Give, say, 5.",
        )


def extremes(found: Distribution) -> list[Any]:
    """Return the values at which a recipe may refuse: each label, both ends, a broken number."""
    if isinstance(found, Choice):
        return list(found.labels)
    if isinstance(found, IntegerRange):
        return [found.low, found.high]
    return [found.low, found.high, math.nextafter(found.low, found.high)]
