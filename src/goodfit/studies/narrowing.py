"""Narrowing a space to what the best trials span, and widening it where they lie at a border."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..recipe import Range, Space

# A best value within a tenth of the range from its end: has the whole range been explored?
BORDER = 0.1


def narrowed(space: Space, best: Sequence[Mapping[str, Any]]) -> tuple[Space, str]:
    """Return the space for the next stage, and why, from the values of the best trials.

    ``best`` is best first. Each numeric range becomes what the values span, with half a gap to
    spare at both ends. Where the best value lies within a tenth of an end, the range is first
    widened there by half of its length (on its own scale).
    """
    ranges: dict[str, tuple[float, float]] = {}
    words: dict[str, str] = {}
    for name, one in space.parameters.items():
        if not isinstance(one.distribution, Range):
            continue
        values = [float(params[name]) for params in best if name in params]
        if len(values) < 2:
            continue
        low, high = float(one.distribution.low), float(one.distribution.high)
        *ends, words[name] = narrower(low, high, values, log=one.distribution.log)
        if ends[0] < ends[1]:
            ranges[name] = (ends[0], ends[1])
    if not ranges:
        return space, "the same space again: too few good trials to narrow it"
    found = space.narrowed(ranges)
    return found, "what the best fifth spans: " + "; ".join(_told(found, ranges, words))


def _told(space: Space, names: Iterable[str], words: Mapping[str, str]) -> Iterator[str]:
    for name in names:
        one = space.parameters[name].distribution
        if isinstance(one, Range):
            yield f"{name} {one.low:.3g} to {one.high:.3g}{words[name]}"


def narrower(
    low: float, high: float, values: Sequence[float], *, log: bool
) -> tuple[float, float, str]:
    """Return new ends and a word on widening, for values that are best first.

    Example:
        >>> narrower(0.0, 1.0, [0.5, 0.4, 0.6], log=False)
        (0.35, 0.65, '')
        >>> narrower(1e-4, 1e-1, [9e-2, 5e-2], log=True)[2]
        ' (widened: the best lay at the upper end)'
    """
    a, b, *points = (math.log(v) if log else v for v in (low, high, *values))
    spare = (max(points) - min(points)) / max(1, len(points) - 1) / 2
    start, end, word = max(a, min(points) - spare), min(b, max(points) + spare), ""
    if points[0] > b - BORDER * (b - a):
        end, word = b + 0.5 * (b - a), " (widened: the best lay at the upper end)"
    elif points[0] < a + BORDER * (b - a):
        start, word = a - 0.5 * (b - a), " (widened: the best lay at the lower end)"
    ends = (math.exp(start), math.exp(end)) if log else (start, end)
    return round_to(ends[0]), round_to(ends[1]), word


def round_to(value: float, digits: int = 3) -> float:
    """Return a value with a few digits that count."""
    return float(f"{value:.{digits}g}")
