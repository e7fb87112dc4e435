"""Narrowing a space to what the best trials had, and widening it where they lie at a border.

Ranges shrink to what the best trials span; options that are clearly worse are left out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from ..recipe import Choice, IntegerRange, Range, Space

# A best value within a tenth of the range from its end: has the whole range been explored? One
# comes there by chance, so half of the best must lie near too. If the optimum lies beyond, the best
# fifth fill the outer fifth of the range, and half of them its outer tenth; the rest is for noise.
BORDER, HALF_NEAR = 0.1, 0.15
# An option is left out where so few of the best trials have it by chance once in 20 studies.
BY_CHANCE, FEWEST = 0.05, 3
Params = Mapping[str, Any]


@dataclass(frozen=True)
class Area:
    """The part of a space that a stage draws from.

    Ranges are narrowed in ``space``; ``left_out`` holds, by name, the labels of options that are
    no longer drawn. The space keeps them, so that earlier trials can be made again in it.
    """

    space: Space
    left_out: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)

    def labels(self, name: str, found: Choice) -> list[Any]:
        """Return the labels of a choice that are still drawn."""
        return [label for label in found.labels if label not in self.left_out.get(name, ())]

    @property
    def ranges(self) -> dict[str, tuple[float, float]]:
        """Low and high of each numeric name."""
        return {
            name: (float(one.distribution.low), float(one.distribution.high))
            for name, one in self.space.parameters.items()
            if isinstance(one.distribution, Range)
        }

    @property
    def options(self) -> dict[str, tuple[Any, ...]]:
        """What is still drawn of each choice."""
        return {
            name: tuple(self.labels(name, one.distribution))
            for name, one in self.space.parameters.items()
            if isinstance(one.distribution, Choice)
        }


def narrowed(area: Area, ranked: Sequence[Params], num_best: int) -> tuple[Area, str]:
    """Return what the next stage draws from, and why.

    ``ranked`` has the values of all trials of a stage, best first, what was dropped last; the first
    ``num_best`` are kept. Each numeric range becomes what theirs span, with half a gap to spare at
    both ends. Where the best value lies within a tenth of an end, and half of those kept near it,
    the range is first widened there by half of its length (on its own scale). Options that are
    clearly worse are left out.
    """
    space, spans = _spanned(area.space, ranked[:num_best])
    left_out, told = _left_out(area, ranked, num_best)
    reasons = [f"what the best {num_best} of {len(ranked)} span: {'; '.join(spans)}"] * bool(spans)
    if told:
        reasons.append(f"left out: {'; '.join(told)}")
    why = "nothing to narrow" if num_best > 1 else "too few good trials to narrow it"
    return Area(space, left_out), ". ".join(reasons) or f"the same space again: {why}"


def _spanned(space: Space, best: Sequence[Params]) -> tuple[Space, list[str]]:
    ranges: dict[str, tuple[float, float]] = {}
    words: dict[str, str] = {}
    for name, one in space.parameters.items():
        found = one.distribution
        if not isinstance(found, Range):
            continue
        values = [float(params[name]) for params in best if name in params]
        if len(values) < (FEWEST if one.condition else 2):
            continue
        low, high = float(found.low), float(found.high)
        *ends, words[name] = narrower(low, high, values, log=found.log)
        if ends[0] < ends[1] or isinstance(found, IntegerRange):
            ranges[name] = (ends[0], ends[1])
    if not ranges:
        return space, []
    after = space.narrowed(ranges)
    return after, list(_told(space, after, ranges, words))


def _told(
    before: Space, after: Space, names: Iterable[str], words: Mapping[str, str]
) -> Iterator[str]:
    """Yield each range in words; it is called widened only where its field let it be."""
    for name in names:
        old, new = before.parameters[name].distribution, after.parameters[name].distribution
        if isinstance(old, Range) and isinstance(new, Range):
            wider = new.low < old.low or new.high > old.high
            yield f"{name} {new.low:.3g} to {new.high:.3g}{words[name] if wider else ''}"


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
    border, near, half = BORDER * (b - a), HALF_NEAR * (b - a), median(points)
    if points[0] > b - border and half > b - near:
        end, word = b + 0.5 * (b - a), " (widened: the best lay at the upper end)"
    elif points[0] < a + border and half < a + near:
        start, word = a - 0.5 * (b - a), " (widened: the best lay at the lower end)"
    ends = (math.exp(start), math.exp(end)) if log else (start, end)
    return round_to(ends[0]), round_to(ends[1]), word


def round_to(value: float, digits: int = 3) -> float:
    """Return a value with a few digits that count."""
    return float(f"{value:.{digits}g}")


@dataclass(frozen=True)
class _Tested:
    """An option against the others: of ``of`` trials ``drawn`` had it, of ``best`` so many."""

    name: str
    label: Any
    drawn: int
    of: int
    among_best: int
    best: int
    among_top: int

    @property
    def by_chance(self) -> float:
        return chance_of_so_few(self.among_best, best=self.best, drawn=self.drawn, of=self.of)

    def __str__(self) -> str:
        odds = f"{self.among_best} of the best {self.best}, but {self.drawn} of all {self.of}"
        return f"{self.name} {self.label} ({odds}: by chance p = {self.by_chance:.2g})"


def _left_out(
    area: Area, ranked: Sequence[Params], num_best: int
) -> tuple[dict[str, tuple[Any, ...]], list[str]]:
    """Leave out options that too few of the best trials have for that to be chance.

    Of ``num_best`` trials as many have an option as a draw without replacement gives in one of 20
    stages or fewer (hypergeometric tail, divided by the number of options tested: Bonferroni), and
    none of the best tenth (3 at least) has it: an option that is good in a small part of another
    value's range is kept until that range is narrowed to it.
    """
    tested = [one for name in area.options for one in _tests(area, name, ranked, num_best)]
    worse = [
        one for one in tested if not one.among_top and one.by_chance * len(tested) <= BY_CHANCE
    ]
    left_out = dict(area.left_out)
    for one in worse:
        left_out[one.name] = (*left_out.get(one.name, ()), one.label)
    return left_out, [str(one) for one in worse]


def _tests(area: Area, name: str, ranked: Sequence[Params], num_best: int) -> Iterator[_Tested]:
    """Yield each option that is still drawn, counted among the trials that made this choice."""
    labels, most = area.options[name], max(FEWEST, len(ranked) // 10)
    if len(labels) < 2:
        return
    all_, best, top = (
        [params[name] for params in ranked[:num] if name in params]
        for num in (len(ranked), num_best, most)
    )
    for label in labels:
        counts = (all_.count(label), len(all_), best.count(label), len(best), top.count(label))
        yield _Tested(name, label, *counts)


def chance_of_so_few(among: int, *, best: int, drawn: int, of: int) -> float:
    """Return the probability that at most ``among`` of ``best`` trials have an option.

    Of ``of`` trials ``drawn`` have it, and which are best has nothing to do with it:
    ``sum_k C(drawn, k) C(of - drawn, best - k) / C(of, best)``. Source: Fisher's exact test.

    Example:
        >>> round(chance_of_so_few(0, best=3, drawn=8, of=16), 3)
        0.1
    """
    ways = (math.comb(drawn, k) * math.comb(of - drawn, best - k) for k in range(among + 1))
    return sum(ways) / math.comb(of, best)
